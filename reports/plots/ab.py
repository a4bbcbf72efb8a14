"""The picture of interleaved pairs: by how much head was above base in each of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.compare_texts import change_text
from reports.curves import Floats
from reports.palette import LIGHT
from reports.plots import Drawing, Plot, frame

# Room above and below the marks, as a share of what lies between them; and the least that an axis shows.
_BESIDE, _LEAST = 0.12, 0.02
_PANEL_PX = 210


def draw_for_page(document: dict[str, Any]) -> Drawing:
    """The picture as SVG elements for one HTML page, which defines the variables of the palette."""
    count = max(1, len(_gated(document)))
    plot = Plot(
        "ab",
        "Head beside base, pair by pair",
        "How much more (+) or less it took in head than in base. The line is the estimate and the shade around it the "
        "interval that holds the true change; the dashed line is what is tolerated.",
        pair_by_pair,
        wide=(1080, count * _PANEL_PX),
        narrow=(350, count * _PANEL_PX),
    )

    def svg(size_px: tuple[int, int]) -> str:
        return frame.svg_element(plot.name, size_px, partial(pair_by_pair, document=document))

    return Drawing(plot, svg(plot.wide), svg(plot.narrow))


def pair_by_pair(figure: Figure, document: dict[str, Any]) -> None:
    """A panel for each time that is judged, a mark for each pair that counts and has it."""
    rows = _gated(document)
    panels = frame.panels(figure, max(1, len(rows)), left_px=66, right_px=66)
    if not rows:
        frame.no_data(panels[0])
    for axes, row in zip(panels, rows, strict=False):
        _panel(axes, row, document["pairs"])


def _gated(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in document["times"] if row["tolerance"] is not None]


def _panel(axes: Axes, row: dict[str, Any], pairs: list[dict[str, Any]]) -> None:
    name = row["metric"]
    frame.heading(axes, name.replace("_", " "))
    known = [
        (pair["number"], pair["head"]["values"][name] / pair["base"]["values"][name] - 1)
        for pair in pairs
        if pair["counts"] and pair["base"]["values"][name] and pair["head"]["values"][name]
    ]
    if not known:
        frame.no_data(axes, name.replace("_", " "))
        return
    numbers, changes = (np.array(values, float) for values in zip(*known, strict=True))
    _axes_of_changes(axes, numbers, changes, row)
    axes.axhline(0, color=LIGHT.muted, linewidth=1.0)
    axes.axhline(row["tolerance"], color=LIGHT.bad, linewidth=1.0, linestyle=(0, (4, 3)))
    if row["low"] is not None:
        axes.axhspan(row["low"] - 1, row["high"] - 1, color=LIGHT.window, linewidth=0, zorder=0)
    axes.axhline(row["ratio"] - 1, color=LIGHT.first, linewidth=1.6)
    axes.plot(numbers, changes, "o", color=LIGHT.first, markersize=5.5, clip_on=False)
    frame.end_labels(
        axes,
        [
            (change_text(row["ratio"]), (numbers[-1:], np.array([row["ratio"] - 1])), LIGHT.first),
            ("tolerated", (numbers[-1:], np.array([row["tolerance"]])), LIGHT.bad),
        ],
    )


def _axes_of_changes(axes: Axes, numbers: Floats, changes: Floats, row: dict[str, Any]) -> None:
    bounds = [0.0, row["tolerance"], *changes.tolist()]
    if row["low"] is not None:
        bounds += [row["low"] - 1, row["high"] - 1]
    beside = max(max(bounds) - min(bounds), _LEAST) * _BESIDE
    axes.set_ylim(min(bounds) - beside, max(bounds) + beside)
    axes.yaxis.set_major_locator(MaxNLocator(max(3, int(axes.bbox.height / 36)), steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda change, _: f"{round(100 * change, 6):+,.10g} %" if change else "0")
    )
    axes.set_xlim(0.5, max(float(numbers[-1]), 1.0) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(max(4, int(axes.bbox.width / 50)), integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
