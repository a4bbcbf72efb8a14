"""What happened between two looks at a running document: a few lines a second for whoever follows a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from reports.budgets import Document, exit_code_of
from reports.verdicts import headline

Event = dict[str, Any]

# A server in trouble makes many kinds of errors at once: those most often seen get a line each, the rest one together.
_ERROR_LINES = 3

_COUNTED = {
    "disconnects": "connections_dropped",
    "reconnects": "reconnects",
    "lost": "deliveries_lost",
}
"""Event -> the counter whose growth it tells."""


def events_between(before: Document | None, after: Document) -> list[Event]:
    """What happened from one snapshot to the next, or to the final document: each ``{t_s, event, ...}``, in time.

    ``before`` is None at the first call. ``t_s`` counts from the start of the run; what has no instant of its own has
    the one up to which ``after`` tells. However much goes wrong, a call gives a few lines (the last one also a line
    for each doubt and budget).
    """
    t_s = _told_until_s(after)
    events = [
        *([_run_started(after)] if before is None else []),
        *_phases(before, after),
        *({"t_s": t_s, **event} for event in _errors(before, after)),
        *({"t_s": t_s, **event} for event in _changes(before, after)),
    ]
    # Stable: of two at one instant, a phase ends before the next one starts.
    events.sort(key=lambda event: event["t_s"])
    if after["verdict"] is not None:
        events += [{"t_s": t_s, **event} for event in _judgement(after)]
    return events


def line_of(event: Event) -> str:
    """The event as one line of JSON, its end included."""
    return json.dumps(event, allow_nan=False) + "\n"


def _run_started(document: Document) -> Event:
    users = document["plan"].get("users.count")
    return {
        "t_s": 0.0,
        "event": "run_started",
        "run": document["run"]["id"],
        "scenario": document["run"]["scenario"],
        "target": document["target"]["url"],
        "users": users["value"] if users else None,
    }


def _phases(before: Document | None, after: Document) -> Iterator[Event]:
    known = {} if before is None else {phase["name"]: phase for phase in before["phases"]}
    for phase in after["phases"]:
        name = phase["name"]
        if name not in known:
            yield {"t_s": phase["start_s"], "event": "phase_started", "phase": name}
        if phase["end_s"] is not None and (name not in known or known[name]["end_s"] is None):
            yield {"t_s": phase["end_s"], "event": "phase_ended", "phase": name}


def _errors(before: Document | None, after: Document) -> Iterator[Event]:
    known = {} if before is None else {(error["kind"], error["phase"]): error["count"] for error in before["errors"]}
    new = [
        error | {"count": error["count"] - known.get((error["kind"], error["phase"]), 0)} for error in after["errors"]
    ]
    new = sorted((error for error in new if error["count"] > 0), key=lambda error: -error["count"])
    for error in new[:_ERROR_LINES]:
        yield {"event": "errors", **{key: error[key] for key in ("kind", "phase", "count", "example")}}
    rest = sum(error["count"] for error in new[_ERROR_LINES:])
    if rest:
        yield {"event": "errors", "kind": None, "phase": None, "count": rest, "example": None}


def _changes(before: Document | None, after: Document) -> Iterator[Event]:
    open_before, open_after = _connections(before), _connections(after)
    if open_after is not None and open_after != (open_before or 0):
        yield {"event": "connections", "open": open_after}
    for event, counter in _COUNTED.items():
        grown = after["counters"].get(counter, 0) - (before["counters"].get(counter, 0) if before else 0)
        if grown > 0:
            yield {"event": event, "count": grown}
    if _a_worker_died(after) and not (before and _a_worker_died(before)):
        doubt = next((doubt for doubt in after["doubts"] if doubt["code"] == "worker_died"), None)
        yield {"event": "worker_died", "detail": doubt["detail"] if doubt else None}


def _judgement(document: Document) -> Iterator[Event]:
    for doubt in document["doubts"]:
        yield {"event": "doubt", **{key: doubt[key] for key in ("code", "severity", "detail", "advice")}}
    for budget in document["budgets"]:
        yield {"event": "budget", **{key: budget[key] for key in ("expression", "observed", "ok")}}
    yield {
        "event": "run_ended",
        "verdict": document["verdict"],
        "exit_code": int(exit_code_of(document)),
        "reason": headline(document).sentence,
    }


def _connections(document: Document | None) -> int | None:
    """How many sockets were open in the last second that the document tells of."""
    open_counts = document["series"].get("connections") if document else None
    return open_counts[-1] if open_counts else None


def _a_worker_died(document: Document) -> bool:
    early = document["run"]["ended_early"] == "worker_died"
    return early or any(doubt["code"] == "worker_died" for doubt in document["doubts"])


def _told_until_s(document: Document) -> float:
    edges = [edge for phase in document["phases"] for edge in (phase["start_s"], phase["end_s"]) if edge is not None]
    if document["verdict"] is not None and edges:
        return float(max(edges))
    series = document["series"]
    return float(max([*edges, *(second + series["interval_s"] for second in series["t_s"][-1:])], default=0.0))
