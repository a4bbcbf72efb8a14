"""What a machine can carry, all limits together. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from loadgen.plan.needs import in_words, memory_bytes, processes_for
from scenarios.doctor.facts import Facts
from scenarios.doctor.findings import Finding, Severity, findings_about


@dataclass(frozen=True, slots=True)
class Checkup:
    """All findings, and what they come to."""

    findings: tuple[Finding, ...]
    verdict: str
    users_in_one_process: int
    users_in_all_processes: int
    process_count: int
    users_per_node: int | None
    """To one node that is not on this machine."""
    users_asked: int | None = None
    fits: bool | None = None
    """None where nobody asked for a number of users."""


def check_up(facts: Facts, user_count: int | None = None) -> Checkup:
    """What the machine can carry, and whether that is enough for so many users, where a number is given."""
    findings = tuple(findings_about(facts, user_count))
    in_all = facts.sockets_per_process * facts.process_count
    fits = None if user_count is None else all(each.severity is not Severity.TOO_LITTLE for each in findings)
    return Checkup(
        findings,
        _verdict(facts, user_count),
        facts.sockets_per_process,
        in_all,
        facts.process_count,
        facts.connections_per_node,
        user_count,
        fits,
    )


def _verdict(facts: Facts, user_count: int | None) -> str:
    one, count = facts.sockets_per_process, facts.process_count
    if user_count is not None and facts.memory_left_bytes is not None:
        needed = memory_bytes(user_count, processes_for(user_count, one))
        if needed > facts.memory_left_bytes and user_count <= one * count:
            left = f"{in_words(facts.memory_left_bytes)} are left {facts.memory_whose}"
            return f"{user_count:,} users do not fit: they take about {in_words(needed)}, and {left}."
    room = f"{one:,} users in one process"
    if count > 1:
        room += f", {one * count:,} with {count} processes (--processes auto)"
    per_node = facts.connections_per_node
    elsewhere = "" if per_node is None else f"; to one node that is not on this machine {per_node:,}"
    if user_count is None:
        return f"Up to {room}{elsewhere}."
    if user_count > one * count:
        return f"{user_count:,} users do not fit: at most {room}{elsewhere}."
    how = f"fit with --processes {math.ceil(user_count / one)}" if user_count > one else "fit"
    if per_node is not None and user_count > per_node:
        return (
            f"{user_count:,} users {how} where the server is on this machine, but not where it is elsewhere: from here "
            f"at most {per_node:,} connections lead to one node."
        )
    return f"{user_count:,} users {how}: at most {room}{elsewhere}."
