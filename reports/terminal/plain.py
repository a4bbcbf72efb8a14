"""A run that goes on in a line, for logs and pipes: time, phase, users, and what the newest second has to say."""

from __future__ import annotations

from typing import Any

from reports import numbers
from reports.terminal.progress import done_of_phase, newest, phase_of, phase_words, run_time_s, spent_of_phase_s


def plain_line(document: dict[str, Any]) -> str:
    """The line of a snapshot; what it knows nothing of is left out."""
    parts = (f"{run_time_s(document):.0f} s", _phase(document), _users(document), _figures(document))
    return "  ".join(part for part in parts if part)


def _phase(document: dict[str, Any]) -> str:
    name, spent, done = phase_words(document), spent_of_phase_s(document), done_of_phase(document)
    if spent is not None:
        return f"{name} {spent[0]:.0f} of {spent[1]:g} s"
    return name if done is None else f"{name} {numbers.percent(done)}"


def _users(document: dict[str, Any]) -> str:
    """Who is there, who has come back, and over how many processes they are spread."""
    connections = newest(document, "connections")
    if connections is None:
        return ""
    counters, planned = document.get("counters") or {}, document.get("plan") or {}
    users = counters.get("users_planned")
    talking = phase_of(document) in ("warmup", "measure", "drain")
    # With stages fewer than all of them are wanted most of the time.
    some_are_away = talking and users and connections < users and not planned.get("users.stages", {}).get("value")
    shown = [f"{numbers.count(connections)}{f' of {numbers.count(users)}' if some_are_away else ''} users"]
    if counters.get("reconnects"):
        shown.append(f"{numbers.count(counters['reconnects'])} came back")
    processes = len((document.get("generator") or {}).get("processes") or [])
    if processes > 1:
        shown.append(f"{processes} processes")
    return "  ".join(shown)


def _figures(document: dict[str, Any]) -> str:
    sent, received = (newest(document, name) for name in ("messages_sent", "deliveries_received"))
    shown = [] if sent is None else [f"{numbers.count(sent)} messages/s"]
    if received is not None:
        shown.append(f"{numbers.count(received)} deliveries/s")
    for quantile in ("p50", "p99"):
        value_ms = newest(document, f"delivery_time_{quantile}_ms")
        if value_ms is not None:
            shown.append(f"{quantile} {numbers.duration(value_ms)}")
    if shown:
        shown.append(f"lost {numbers.count((document.get('counters') or {}).get('deliveries_lost'))}")
    return "  ".join(shown)
