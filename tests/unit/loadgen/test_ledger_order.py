"""What the ledger calls out of order: by the sequence of a sender, and by the numbers of a room."""

from __future__ import annotations

import pytest

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.examples import Fault
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.news import News
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Share
from loadgen.plan.rooms import Layer, Rooms
from loadgen.plan.slices import UNSLICED, Slicing, Stretch
from tests.support.ledgers import (
    DEADLINE_NS,
    PREFIX,
    USERS,
    Processes,
    a_ledger,
    a_return,
    an_unmeasured_ledger,
    counted,
    noted,
    send,
)

IN_ONE_ROOM = Slicing(Rooms.alike(1), USERS, (), (Stretch("stage: 1", 0, None),))


def text_of(frame: bytes) -> bytes:
    """The marker that is the last thing in it."""
    return frame[-marker.WIDTH :]


def receive(ledger: Ledger, *arrivals: tuple[int, bytes, int]) -> None:
    """Some deliveries, each as (user, frame, at_ns)."""
    for user, frame, at_ns in arrivals:
        assert ledger.receive(user, frame, at_ns)


# --- by the sequence of a sender


@pytest.mark.parametrize("slicing", [UNSLICED, IN_ONE_ROOM], ids=["unsliced", "sliced"])
def test_who_gets_a_message_after_a_later_one_is_counted_once_whenever_it_is_settled(slicing: Slicing) -> None:
    """One within the deadline, one after it, and one as the books are closed."""
    ledger = a_ledger(rooms=1, slicing=slicing)
    first, second = send(ledger, 0, 10), send(ledger, 0, 11)
    receive(ledger, (1, second, 20), (0, first, 20), (0, second, 21), (1, first, 21), (2, second, 22), (3, second, 23))
    told = []
    for settled_ns, late in ((50, None), (111, 2), (210, 3)):
        ledger.settle(settled_ns)
        told.append(ledger.tally.counts[Count.DELIVERIES_REORDERED])
        if late is not None:
            ledger.receive(late, first, settled_ns + 50)
    ledger.close(1_000)

    assert [*told, ledger.tally.counts[Count.DELIVERIES_REORDERED]] == [0, 1, 2, 3]
    assert noted(ledger, Fault.REORDERED) == {((0, 0), user) for user in (1, 2, 3)}
    if slicing is IN_ONE_ROOM:
        assert ledger.tally.of_slice("stage: 1").counts[Count.DELIVERIES_REORDERED] == 3


def test_of_several_senders_each_is_held_to_its_own_order() -> None:
    """One receiver gets the two messages of either the wrong way round; all is settled together."""
    ledger = a_ledger(rooms=1)
    frames = [send(ledger, sender, at_ns) for at_ns in (10, 11) for sender in (0, 1)]
    for at_ns, message in enumerate((0, 1, 2, 3), start=20):
        receive(ledger, *((user, frames[message], at_ns) for user in (0, 1, 3)))
    for at_ns, message in enumerate((2, 3, 0, 1), start=20):
        receive(ledger, (2, frames[message], at_ns))
    ledger.settle(40)

    assert ledger.under_way == 0
    assert ledger.tally.counts[Count.DELIVERIES_REORDERED] == 2
    assert noted(ledger, Fault.REORDERED) == {((0, 0), 2), ((1, 0), 2)}


@pytest.mark.parametrize("finished", [False, True])
def test_who_was_excused_from_the_later_message_has_not_got_it_before(*, finished: bool) -> None:
    """Its socket was gone, and when it is back the earlier one comes, long after the deadline.

    The other one who misses the earlier message is held to the later one where he has it.
    """
    ledger = a_ledger(rooms=1)
    first, second = send(ledger, 0, 10), send(ledger, 0, 60)
    receive(ledger, (0, first, 15), (1, first, 15), (0, second, 65), (1, second, 65))
    ledger.settle(112)
    a_return(ledger, 2, left_ns=120, back_ns=130)
    ledger.settle(170)
    if finished:
        receive(ledger, (3, second, 180))
        ledger.settle(190)
    receive(ledger, (2, first, 200), (3, first, 201))
    ledger.close(1_000)

    counts = counted(ledger)
    assert counts.get(Count.DELIVERIES_REORDERED, 0) == finished
    assert counts[Count.DELIVERIES_RECEIVED] == 6 + finished
    assert counts[Count.DELIVERIES_EXCUSED] == 1


