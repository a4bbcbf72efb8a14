"""The picture of a comparison: how the delivery times of all runs are distributed, one over the other."""

from __future__ import annotations

from functools import partial
from typing import Any

from matplotlib.figure import Figure

from reports.compare_texts import name_of_new
from reports.curves import has_data, quantile_curve
from reports.palette import LIGHT
from reports.plots import Drawing, Plot, frame
from reports.plots.quantiles import quantile_axes


def draw_for_page(document: dict[str, Any]) -> Drawing:
    """The picture as SVG elements for one HTML page, which defines the variables of the palette."""
    plot = Plot(
        "compare",
        "Delivery times, one over the other",
        "A line for each run, from its median on. At 99 %: all but the slowest delivery in a hundred.",
        distributions,
        wide=(1080, 360),
        narrow=(350, 300),
    )

    def svg(size_px: tuple[int, int]) -> str:
        return frame.svg_element(plot.name, size_px, partial(distributions, document=document))

    return Drawing(plot, svg(plot.wide), svg(plot.narrow))


def distributions(figure: Figure, document: dict[str, Any]) -> None:
    """Each run's delivery time by quantile, the tail stretched: each nine has the same width."""
    (axes,) = frame.panels(figure, right_px=44)
    sides = (("base", LIGHT.first), ("new", LIGHT.second))
    curves = {name: [quantile_curve(text) for text in document["curves"][name]] for name, _ in sides}
    every = [curve for of_side in curves.values() for curve in of_side]
    if not quantile_axes(axes, every):
        return
    named = []
    for name, colour in sides:
        of_side = [curve for curve in curves[name] if has_data(curve)]
        for curve in of_side:
            frame.stroke(axes, curve, colour, linewidth=2.2 if len(of_side) == 1 else 1.1)
        if of_side:
            named.append(
                (
                    name_of_new(document) if name == "new" else name,
                    max(of_side, key=lambda curve: float(curve[1][-1])),
                    colour,
                )
            )
    frame.end_labels(axes, named)
