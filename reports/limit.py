"""What kept a run from carrying more: the server, the generator, the machine, or nothing that we saw."""

from __future__ import annotations

from typing import Any

from loadgen.measure.tally import Metric
from reports.subjects import Resource

# A process of one event loop that is this busy is at its end.
SATURATED_CPU_RATIO = 0.9

# A machine that is this busy has nothing left, and where others use more than this of it, it is they who had it. Short
# of that there were cores to be had, and the generator was given too little of them: that is the generator's limit.
FULL_CPU_RATIO = 0.9
CROWDED_CPU_RATIO = 0.2

# What others can do to a generator by taking its CPU, and what it can only do to itself.
_DOUBTS_OF_LATENESS = ("generator_late", "loop_lag", "schedule_unmet")
_OUR_DOUBTS = (*_DOUBTS_OF_LATENESS, "generator_cpu_bound", "users_missing", "limit_hit", "worker_died")

# Budgets on these say nothing of the server.
_OUR_FIGURES = (
    *(Metric.SEND_LATENESS, Metric.LOOP_LAG, Metric.GC_PAUSE),
    *(Resource.GENERATOR_MEMORY, Resource.COORDINATOR_MEMORY, Resource.GENERATOR_DESCRIPTORS),
)


def limit_of(document: dict[str, Any]) -> dict[str, str]:
    """``{side: none | server | generator | machine, reason}`` of a document whose doubts and budgets are known.

    A generator that cannot be believed comes first: what it says of the server is then worth nothing.
    """
    fatal = [doubt for doubt in document["doubts"] if doubt["severity"] == "fatal"]
    ours = [doubt for doubt in fatal if doubt["code"] in _OUR_DOUBTS]
    crowd = _crowd_on_machine(document)
    if ours and crowd and all(doubt["code"] in _DOUBTS_OF_LATENESS for doubt in ours):
        full = (document["machine"]["cpu_ratio"] or 0.0) > FULL_CPU_RATIO
        return {"side": "machine" if full else "generator", "reason": f"{ours[0]['detail']}; {crowd}"}
    if ours:
        return {"side": "generator", "reason": ours[0]["detail"]}
    strained = _strain_of_server(document)
    if strained:
        return {"side": "server", "reason": f"{strained}; {_ease_of_generator(document)}"}
    if broken := _broken_budgets(document, of_ours=True):
        return {"side": "generator", "reason": ", ".join(broken)}
    return {"side": "none", "reason": "neither the server nor the generator was at its limit"}


def _crowd_on_machine(document: dict[str, Any]) -> str | None:
    # Documents of before the whole machine was watched have no such section.
    others = document.get("machine", {}).get("others_cpu_ratio")
    if others is None or others <= CROWDED_CPU_RATIO:
        return None
    server = "" if document["target"]["owned"] else " (the server among them, if it runs here)"
    return f"programs that are not ours{server} used {others:.0%} of the machine"


def _strain_of_server(document: dict[str, Any]) -> str | None:
    counters, server = document["counters"], document["server"]
    signs = []
    # One of several processes that is at its end keeps all of them from more.
    for process in () if server is None else server.get("processes") or [server]:
        if process["cpu_ratio"] is not None and process["cpu_ratio"] > SATURATED_CPU_RATIO:
            name = process.get("name", "the server")
            signs.append(f"{name} used {process['cpu_ratio']:.0%} of a core")
    for name, words in (
        ("connections_failed", "connections failed"),
        ("connections_dropped", "connections were dropped"),
        ("deliveries_lost", "deliveries were lost"),
    ):
        if counters[name]:
            signs.append(f"{counters[name]:,} {words}")
    if document["run"]["ended_early"] == "login_refused":
        signs.append("nobody could log in")
    signs += _broken_budgets(document, of_ours=False)
    return ", ".join(signs) or None


def _broken_budgets(document: dict[str, Any], *, of_ours: bool) -> list[str]:
    broken = [budget["expression"] for budget in document["budgets"] if budget["ok"] is False]
    return [f"{each} was broken" for each in broken if each.startswith(_OUR_FIGURES) is of_ours]


def _ease_of_generator(document: dict[str, Any]) -> str:
    processes = document["generator"]["processes"]
    known = [process for process in processes if process["cpu_ratio"] is not None]
    if not known:
        return "the generator had nothing to do"
    busiest = max(known, key=lambda process: process["cpu_ratio"])
    which = f"its busiest worker of {len(processes)} (pid {busiest['pid']}) used " if len(processes) > 1 else ""
    late_ms = busiest["send_lateness_p99_ms"]
    late = "" if late_ms is None else f" and sent within {late_ms:.1f} ms of the due time (p99)"
    return f"the generator was at ease: {which}{busiest['cpu_ratio']:.0%} of a core{late}"
