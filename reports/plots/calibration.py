"""The pictures of a calibration: injected beside measured, how far off that is, and what the generator carries."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from reports import numbers
from reports.calibration_findings import QUANTILES, label_of
from reports.palette import LIGHT
from reports.plots import Drawing, Plot, frame

_ROW_PX, _AROUND_PX = 38, 84
# From the middle of a row to the foot of its name: marks, rings and what is allowed end below.
_NAME_PX = 12
# Further off than this is drawn at the edge: how much further, the table says.
_FURTHEST = 3.0
# How much of a row the band of what is allowed takes.
_BAND = 0.42
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
            "Each quantile's error as a share of what is allowed: within its band all is well.",
            how_far_off,
            wide=(530, height_px),
            narrow=(350, height_px),
        ),
        Plot(
            "ceiling",
            "What one process carries",
            "Against a server that is faster. Along the bottom: the deliveries a second that were asked for. Hollow: "
            "more than the generator carried.",
            ceiling,
            wide=(1080, 300),
            narrow=(350, 690),
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
            # Not cut off at the left end, where the shortest may lie.
            ring: dict[str, Any] = {"markersize": 10, "markerfacecolor": "none", "clip_on": False}
            axes.plot(row["injected_ms"], y, "o", color=LIGHT.second, **ring)
            axes.plot(row["measured_ms"], y, "o", color=LIGHT.first, markersize=4.5, clip_on=False)
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
    at = iter(shares)
    for y, (_, rows) in enumerate(runs):
        # A band in each row, not one through all: lines from top to bottom would strike out the names.
        axes.fill_between([-1, 1], y - _BAND / 2, y + _BAND / 2, color=LIGHT.window, linewidth=0, zorder=1.5)
        axes.vlines([-1, 1], y - _BAND / 2, y + _BAND / 2, color=LIGHT.bad, linewidth=1.2)
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
        frame.note(axes, numbers.printable(name), (at_left, y), (2, _NAME_PX), LIGHT.muted, xycoords="data", size=10)


def ceiling(figure: Figure, document: dict[str, Any]) -> None:
    """What was received, lateness and CPU, by what was asked for; where it was too much, the mark is hollow."""
    found = document["ceiling"]
    loads = [load for load in found["curve"] if load["deliveries_per_s"] is not None]
    received, lateness, cpu = frame.panels(figure, 3, columns=3, left_px=66, right_px=24)
    if not loads:
        for axes, what in ((received, "received"), (lateness, "sent late"), (cpu, "CPU")):
            frame.no_data(axes, what)
        return
    # Everybody gets everything as long as all goes well, so the best ratio is the number of receivers.
    receiver_count = max(load["deliveries_per_s"] / load["rate_per_s"] for load in loads)
    most = max(load["rate_per_s"] for load in loads) * receiver_count
    for axes, key, scale, what in (
        (received, "deliveries_per_s", 1.0, "received, of all asked for (dotted), a second"),
        (lateness, "send_lateness_p99_ms", 1.0, "sent late, p99"),
        (cpu, "cpu_ratio", 100.0, "CPU of the process, % of a core"),
    ):
        known = [load for load in loads if load[key] is not None]
        if not known:
            frame.no_data(axes, what)
            continue
        frame.heading(axes, what)
        x, y = (np.array(values) for values in zip(*_points(known, receiver_count, key, scale), strict=True))
        if key == "send_lateness_p99_ms":
            frame.duration_axis(axes, float(y.min()), float(y.max()))
        else:
            frame.count_axis(axes, 100 if key == "cpu_ratio" else most)
        axes.set_xlim(0, most * 1.08)
        axes.xaxis.set_major_locator(_few_ticks(most, axes))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}/s" if value else "0"))
        if key == "deliveries_per_s":
            axes.plot([0, most], [0, most], color=LIGHT.third, linewidth=1, linestyle=(0, (1, 1.8)))
        _doubted_from(axes, found["deliveries_per_s_per_process"], "all beyond is doubted")
        frame.stroke(axes, (x, y), LIGHT.first, linewidth=1.8)
        for at_x, at_y, load in zip(x, y, known, strict=True):
            fill = LIGHT.first if load["carried"] else LIGHT.surface
            axes.plot(at_x, at_y, "o", color=LIGHT.first, markerfacecolor=fill, markersize=6.5)


def _points(
    loads: list[dict[str, Any]], receiver_count: float, key: str, scale: float
) -> Iterator[tuple[float, float]]:
    for load in loads:
        yield load["rate_per_s"] * receiver_count, load[key] * scale


def _doubted_from(axes: Axes, deliveries_per_s: float | None, words: str) -> None:
    """A line at the most that was carried, and a tint beyond it."""
    if deliveries_per_s is None:
        return
    axes.axvspan(deliveries_per_s, axes.get_xlim()[1], color=LIGHT.warmup, linewidth=0, zorder=0)
    axes.axvline(deliveries_per_s, color=LIGHT.bad, linewidth=1, linestyle=(0, (5, 3)))
    at, side = ("data", "axes fraction"), {"ha": "right", "size": 10}
    frame.note(axes, words, (deliveries_per_s, 1), (-5, -10), LIGHT.bad, xycoords=at, **side)


def _few_ticks(highest: float, axes: Axes) -> FixedLocator:
    most = max(2, int(axes.bbox.width / 70))
    ticks = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(0, highest)
    return FixedLocator(list(ticks))
