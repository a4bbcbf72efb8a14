"""What the pictures of several runs share: the delivery time of each, by what was different about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from reports.palette import LIGHT
from reports.plots import frame


@dataclass(frozen=True, slots=True)
class Point:
    """One run: where it stands along the bottom, and what came of it."""

    x: float
    p50_ms: float | None
    p99_ms: float | None
    held: bool
    believed: bool = True
    large: bool = False


def limits_ms(points: Iterable[Point]) -> tuple[float, float] | None:
    """The shortest and the longest time of all; None where there is none."""
    times_ms = [time_ms for point in points for time_ms in (point.p50_ms, point.p99_ms) if time_ms is not None]
    return (min(times_ms), max(times_ms)) if times_ms else None


def p50_and_p99(axes: Axes, points: Sequence[Point]) -> None:
    """Both as lines through the runs, in the order of ``points``, on axes that are set.

    A mark is filled where the run held, hollow where it did not, and a cross where it cannot be believed.
    """
    lines = []
    for name, words, colour in (("p50_ms", "p50", LIGHT.first), ("p99_ms", "p99", LIGHT.second)):
        known = [(point, time_ms) for point in points if (time_ms := getattr(point, name)) is not None]
        if not known:
            continue
        line = np.array([point.x for point, _ in known], float), np.array([time_ms for _, time_ms in known], float)
        frame.stroke(axes, line, colour)
        for point, time_ms in known:
            fill = colour if point.held else LIGHT.surface
            mark, size = ("o" if point.believed else "x"), (7.5 if point.large else 5.5)
            axes.plot(point.x, time_ms, mark, color=colour, markerfacecolor=fill, markersize=size, clip_on=False)
        lines.append((words, line, colour))
    frame.end_labels(axes, lines)
