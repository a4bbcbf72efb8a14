"""Settling: what is complete or past the deadline is accounted for, in bites between which sockets are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from loadgen.measure.accounts import Accounts
from loadgen.measure.catching_up import CatchingUp
from loadgen.measure.entry import Entry
from loadgen.measure.extras import Extras
from loadgen.measure.first_arrivals import FirstArrivals
from loadgen.measure.numbered_rooms import NumberedRooms
from loadgen.measure.open_messages import OpenMessages
from loadgen.measure.order import Order
from loadgen.measure.received import Received
from loadgen.measure.rules import Rules
from loadgen.plan.pacing import NS_PER_S


class Bite(NamedTuple):
    """How much is settled at once: it ends with the message that reaches either."""

    messages: int
    arrivals: int


BITE = Bite(messages=100, arrivals=5_000)


@dataclass(frozen=True, slots=True)
class Settling:
    """All of a bite in one go with numpy: of a message nothing is left but who still misses it."""

    rules: Rules
    messages: OpenMessages
    first_arrivals: FirstArrivals
    order: Order
    numbered_rooms: NumberedRooms | None
    catching_up: CatchingUp
    extras: Extras
    accounts: Accounts
    received: Received

    def account(self) -> None:
        """Put into the tally what is settled, and what was sent."""
        self.accounts.account_sends()
        self.received.account()
        self.accounts.account_finished()

    def settle(self, now_ns: int, bite: Bite) -> bool:
        """Account for messages that everybody has, or that are past the deadline; whether there may be more."""
        self.order.forget_unsure(now_ns - self.rules.deadline_ns - NS_PER_S)
        oldest_ns = now_ns - self.rules.deadline_ns
        batch: list[Entry] = []
        arrival_count = 0
        more = False
        for entry in self.messages.by_marker.values():
            if not entry.told:
                continue
            if entry.overdue:
                if not entry.log:
                    continue
            elif entry.stamp.sent_ns >= oldest_ns and (len(entry.log) < entry.complete_at or not entry.look()):
                continue
            batch.append(entry)
            arrival_count += len(entry.log) // 2
            if len(batch) >= bite.messages or arrival_count >= bite.arrivals:
                more = True
                break
        if batch:
            self._settle(batch, now_ns)
        if not more or self.received.is_much:
            self.account()
        return more or self._judge_some(now_ns)

    def close(self, end_ns: int) -> None:
        """The drain has ended: account for everything; what is missing is lost, or excused."""
        messages = self.messages
        messages.drop_untold()
        if messages.by_marker:
            self._settle(list(messages.by_marker.values()), end_ns)
        left = [entry for entry in messages.by_marker.values() if entry.measured]
        self.accounts.lost(left)
        self.catching_up.close()
        self.accounts.finished(left)
        self.account()
        if self.numbered_rooms is not None:
            self.numbered_rooms.judge(end_ns)
        messages.drop(list(messages.by_marker.values()))
        # What comes while the sockets are closed was called lost, and is no duplicate.
        self.accounts.close()

    def _settle(self, batch: Sequence[Entry], now_ns: int) -> None:
        arrivals, extras = self.first_arrivals.take(batch)
        self.received.note(arrivals)
        for entry, late in self.order.overtaken(arrivals):
            self.accounts.overtaken(entry, late)
        finished = []
        for entry, new in arrivals.items():
            entry.strike_out(new.receivers)
            if len(entry.missing):
                self.catching_up.excuse(entry, now_ns)
            is_finished = not len(entry.missing)
            if self.numbered_rooms is not None:
                self.numbered_rooms.note(entry, new, finished=is_finished)
            if is_finished:
                finished.append(entry)
            else:
                entry.overdue = True
            self.order.settled(entry, new, now_ns, finished=is_finished)
        self.messages.drop(finished)
        self.accounts.finished(finished)
        for extra in extras:
            self.extras.count(extra)

    def _judge_some(self, now_ns: int) -> bool:
        """Judge the order in the rooms, when all is settled; whether there is more to judge."""
        if self.numbered_rooms is None or not self.numbered_rooms.is_time(now_ns):
            return False
        self.catching_up.forget_paid(now_ns)
        return self.numbered_rooms.judge_some(now_ns)
