"""What all pictures share: sizes in pixels, axes, labels at the ends of lines, and the way out as SVG or PNG.

Figures are made directly, without pyplot, so nothing lingers between two calls.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, MultipleLocator, NullLocator

from reports import numbers
from reports.curves import MEDIAN_NINES, Line, Span, clock_step, log_bounds, log_ticks, spans, spread, wants_log
from reports.palette import LIGHT, with_variables
from reports.summary import label_of

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "svg.fonttype": "none",
    "text.color": LIGHT.ink,
    "axes.edgecolor": LIGHT.line,
    "axes.facecolor": "none",
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": LIGHT.line,
    "grid.linewidth": 0.8,
    "xtick.color": LIGHT.line,
    "ytick.color": LIGHT.line,
    "xtick.labelcolor": LIGHT.muted,
    "ytick.labelcolor": LIGHT.muted,
    "ytick.major.size": 0,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
}
_DPI = 72  # the SVG backend knows no other, and a point is a pixel
_PX = 1 / _DPI  # inches
_PNG_DPI = 144
_PNG_TITLE_PX = 28
_TOP_PX, _BOTTOM_PX = 26, 28
SMALL = 10
_MINUTES_FROM_S = 300  # longer than that, an axis reads in minutes and seconds
# So many points are closer than a line is wide.
_DENSE = 300
LETTER_PX = 6.2  # what a letter takes on average, in a wide font
# From here on panels fit beside one another.
_COLUMNS_FROM_PX = 700


def write_png(path: Path, size_px: tuple[int, int], title: str, draw: Callable[[Figure], None]) -> None:
    """Draw into a file of its own, with its title."""
    width_px, height_px = size_px[0], size_px[1] + _PNG_TITLE_PX
    with rc_context(_STYLE):
        figure = Figure(figsize=(width_px * _PX, height_px * _PX), dpi=_DPI)
        FigureCanvasAgg(figure)
        figure.text(14 / width_px, 1 - 22 / height_px, title, size=13)
        draw(figure)
        figure.savefig(path, dpi=_PNG_DPI, facecolor=LIGHT.surface)


def svg_element(name: str, size_px: tuple[int, int], draw: Callable[[Figure], None]) -> str:
    """Draw an ``<svg>`` for an HTML page: no size, no font and no colours of its own."""
    out = io.StringIO()
    # The salt keeps the ids of several pictures on one page apart, and the same from run to run.
    with rc_context(_STYLE | {"svg.hashsalt": f"{name}-{size_px[0]}"}):
        figure = Figure(figsize=(size_px[0] * _PX, size_px[1] * _PX), dpi=_DPI)
        FigureCanvasSVG(figure)
        draw(figure)
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    svg = out.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    # A style element of its own would be one more for the policy of the page to let in.
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = svg.replace("<svg", '<svg style="stroke-linejoin: round; stroke-linecap: butt"', 1)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"| version="1.1"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r"font: (\d+)px 'DejaVu Sans'", r"font-size: \1px", svg)
    # matplotlib numbers its groups alike in every picture; only ids that are pointed at are kept.
    wanted = set(re.findall(r"#(\w+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in wanted else "", svg)
    return with_variables(re.sub(r"\n\s*", "\n", svg)).strip()


def has_room(figure: Figure) -> bool:
    """Whether things fit beside one another, as they do not on a phone."""
    return bool(figure.get_figwidth() / _PX > _COLUMNS_FROM_PX)


def panels(
    figure: Figure, count: int = 1, *, columns: int = 1, left_px: float = 60, right_px: float = 14
) -> list[Axes]:
    """Axes with fixed margins, row by row in so many columns where there is room, else below one another."""
    width_px, height_px = figure.get_figwidth() / _PX, figure.get_figheight() / _PX
    usable_px = height_px - (_PNG_TITLE_PX if figure.texts else 0)
    columns = columns if has_room(figure) else 1
    cell_w, cell_h = width_px / columns, usable_px / (count // columns)
    return [
        figure.add_axes(
            (
                (i % columns * cell_w + left_px) / width_px,
                (usable_px - (i // columns + 1) * cell_h + _BOTTOM_PX) / height_px,
                (cell_w - left_px - right_px) / width_px,
                (cell_h - _TOP_PX - _BOTTOM_PX) / height_px,
            )
        )
        for i in range(count)
    ]


def no_data(axes: Axes, what: str = "") -> None:
    """An empty frame that says that it is empty, and of what."""
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(True)
    text = f"{what}: no data" if what else "no data"
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=LIGHT.muted, size=13)


def heading(axes: Axes, text: str) -> None:
    """What this panel shows, above its left end."""
    axes.set_title(text, loc="left", color=LIGHT.ink, pad=8)


def note(
    axes: Axes, text: str, at: tuple[float, float], shift_px: tuple[float, float], colour: str, **style: Any
) -> None:
    """Text beside a place in the panel, given as (share of its width or x, share of its height or y)."""
    axes.annotate(
        text,
        at,
        **{"xycoords": "axes fraction", **style},
        xytext=shift_px,
        textcoords="offset points",
        color=colour,
    )


def stroke(axes: Axes, points: Line, colour: str, **style: Any) -> None:
    """A line; a point without neighbours, which a line would not show, is a dot."""
    x, y = points
    width = style.pop("linewidth", 1.6) * (0.6 if len(x) > _DENSE else 1.0)
    axes.plot(x, y, color=colour, linewidth=width, **style)
    there = np.concatenate([[False], np.isfinite(y), [False]])
    alone = there[1:-1] & ~there[:-2] & ~there[2:]
    axes.plot(x[alone], y[alone], "o", color=colour, markersize=3)


def end_labels(axes: Axes, labelled: Iterable[tuple[str, Line, str]]) -> None:
    """Name each line (text, line, colour) where it leaves the panel, moved apart where the names would touch."""
    last_x = axes.get_xlim()[1]
    ends = [(text, y[np.isfinite(y) & (x <= last_x)], colour) for text, (x, y), colour in labelled]
    ends = [end for end in ends if len(end[1])]
    height_px = axes.bbox.height
    to_panel = axes.transData + axes.transAxes.inverted()
    places = spread([to_panel.transform((0, y[-1]))[1] * height_px for _, y, _ in ends], gap=14)
    for (text, _, colour), place in zip(ends, places, strict=True):
        note(axes, text, (1, place / height_px), (6, 0), colour, va="center")


def time_axis(axes: Axes, document: dict[str, Any], first: str | None = None, last: str | None = None) -> None:
    """Seconds along the bottom, from phase ``first`` to ``last``; warm-up and measured window are tinted."""
    phases = {span.name: span for span in spans(document)}
    start_s = phases[first].start_s if first in phases else 0.0
    end_s = phases[last].end_s if last in phases else max((s.end_s for s in phases.values()), default=1.0)
    end_s = max(end_s, start_s + 1e-3)
    axes.set_xlim(start_s, end_s)
    for name, colour in (("warmup", LIGHT.warmup), ("measure", LIGHT.window)):
        if name in phases:
            axes.axvspan(phases[name].start_s, phases[name].end_s, color=colour, linewidth=0, zorder=0)
            _name_phase(axes, phases[name])
    axes.xaxis.set_major_locator(MultipleLocator(clock_step(end_s - start_s, int(axes.bbox.width / 60))))
    in_minutes = end_s > _MINUTES_FROM_S
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda t, _: f"{int(t) // 60}:{int(t) % 60:02d}" if in_minutes else f"{t:g} s")
    )


def _name_phase(axes: Axes, span: Span) -> None:
    """Write a phase's name above its tint, if it fits beside the panel's heading."""
    text, title = label_of(span.name), axes.get_title(loc="left")
    start_px, end_px = (axes.transData.transform((t_s, 0))[0] - axes.bbox.x0 for t_s in (span.start_s, span.end_s))
    needed_px = LETTER_PX * len(text)
    if end_px - start_px < needed_px or (title and end_px < needed_px + LETTER_PX * (len(title) + 2)):
        return
    t_s, side = (span.end_s, "right") if title else ((span.start_s + span.end_s) / 2, "center")
    at = ("data", "axes fraction")
    note(axes, text, (t_s, 1), (0, 5), LIGHT.muted, xycoords=at, ha=side, size=SMALL)


def duration_axis(axes: Axes, low_ms: float, high_ms: float, *, along: Literal["x", "y"] = "y") -> None:
    """Durations along one side, logarithmic when the range asks for it, else from 0."""
    axis: Axis = axes.yaxis if along == "y" else axes.xaxis
    most = int(axes.bbox.height / 36 if along == "y" else axes.bbox.width / 70)
    limit = axes.set_ylim if along == "y" else axes.set_xlim
    if wants_log(low_ms, high_ms):
        (axes.set_yscale if along == "y" else axes.set_xscale)("log")
        low_ms, high_ms = log_bounds(low_ms, high_ms)
        limit(low_ms, high_ms)
        axis.set_major_locator(FixedLocator(log_ticks(low_ms, high_ms, most)))
        axis.set_minor_locator(NullLocator())
    else:
        limit(0, high_ms * 1.1)
        axis.set_major_locator(MaxNLocator(max(3, most), steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value_ms, _: numbers.round_duration(value_ms)))


def quantile_axis(axes: Axes, last: float) -> None:
    """Quantiles along the bottom, from the median to so many nines, each of the same width."""
    axes.set_xlim(MEDIAN_NINES, last)
    axes.grid(visible=True, axis="both")
    axes.xaxis.set_major_locator(FixedLocator([MEDIAN_NINES, *(float(n) for n in range(1, int(last) + 1))]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{100 * (1 - 10**-n):.6g} %"))


def count_axis(axes: Axes, high: float) -> None:
    """Whole numbers up the side, from 0."""
    axes.set_ylim(0, max(high, 1) * 1.12)
    ticks = max(2, int(axes.bbox.height / 28))
    axes.yaxis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