def test_it_does_not_matter_in_which_order_the_receivers_of_the_later_message_got_it() -> None:
    """It is under way still; two of them get the earlier one long after its deadline."""
    ledger = a_ledger(rooms=1)
    first, second = send(ledger, 0, 10), send(ledger, 0, 60)
    receive(ledger, (0, first, 15), (3, second, 70), (1, second, 71), (0, second, 72))
    ledger.settle(112)
    receive(ledger, (3, first, 150), (1, first, 151))
    ledger.settle(155)

    assert ledger.tally.counts[Count.DELIVERIES_REORDERED] == 2
    assert noted(ledger, Fault.REORDERED) == {((0, 0), 1), ((0, 0), 3)}


def test_what_history_has_brought_has_overtaken_nothing() -> None:
    """It is no delivery; one that came live has, at the one receiver who stayed."""
    ledger = a_ledger(rooms=1)
    first, second = send(ledger, 0, 10), send(ledger, 0, 60)
    receive(ledger, (0, first, 15), (1, first, 15), (0, second, 65))
    ledger.settle(112)
    a_return(ledger, 2, left_ns=120, back_ns=130)
    receive(ledger, (2, second, 140), (3, second, 140), (2, first, 150), (3, first, 150))
    ledger.settle(155)
    ledger.close(1_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 8,
        Count.DELIVERIES_RECEIVED: 6,
        Count.DELIVERIES_LATE: 2,
        Count.DELIVERIES_LOST: 1,
        Count.DELIVERIES_EXCUSED: 1,
        Count.DELIVERIES_RECOVERED: 1,
        Count.DELIVERIES_REORDERED: 1,
    }
    assert noted(ledger, Fault.REORDERED) == {((0, 0), 3)}


# --- by the numbers of a room


def test_a_number_may_come_while_the_message_is_under_way() -> None:
    """As almost all do; such an acknowledgement counts as any other."""
    ledger = a_ledger(numbered=True)
    first, second, lost = send(ledger, 0, 10), send(ledger, 2, 11), send(ledger, 0, 12)
    for number, frame in enumerate((first, second, lost), start=41):
        ledger.acked(text_of(frame), number)
    receive(ledger, (0, first, 20), (0, second, 21), (2, second, 20), (2, first, 21))
    ledger.close(50)

    assert ledger.tally.counts[Count.DELIVERIES_REORDERED] == 1
    assert ledger.tally.counts[Count.DELIVERIES_LOST_ACKED] == 2
    assert noted(ledger, Fault.REORDERED) == {((0, 0), 2)}


def test_an_acknowledgement_without_a_number_says_nothing_of_the_order() -> None:
    """In no process: what has no number has overtaken nothing, and nothing it."""
    processes = Processes(3, numbered=True)
    plain, numbered = send(processes.of(0), 0, 10), send(processes.of(2), 2, 11)
    processes.of(0).acked(text_of(plain))
    processes.of(2).acked(text_of(numbered), 5)
    receive(processes.of(0), (0, plain, 20), (0, numbered, 21))
    receive(processes.of(2), (2, numbered, 20), (2, plain, 21))
    tally = processes.close(50)

    assert tally.counts[Count.DELIVERIES_RECEIVED] == 4
    assert tally.counts[Count.DELIVERIES_REORDERED] == 0


def test_numbers_of_two_processes_are_numbers_of_one_room() -> None:
    """One receiver gets the neighbours the wrong way round, and one of them was sent by another process."""
    processes = Processes(3, numbered=True)
    lower, higher = send(processes.of(2), 2, 10), send(processes.of(0), 0, 11)
    processes.of(2).acked(text_of(lower), 5)
    processes.of(0).acked(text_of(higher), 6)
    receive(processes.of(0), (0, lower, 20), (0, higher, 21))
    receive(processes.of(2), (2, higher, 20), (2, lower, 21))

    assert processes.close(50).counts[Count.DELIVERIES_REORDERED] == 1


def test_each_room_has_numbers_of_its_own() -> None:
    """Who is in two rooms gets the tenth message of one, and then the first of the other."""
    rules = Rules(USERS, Rooms((Layer(1), Layer(2))), Reach.ROOM, True, DEADLINE_NS, has_room_sequence=True)
    ledger = an_unmeasured_ledger(rules)
    ledger.measure(0, 10**15)
    for sender, layer, number, at_ns in ((0, 0, 10, 20), (2, 1, 1, 30)):
        stamp = Stamp(sender, 0, 10, 10, layer=layer)
        text = marker.write(PREFIX, stamp)
        ledger.sent(text, stamp)
        ledger.acked(text, number)
        for user in range(0, USERS, 1 + layer):
            ledger.receive(user, text, at_ns)
    ledger.close(1_000)

    assert counted(ledger) == {Count.DELIVERIES_EXPECTED: 6, Count.DELIVERIES_RECEIVED: 6}


