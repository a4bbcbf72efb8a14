"""Rooms whose messages the server numbers: judging the order of what arrived, a bite at a time, when all is settled."""

from __future__ import annotations

from loadgen.measure.accounts import Accounts
from loadgen.measure.entry import Arrivals, Entry
from loadgen.measure.room_order import RoomOrder
from loadgen.measure.rules import Rules
from loadgen.plan.pacing import NS_PER_S

JUDGED_AT_ONCE = 20
"""Messages whose order in their rooms is judged in one bite."""


class NumberedRooms:
    """Of one process, once a second. Times are monotonic ns."""

    def __init__(self, rules: Rules, accounts: Accounts) -> None:
        self._rules = rules
        self._accounts = accounts
        self._order = RoomOrder()
        self._unnumbered: dict[bytes, Entry] = {}  # finished, and its number may still come
        self._judged_ns = 0

    def note(self, entry: Entry, new: Arrivals, *, finished: bool) -> None:
        """What has arrived of a message; its number may be told later."""
        if entry.stamp.receiver is None:
            self._order.note(self._rules.room_of(entry.stamp), entry, new)
            if finished and entry.room_sequence is None:
                self._unnumbered[entry.marker] = entry

    def forget(self) -> None:
        """Another window is measured: messages that are finished, and whose number may still come, count no more."""
        for entry in self._unnumbered.values():
            entry.measured = False

    def take_unnumbered(self, text: bytes) -> Entry | None:
        """That of them with the marker ``text``: its number has come."""
        return self._unnumbered.pop(text, None)

    def is_time(self, now_ns: int) -> bool:
        """Whether a second is over since all was judged."""
        return now_ns - self._judged_ns > NS_PER_S

    def judge_some(self, now_ns: int) -> bool:
        """Judge a bite; whether there is more to judge."""
        # Before that, a message may be under way that reached somebody first; or be left for the next bite.
        until_ns = now_ns - self._rules.deadline_ns - NS_PER_S
        self.judge(until_ns, JUDGED_AT_ONCE)
        if self._order.is_ripe(until_ns):
            return True
        self._judged_ns = now_ns
        return False

    def judge(self, until_ns: int, at_most: int | None = None) -> None:
        """Count what was overtaken of the arrivals up to then; of about ``at_most`` messages."""
        for entry, late in self._order.overtaken(until_ns, at_most):
            self._accounts.overtaken(entry, late)
        # About in the order in which they were sent.
        while self._unnumbered and next(iter(self._unnumbered.values())).stamp.sent_ns < until_ns:
            del self._unnumbered[next(iter(self._unnumbered))]
