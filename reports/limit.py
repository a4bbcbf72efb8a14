"""What kept a run from carrying more: the server, the generator, the machine, or nothing that we saw."""

from __future__ import annotations

from typing import Any

# A process of one event loop that is this busy is at its end.
SATURATED_CPU_RATIO = 0.9

_OUR_DOUBTS = ("generator_late", "loop_lag", "schedule_unmet", "limit_hit", "worker_died")


def limit_of(document: dict[str, Any]) -> dict[str, str]:
    """``{side: none | server | generator | machine, reason}`` of a document whose doubts and budgets are known.

    A generator that cannot be believed comes first: what it says of the server is then worth nothing.
    """
    fatal = [doubt for doubt in document["doubts"] if doubt["severity"] == "fatal"]
    ours = [doubt for doubt in fatal if doubt["code"] in _OUR_DOUBTS]
    if ours:
        return {"side": "generator", "reason": ours[0]["detail"]}
    strained = _strain_of_server(document)
    if strained:
        return {"side": "server", "reason": f"{strained}; {_ease_of_generator(document)}"}
    return {"side": "none", "reason": "neither the server nor the generator was at its limit"}


def _strain_of_server(document: dict[str, Any]) -> str | None:
    counters, server = document["counters"], document["server"]
    signs = []
    if server is not None and server["cpu_ratio"] is not None and server["cpu_ratio"] > SATURATED_CPU_RATIO:
        signs.append(f"the server used {server['cpu_ratio']:.0%} of a core")
    for name, words in (
        ("connections_failed", "connections failed"),
        ("connections_dropped", "connections were dropped"),
        ("deliveries_lost", "deliveries were lost"),
    ):
        if counters[name]:
            signs.append(f"{counters[name]:,} {words}")
    if document["run"]["ended_early"] == "login_refused":
        signs.append("nobody could log in")
    signs += [f"{budget['expression']} was broken" for budget in document["budgets"] if budget["ok"] is False]
    return ", ".join(signs) or None


def _ease_of_generator(document: dict[str, Any]) -> str:
    process = next(iter(document["generator"]["processes"]), None)
    if process is None or process["cpu_ratio"] is None:
        return "the generator had nothing to do"
    late_ms = process["send_lateness_p99_ms"]
    late = "" if late_ms is None else f" and sent within {late_ms:.1f} ms of the due time (p99)"
    return f"the generator was at ease: {process['cpu_ratio']:.0%} of a core{late}"
