"""What the history owes to those who were not there, or had lost their socket, when a message was sent to their room.

Whoever comes back asks for what it has missed. Of a message that the server had acknowledged it must then get one
copy: from the history, or live where the message was numbered after it was back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from loadgen.measure.entry import Entry
from loadgen.measure.marker import Stamp

Key = tuple[int, int]
"""A message, as (sender, sequence)."""


@dataclass(slots=True)
class Debt:
    """One message, and users who have not got it yet. Times are monotonic ns."""

    stamp: Stamp
    cell: int
    acked: bool
    excused: set[int] = field(default_factory=set)
    """Who was to get it, and lost the socket before."""
    away: set[int] = field(default_factory=set)
    """Who was away by an incident when it was sent, so that nobody expected it to come."""
    read_ns: dict[int, int] = field(default_factory=dict)
    """Of those who were away and have read it in the history: since when they were back."""
    live_ns: dict[int, int] = field(default_factory=dict)
    """Of those who were away and got it live: when."""

    def read(self, user: int, back_ns: int) -> bool:
        """A user who is back since then reads it; whether it had come live since."""
        if user not in self.away and user not in self.live_ns:
            return False
        self.away.discard(user)
        self.read_ns.setdefault(user, back_ns)
        return self.live_ns.get(user, -1) >= back_ns

    def came_live(self, user: int, at_ns: int) -> bool:
        """It comes to a user who was away; whether the history had brought it by then, or since."""
        if user not in self.away and user not in self.read_ns:
            return False
        self.away.discard(user)
        self.live_ns.setdefault(user, at_ns)
        back_ns = self.read_ns.get(user)
        return back_ns is not None and at_ns >= back_ns


class Debts:
    """Those of one process; memory is bounded by what was said while somebody was away."""

    def __init__(self) -> None:
        self._of: dict[Key, Debt] = {}

    def __bool__(self) -> bool:
        return bool(self._of)

    def __iter__(self) -> Iterator[Debt]:
        return iter(self._of.values())

    def of(self, message: Key) -> Debt | None:
        """What is owed of a message."""
        return self._of.get(message)

    def excused(self, entry: Entry, users: Iterable[int]) -> None:
        """They lost their sockets before they had it."""
        self._open(entry).excused.update(users)

    def missed(self, entry: Entry, users: Iterable[int]) -> Debt:
        """They were away when it was sent; what is owed of it by that."""
        debt = self._open(entry)
        debt.away.update(users)
        return debt

    def forget_paid(self, before_ns: int) -> None:
        """Forget those of messages sent before, of which nobody misses any more."""
        paid = [
            key
            for key, debt in self._of.items()
            if debt.stamp.sent_ns < before_ns and not debt.excused and not debt.away
        ]
        for key in paid:
            del self._of[key]

    def clear(self) -> None:
        """Forget all: another window is measured."""
        self._of.clear()

    def _open(self, entry: Entry) -> Debt:
        key = entry.sender, entry.sequence
        debt = self._of.get(key)
        if debt is None:
            debt = self._of[key] = Debt(entry.stamp, entry.cell, entry.acked)
        return debt
