"""The server's own figures, each in a panel of its own, on the time axis of the run."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports import numbers
from reports.curves import has_data, highest, line_of
from reports.palette import LIGHT
from reports.plots import frame
from reports.plots.marks import mark_incidents

_COLUMNS = 3
_PANEL_PX = 190
# Narrower pictures have one panel below the other.
_COLUMNS_FROM_PX = 700
# So many letters of a name fit above a panel.
_LETTERS = 42
# unit of the document -> (factor, what is drawn)
_DRAWN = {
    "bytes": (1e-6, "MB"),
    "bytes/s": (1e-3, "kB/s"),
    "ratio": (100.0, "% of a core"),
    "s": (1e3, "ms"),
    "1/s": (1.0, "a second"),
    "number": (1.0, ""),
}


def size_px(document: dict[str, Any], *, narrow: bool) -> tuple[int, int]:
    """How large the picture is: as high as its panels take."""
    count = len(_series(document))
    return (350, _PANEL_PX * count) if narrow else (1080, _PANEL_PX * math.ceil(count / _COLUMNS))


def figures_of_the_server(figure: Figure, document: dict[str, Any]) -> None:
    """A panel for each of the series; one of which nothing was told says so."""
    series = _series(document)
    count = math.ceil(len(series) / _COLUMNS) * _COLUMNS if figure.bbox.width > _COLUMNS_FROM_PX else 0
    axes = frame.panels(figure, max(1, count or len(series)), columns=_COLUMNS if count else 1, right_px=30)
    for panel in axes[len(series) :]:
        panel.remove()
    for panel, told in zip(axes, series, strict=False):
        _panel(panel, document, told)


def _series(document: dict[str, Any]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = (document.get("target_series") or {}).get("series") or []
    return told


def _panel(axes: Axes, document: dict[str, Any], told: dict[str, Any]) -> None:
    factor, unit = _DRAWN.get(told["unit"], (1.0, told["unit"]))
    values = [None if value is None else value * factor for value in told["values"]]
    line = line_of(document, values, "mean")
    name = numbers.printable(told["name"])
    title = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
    if not has_data(line):
        return frame.no_data(axes, title)
    frame.heading(axes, f"{title}{f', {unit}' if unit and len(title) + len(unit) < _LETTERS else ''}")
    frame.count_axis(axes, highest(line))
    frame.time_axis(axes, document)
    mark_incidents(axes, document)
    frame.stroke(axes, line, LIGHT.second, linewidth=1.8)
    return None
