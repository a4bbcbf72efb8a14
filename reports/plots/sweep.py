"""The picture of a sweep: delivery time over the values of one key."""

from __future__ import annotations

from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from reports.curves import wants_log
from reports.plots import Drawing, Plot, frame, several_runs
from reports.plots.several_runs import Point
from reports.sweep import name_of

# What a letter below an axis takes, and what lies between two names at least.
_LETTER_PX, _GAP_PX = 6.6, 10
# Room beside the first and the last value, as a share of what lies between them.
_BESIDE = 0.06


def draw_for_page(document: dict[str, Any]) -> Drawing:
    """The picture as SVG elements for one HTML page, which defines the variables of the palette."""
    plot = Plot(
        "sweep",
        f"Delivery time over {document['sweep']['key']}",
        "Each mark is a run of its own: filled where every budget held, hollow where one did not, crossed where the "
        "run cannot be believed.",
        over_value,
        wide=(1080, 360),
        narrow=(350, 320),
    )

    def svg(size_px: tuple[int, int]) -> str:
        return frame.svg_element(plot.name, size_px, partial(over_value, document=document))

    return Drawing(plot, svg(plot.wide), svg(plot.narrow))


def over_value(figure: Figure, document: dict[str, Any]) -> None:
    """p50 and p99 of every run by its value: numbers where they lie, anything else in the order of the file."""
    (axes,) = frame.panels(figure, left_px=66, right_px=44)
    rows = document["rows"]
    if all(_is_number(row["value"]) for row in rows):
        rows = sorted(rows, key=lambda row: row["value"])
        places = [float(row["value"]) for row in rows]
    else:
        places = [float(i) for i in range(len(rows))]
    points = [
        Point(
            place,
            row["p50_ms"],
            row["p99_ms"],
            held=row["verdict"] == "pass",
            believed=row["verdict"] != "invalid",
        )
        for place, row in zip(places, rows, strict=True)
    ]
    limits_ms = several_runs.limits_ms(points)
    if limits_ms is None:
        frame.no_data(axes)
        return
    frame.duration_axis(axes, *limits_ms)
    _value_axis(axes, places, [name_of(row["value"]) for row in rows])
    several_runs.p50_and_p99(axes, points)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _value_axis(axes: Axes, places: list[float], names: list[str]) -> None:
    """The values themselves along the bottom, on a logarithmic axis where they ask for it; what fits is named."""
    low, high = places[0], places[-1]
    if wants_log(low, high):
        axes.set_xscale("log")
        beside = (high / low) ** _BESIDE
        axes.set_xlim(low / beside, high * beside)
    else:
        beside = (high - low) * _BESIDE or 1.0
        axes.set_xlim(low - beside, high + beside)
    named = _that_fit(axes, places, names)
    axes.xaxis.set_major_locator(FixedLocator(list(named)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: named.get(place, "")))


def _that_fit(axes: Axes, places: list[float], names: list[str]) -> dict[float, str]:
    """Place -> name, without those that would run into one already there; the ends come first."""
    taken: list[tuple[float, float]] = []
    fitting: dict[float, str] = {}
    order = [len(places) - 1, *range(len(places) - 1)]
    for i in order:
        middle_px = axes.transData.transform((places[i], 1))[0]
        half_px = (_LETTER_PX * len(names[i]) + _GAP_PX) / 2
        if all(middle_px + half_px <= start or middle_px - half_px >= end for start, end in taken):
            taken.append((middle_px - half_px, middle_px + half_px))
            fitting[places[i]] = names[i]
    return fitting
