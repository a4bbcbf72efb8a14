"""Users who come and go by plan: straight lines from one number of users to the next, and steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """Within ``length_ns`` the number of users goes evenly to ``user_count``; within 0 they move all at once."""

    length_ns: int
    user_count: int


@dataclass(frozen=True, slots=True)
class Move:
    """At ``at_ns`` after the start of the first stage a user comes, or leaves."""

    at_ns: int
    user: int
    comes: bool


def user_count_at(stages: Sequence[Stage], at_ns: int) -> int:
    """How many users there are ``at_ns`` after the start; they are those with the lowest numbers."""
    if at_ns < 0:
        return 0
    before, start_ns = 0, 0
    for stage in stages:
        spent_ns = at_ns - start_ns
        if spent_ns < stage.length_ns:
            return before + _steps(stage.user_count - before, spent_ns, stage.length_ns)
        before, start_ns = stage.user_count, start_ns + stage.length_ns
    return before


def moves_of(stages: Sequence[Stage]) -> list[Move]:
    """Every coming and going, in order. Nobody is there at first; who came last leaves first."""
    moves = []
    before, start_ns = 0, 0
    for stage in stages:
        change = stage.user_count - before
        for step in range(1, abs(change) + 1):
            # The first instant at which _steps counts it.
            at_ns = start_ns + -(-step * stage.length_ns // abs(change))
            moves.append(Move(at_ns, before + step - 1 if change > 0 else before - step, comes=change > 0))
        before, start_ns = stage.user_count, start_ns + stage.length_ns
    return moves


def _steps(change: int, spent_ns: int, length_ns: int) -> int:
    """How much of a change has been made: whole users, none before its time."""
    made = abs(change) * spent_ns // length_ns
    return made if change > 0 else -made
