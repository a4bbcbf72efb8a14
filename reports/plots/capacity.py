"""The picture of a capacity search: delivery time over load, and where it stopped holding."""

from __future__ import annotations

from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from reports.palette import LIGHT
from reports.plots import Drawing, Plot, frame, several_runs
from reports.plots.several_runs import Point


def plot_of_search() -> Plot:
    """How the picture is called, and how to read it."""
    return Plot(
        "capacity",
        "Delivery time over load",
        "Each mark is a run of its own: filled where every budget held, hollow where one did not, crossed where it "
        "cannot be believed. The knee lies in the band.",
        over_load,
        wide=(1080, 360),
        narrow=(350, 320),
    )


def draw_for_page(document: dict[str, Any]) -> Drawing:
    """The picture as SVG elements for one HTML page, which defines the variables of the palette."""
    plot = plot_of_search()

    def svg(size_px: tuple[int, int]) -> str:
        return frame.svg_element(plot.name, size_px, partial(over_load, document=document))

    return Drawing(plot, svg(plot.wide), svg(plot.narrow))


def over_load(figure: Figure, document: dict[str, Any]) -> None:
    """p50 and p99 of every run by its load."""
    (axes,) = frame.panels(figure, left_px=66, right_px=44)
    probes = sorted(document["probes"], key=lambda probe: (probe["load"], probe["confirms"]))
    points = [
        Point(
            probe["load"],
            probe["p50_ms"],
            probe["p99_ms"],
            held=probe["outcome"] == "held",
            believed=probe["outcome"] in ("held", "broke"),
            large=probe["confirms"],
        )
        for probe in probes
    ]
    limits_ms = several_runs.limits_ms(points)
    if limits_ms is None:
        frame.no_data(axes)
        return
    most = max(probe["load"] for probe in probes)
    frame.duration_axis(axes, *limits_ms)
    axes.set_xlim(0, most * 1.08)
    axes.xaxis.set_major_locator(_few_ticks(most, axes))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    _knee(axes, document["answer"], document["search"]["unit"])
    several_runs.p50_and_p99(axes, points)


def _knee(axes: Axes, answer: dict[str, Any], unit: str) -> None:
    """The interval in which the capacity lies."""
    held, broke = answer["held"], answer["broke"]
    if held is None:
        return
    end = axes.get_xlim()[1] if broke is None else broke
    axes.axvspan(held, end, color=LIGHT.warmup, linewidth=0, zorder=0)
    axes.axvline(held, color=LIGHT.good, linewidth=1, linestyle=(0, (5, 3)))
    at = ("data", "axes fraction")
    # The lines may pass where it stands.
    ground = {"facecolor": LIGHT.surface, "linewidth": 0, "pad": 1.5}
    style = {"xycoords": at, "ha": "right", "size": 10, "bbox": ground}
    frame.note(axes, f"{held:,} {unit}", (held, 1), (-5, -10), LIGHT.good, **style)


def _few_ticks(highest: float, axes: Axes) -> FixedLocator:
    most = max(2, int(axes.bbox.width / 70))
    return FixedLocator(list(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(0, highest)))
