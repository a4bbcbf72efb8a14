"""How far the last receiver of a message is behind the first."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports import numbers
from reports.curves import Line, at_nines, highest, lowest, quantile_curve
from reports.palette import LIGHT
from reports.plots import frame

# From the slowest to the fastest, as their curves lie above one another: metric, name at its end, colour, style.
_CURVES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("last_delivery_time", "last", LIGHT.first, {"linewidth": 2.4}),
    ("delivery_time", "each", LIGHT.third, {"linewidth": 1.6}),
    ("first_delivery_time", "first", LIGHT.second, {"linewidth": 2.0}),
    ("fanout_time", "fan-out", LIGHT.ink, {"linewidth": 1.4, "linestyle": (0, (5, 3))}),
)


def has_fanout(document: dict[str, Any]) -> bool:
    """Whether some message reached several receivers, and their times are known."""
    return bool(((document.get("metrics") or {}).get("fanout_time") or {}).get("hdr"))


def first_to_last(figure: Figure, document: dict[str, Any]) -> None:
    """First, each and last delivery of the messages by quantile, and the way from the first to the last."""
    (axes,) = frame.panels(figure, right_px=64)
    metrics = document.get("metrics") or {}
    curves = [quantile_curve((metrics.get(name) or {}).get("hdr")) for name, *_ in _CURVES]
    # Of messages there are fewer than of deliveries: where their curves end, nothing is left to compare.
    ends = [x[-1] for (name, *_), (x, _y) in zip(_CURVES, curves, strict=True) if name != "delivery_time" and len(x)]
    if not ends:
        timed = (metrics.get("fanout_time") or {}).get("count")
        return frame.no_data(axes, f"{numbers.count(timed)} messages are too few" if timed else "")
    last = max(ends)
    shown = [(x[x <= last], y[x <= last]) for x, y in curves]
    frame.duration_axis(axes, lowest(*shown), highest(*shown) * 1.1)
    frame.quantile_axis(axes, last)
    if len(shown[0][0]) == len(shown[2][0]):
        axes.fill_between(shown[0][0], shown[2][1], shown[0][1], color=LIGHT.first, alpha=0.12, linewidth=0)
    labelled = []
    for (_, name, colour, style), points in zip(_CURVES, shown, strict=True):
        frame.stroke(axes, points, colour, **style)
        labelled.append((name, points, LIGHT.muted if colour == LIGHT.third else colour))
    frame.end_labels(axes, labelled)
    for place in range(1, int(last) + 1):
        _tell(axes, shown[0], place, LIGHT.first, above=True)
        _tell(axes, shown[2], place, LIGHT.second, above=False)
    return None


def _tell(axes: Axes, points: Line, place: float, colour: str, *, above: bool) -> None:
    """A dot on the curve, and how long that is."""
    value_ms = at_nines(points, place)
    if value_ms is not None:
        axes.plot(place, value_ms, "o", color=colour, markersize=4.5)
        frame.note(
            axes,
            numbers.duration(value_ms),
            (place, value_ms),
            (-4, 6 if above else -14),
            colour,
            xycoords="data",
            ha="right",
        )
