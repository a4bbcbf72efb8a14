"""The picture of the answer: by how much each time differs between two sides, and how sure that is."""

from __future__ import annotations

from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.compare_texts import change_text, name_of_new
from reports.palette import LIGHT
from reports.plots import Drawing, Plot, frame

# On a phone the words of a row stand above and below its bar, elsewhere on both sides of it.
_ROW_PX, _NARROW_ROW_PX, _AROUND_PX = 34, 66, 54
_NAMES_PX, _FIGURES_PX, _NARROW_PX = 210, 170, 22
# An interval that is wider than so many times the others' would press them flat; its bar leaves the picture.
_MOST_CHANGE = 2.0
_LEAST_CHANGE = 0.02
_COLOURS = {"slower": LIGHT.bad, "faster": LIGHT.good, "no slower": LIGHT.good, "cannot tell": LIGHT.muted}


def draw_for_page(document: dict[str, Any]) -> Drawing:
    """The picture as SVG elements for one HTML page, which defines the variables of the palette."""
    row_count = max(1, len(_rows(document)))
    plot = Plot(
        "ratios",
        f"How much longer it took in {name_of_new(document)}, and how sure that is",
        "Dot: the estimate. Bar: the interval that holds the true change. Red line: what is tolerated of a time that "
        "is judged. A bar on both sides of 0 tells nothing. An arrow points to a change beyond the picture.",
        ratios,
        wide=(1080, _AROUND_PX + row_count * _ROW_PX),
        narrow=(350, _AROUND_PX + row_count * _NARROW_ROW_PX),
    )

    def svg(size_px: tuple[int, int]) -> str:
        return frame.svg_element(plot.name, size_px, partial(ratios, document=document))

    return Drawing(plot, svg(plot.wide), svg(plot.narrow))


def ratios(figure: Figure, document: dict[str, Any]) -> None:
    """A row for each time: its change as a dot, the interval as a bar, the tolerance as a tick."""
    has_room = frame.has_room(figure)
    margins = (_NAMES_PX, _FIGURES_PX) if has_room else (_NARROW_PX, _NARROW_PX)
    (axes,) = frame.panels(figure, left_px=margins[0], right_px=margins[1])
    rows = _rows(document)
    if not rows:
        frame.no_data(axes)
        return
    bounds = [0.0, *(bound for row in rows for bound in _changes(row))]
    low, high = (min(max(bound, -1.0), _MOST_CHANGE) for bound in (min(bounds), max(bounds)))
    beside = max(high - low, _LEAST_CHANGE) * 0.06
    axes.set(xlim=(low - beside, high + beside), ylim=(len(rows) - 0.5, -0.5), yticks=[])
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(max(3, int(axes.bbox.width / 90)), steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda change, _: f"{round(100 * change, 6):+,.10g} %" if change else "0")
    )
    axes.axvline(0, color=LIGHT.muted, linewidth=1.2)
    for y, row in enumerate(rows):
        _row(axes, y, row)
        _words(axes, y, row, has_room=has_room)


def _rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in document["times"] if row["ratio"] is not None]


def _changes(row: dict[str, Any]) -> list[float]:
    bounds = [row[name] - 1 for name in ("ratio", "low", "high") if row[name] is not None]
    return bounds if row["tolerance"] is None else [*bounds, row["tolerance"]]


def _row(axes: Axes, y: int, row: dict[str, Any]) -> None:
    colour, change = _COLOURS[row["verdict"]], row["ratio"] - 1
    if row["low"] is not None:
        axes.plot([row["low"] - 1, row["high"] - 1], [y, y], color=colour, linewidth=5, alpha=0.45)
    lowest, highest = axes.get_xlim()
    if change > highest:
        axes.plot(highest, y, ">", color=colour, markersize=8, clip_on=False)
    elif change >= lowest:
        axes.plot(change, y, "o", color=colour, markersize=8)
    if row["tolerance"] is not None:
        axes.plot(row["tolerance"], y, "|", color=LIGHT.bad, markersize=20, markeredgewidth=1.6)


def _words(axes: Axes, y: int, row: dict[str, Any], *, has_room: bool) -> None:
    name = row["metric"].replace("_", " ") + ("" if row["tolerance"] is not None else " (not judged)")
    text = change_text(row["ratio"])
    if row["low"] is not None:
        text += f" ({change_text(row['low']).removesuffix(' %')} to {change_text(row['high']).removesuffix(' %')})"
    at: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "center"}
    if has_room:
        frame.note(axes, name, (0, y), (20 - _NAMES_PX, 0), LIGHT.ink, **at)
        frame.note(axes, text, (1, y), (_FIGURES_PX - 14, 0), LIGHT.muted, ha="right", **at)
    else:
        frame.note(axes, name, (0, y), (2, 17), LIGHT.ink, **at)
        frame.note(axes, text, (1, y), (0, -17), LIGHT.muted, ha="right", **at)
