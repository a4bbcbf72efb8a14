"""The document of an hour of 5,000 users, as a run would have written it: every series, dense histograms, storms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from loadgen.measure.histogram import Histogram
from reports.figures import metric_of
from tests.support.documents import a_document, an_incident, came_back

USERS = 5_000
SECONDS = 3_600
RATE_PER_S = 50
ROOM_SIZE = 50
_LEAD_S = 40  # login, connect, join
_WARMUP_S = 10
_STORMS_S = (700.0, 1_800.0, 2_900.0)
_SAMPLES = 2_000_000

Floats = npt.NDArray[np.float64]


def an_hour() -> dict[str, Any]:
    """The document; the same each time."""
    rng = np.random.default_rng(20260203)
    end_s = _LEAD_S + _WARMUP_S + SECONDS + 5
    times = {
        name: metric_of(_histogram(rng, median_ms, sigma))
        for name, median_ms, sigma in (
            ("login_time", 120.0, 0.4),
            ("connect_time", 3.0, 0.5),
            ("join_time", 1.0, 0.6),
            ("ack_time", 2.0, 0.6),
            ("delivery_time", 4.0, 0.9),
            ("delivery_service_time", 3.8, 0.9),
            ("first_delivery_time", 2.0, 0.8),
            ("last_delivery_time", 9.0, 0.8),
            ("fanout_time", 6.0, 0.8),
            ("send_lateness", 0.1, 0.9),
            ("loop_lag", 0.15, 0.9),
        )
    }
    deliveries = SECONDS * RATE_PER_S * ROOM_SIZE
    document = a_document(
        run={"scenario": "an hour", "summary": "5,000 users, an hour, three storms."},
        errors=[
            {"kind": kind, "phase": "measure", "count": 40, "example": "connection reset by peer " * 4}
            for kind in ("refused", "timeout", "close_1006", "close_1011", "http_5xx", "error_frame")
        ],
    )
    document["metrics"] = times
    document["phases"] = _phases(end_s)
    document["series"] = _series(rng, end_s)
    document["counters"] |= {
        "users_planned": USERS,
        "connections_planned": USERS,
        "connections_opened": USERS,
        "messages_due": SECONDS * RATE_PER_S,
        "messages_sent": SECONDS * RATE_PER_S,
        "deliveries_expected": deliveries,
        "deliveries_received": deliveries,
    }
    document["slices"] = [_slice(name, times, deliveries) for name in _SLICES]
    document["incidents"] = [
        an_incident("reconnect_storm", at_s, share=0.3, **came_back(0.2, 4.0, 30.0) | {"users_hit": USERS // 3})
        for at_s in _STORMS_S
    ]
    return document


_SLICES = ("room: pair", "room: small", "room: medium", "room: large", "incident: 1", "incident: 2", "incident: none")


def _histogram(rng: np.random.Generator, median_ms: float, sigma: float) -> Histogram:
    """Samples that fill nearly every bucket of their range, with a tail of stalls."""
    values_ms = median_ms * np.exp(sigma * rng.standard_normal(_SAMPLES))
    values_ms[: _SAMPLES // 200] += 2_000 * rng.random(_SAMPLES // 200)
    histogram = Histogram()
    histogram.record_counts((values_ms * 1e6).astype(np.int64), np.ones(_SAMPLES, dtype=np.int64))
    return histogram


def _phases(end_s: int) -> list[dict[str, Any]]:
    bounds = (0, 20, 35, _LEAD_S, _LEAD_S + _WARMUP_S, _LEAD_S + _WARMUP_S + SECONDS, end_s)
    names = ("login", "connect", "join", "warmup", "measure", "drain")
    return [
        {"name": name, "start_s": float(start), "end_s": float(end)}
        for name, start, end in zip(names, bounds, bounds[1:], strict=False)
    ]


def _series(rng: np.random.Generator, end_s: int) -> dict[str, Any]:
    """One value a second; after a storm everything is slower for half a minute."""
    t_s = np.arange(end_s, dtype=np.float64)
    talking = (t_s >= _LEAD_S) & (t_s < end_s - 5)
    slow = np.ones(end_s)
    away = np.zeros(end_s)
    for at_s in _STORMS_S:
        since_s = t_s - at_s
        struck = since_s >= 0
        slow += struck * 40 * np.exp(-since_s.clip(0) / 8)
        away += struck * (USERS / 3) * np.exp(-since_s.clip(0) / 10)
    there = np.minimum(USERS, np.maximum(0, (t_s - 20) * USERS / 15)) - away
    wobble = np.exp(0.1 * rng.standard_normal(end_s))
    due = rng.poisson(RATE_PER_S, end_s) * talking

    def during(values: Floats) -> list[float | None]:
        return [float(value) if talks else None for value, talks in zip(values, talking, strict=True)]

    return {
        "interval_s": 1.0,
        "t_s": t_s.tolist(),
        "connections": there.astype(int).tolist(),
        "logins": rng.poisson(1.0, end_s).tolist(),
        "connects": np.maximum(0, np.diff(there, prepend=0)).astype(int).tolist(),
        "disconnects": np.maximum(0, -np.diff(there, prepend=0)).astype(int).tolist(),
        "reconnects": rng.poisson(1.0, end_s).tolist(),
        "joins": rng.poisson(1.0, end_s).tolist(),
        "messages_due": due.tolist(),
        "messages_sent": due.tolist(),
        "deliveries_received": (due * ROOM_SIZE).tolist(),
        **{
            f"delivery_time_{name}_ms": during(factor * slow * wobble * np.exp(0.05 * rng.standard_normal(end_s)))
            for name, factor in (("p50", 4.0), ("p90", 9.0), ("p99", 22.0), ("max", 70.0))
        },
        "send_lateness_p99_ms": during(0.4 * wobble),
        "loop_lag_p99_ms": (0.7 * wobble).tolist(),
        **{
            name: (level * wobble).tolist()
            for name, level in (
                ("generator_cpu_ratio", 0.4),
                ("server_cpu_ratio", 0.6),
                ("machine_cpu_ratio", 0.5),
                ("others_cpu_ratio", 0.02),
                ("generator_rss_bytes", 210e6),
                ("server_rss_bytes", 480e6),
                ("generator_descriptors", 5_020.0),
                ("server_descriptors", 5_016.0),
                ("socket_memory_bytes", 9e6),
            )
        },
    }


def _slice(name: str, times: dict[str, Any], deliveries: int) -> dict[str, Any]:
    counters = {"deliveries_expected": deliveries, "deliveries_received": deliveries, "deliveries_lost": 0}
    return {
        "name": name,
        "window_s": float(SECONDS),
        "metrics": {"delivery_time": times["delivery_time"]},
        "counters": counters,
    }
