"""The delivery times of several runs, one distribution over the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reports import numbers
from reports.charts.delivery import ROUND_NINES
from reports.charts.model import Chart, Dash, Panel, Reads, Role, Series
from reports.compare_texts import name_of_new
from reports.curves import MEDIAN_NINES, Floats, Line, has_data, highest, lowest, quantile_curves, wants_log

# The first of several runs is so pale, the last of them in full.
_PALEST = 0.35


@dataclass(frozen=True, slots=True)
class Distribution:
    """The delivery times of one run: what it is called, and its histogram as in a result document."""

    name: str
    hdr: str | None
    held: bool


def of_sides(document: dict[str, Any]) -> Chart:
    """A comparison: a line for each run of base and new; of several, their median at each quantile is what is read."""
    texts = {side: list(document["curves"][side]) for side in ("base", "new")}
    curves = iter(quantile_curves([text for of_side in texts.values() for text in of_side], at=ROUND_NINES))
    lines: list[Series] = []
    known: list[Line] = []
    looks: dict[str, tuple[str, Role]] = {"new": (name_of_new(document), "second"), "base": ("base", "first")}
    of = {side: [curve for curve in (next(curves) for _ in texts[side]) if has_data(curve)] for side in texts}
    for side, (name, role) in looks.items():
        known += of[side]
        lines += _side(name, role, [values_ms for _, values_ms in of[side]])
    return _chart("compare", known, lines)


def of_runs(runs: Sequence[Distribution]) -> Chart:
    """A line for each run, the darker the later; dashed where a budget did not hold."""
    curves = quantile_curves([run.hdr for run in runs], at=ROUND_NINES)
    known = [(run, curve) for run, curve in zip(runs, curves, strict=True) if has_data(curve)]
    lines = [
        Series(
            numbers.printable(run.name),
            curve[1],
            "first" if run.held else "second",
            "solid" if run.held else "dashed",
            strength=_PALEST + (1 - _PALEST) * (place + 1) / len(known),
        )
        for place, (run, curve) in enumerate(known)
    ]
    return _chart("distributions", [curve for _, curve in known], lines[::-1])


def _side(name: str, role: Role, runs: Sequence[Floats]) -> list[Series]:
    dash: Dash = "solid" if role == "first" else "dashed"
    if len(runs) < 2:
        return [Series(name, values_ms, role, dash, 2.2) for values_ms in runs]
    # It ends where the first of them ends.
    middle_ms = np.median(np.array(runs), axis=0)
    single = [
        Series(f"{name} {number}", values_ms, role, width_px=0.9, strength=0.4, is_listed=False)
        for number, values_ms in enumerate(runs, start=1)
    ]
    return [*single, Series(f"{name}, median of {len(runs)} runs", middle_ms, role, dash, 2.4)]


def _chart(name: str, known: Sequence[Line], lines: Sequence[Series]) -> Chart:
    x = known[0][0] if known else np.empty(0)
    log = wants_log(lowest(*known), highest(*known))
    panel = Panel("delivery time by quantile", Reads.DURATION, x, tuple(lines), log=log)
    return Chart(name, "quantile", (panel,), MEDIAN_NINES, max([1.0, *x[-1:].tolist()]))
