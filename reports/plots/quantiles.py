"""Distributions one over the other: times by quantile, the tail stretched, a line for each run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.charts.several import Distribution
from reports.curves import Line, has_data, highest, lowest, quantile_curve
from reports.palette import LIGHT
from reports.plots import Drawing, Plot, frame

# The first of several runs is so pale, the last of them in full.
_PALEST = 0.35
_DASHED = (0, (5, 3))


def quantile_axes(axes: Axes, curves: Sequence[Line]) -> list[Line]:
    """Set the axes for those of the curves that have data, and give these; without any the panel says so."""
    known = [curve for curve in curves if has_data(curve)]
    if not known:
        frame.no_data(axes)
        return known
    frame.duration_axis(axes, lowest(*known), highest(*known) * 1.1)
    last = max([1.0, *(float(curve[0][-1]) for curve in known)])
    frame.quantile_axis(axes, last)
    return known


def draw_for_page(of_runs: Sequence[Distribution]) -> Drawing:
    """The distributions of several runs, in their order, as SVG elements for one HTML page."""
    plot = Plot(
        "distributions",
        "Delivery times, one over the other",
        "A line for each run, from its median on; dashed where a budget did not hold or the run cannot "
        "be believed. At 99 %: all but the slowest "
        "delivery in a hundred.",
        distributions,
        wide=(1080, 380),
        narrow=(350, 320),
    )

    def svg(size_px: tuple[int, int]) -> str:
        return frame.svg_element(plot.name, size_px, partial(distributions, of_runs=of_runs))

    return Drawing(plot, svg(plot.wide), svg(plot.narrow))


def distributions(figure: Figure, of_runs: Sequence[Distribution]) -> None:
    """A line for each run, named at its end, and the darker the later it comes."""
    (axes,) = frame.panels(figure, right_px=20 + frame.LETTER_PX * max((len(run.name) for run in of_runs), default=0))
    curves = [quantile_curve(run.hdr) for run in of_runs]
    known = [(run, curve) for run, curve in zip(of_runs, curves, strict=True) if has_data(curve)]
    if not quantile_axes(axes, curves):
        return
    for place, (run, curve) in enumerate(known):
        alpha = _PALEST + (1 - _PALEST) * (place + 1) / len(known)
        style = {} if run.held else {"linestyle": _DASHED}
        frame.stroke(axes, curve, LIGHT.first if run.held else LIGHT.second, linewidth=1.6, alpha=alpha, **style)
    frame.end_labels(axes, [(run.name, curve, LIGHT.first if run.held else LIGHT.second) for run, curve in known])
