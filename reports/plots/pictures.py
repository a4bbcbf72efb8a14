"""The pictures of every run: which lines, on which axes, in which colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports import numbers
from reports.charts.delivery import budget_in_sight_ms, budget_text
from reports.curves import (
    Line,
    at_nines,
    closed_line,
    folded_count,
    has_data,
    highest,
    line,
    lowest,
    quantile_curve,
)
from reports.palette import LIGHT
from reports.planned import users_over_time
from reports.plots import frame
from reports.plots.marks import mark_incidents
from reports.summary import label_of

_SETUP = ("login_time", "tcp_time", "tls_time", "upgrade_time", "connect_time", "join_time", "reconnect_time")
_DASHED, _DOTTED = (0, (5, 3)), (0, (1, 1.8))


def delivery_over_time(figure: Figure, document: dict[str, Any]) -> None:
    """Percentile bands of the messages due in each second."""
    (axes,) = frame.panels(figure, right_px=44)
    names = ("p50", "p90", "p99", "max")
    lines = tuple(line(document, f"delivery_time_{name}_ms", "max") for name in names)
    p50, p90, p99, slowest = lines
    if not has_data(*lines):
        return frame.no_data(axes)
    low, high = lowest(*lines), highest(*lines)
    bound_ms = budget_in_sight_ms(document, high)
    frame.duration_axis(axes, low, max(high, bound_ms or 0))
    if folded_count(document) > 1:
        frame.heading(axes, f"each point: the highest of {folded_count(document)} s")
    frame.time_axis(axes, document, "warmup", "measure")
    mark_incidents(axes, document, named=True)
    axes.fill_between(p50[0], p50[1], p90[1], color=LIGHT.first, alpha=0.28, linewidth=0)
    axes.fill_between(p50[0], p90[1], p99[1], color=LIGHT.first, alpha=0.13, linewidth=0)
    frame.stroke(axes, slowest, LIGHT.third, linewidth=1.3, linestyle=_DOTTED)
    frame.stroke(axes, p99, LIGHT.first, linewidth=1.3)
    frame.stroke(axes, p90, LIGHT.first, linewidth=0.8, alpha=0.8)
    frame.stroke(axes, p50, LIGHT.first, linewidth=2.4)
    if bound_ms is not None:
        axes.axhline(bound_ms, color=LIGHT.bad, linewidth=1, linestyle=_DASHED)
        at = ("axes fraction", "data")
        frame.note(axes, budget_text(bound_ms), (0, bound_ms), (6, 5), LIGHT.bad, xycoords=at, size=10)
    colours = (LIGHT.first, LIGHT.first, LIGHT.first, LIGHT.muted)
    frame.end_labels(axes, zip(names, lines, colours, strict=True))
    return None


def delivery_distribution(figure: Figure, document: dict[str, Any]) -> None:
    """Delivery and service time by quantile, the tail stretched: each nine has the same width."""
    (axes,) = frame.panels(figure, right_px=22)
    metrics = document.get("metrics") or {}
    delivery, service = (
        quantile_curve((metrics.get(name) or {}).get("hdr")) for name in ("delivery_time", "delivery_service_time")
    )
    if not has_data(delivery, service):
        timed = (metrics.get("delivery_time") or {}).get("count")
        return frame.no_data(axes, f"{numbers.count(timed)} deliveries are too few" if timed else "")
    frame.duration_axis(axes, lowest(delivery, service), highest(delivery, service) * 1.1)
    last = max([1.0, *delivery[0][-1:].tolist(), *service[0][-1:].tolist()])
    frame.quantile_axis(axes, last)
    frame.stroke(axes, service, LIGHT.second, linewidth=1.4, linestyle=_DASHED)
    frame.stroke(axes, delivery, LIGHT.first, linewidth=2.4)
    for place in range(1, int(last) + 1):
        value_ms = at_nines(delivery, place)
        if value_ms is not None:
            axes.plot(place, value_ms, "o", color=LIGHT.first, markersize=4.5)
            text = numbers.duration(value_ms)
            frame.note(axes, text, (place, value_ms), (-4, 6), LIGHT.first, xycoords="data", ha="right")
    # Quantiles only rise, so the corner below their end is free.
    frame.note(axes, "delivery time (from due)", (1, 0), (-6, 26), LIGHT.first, ha="right")
    frame.note(axes, "service time (from sent), dashed", (1, 0), (-6, 10), LIGHT.second, ha="right")
    return None


def throughput(figure: Figure, document: dict[str, Any]) -> None:
    """Messages and deliveries, each on an axis of its own: one is hundreds of times the other."""
    top, bottom = frame.panels(figure, 2)
    due, sent = line(document, "messages_due"), line(document, "messages_sent")
    received = line(document, "deliveries_received")
    same = np.array_equal(due[1], sent[1], equal_nan=True)
    messages = "messages/s, all that were due" if same else "messages/s, and what was due (dashed)"
    for axes, lines, what in ((top, (sent, due), messages), (bottom, (received,), "deliveries/s")):
        if not has_data(*lines):
            frame.no_data(axes, what)
            continue
        frame.heading(axes, what)
        frame.count_axis(axes, highest(*lines))
        frame.time_axis(axes, document, "warmup", "drain")
        mark_incidents(axes, document)
        frame.stroke(axes, lines[0], LIGHT.first, linewidth=1.8)
    if has_data(due) and not same:
        frame.stroke(top, due, LIGHT.muted, linewidth=1.1, linestyle=_DASHED)


def connections(figure: Figure, document: dict[str, Any]) -> None:
    """Open sockets and how many there should be; and what was opened and closed, where a storm shows best."""
    top, bottom = frame.panels(figure, 2)
    open_now, opened, closed = line(document, "connections"), line(document, "connects", "max"), closed_line(document)
    if not has_data(open_now):
        for axes, what in ((top, "sockets open"), (bottom, "opened a second")):
            frame.no_data(axes, what)
        return
    _open_sockets(top, document, open_now)
    frame.heading(bottom, "opened and closed (dashed), a second" if highest(closed) else "opened a second")
    frame.count_axis(bottom, highest(opened, closed))
    frame.time_axis(bottom, document)
    mark_incidents(bottom, document)
    frame.stroke(bottom, opened, LIGHT.first, linewidth=1.8)
    if highest(closed):
        frame.stroke(bottom, closed, LIGHT.ink, linewidth=1.1, linestyle=_DASHED)


def _open_sockets(axes: Axes, document: dict[str, Any], open_now: Line) -> None:
    users = (document.get("counters") or {}).get("users_planned")
    frame.heading(axes, f"sockets open, of {users:,} (dashed)" if users else "sockets open")
    frame.count_axis(axes, max(highest(open_now), users or 0))
    frame.time_axis(axes, document)
    mark_incidents(axes, document, named=True)
    corners = users_over_time(document)
    if corners:
        axes.plot(*zip(*corners, strict=True), color=LIGHT.muted, linewidth=1, linestyle=_DASHED)
    elif users:
        axes.axhline(users, color=LIGHT.muted, linewidth=1, linestyle=_DASHED)
    t_s, values = open_now
    # Counted at the end of each second, not in its middle; at the start of the run there was none.
    t_s, values = np.concatenate(([0.0], t_s + 0.5)), np.concatenate(([0.0], values))
    frame.stroke(axes, (t_s, values), LIGHT.first, linewidth=2.2)


def setup_times(figure: Figure, document: dict[str, Any]) -> None:
    """What each step of getting in took: fastest, median, 90 %, slowest."""
    (axes,) = frame.panels(figure, left_px=20, right_px=22)
    metrics = document.get("metrics") or {}
    rows = [(name, metrics[name]) for name in _SETUP if (metrics.get(name) or {}).get("count")]
    if not rows:
        return frame.no_data(axes)
    frame.duration_axis(axes, min(row["min"] for _, row in rows), max(row["max"] for _, row in rows), along="x")
    axes.set(ylim=(len(rows) - 0.6, -0.75), yticks=[])
    axes.grid(visible=True, axis="x")
    at_left = axes.get_xlim()[0]
    for y, (name, row) in enumerate(rows):
        axes.plot([row["min"], row["max"]], [y, y], color=LIGHT.third, linewidth=1.4)
        if row["p50"] is not None:
            if row["p90"] is not None:
                axes.plot([row["p50"], row["p90"]], [y, y], color=LIGHT.first, linewidth=5)
            axes.plot(row["p50"], y, "o", color=LIGHT.first, markersize=8)
        what = label_of(name).removesuffix(" time")
        quantiles = " · ".join(f"{q} {numbers.duration(row[q])}" for q in ("p50", "p90", "max") if row[q] is not None)
        frame.note(axes, what, (at_left, y), (2, 10), LIGHT.ink, xycoords="data")
        frame.note(axes, quantiles, (1, y), (0, 10), LIGHT.muted, xycoords=("axes fraction", "data"), ha="right")
    return None


def generator_and_server(figure: Figure, document: dict[str, Any]) -> None:
    """What both used (the server's only when we own it), what else ran, and how late the generator was."""
    cpu, machine, lateness, memory, sockets, descriptors = frame.panels(figure, 6, columns=3, right_px=76)
    for axes, name, scale, what, least in (
        (cpu, "cpu_ratio", 100.0, "CPU, % of a core", 100.0),
        (memory, "rss_bytes", 1e-6, "memory, MB", 1.0),
        (descriptors, "descriptors", 1.0, "open files and sockets", 1.0),
    ):
        ours, theirs = (_scaled(document, f"{side}_{name}", scale) for side in ("generator", "server"))
        labelled = [("generator", ours, LIGHT.first), ("server", theirs, LIGHT.second)]
        _usage_panel(axes, document, what, least, labelled)
    everyone, others = (_scaled(document, f"{who}_cpu_ratio", 100.0) for who in ("machine", "others"))
    labelled = [("all", everyone, LIGHT.muted), ("others", others, LIGHT.ink)]
    _usage_panel(machine, document, "machine, % of all cores", 100.0, labelled)
    buffers = _scaled(document, "socket_memory_bytes", 1e-6)
    _usage_panel(sockets, document, "socket buffers, MB", 1.0, [("kernel", buffers, LIGHT.ink)])
    late, lag = (line(document, f"{name}_p99_ms", "max") for name in ("send_lateness", "loop_lag"))
    if not has_data(late, lag):
        return frame.no_data(lateness, "lateness")
    frame.heading(lateness, "lateness, p99")
    frame.duration_axis(lateness, 0, highest(late, lag))
    frame.time_axis(lateness, document)
    mark_incidents(lateness, document)
    frame.stroke(lateness, lag, LIGHT.third, linewidth=1.4)
    frame.stroke(lateness, late, LIGHT.first, linewidth=1.8)
    frame.end_labels(lateness, [("sending", late, LIGHT.first), ("event loop", lag, LIGHT.muted)])
    return None


def _scaled(document: dict[str, Any], name: str, scale: float) -> Line:
    t_s, values = line(document, name, "max")
    return t_s, values * scale


def _usage_panel(
    axes: Axes, document: dict[str, Any], what: str, least: float, labelled: list[tuple[str, Line, str]]
) -> None:
    """Lines (text, points, colour) from 0 to ``least`` at least; the first of them lies on top."""
    lines = [points for _, points, _ in labelled]
    if not has_data(*lines):
        return frame.no_data(axes, what)
    frame.heading(axes, what)
    frame.count_axis(axes, max(highest(*lines), least))
    frame.time_axis(axes, document)
    mark_incidents(axes, document)
    for _, points, colour in reversed(labelled):
        frame.stroke(axes, points, colour, linewidth=1.8)
    frame.end_labels(axes, labelled)
    return None
