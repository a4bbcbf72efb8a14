"""The order of a room, beside what one would say of it looking at each receiver alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.measure.entry import NOBODY, Arrivals, Entry
from loadgen.measure.marker import Stamp
from loadgen.measure.room_order import RoomOrder

RECEIVERS = 3
# For each message, in the order of its number: its sender, and when it came to each receiver (None: it did not).
MESSAGES = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.none() | st.integers(0, 30), min_size=RECEIVERS, max_size=RECEIVERS)),
    max_size=12,
)


def an_entry(number: int | None, sender: int = 0, *, measured: bool = True) -> Entry:
    """A message with that number in its room."""
    entry = Entry(b"", Stamp(sender, 0, 0, 0), NOBODY, measured=measured)
    entry.room_sequence = number
    return entry


def count_of(order: RoomOrder, until_ns: int, at_most: int | None = None) -> int:
    """How many arrivals were overtaken, of all messages."""
    return sum(len(late.receivers) for _, late in order.overtaken(until_ns, at_most))


def arrivals(*came_ns: int | None) -> Arrivals:
    """When it came to receiver 0, 1, ..."""
    there = [(user, ns) for user, ns in enumerate(came_ns) if ns is not None]
    return Arrivals(*(np.array(column, np.int64) for column in (zip(*there, strict=True) if there else ((), ()))))


def overtakers_of(messages: list[tuple[int, list[int | None]]], number: int, receiver: int) -> set[int]:
    """Whose messages of a higher number had come to the receiver before this one did."""
    at_ns = messages[number][1][receiver]
    return {
        sender
        for sender, came_ns in messages[number + 1 :]
        if at_ns is not None and (other_ns := came_ns[receiver]) is not None and other_ns < at_ns
    }


@settings(max_examples=500)
@given(MESSAGES, st.lists(st.integers(0, 30), max_size=4), st.none() | st.integers(1, 3))
def test_each_receiver_is_held_to_the_numbers_of_the_server(
    messages: list[tuple[int, list[int | None]]], moments: list[int], at_most: int | None
) -> None:
    """Whoever gets a lower number after a higher one got it out of order, however often one looks meanwhile.

    Nor does it matter how many messages are judged at once.

    What was overtaken by one of its own sender is counted already.
    """
    order, expected = RoomOrder(), 0
    for number, (sender, came_ns) in enumerate(messages):
        entry = an_entry(number, sender)
        overtakers = [overtakers_of(messages, number, receiver) for receiver in range(RECEIVERS)]
        entry.note_reordered(np.array([r for r in range(RECEIVERS) if sender in overtakers[r]], np.int64))
        expected += sum(bool(each) and sender not in each for each in overtakers)
        order.note(0, entry, arrivals(*came_ns))

    found = 0
    for moment in [*sorted(moments), 100]:
        while order.is_ripe(moment):
            found += count_of(order, moment, at_most)
    assert found == expected


def test_what_is_judged_later_is_held_to_what_was_judged_before() -> None:
    """A lower number that comes in the next second was overtaken all the same, where the higher one was got."""
    order = RoomOrder()
    order.note(0, an_entry(7, sender=1), arrivals(10, 11, None))
    assert count_of(order, 20) == 0
    order.note(0, an_entry(6, sender=2), arrivals(30, 31, 32))

    assert count_of(order, 40) == 2


def test_numbers_may_be_as_large_as_a_server_likes() -> None:
    """Only the last of twelve receivers got the second message first."""
    order = RoomOrder()
    order.note(0, an_entry(10**18 - 2, sender=1), arrivals(*[10] * 11, 20))
    order.note(0, an_entry(10**18 - 1, sender=2), arrivals(*[20] * 11, 10))

    assert count_of(order, 100) == 1


def test_arrivals_wait_until_they_can_be_judged() -> None:
    """Before that, a message may be under way that had come first."""
    order = RoomOrder()
    order.note(0, an_entry(2, sender=1), arrivals(10))
    order.note(0, an_entry(1, sender=2), arrivals(50))
    assert count_of(order, 5) == 0

    assert count_of(order, 60) == 1
    assert count_of(order, 70) == 0


def test_rooms_and_messages_without_a_number_are_left_alone() -> None:
    """A number means something within its room; what was never acknowledged has none."""
    order = RoomOrder()
    order.note(0, an_entry(5, sender=1), arrivals(10))
    order.note(1, an_entry(1, sender=2), arrivals(20))
    order.note(0, an_entry(None, sender=2), arrivals(20))

    assert count_of(order, 100) == 0


def test_a_room_whose_messages_have_no_numbers_yet_has_no_order() -> None:
    """Their acknowledgements may not have come."""
    order = RoomOrder()
    order.note(0, an_entry(None), arrivals(5, 6))

    assert count_of(order, 10) == 0
    order.note(0, an_entry(3), arrivals(12, 12))
    assert count_of(order, 20) == 0


def test_what_is_not_measured_is_not_counted_but_overtakes() -> None:
    """The warm-up is no excuse for the window."""
    order = RoomOrder()
    order.note(0, an_entry(1, sender=1, measured=False), arrivals(20))
    order.note(0, an_entry(2, sender=2, measured=False), arrivals(10))
    order.note(0, an_entry(0, sender=3), arrivals(30))

    assert count_of(order, 100) == 1


def test_it_is_told_of_which_message_an_overtaken_arrival_is() -> None:
    """Of several that are entangled, those that were overtaken, each with the number of its receivers."""
    order = RoomOrder()
    first, second, third = (an_entry(number, sender=number) for number in range(3))
    order.note(0, first, arrivals(30, 31, 32))
    order.note(0, second, arrivals(20, 33, 34))
    order.note(0, third, arrivals(10, 40, 41))

    assert {entry: len(late.receivers) for entry, late in order.overtaken(100)} == {first: 1, second: 1}
