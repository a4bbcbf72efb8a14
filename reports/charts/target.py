"""What the server told of itself each second, a panel for each figure; none where nobody asked it."""

from __future__ import annotations

from typing import Any

import numpy as np

from reports import numbers
from reports.charts.model import Chart, Panel, Reads
from reports.charts.timeline import seconds_of, timed, told_series

# So many letters of a heading leave room for the buttons beside it.
_LETTERS = 30
_A_SECOND = ", a second"
# unit of the document -> (how it is read, factor to the units in which charts have values)
_READS = {
    "bytes": (Reads.SIZE, 1.0),
    "bytes/s": (Reads.SIZE, 1.0),
    "ratio": (Reads.PERCENT, 1.0),
    "s": (Reads.DURATION, 1000.0),
    "1/s": (Reads.RATE, 1.0),
}


def target_figures(document: dict[str, Any]) -> Chart | None:
    """None where there is nothing of the kind in the document."""
    told = (document.get("target_series") or {}).get("series") or []
    return timed(document, "target_figures", tuple(_panel(document, each) for each in told)) if told else None


def _panel(document: dict[str, Any], told: dict[str, Any]) -> Panel:
    reads, factor = _READS.get(told["unit"], (Reads.NUMBER, 1.0))
    values = [None if value is None else value * factor for value in told["values"]]
    series = told_series(document, values, "told", "second")
    return Panel(_heading(told), reads, seconds_of(document), (series,) if np.isfinite(series.values).any() else ())


def _heading(told: dict[str, Any]) -> str:
    """The name, without what the unit says, and without its middle where that is too long."""
    name = numbers.printable(told["name"]).removeprefix("rate(").removesuffix(")")
    room = _LETTERS - len(_A_SECOND) if told["unit"] == "bytes/s" else _LETTERS
    short = name if len(name) <= room else f"{name[: room // 2 - 1]}…{name[-(room - room // 2) :]}"
    return f"{short}{_A_SECOND}" if told["unit"] == "bytes/s" else short
