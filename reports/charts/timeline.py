"""What all charts over time share: the part of the run that is seen, its phases and incidents, its seconds as lines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reports.charts.model import Chart, Panel, Role, Series
from reports.curves import Floats, Fold, folded_count, line, line_of, spans
from reports.planned import incidents

# Two hours of seconds are kept one by one; they can be zoomed into.
MOST_POINTS = 7_200
_TINTED = ("warmup", "measure")


def timed(document: dict[str, Any], name: str, panels: tuple[Panel, ...], first: str = "", last: str = "") -> Chart:
    """A chart over the seconds from phase ``first`` to ``last``; of the whole run where they are left out."""
    phases = {span.name: span for span in spans(document)}
    start_s = phases[first].start_s if first in phases else 0.0
    end_s = phases[last].end_s if last in phases else max((span.end_s for span in phases.values()), default=1.0)
    # The last second is drawn in its middle, which lies behind the end where only a little of it was seen.
    end_s = max(end_s, math.ceil(end_s) - 0.5)
    return Chart(
        name,
        "time",
        panels,
        start_s,
        max(end_s, start_s + 1e-3),
        seconds_a_point=folded_count(document, MOST_POINTS),
        phases=tuple(phases[name] for name in _TINTED if name in phases),
        incidents=tuple(incidents(document)),
    )


def seconds_of(document: dict[str, Any]) -> Floats:
    """Where the points of every series lie."""
    return line(document, "t_s", most_points=MOST_POINTS)[0]


def series_of(
    document: dict[str, Any], key: str, name: str, role: Role = "first", *, fold: Fold = "max", **style: Any
) -> Series:
    """One series of the document as a line; all NaN where there is none."""
    values = line(document, key, fold, most_points=MOST_POINTS)[1]
    return Series(name, fitted(document, values), role, fold=fold, **style)


def told_series(document: dict[str, Any], told: list[float | None], name: str, role: Role) -> Series:
    """Values that are not among the document's series, one for each of its seconds."""
    values = line_of(document, told, "mean", most_points=MOST_POINTS)[1]
    return Series(name, fitted(document, values), role, fold="mean")


def fitted(document: dict[str, Any], values: Floats) -> Floats:
    """As many values as there are points: what is missing at the end is NaN."""
    length = len(seconds_of(document))
    return np.concatenate([values[:length], np.full(max(0, length - len(values)), np.nan)])
