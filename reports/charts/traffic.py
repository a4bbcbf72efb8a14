"""What was sent and received, and who was connected, second by second."""

from __future__ import annotations

from typing import Any

import numpy as np

from reports.charts.model import Chart, Limit, Panel, Reads, Series
from reports.charts.timeline import MOST_POINTS, fitted, seconds_of, series_of, timed
from reports.curves import closed_line
from reports.planned import users_over_time


def throughput(document: dict[str, Any]) -> Chart:
    """Messages and deliveries, each on an axis of its own: one is hundreds of times the other."""
    x = seconds_of(document)
    due = series_of(document, "messages_due", "due", "muted", dash="dashed", width_px=1.2, fold="mean")
    sent = series_of(document, "messages_sent", "sent", fold="mean", width_px=1.8)
    received = series_of(document, "deliveries_received", "received", fold="mean", width_px=1.8)
    return timed(
        document,
        "throughput",
        (
            Panel("messages a second", Reads.RATE, x, (due, sent), least=1.0),
            Panel("deliveries a second", Reads.RATE, x, (received,), least=1.0),
        ),
        "warmup",
        "drain",
    )


def connections(document: dict[str, Any]) -> Chart:
    """Open sockets and how many there should be; what was opened and closed, where a storm shows best."""
    x = seconds_of(document)
    users = (document.get("counters") or {}).get("users_planned")
    corners = users_over_time(document)
    wanted: tuple[Series, ...] = ()
    if corners and len(x):
        at_s, count = np.array(corners, dtype=np.float64).T
        planned = np.interp(x, at_s, count, left=np.nan)
        wanted = (Series("planned", planned, "muted", "dashed", 1.2),)
    limits = (Limit(float(users), f"planned: {users:,}", "muted"),) if users and not corners else ()
    closed = Series("closed", fitted(document, closed_line(document, most_points=MOST_POINTS)[1]), "ink", "dashed", 1.2)
    return timed(
        document,
        "connections",
        (
            Panel(
                "sockets open",
                Reads.COUNT,
                x,
                (*wanted, series_of(document, "connections", "open", width_px=2.2)),
                limits=limits,
                least=float(users or 1),
                names_incidents=True,
            ),
            Panel(
                "opened and closed a second",
                Reads.RATE,
                x,
                (closed, series_of(document, "connects", "opened", width_px=1.8)),
                least=1.0,
            ),
        ),
    )
