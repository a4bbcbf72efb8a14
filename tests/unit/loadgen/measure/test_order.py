"""Messages of one sender: who got which of them after a later one, long ago or just now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from loadgen.measure.entry import Arrivals, Entry
from loadgen.measure.marker import Stamp
from loadgen.measure.order import Order

ANN, BOB, EVE = range(3)


@dataclass
class Lane:
    """The messages of one sender to three receivers, settled as one says."""

    looks: int = 0
    """How often it was asked what has arrived of a message under way."""
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.order = Order(self._so_far)

    def _so_far(self, entry: Entry) -> Arrivals:
        self.looks += 1
        return entry.arrivals_so_far()

    def send(self, count: int) -> None:
        """So many messages are sent."""
        for _ in range(count):
            stamp = Stamp(0, len(self.entries), 0, 0)
            entry = Entry(b"%d" % stamp.sequence, stamp, np.array([ANN, BOB, EVE]), measured=True)
            self.entries.append(entry)
            self.order.opened(entry)

    def arrive(self, message: int, *users: int, at_ns: int) -> None:
        """At each of these users."""
        for user in users:
            self.entries[message].log += at_ns, user

    def settle(self, *messages: int) -> dict[int, list[int]]:
        """Account for some together; which receivers of which messages got them out of order."""
        batch: dict[Entry, Arrivals] = {}
        for message in messages:
            entry = self.entries[message]
            batch[entry] = new = entry.arrivals_so_far()
            entry.forget_log()
            if len(new.receivers):
                entry.first_ns, entry.last_ns = int(new.times_ns.min()), int(new.times_ns.max())
        overtaken = self.order.overtaken(batch)
        for entry, new in batch.items():
            entry.strike_out(new.receivers)
            entry.overdue = bool(len(entry.missing))
            self.order.settled(entry, new, 0, finished=not entry.overdue)
        return {entry.sequence: sorted(late.receivers.tolist()) for entry, late in overtaken}


def test_what_comes_by_rising_number_overtakes_nothing() -> None:
    """However many are settled together."""
    lane = Lane()
    lane.send(3)
    for message in range(3):
        lane.arrive(message, ANN, BOB, EVE, at_ns=10 * message)

    assert lane.settle(0) == {}
    assert lane.settle(1, 2) == {}


def test_one_is_compared_with_what_has_come_of_later_ones() -> None:
    """Those that are settled with it, those that were settled before, and those that wait for somebody."""
    lane = Lane()
    lane.send(4)
    lane.arrive(3, ANN, at_ns=10)
    lane.arrive(2, ANN, BOB, EVE, at_ns=11)
    lane.arrive(1, ANN, BOB, EVE, at_ns=12)
    assert lane.settle(2) == {2: [ANN]}
    assert lane.settle(1) == {1: [ANN, BOB, EVE]}
    lane.arrive(0, ANN, at_ns=9)
    lane.arrive(0, BOB, EVE, at_ns=13)
    assert lane.settle(0) == {0: [BOB, EVE]}


def test_who_misses_a_message_for_long_gets_it_out_of_order_once_it_has_had_a_later_one() -> None:
    """Whether the later one is finished, or is missed by somebody else itself."""
    lane = Lane()
    lane.send(2)
    lane.arrive(0, ANN, at_ns=10)
    assert lane.settle(0) == {}
    lane.arrive(1, ANN, BOB, at_ns=20)
    assert lane.settle(1) == {}
    lane.arrive(0, BOB, EVE, at_ns=30)
    assert lane.settle(0) == {0: [BOB]}
    lane.arrive(1, EVE, at_ns=40)
    assert lane.settle(1) == {}


def test_who_gets_a_late_message_after_the_others_is_told_by_himself() -> None:
    """It may come to one receiver after the other, long after the deadline."""
    lane = Lane()
    lane.send(2)
    lane.settle(0)
    lane.arrive(1, ANN, EVE, at_ns=10)
    lane.settle(1)
    lane.arrive(0, BOB, at_ns=20)
    assert lane.settle(0) == {}
    lane.arrive(0, EVE, at_ns=30)
    assert lane.settle(0) == {0: [EVE]}
    lane.arrive(0, ANN, at_ns=40)
    assert lane.settle(0) == {0: [ANN]}


def test_a_later_one_may_have_been_given_up_before_an_earlier_one_was() -> None:
    """What had come of it by then is known, for as long as the earlier one is under way and after that."""
    lane = Lane()
    lane.send(2)
    lane.arrive(1, ANN, at_ns=10)
    assert lane.settle(1) == {}
    lane.arrive(0, ANN, at_ns=20)
    assert lane.settle(0) == {0: [ANN]}

    lane = Lane()
    lane.send(2)
    lane.arrive(1, ANN, at_ns=10)
    assert lane.settle(1) == {}
    assert lane.settle(0) == {}
    lane.arrive(0, ANN, BOB, at_ns=20)
    assert lane.settle(0) == {0: [ANN]}


def test_what_was_overtaken_in_another_time_is_forgotten_when_nobody_misses_anything() -> None:
    """Somebody who misses a message later on has got none after it."""
    lane = Lane()
    lane.send(3)
    lane.arrive(0, ANN, BOB, at_ns=10)
    lane.settle(0)
    lane.arrive(1, ANN, BOB, EVE, at_ns=20)
    lane.settle(1)
    lane.arrive(0, EVE, at_ns=30)
    assert lane.settle(0) == {0: [EVE]}
    lane.settle(2)
    lane.arrive(2, ANN, BOB, EVE, at_ns=40)
    assert lane.settle(2) == {}


def settle_all(lane: Lane, at_once: int, messages: Sequence[int]) -> None:
    """So many in a bite."""
    for low in range(0, len(messages), at_once):
        lane.settle(*messages[low : low + at_once])


def test_of_thousands_under_way_only_those_are_looked_at_that_may_have_overtaken_others() -> None:
    """One sender may write a thousand messages a second: each of them compared with each takes minutes."""
    lane = Lane()
    count, at_once = 2_000, 10
    lane.send(count + 1)
    lane.settle(0)  # somebody misses this one for good
    for message in range(1, count + 1):
        lane.arrive(message, ANN, BOB, at_ns=10 * message)
        lane.arrive(message, EVE, at_ns=10 * message + 15)  # when the next one is there
    settle_all(lane, at_once, range(1, count + 1))

    assert lane.looks <= 2 * count // at_once


def test_thousands_that_come_after_the_deadline_are_not_compared_with_one_another() -> None:
    """A server that stood still brings all of it at once."""
    lane = Lane()
    count, at_once = 2_000, 10
    lane.send(count)
    settle_all(lane, at_once, range(count))
    for message in range(count):
        lane.arrive(message, ANN, BOB, EVE, at_ns=1_000 + message)
    settle_all(lane, at_once, range(count))

    assert lane.looks <= 2 * count // at_once
