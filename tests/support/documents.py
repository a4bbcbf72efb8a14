"""Result documents as a run would have written them, for tests of whatever reads a document."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from loadgen.measure.histogram import Histogram
from reports import hdr

USERS = 500
RATE_PER_S = 40
WARMUP_S, MEASURE_S, DRAIN_S = 3, 20, 1
_PHASES = (
    ("login", 0.0, 2.1),
    ("connect", 2.1, 4.2),
    ("join", 4.2, 5.0),
    ("warmup", 5.0, 8.0),
    ("measure", 8.0, 28.0),
    ("drain", 28.0, 29.0),
)
_QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}


def a_document(
    *,
    verdict: str | None = "pass",
    delivery_p50_ms: float = 3.2,
    spread: float = 0.45,
    stall: bool = False,
    send_lateness_p99_ms: float = 0.4,
    deliveries_lost: int = 0,
    budgets: list[dict[str, Any]] | None = None,
    doubts: list[dict[str, Any]] | None = None,
    errors: list[dict[str, Any]] | None = None,
    limit: dict[str, Any] | None = None,
    interrupted: bool = False,
    ended_early: str | None = None,
    empty: bool = False,
    snapshot: bool = False,
    owned: bool = True,
    **sections: Any,
) -> dict[str, Any]:
    """A run of 500 users in one room: 20 s measured, 40 messages a second, 400,000 deliveries expected.

    ``spread`` is the sigma of the lognormal delivery times. ``stall`` stops the server for a second and a
    half in the middle. ``interrupted`` cuts the run 9 s into the measured window. ``empty`` is a run in which
    nobody got in. ``snapshot`` is the document while the run goes on, 4 s into the measured window. Any other
    keyword is merged into the section of that name: ``run={"scenario": "fan"}``.
    """
    end_s = 17.0 if interrupted else 12.0 if snapshot else 29.0
    phases = [
        {"name": name, "start_s": start, "end_s": None if snapshot and end > end_s else min(end, end_s)}
        for name, start, end in _PHASES
        if start < end_s
    ]
    measured_s = min(28.0, end_s) - 8.0
    expected = int(measured_s * RATE_PER_S * USERS)
    metrics = _metrics(delivery_p50_ms, spread, stall, send_lateness_p99_ms, expected - deliveries_lost)
    series = _series(end_s, delivery_p50_ms, spread, stall, send_lateness_p99_ms, owned)
    counters = _counters(int(measured_s * RATE_PER_S), expected, deliveries_lost)
    rates: dict[str, float | None] = {
        "messages_sent_per_s": counters["messages_sent"] / measured_s,
        "deliveries_received_per_s": counters["deliveries_received"] / measured_s,
    }
    if empty:
        phases, metrics, rates = phases[:1], {}, dict.fromkeys(rates)
        series = {"interval_s": 1.0, "t_s": []}
        counters = dict.fromkeys(counters, 0) | {"users_planned": USERS, "connections_planned": USERS}
    if snapshot:
        for metric in metrics.values():
            del metric["hdr"]

    document: dict[str, Any] = {
        "schema": "chatbench.result/1",
        "run": {
            "id": "2026-02-03T10-20-30-fanout",
            "scenario": "fanout",
            "summary": "One busy room: every message goes to everyone.",
            "started_at": "2026-02-03T10:20:30Z",
            "finished_at": None if snapshot else "2026-02-03T10:20:59Z",
            "command": "chatbench run fanout --users 500",
            "seed": 1,
            "interrupted": interrupted,
            "ended_early": "interrupted" if interrupted else ended_early,
        },
        "environment": _environment(),
        "target": {
            "url": "http://127.0.0.1:40123",
            "urls": ["http://127.0.0.1:40123"],
            "dialect": "reference",
            "owned": owned,
            "extensions": [],
            "server_header": "uvicorn",
        },
        "plan": _plan(),
        "phases": phases,
        "metrics": metrics,
        "counters": counters,
        "rates": {"window_s": float(MEASURE_S), **rates},
        "errors": errors or [],
        "closes": [] if empty or snapshot else [a_close(1000, USERS, "end", "us")],
        "series": series,
        "generator": _generator(send_lateness_p99_ms),
        "server": {"cpu_ratio": 0.41, "rss_bytes": 142_000_000, "descriptors": 512, "series": {}} if owned else None,
        "machine": {"cpu_ratio": 0.43, "others_cpu_ratio": 0.02, "socket_memory_bytes": 4_300_000, "cores": 2},
        "budgets": _budgets(metrics, counters, empty) if budgets is None else budgets,
        "doubts": doubts or [],
        "limit": limit or {"side": "none", "reason": "the plan was carried out"},
        "verdict": None if snapshot else verdict,
    }
    for name, section in sections.items():
        document[name] = document[name] | section if isinstance(document.get(name), dict) else section
    return document


def a_late_document() -> dict[str, Any]:
    """A run whose generator could not keep up."""
    return a_document(
        verdict="invalid",
        send_lateness_p99_ms=14.2,
        doubts=[
            {
                "code": "generator_late",
                "severity": "fatal",
                "detail": "send_lateness p99 was 14.2 ms, over the 10.0 ms that a run may have",
                "advice": "Use more processes (--processes auto), or send less.",
            },
            {
                "code": "machine_busy",
                "severity": "warning",
                "detail": "other programs used 23 % of the machine during the measured window",
                "advice": "Close them, or run on a machine of its own.",
            },
        ],
        limit={"side": "generator", "reason": "worker 4102 used 97 % of its core"},
    )


def a_failed_document() -> dict[str, Any]:
    """A run whose server stalled and lost messages."""
    document = a_document(
        verdict="fail",
        delivery_p50_ms=9,
        spread=0.8,
        stall=True,
        deliveries_lost=1_312,
        errors=[
            {"kind": "close_1006", "phase": "measure", "count": 14, "example": "connection reset by peer"},
            {"kind": "http_5xx", "phase": "login", "count": 3, "example": "<html>503 Service Unavailable"},
        ],
        limit={"side": "server", "reason": "the server used 99 % of its core"},
    )
    document["counters"] |= {
        "connections_dropped": 14,
        "deliveries_duplicated": 21,
        "deliveries_reordered": 6,
        "deliveries_lost_acked": 12,
        "deliveries_lost_unacked": 1_300,
    }
    document["closes"] = [
        a_close(1000, USERS - 22, "end", "us"),
        a_close(1006, 14, "measure", "network"),
        a_close(1012, 5, "measure", "server"),
        a_close(4008, 3, "drain", "server"),
    ]
    document["examples"] = [
        an_example("lost", 3, 17, 4, 18.412, acked=True, seen=True, last_seen_s=18.431),
        an_example("lost", 41, 499, 7, 18.655, acked=False, seen=False),
        an_example("lost", 0, 17, 9, 19.01),
        an_example("duplicated", 8, 250, 2, 12.5),
        an_example("reordered", 8, 12, 3, 13.25, received_s=13.61),
    ]
    document["series"]["server_cpu_ratio"] = [
        value and min(0.99, value * 2.3) for value in document["series"]["server_cpu_ratio"]
    ]
    return document


def a_close(code: int, count: int, phase: str, who: str) -> dict[str, Any]:
    """So many sockets ended so, as a document tells it."""
    return {"code": code, "phase": phase, "count": count, "who": who}


def an_example(kind: str, sender: int, receiver: int, n: int, due_s: float, **facts: Any) -> dict[str, Any]:
    """A delivery that went wrong, as a document tells it; nothing is known of it but what is said."""
    told: dict[str, Any] = {"kind": kind, "sender": sender, "receiver": receiver, "n": n}
    told |= {"sender_name": f"user-{sender + 1:06d}", "receiver_name": f"user-{receiver + 1:06d}"}
    told |= {"room": "room-1", "direct": False, "message_id": f"5e1f1e-{sender}-{n}", "due_s": due_s, "sent_s": due_s}
    return told | dict.fromkeys(("received_s", "acked", "seen", "last_seen_s")) | facts


def a_storm_document() -> dict[str, Any]:
    """A run of two processes against two nodes; at 18 s half of the users lose their sockets, and come back."""
    document = a_document()
    came_back, missed = USERS // 2, 900
    document["run"]["scenario"] = "storm"
    document["target"]["urls"] = ["http://127.0.0.1:40123", "http://127.0.0.1:40124"]
    document["plan"]["incident"] = {
        "value": [{"at": "50%", "kind": "reconnect_storm", "share": 0.5, "backoff": "exponential_jitter"}],
        "origin": "file",
    }
    document["metrics"]["reconnect_time"] = _metric(840.0, 0.6, came_back, 20.0)
    document["counters"] |= {
        "connections_planned": USERS + came_back,
        "connections_opened": USERS + came_back,
        "reconnects": came_back,
        "deliveries_received": document["counters"]["deliveries_received"] - missed,
        "deliveries_excused": missed,
        "deliveries_recovered": 40,
    }
    series = document["series"]
    for second, open_count, opened in ((18, 300, 50), (19, 420, 120), (20, 500, 80)):
        series["connections"][second], series["connects"][second] = open_count, opened
    worker = document["generator"]["processes"][0]
    document["generator"]["processes"] = [worker, worker | {"pid": 4103, "cpu_ratio": 0.31}]
    return document


EVIL = "</script></td><img src=x onerror='harmed = 1'>{{ 1 }}*`|&"
"""What no name should be, and any text from outside may be."""


def an_evil_document() -> dict[str, Any]:
    """A run in which every text that somebody else has a say in would be part of the page, if it could."""
    document = a_failed_document()
    document["run"] |= dict.fromkeys(("id", "scenario", "summary", "command", "started_at"), EVIL)
    document["environment"] |= {"host": EVIL, EVIL: EVIL}
    document["target"] |= {"url": EVIL, "urls": [EVIL], "dialect": EVIL, "extensions": [EVIL], "server_header": EVIL}
    document["plan"][EVIL] = {"value": EVIL, "origin": EVIL}
    document["errors"] = [{"kind": EVIL, "phase": EVIL, "count": 2, "example": EVIL}]
    document["doubts"] = [{"code": EVIL, "severity": "warning", "detail": EVIL, "advice": EVIL}]
    document["budgets"] = [{"expression": EVIL, "observed": 1, "ok": False}]
    document["limit"] = {"side": "server", "reason": EVIL}
    document["incidents"] = [an_incident(EVIL, closes={EVIL: 3}), an_incident("reconnect_storm", **came_back(1, 2, 3))]
    document["closes"] = [a_close(1011, 3, EVIL, EVIL)]
    document["examples"] = [
        an_example(kind, 1, 2, 0, 9.5, sender_name=EVIL, receiver_name=EVIL, room=EVIL, message_id=EVIL)
        for kind in (EVIL, "lost")
    ]
    document["metrics"][EVIL] = document["metrics"]["login_time"]
    document["phases"].append({"name": EVIL, "start_s": 29.0, "end_s": 30.0})
    document["generator"]["processes"][0] |= {"name": EVIL, "host": EVIL}
    return document


def documents_of_every_kind() -> dict[str, dict[str, Any]]:
    """By what became of the run."""
    return {
        "pass": a_document(),
        "fail": a_failed_document(),
        "invalid": a_late_document(),
        "interrupted": a_document(interrupted=True),
        "cut off in the middle": a_document(snapshot=True, budgets=[]) | {"limit": None},
        "never began": a_document(empty=True, verdict="invalid", ended_early="login_refused"),
        "nothing": {},
        "evil": an_evil_document(),
    }


def an_incident(kind: str, at_s: float | None = 18.0, **facts: Any) -> dict[str, Any]:
    """An incident as a document tells it, of the kind that hits half of the users and has nothing to say of them."""
    nothing = (
        *("until_s", "share", "users_back", "back_50_s", "back_95_s", "back_100_s", "back_curve_s", "logins_per_s"),
        *("connects_per_s", "messages_missed", "messages_recovered", "closed_50_s", "closed_95_s", "closed_100_s"),
    )
    told = {"kind": kind, "at_s": at_s, "users_hit": USERS // 2, "closes": {}} | dict.fromkeys(nothing)
    return told | facts


def came_back(first_s: float, half_s: float, last_s: float, *, share: float = 1.0) -> dict[str, Any]:
    """What is said of users of whom the first was back after ``first_s``, and a ``share`` of all by the end."""
    reached = [step / 20 for step in range(1, 21)]
    curve = [
        float(np.interp(step, (0, 0.5, share), (first_s, half_s, last_s))) if step <= share else None
        for step in reached
    ]
    return {
        "users_back": int(USERS // 2 * share),
        "back_50_s": curve[9],
        "back_95_s": curve[18],
        "back_100_s": curve[19],
        "back_curve_s": curve,
        "logins_per_s": 0,
        "connects_per_s": 140,
    }


def an_incidents_document() -> dict[str, Any]:
    """A run with an incident of each kind, two of them at one instant; it ended before the last of them."""
    document = a_document(run={"scenario": "all that can go wrong"})
    document["incidents"] = [
        an_incident("herd_join", 9.0, until_s=14.0, share=0.5, **came_back(0.3, 2.6, 5.1) | {"logins_per_s": 60}),
        an_incident("announcement", 11.0, until_s=13.0, share=0.1, users_hit=50),
        an_incident(
            "reconnect_storm",
            15.0,
            share=0.5,
            **came_back(0.1, 0.8, 6.2, share=0.98),
            messages_missed=20_400,
            messages_recovered=20_388,
        ),
        an_incident("slow_readers", 15.0, share=0.1, users_hit=50, closes={"none": 50}, closed_50_s=4.2)
        | {"closed_95_s": 4.9, "closed_100_s": 5.0},
        an_incident("abrupt_close", 17.0, until_s=18.0, share=0.05, users_hit=25),
        an_incident("half_open", 18.5, share=0.1, **came_back(0.05, 0.4, 2.0), messages_missed=0, messages_recovered=0),
        an_incident(
            "token_expiry",
            21.0,
            closes={"1008": 250},
            closed_50_s=0.02,
            closed_95_s=0.03,
            closed_100_s=0.04,
            **came_back(0.2, 0.9, 1.8) | {"logins_per_s": 190},
        ),
        an_incident(
            "server_restart",
            24.0,
            until_s=25.3,
            closes={"1012": 247, "none": 3},
            closed_50_s=0.1,
            closed_95_s=0.2,
            closed_100_s=0.2,
            **came_back(1.4, 2.2, 3.9),
        ),
        an_incident("reconnect_storm", None, share=0.5, users_hit=0, users_back=0),
    ]
    nothing = dict.fromkeys(("within", "backoff", "bytes_per_s", "down", "kill"))
    rows = (
        {"at": "1s", "kind": "herd_join", "share": 0.5, "within": "5s", "backoff": "none"},
        {"at": "3s", "kind": "announcement", "share": 0.1, "within": "2s"},
        {"at": "7s", "kind": "reconnect_storm", "share": 0.5, "within": "0s", "backoff": "exponential_jitter"},
        {"at": "35%", "kind": "slow_readers", "share": 0.1, "within": "0s", "bytes_per_s": 100},
        {"at": "9s", "kind": "abrupt_close", "share": 0.05, "within": "1s"},
        {"at": "10500ms", "kind": "half_open", "share": 0.1, "within": "0s", "backoff": "none"},
        {"at": "13s", "kind": "token_expiry", "share": None, "backoff": "exponential_jitter"},
        {"at": "16s", "kind": "server_restart", "share": None, "backoff": "constant", "down": "1s", "kill": False},
        {"at": "99%", "kind": "reconnect_storm", "share": 0.5, "within": "0s", "backoff": "none"},
    )
    document["plan"]["incident"] = {"value": [nothing | row for row in rows], "origin": "file"}
    return document


def a_document_of_five_storms() -> dict[str, Any]:
    """A run in which a few of the users lose their sockets, and come back, five times."""
    places = ("10%", "30%", "50%", "70%", "90%")
    document = a_document(run={"scenario": "five storms"})
    document["incidents"] = [
        an_incident("reconnect_storm", 10.0 + 4 * n, share=0.02, users_hit=10, **came_back(0.01, 0.02 + 0.01 * n, 0.09))
        | {"users_back": 10}
        for n in range(len(places))
    ]
    row = {"kind": "reconnect_storm", "share": 0.02, "within": "0s", "backoff": "none"}
    document["plan"]["incident"] = {"value": [row | {"at": at} for at in places], "origin": "file"}
    return document


@cache
def _times(median_ms: float, sigma: float, count: int, floor_ms: float = 0.0, stall_ms: float = 0.0) -> Any:
    rng = np.random.default_rng(20260203)
    values_ms = floor_ms + (median_ms - floor_ms) * np.exp(sigma * rng.standard_normal(count))
    if stall_ms:  # 1.5 s of 20 s: whoever was due at the start of the stall waited longest
        stalled = count * 3 // 40
        values_ms[:stalled] += stall_ms * rng.random(stalled)
    histogram = Histogram()
    histogram.record_counts((values_ms * 1e6).astype(np.int64), np.ones(count, dtype=np.int64))
    return histogram


@cache
def _hdr(*shape: float) -> str:
    median_ms, sigma, count, *rest = shape
    return hdr.encode(_times(median_ms, sigma, int(count), *rest))


def _metric(*shape: float) -> dict[str, Any]:
    median_ms, sigma, count, *rest = shape
    histogram = _times(median_ms, sigma, int(count), *rest)
    quantiles = {name: histogram.quantile_ns(q) for name, q in _QUANTILES.items()}
    return {
        "unit": "ms",
        "count": histogram.count,
        "min": histogram.min_ns / 1e6,
        "mean": histogram.mean_ns / 1e6,
        **{name: None if ns is None else ns / 1e6 for name, ns in quantiles.items()},
        "max": histogram.max_ns / 1e6,
        "hdr": _hdr(*shape),
    }


def _metrics(
    p50_ms: float, spread: float, stall: bool, lateness_p99_ms: float, received: int
) -> dict[str, dict[str, Any]]:
    stall_ms = 1500.0 if stall else 0.0
    # A lognormal's p99 is its median times exp(2.326 sigma).
    lateness_p50_ms = lateness_p99_ms / np.exp(2.326 * 0.9)
    return {
        "login_time": _metric(118.0, 0.35, USERS, 60.0),
        "connect_time": _metric(2.6, 0.4, USERS, 0.8),
        "join_time": _metric(0.9, 0.5, USERS, 0.2),
        "ack_time": {"unit": "ms", "count": 0, "hdr": None} | dict.fromkeys(("min", "mean", *_QUANTILES, "max")),
        "delivery_time": _metric(p50_ms, spread, received, p50_ms * 0.3, stall_ms),
        "delivery_service_time": _metric(p50_ms * 0.97, spread, received, p50_ms * 0.3, stall_ms / 3),
        "first_delivery_time": _metric(p50_ms * 0.6, spread, MEASURE_S * RATE_PER_S, p50_ms * 0.3),
        "last_delivery_time": _metric(p50_ms * 1.6, spread, MEASURE_S * RATE_PER_S, p50_ms * 0.3),
        "fanout_time": _metric(p50_ms, spread, MEASURE_S * RATE_PER_S),
        "send_lateness": _metric(lateness_p50_ms, 0.9, MEASURE_S * RATE_PER_S * 2),
        "loop_lag": _metric(0.12, 0.8, 2_000),
        "gc_pause": _metric(0.3, 0.4, 25),
    }


def _series(
    end_s: float, p50_ms: float, spread: float, stall: bool, lateness_p99_ms: float, owned: bool
) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    t_s = [float(t) for t in range(int(end_s))]

    def during(start_s: float, stop_s: float, values: Any) -> list[float | None]:
        return [round(float(v), 4) if start_s <= t < stop_s else None for t, v in zip(t_s, values, strict=True)]

    n = len(t_s)
    wobble = 1 + 0.05 * rng.standard_normal(n)
    slow_ms = np.array([1500.0 if stall and t == 18 else 500.0 if stall and t == 19 else 0.0 for t in t_s])
    due = rng.poisson(RATE_PER_S, n)
    delivered = due * USERS * (slow_ms < 1000) + np.roll(due * USERS * (slow_ms >= 1000), 1)
    ramp = [min(USERS, max(0.0, (t + 1 - 2.1) / 2.1 * USERS)) for t in t_s]
    busy = np.array([0.55 if t < 2 else 0.2 if t < 5 else 0.38 for t in t_s]) * wobble
    return {
        "interval_s": 1.0,
        "t_s": t_s,
        "connections": [int(c) for c in ramp],
        "logins": [238 if t < 2 else 24 if t < 3 else 0 for t in t_s],
        "connects": [int(c) for c in np.diff([0.0, *ramp])],
        "joins": [USERS if t == 4 else 0 for t in t_s],
        "messages_due": during(5, 28, due),
        "messages_sent": during(5, 28, due),
        "deliveries_received": during(5, 29, delivered * (np.array(t_s) < 28)),
        "delivery_time_p50_ms": during(5, 28, p50_ms * wobble + slow_ms * 0.6),
        "delivery_time_p90_ms": during(5, 28, p50_ms * np.exp(1.28 * spread * 0.8) * wobble + slow_ms * 0.9),
        "delivery_time_p99_ms": during(5, 28, p50_ms * np.exp(2.33 * spread * 0.9) * wobble**2 + slow_ms * 0.98),
        "delivery_time_max_ms": during(
            5, 28, p50_ms * np.exp(3.6 * spread) * np.exp(0.25 * np.abs(rng.standard_normal(n))) + slow_ms
        ),
        "send_lateness_p99_ms": during(5, 28, lateness_p99_ms * wobble),
        "loop_lag_p99_ms": during(0, 29, 0.7 * wobble),
        "generator_cpu_ratio": during(0, 29, busy * 0.8),
        "generator_rss_bytes": during(0, 29, [88e6 + 0.9e6 * min(t, 6) for t in t_s]),
        "server_cpu_ratio": during(0, 29, busy) if owned else [None] * n,
        "server_rss_bytes": during(0, 29, [120e6 + 3.5e6 * min(t, 6) for t in t_s]) if owned else [None] * n,
        "generator_descriptors": during(0, 29, [14 + c for c in ramp]),
        "server_descriptors": during(0, 29, [12 + c for c in ramp]) if owned else [None] * n,
        "machine_cpu_ratio": during(0, 29, busy * 1.05),
        "others_cpu_ratio": during(0, 29, 0.02 * wobble**4),
        "socket_memory_bytes": during(0, 29, [4.2e6 if 5 <= t < 28 else 0.3e6 for t in t_s] * wobble),
    }


def _counters(messages: int, expected: int, lost: int) -> dict[str, int]:
    return {
        "users_planned": USERS,
        "connections_planned": USERS,
        "connections_opened": USERS,
        "connections_failed": 0,
        "connections_dropped": 0,
        "reconnects": 0,
        "messages_due": messages,
        "messages_sent": messages,
        "messages_unsent": 0,
        "acks_received": 0,
        "deliveries_expected": expected,
        "deliveries_received": expected - lost,
        "deliveries_lost": lost,
        "deliveries_duplicated": 0,
        "deliveries_reordered": 0,
        "deliveries_late": 0,
        "deliveries_unexpected": 0,
        "deliveries_excused": 0,
        "deliveries_recovered": 0,
        "deliveries_lost_acked": 0,
        "deliveries_lost_unacked": lost,
        "frames_damaged": 0,
    }


def _budgets(metrics: dict[str, dict[str, Any]], counters: dict[str, int], empty: bool) -> list[dict[str, Any]]:
    p99 = metrics.get("delivery_time", {}).get("p99")
    lost = None if empty else counters["deliveries_lost"]
    return [
        {
            "expression": "delivery_time: p(99) < 250ms",
            "observed": p99,
            "ok": None if p99 is None else p99 < 250,
        },
        {
            "expression": "deliveries_lost: count == 0",
            "observed": lost,
            "ok": None if lost is None else lost == 0,
        },
    ]


def _generator(lateness_p99_ms: float) -> dict[str, Any]:
    worker = {"cpu_ratio": 0.36, "rss_bytes": 91_000_000, "descriptors": 514, "loop_lag_p99_ms": 0.7}
    return {
        "processes": [{"pid": 4102, **worker, "send_lateness_p99_ms": lateness_p99_ms}],
        "coordinator": {"pid": 4100, "cpu_ratio": 0.02, "rss_bytes": 74_000_000, "descriptors": 21},
        "cpu_us_per_delivery": 11.4,
    }


def _plan() -> dict[str, dict[str, Any]]:
    return {
        "users.count": {"value": USERS, "origin": "flag"},
        "users.connect_rate_per_s": {"value": 250, "origin": "file"},
        "users.stages": {"value": [], "origin": "default"},
        "users.file": {"value": None, "origin": "default"},
        "users.rooms": {"value": {"shape": "single"}, "origin": "file"},
        "traffic.loop": {"value": "open", "origin": "default"},
        "traffic.rate_per_s": {"value": RATE_PER_S, "origin": "file"},
        "traffic.payload_bytes": {"value": 200, "origin": "env"},
        "phases.warmup": {"value": f"{WARMUP_S}s", "origin": "default"},
        "phases.measure": {"value": f"{MEASURE_S}s", "origin": "file"},
        "phases.drain": {"value": "5s", "origin": "default"},
        "incident": {"value": [], "origin": "default"},
        "run.seed": {"value": 1, "origin": "default"},
        "run.transport": {"value": "picows", "origin": "default"},
    }


def _environment() -> dict[str, Any]:
    return {
        "host": "bench-1",
        "cpu": "AMD EPYC 7763",
        "cores": 2,
        "kernel": "Linux 6.1.0-28-amd64",
        "python": "3.11.7",
        "packages": {"picows": "2.3.0", "uvloop": "0.21.0", "numpy": "2.4.6"},
        "git_commit": "4f0c1d2",
        "limits": {"open_files": 1_048_576, "ephemeral_ports": 28_232, "somaxconn": 4_096},
    }
