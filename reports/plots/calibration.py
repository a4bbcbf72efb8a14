"""The pictures of a calibration: injected beside measured, how far off that is, and what the generator carries."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from reports import numbers
from reports.calibration import QUANTILES, label_of
from reports.palette import LIGHT
from reports.plots import Drawing, Plot, frame

_ROW_PX, _AROUND_PX = 38, 84
# Further off than this is drawn at the edge: how much further, the table says.
_FURTHEST = 3.0
_MARKS = dict(zip(QUANTILES, ("o", "s", "D", "^"), strict=True))


def draw_for_page(document: dict[str, Any]) -> list[Drawing]:
    """Each picture as SVG elements for one HTML page, which defines the variables of the palette."""

    def svg(plot: Plot, size_px: tuple[int, int]) -> str:
        return frame.svg_element(plot.name, size_px, partial(plot.draw, document=document))

    return [Drawing(plot, svg(plot, plot.wide), svg(plot, plot.narrow)) for plot in plots_of(document)]


def plots_of(document: dict[str, Any]) -> tuple[Plot, ...]:
    """The pictures; the first two are as high as there are runs."""
    height_px = _AROUND_PX + _ROW_PX * max(1, len(_runs(document)))
    return (
        Plot(
            "injected_and_measured",
            "Injected beside measured",
            "Ring: p50, p90, p99 and p99.9 by the server's log. Dot: what we measured, which belongs into its ring.",
            injected_and_measured,
            wide=(530, height_px),
            narrow=(350, height_px),
        ),
        Plot(
            "how_far_off",
            "How far off that is",
            "Each quantile's error as a share of what is allowed: between the dashed lines all is well.",
            how_far_off,
            wide=(530, height_px),
            narrow=(350, height_px),
        ),
        Plot(
            "ceiling",
            "What one process carries",
            "The load against a faster server is raised until the generator is late, or its core is full.",
            ceiling,
            wide=(1080, 300),
            narrow=(350, 480),
        ),
    )


def injected_and_measured(figure: Figure, document: dict[str, Any]) -> None:
    """A row a run, the quantiles along it."""
    (axes,) = frame.panels(figure, left_px=20, right_px=22)
    runs = _runs(document)
    if not runs:
        return frame.no_data(axes)
    times_ms = [row[key] for _, rows in runs for row in rows for key in ("injected_ms", "measured_ms")]
    frame.duration_axis(axes, min(times_ms), max(times_ms), along="x")
    _rows(axes, runs)
    for y, (_, rows) in enumerate(runs):
        axes.plot([rows[0]["injected_ms"], rows[-1]["injected_ms"]], [y, y], color=LIGHT.third, linewidth=1)
        for row in rows:
            axes.plot(row["injected_ms"], y, "o", color=LIGHT.second, markersize=10, markerfacecolor="none")
            axes.plot(row["measured_ms"], y, "o", color=LIGHT.first, markersize=4.5)
    return None


def how_far_off(figure: Figure, document: dict[str, Any]) -> None:
    """The same rows: error over what is allowed."""
    (axes,) = frame.panels(figure, left_px=20, right_px=22)
    runs = _runs(document)
    if not runs:
        return frame.no_data(axes)
    shares = [np.clip(row["error_us"] / row["allowed_us"], -_FURTHEST, _FURTHEST) for _, rows in runs for row in rows]
    # We are late, if anything: what is too early is rarely far off.
    axes.set_xlim(min(-1.25, min(shares) * 1.1), max(1.25, max(shares) * 1.1))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:+.0f} %" if share else "0"))
    _rows(axes, runs)
    axes.axvspan(-1, 1, color=LIGHT.window, linewidth=0, zorder=0)
    axes.axvline(0, color=LIGHT.line, linewidth=1)
    for side in (-1, 1):
        axes.axvline(side, color=LIGHT.bad, linewidth=1, linestyle=(0, (5, 3)))
    at = iter(shares)
    for y, (_, rows) in enumerate(runs):
        for row in rows:
            colour = LIGHT.first if row["within"] else LIGHT.bad
            axes.plot(next(at), y, _MARKS[row["quantile"]], color=colour, markersize=5.5)
    for place, (quantile, mark) in enumerate(_MARKS.items()):
        x = 0.02 + 0.2 * place
        axes.plot(x, 1.0, mark, color=LIGHT.muted, markersize=5.5, transform=axes.transAxes, clip_on=False)
        frame.note(axes, label_of(quantile), (x, 1.0), (7, -4), LIGHT.muted, size=10)
    return None


def _runs(document: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    return [(run, list(rows)) for run, rows in groupby(document["accuracy"], key=lambda row: row["run"])]


def _rows(axes: Axes, runs: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """A row for each run from the top down, its name above its left end."""
    axes.set(ylim=(len(runs) - 0.5, -0.9), yticks=[])
    axes.grid(visible=True, axis="x")
    at_left = axes.get_xlim()[0]
    for y, (name, _) in enumerate(runs):
        frame.note(axes, numbers.printable(name), (at_left, y), (2, 10), LIGHT.muted, xycoords="data", size=10)


def ceiling(figure: Figure, document: dict[str, Any]) -> None:
    """Lateness and CPU over the load; where it was too much, the mark is hollow."""
    lateness, cpu = frame.panels(figure, 2, columns=2, right_px=30)
    loads = [load for load in document["ceiling"]["curve"] if load["deliveries_per_s"] is not None]
    for axes, key, scale, what in (
        (lateness, "send_lateness_p99_ms", 1.0, "sent late, p99"),
        (cpu, "cpu_ratio", 100.0, "CPU of the process, % of a core"),
    ):
        known = [(load["rate_per_s"], load[key] * scale, load["carried"]) for load in loads if load[key] is not None]
        if not known:
            frame.no_data(axes, what)
            continue
        per_message = max(load["deliveries_per_s"] / load["rate_per_s"] for load in loads)
        x, y = (np.array(values) for values in ([each[0] * per_message for each in known], [each[1] for each in known]))
        frame.heading(axes, what)
        if key == "cpu_ratio":
            frame.count_axis(axes, 100)
        else:
            frame.duration_axis(axes, float(y.min()), float(y.max()))
        axes.set_xlim(0, float(x.max()) * 1.06)
        axes.xaxis.set_major_locator(_few_ticks(float(x.max()), axes))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        frame.stroke(axes, (x, y), LIGHT.first, linewidth=1.8)
        for at_x, at_y, (_, _, carried) in zip(x, y, known, strict=True):
            fill = LIGHT.first if carried else LIGHT.surface
            axes.plot(at_x, at_y, "o", color=LIGHT.first, markerfacecolor=fill, markersize=6.5)
        carried_per_s = document["ceiling"]["deliveries_per_s_per_process"]
        if carried_per_s is not None:
            axes.axvline(carried_per_s, color=LIGHT.muted, linewidth=1, linestyle=(0, (5, 3)))
            at, side = ("data", "axes fraction"), {"ha": "right", "size": 10}
            frame.note(axes, "beyond is doubted", (carried_per_s, 1), (-4, -10), LIGHT.muted, xycoords=at, **side)
        frame.note(axes, "deliveries due a second", (1, 0), (0, -26), LIGHT.muted, ha="right", size=10)


def _few_ticks(highest: float, axes: Axes) -> FixedLocator:
    most = max(2, int(axes.bbox.width / 90))
    ticks = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(0, highest)
    return FixedLocator(list(ticks))
