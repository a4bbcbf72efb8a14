"""Servers side by side: the delivery times of each in a panel of its own, all on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from reports import numbers
from reports.curves import MEDIAN_NINES, Line, at_nines, has_data, highest, lowest, quantile_curve
from reports.palette import LIGHT
from reports.plots import frame

# The median, 90, 99 and 99.9 %.
_NINES = (MEDIAN_NINES, 1.0, 2.0, 3.0)
_TOLD = {MEDIAN_NINES: "p50", 2.0: "p99"}


@dataclass(frozen=True, slots=True)
class Served:
    """One server."""

    name: str
    hdrs: Sequence[str | None]
    """The delivery times of each of its runs, as in a result document."""


def delivery_times(figure: Figure, servers: Sequence[Served]) -> None:
    """A panel for each of four servers, with a line for each of its runs; the dots are medians of the runs."""
    curves = [[quantile_curve(hdr) for hdr in server.hdrs] for server in servers]
    everything = [curve for of_server in curves for curve in of_server]
    panels = frame.panels(figure, len(servers), columns=2, left_px=64, right_px=26)
    for axes, server, of_server in zip(panels, servers, curves, strict=True):
        if not has_data(*of_server):
            frame.no_data(axes, server.name)
            continue
        frame.heading(axes, server.name)
        frame.duration_axis(axes, lowest(*everything), highest(*everything))
        _lines(axes, of_server, max(float(x[-1]) for x, _ in everything if len(x)))


def _lines(axes: Axes, curves: Sequence[Line], last: float) -> None:
    axes.set_xlim(MEDIAN_NINES, last)
    axes.grid(visible=True, axis="both")
    axes.xaxis.set_major_locator(FixedLocator([nines for nines in _NINES if nines <= last]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda nines, _: f"{100 * (1 - 10**-nines):.4g} %"))
    for curve in curves:
        frame.stroke(axes, curve, LIGHT.first, linewidth=1.8, alpha=0.7)
    told = []
    for nines, name in _TOLD.items():
        values_ms = [value for curve in curves if (value := at_nines(curve, nines)) is not None]
        if values_ms:
            axes.plot([nines], [median(values_ms)], "o", color=LIGHT.first, markersize=6, clip_on=False)
            told.append(f"{name} {numbers.duration(median(values_ms))}")
    # Quantiles only rise, so the corner below their end is free.
    frame.note(axes, "   ".join(told), (1, 0), (-8, 10), LIGHT.first, ha="right", size=13)