def test_a_later_number_does_not_go_before_what_is_still_under_way() -> None:
    """It is judged when all that can have come before it is accounted for: a deadline later, and a second."""
    rules = Rules(USERS, Rooms.alike(2), Reach.ROOM, True, 5 * NS_PER_S, has_room_sequence=True)
    ledger = an_unmeasured_ledger(rules)
    ledger.measure(0, 10**15)
    first, second = send(ledger, 0, 10_000_000_000), send(ledger, 2, 10_200_000_000)
    ledger.acked(text_of(first), 1)
    ledger.acked(text_of(second), 2)
    receive(ledger, (2, first, 10_100_000_000), (0, second, 10_300_000_000), (2, second, 10_300_000_000))
    for at_ns in (14_800_000_000, 15_900_000_000):
        assert not ledger.settle(at_ns)
    ledger.close(20_000_000_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 4,
        Count.DELIVERIES_RECEIVED: 3,
        Count.DELIVERIES_LOST: 1,
    }


# --- what other processes say


def test_all_that_was_acknowledged_is_told() -> None:
    """One after the other, in one telling."""
    processes = Processes(3)
    for at_ns in (10, 20):
        processes.of(0).acked(text_of(send(processes.of(0), 0, at_ns)))
    tally = processes.close(1_000)

    assert tally.counts[Count.DELIVERIES_LOST_ACKED] == tally.counts[Count.DELIVERIES_LOST] == 4


def test_the_first_who_is_not_in_the_run_is_not_in_it() -> None:
    """Users are counted from 0."""
    ledger = a_ledger(share=Share(1, 2), rooms=1)
    ledger.hear(News(marker.write(PREFIX, Stamp(USERS, 0, 10, 10)), b""))
    ledger.close(100)

    assert counted(ledger) == {}


def test_all_who_got_what_nobody_has_sent_have_read_what_was_not_for_them() -> None:
    """Once its sender has told of another message with that number."""
    ledger = a_ledger(share=Share(1, 2), rooms=1)
    forged, real = (marker.write(PREFIX, Stamp(0, 0, at_ns, at_ns)) for at_ns in (10, 11))
    receive(ledger, (1, forged, 20), (3, forged, 21))
    ledger.hear(News(real, b""))
    receive(ledger, (1, real, 30), (3, real, 31))
    ledger.close(1_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 2,
        Count.DELIVERIES_RECEIVED: 2,
        Count.DELIVERIES_UNEXPECTED: 2,
    }
    assert noted(ledger, Fault.UNEXPECTED) == {((0, 0), 1), ((0, 0), 3)}


def test_what_says_that_it_was_sent_a_moment_from_now_was_not() -> None:
    """All processes of a host go by one clock."""
    ledger = a_ledger(share=Share(0, 2), rooms=1)
    receive(ledger, (0, marker.write(PREFIX, Stamp(1, 0, 21, 21)), 20))
    ledger.close(1_000)

    assert counted(ledger) == {Count.DELIVERIES_UNEXPECTED: 1}


def test_what_one_of_our_users_has_not_written_nobody_has() -> None:
    """No news of it will come from elsewhere."""
    ledger = a_ledger(share=Share(0, 2), rooms=1)
    receive(ledger, (2, marker.write(PREFIX, Stamp(0, 7, 10, 10)), 20))
    ledger.close(1_000)

    assert counted(ledger) == {Count.DELIVERIES_UNEXPECTED: 1}


def test_a_message_that_is_told_at_last_had_overtaken_all_that_came_after_it() -> None:
    """Though they were settled when it was yet to be told."""
    here, there = a_ledger(share=Share(0, 3)), a_ledger(share=Share(2, 3))
    first, second, third = (send(here, 0, at_ns) for at_ns in (10, 11, 12))
    receive(there, (2, third, 20))
    there.hear(News(text_of(first) + text_of(second), b""))
    receive(there, (2, first, 30), (2, second, 31))
    there.settle(40)
    there.hear(News(text_of(third), b""))
    there.close(1_000)

    assert counted(there) == {
        Count.DELIVERIES_EXPECTED: 3,
        Count.DELIVERIES_RECEIVED: 3,
        Count.DELIVERIES_REORDERED: 2,
    }
