"""How soon those whom an incident hit were back: a line for each incident, and the figures beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from reports import numbers
from reports.curves import wants_log
from reports.incidents import Return, returns
from reports.palette import LIGHT
from reports.plots import frame

_COLOURS = (LIGHT.first, LIGHT.second, LIGHT.ink, LIGHT.muted)
_DASHES: tuple[Any, ...] = ("solid", (0, (5, 3)), (0, (1, 1.8)))
_MARKED = (0.5, 0.95, 1.0)
_ROW_PX, _FIGURE_PX = 21, 58
# The figures have no axis, and may begin where its labels would be.
_OUTDENT_PX = 46
# The numbers of the lines stand between these shares, each a step higher than the one before.
_NUMBERED = (0.15, 0.85)


def how_soon_they_were_back(figure: Figure, document: dict[str, Any]) -> None:
    """Share back over seconds since the incident; beside it, or below on a phone, when 50, 95 and 100 % were."""
    lines, key = frame.panels(figure, 2, columns=2, right_px=22)
    found = returns(document)
    key.axis("off")
    if not found:
        return frame.no_data(lines)
    _axes(lines, found)
    most_rows = int(key.bbox.height / _ROW_PX) - 1
    _key_row(key, 0, ["", *map(_percent, _MARKED)], LIGHT.muted)
    for number, each in enumerate(found):
        colour, dashes = _COLOURS[number % len(_COLOURS)], _DASHES[number // len(_COLOURS) % len(_DASHES)]
        low, high = _NUMBERED
        _draw(lines, each, colour, dashes, str(number + 1), low + (high - low) * (number + 0.5) / len(found))
        if number < most_rows:
            steps = ["never" if at_s is None else numbers.duration(at_s * 1000) for at_s in each.steps_s]
            names_px = _OUTDENT_PX + key.bbox.width - len(steps) * _FIGURE_PX
            names = (f"{number + 1}  {name}" for name in (each.name, each.short))
            name = next((name for name in names if frame.LETTER_PX * len(name) <= names_px), f"{number + 1}")
            _key_row(key, number + 1, [name, *steps], colour)
    if len(found) > most_rows:
        _key_row(key, most_rows + 1, [f"and {len(found) - most_rows} more"], LIGHT.muted)
    return None


def _axes(axes: Axes, found: list[Return]) -> None:
    """Time from 0, but for times so far apart that a logarithm is needed to see the first half of each."""
    times_ms = [at_s * 1000 for each in found for at_s, _ in each.points]
    halves_ms = [each.points[(len(each.points) - 1) // 2][0] * 1000 for each in found]
    low_ms = min(times_ms) if wants_log(min(halves_ms), max(times_ms)) else 0
    frame.duration_axis(axes, low_ms, max(times_ms), along="x")
    axes.set_ylim(0, 1.06)
    axes.grid(visible=True, axis="both")
    axes.yaxis.set_major_locator(FixedLocator([0, 0.25, *_MARKED]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: _percent(share)))
    frame.heading(axes, "back, by time since it began")


def _draw(axes: Axes, each: Return, colour: str, dashes: Any, number: str, share: float) -> None:
    at_ms = np.array([each.points[0][0], *(at_s for at_s, _ in each.points)]) * 1000
    shares = np.array([0.0, *(reached for _, reached in each.points)])
    axes.plot(at_ms, shares, color=colour, linewidth=1.8, linestyle=dashes)
    marked = np.isin(shares, _MARKED)
    axes.plot(at_ms[marked], shares[marked], "o", color=colour, markersize=5)
    place = (float(np.interp(min(share, shares[-1]), shares, at_ms)), min(share, float(shares[-1])))
    frame.note(
        axes,
        number,
        place,
        (0, 0),
        colour,
        xycoords="data",
        ha="center",
        va="center",
        bbox={"facecolor": LIGHT.surface, "linewidth": 0, "pad": 1.5},
    )


def _key_row(axes: Axes, row: int, cells: list[str], colour: str) -> None:
    """A name at the left, and figures in columns at the right."""
    width_px, height_px = axes.bbox.width, axes.bbox.height
    y = 1 - row * _ROW_PX / height_px
    frame.note(axes, cells[0], (0, y), (-_OUTDENT_PX, 0), colour, va="top")
    for column, text in enumerate(cells[:0:-1]):
        frame.note(axes, text, (1 - column * _FIGURE_PX / width_px, y), (0, 0), LIGHT.muted, ha="right", va="top")


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
