"""What becomes of messages in the ledger, one case at a time."""

from __future__ import annotations

import pytest

from loadgen.measure import marker
from loadgen.measure.marker import Stamp
from loadgen.measure.settling import Bite
from loadgen.measure.tally import Count, Metric
from loadgen.plan.plan import Share
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import Slicing, Stretch
from tests.support.ledgers import COUNTED, DEADLINE_NS, PREFIX, ROOMS, USERS, Processes, a_ledger, send


def test_a_frame_with_several_messages_delivers_each() -> None:
    """One frame may hold several messages; all are found."""
    ledger = a_ledger()
    frames = [send(ledger, 0, 10), send(ledger, 2, 11), send(ledger, 0, 12)]

    for user in (0, 2):
        assert ledger.receive(user, b"[" + b",".join(frames) + b"]", 20)
    ledger.settle(21)

    assert ledger.under_way == 0
    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 6


def test_a_frame_without_a_marker_is_for_the_dialect() -> None:
    """The receive path says no to what is not a message of this run."""
    ledger = a_ledger()

    assert not ledger.receive(0, b'{"type":"pong"}', 10)
    assert not ledger.receive(0, b"", 10)
    other = marker.write(marker.prefix_of("ffffff"), Stamp(0, 0, 5, 5))
    assert not ledger.receive(0, other, 10)


def test_a_damaged_marker_is_counted_as_damaged() -> None:
    """A marker whose check digits are wrong is neither a delivery nor ignored."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    damaged = frame[:-1] + (b"0" if frame[-1:] != b"0" else b"1")

    told: list[bytes] = []
    ledger.on_damaged = told.append

    assert ledger.receive(2, damaged, 20)
    assert ledger.receive(2, frame[:-5], 20)

    assert ledger.tally.counts[Count.FRAMES_DAMAGED] == 2
    assert told == [damaged, frame[:-5]]


def test_a_message_that_nobody_sent_is_unexpected() -> None:
    """A sound marker of this run with a number its sender has not used was forged."""
    ledger = a_ledger()
    forged = marker.write(PREFIX, Stamp(0, 7, 10, 10))

    assert ledger.receive(2, forged, 20)

    assert ledger.tally.counts[Count.DELIVERIES_UNEXPECTED] == 1


def test_reading_in_the_wrong_room_is_unexpected_before_and_after_the_message_is_finished() -> None:
    """Somebody read what was not for him: a security-grade failure, whenever it happens."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    ledger.receive(1, frame, 11)
    for user in (0, 2):
        ledger.receive(user, frame, 12)
    ledger.settle(13)
    assert ledger.under_way == 0
    ledger.receive(3, frame, 14)

    assert ledger.tally.counts[Count.DELIVERIES_UNEXPECTED] == 2
    assert ledger.tally.counts[Count.DELIVERIES_DUPLICATED] == 0


def test_a_copy_of_a_finished_message_is_a_duplicate() -> None:
    """No tombstone is kept, and yet a late copy is known for what it is."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    for user in (0, 2):
        ledger.receive(user, frame, 12)
    ledger.settle(13)
    for _ in range(3):
        ledger.receive(2, frame, 500)

    assert ledger.tally.counts[Count.DELIVERIES_DUPLICATED] == 3


def test_memory_is_bounded_by_what_is_under_way() -> None:
    """A message that everybody has leaves nothing behind."""
    ledger = a_ledger()
    for n in range(1_000):
        frame = send(ledger, 0, 10 + n)
        for user in (0, 2):
            ledger.receive(user, frame, 11 + n)
        ledger.settle(12 + n)

    assert ledger.under_way == 0
    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 2_000


def test_who_misses_an_overdue_message_is_all_that_is_kept_of_it() -> None:
    """After the deadline the arrivals are folded away; a late one is still received, and late."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    ledger.receive(0, frame, 12)
    ledger.settle(10 + DEADLINE_NS + 1)
    assert ledger.under_way == 1
    ledger.receive(2, frame, 10 + DEADLINE_NS + 50)
    ledger.settle(10 + DEADLINE_NS + 60)

    assert ledger.under_way == 0
    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 2
    assert ledger.tally.counts[Count.DELIVERIES_LATE] == 1


def test_an_arrival_before_the_sending_is_counted_and_not_timed() -> None:
    """One clock cannot do this: it raises a doubt, and the times stay clean."""
    ledger = a_ledger()
    frame = send(ledger, 0, 50)
    ledger.receive(0, frame, 49)
    ledger.receive(2, frame, 60)
    ledger.close(100)

    assert ledger.tally.counts["negative_times"] == 1
    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 2
    assert ledger.tally.metrics[Metric.DELIVERY_TIME].count == 1


def test_a_sender_alone_in_a_room_without_echo_waits_for_nobody() -> None:
    """No receiver, no delivery, nothing left open."""
    ledger = a_ledger(echo=False, users=2)
    send(ledger, 0, 10)
    ledger.settle(11)

    assert ledger.under_way == 0
    assert ledger.tally.counts[Count.DELIVERIES_EXPECTED] == 0


def test_hearing_oneself_without_echo_is_unexpected() -> None:
    """The dialect says that a sender does not get its own message; if it does, that is worth knowing."""
    ledger = a_ledger(echo=False)
    frame = send(ledger, 0, 10)
    ledger.receive(0, frame, 11)
    ledger.receive(2, frame, 11)
    ledger.close(20)

    assert ledger.tally.counts[Count.DELIVERIES_UNEXPECTED] == 1
    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 1


def test_a_message_that_is_overtaken_on_its_way_to_another_process_is_reordered() -> None:
    """Also where the later one was accounted for before anybody there knew of the earlier one."""
    here, there = a_ledger(share=Share(0, 3)), a_ledger(share=Share(2, 3))
    first, second = send(here, 0, 10), send(here, 0, 11)

    there.receive(2, second, 20)
    there.settle(21)
    there.receive(2, first, 30)
    there.hear(here.take_news())
    there.settle(31)

    assert there.under_way == 0
    assert there.tally.counts[Count.DELIVERIES_RECEIVED] == 2
    assert there.tally.counts[Count.DELIVERIES_REORDERED] == 1


def test_the_first_and_the_last_receiver_are_those_of_all_processes() -> None:
    """Each process knows those of its own users; the rest is joined by message."""
    processes = Processes(3)
    frame = send(processes.of(0), 0, 100)
    processes.of(2).receive(2, frame, 130)
    processes.of(0).receive(0, frame, 150)
    tally = processes.close(200)

    first, last = tally.metrics[Metric.FIRST_DELIVERY_TIME], tally.metrics[Metric.LAST_DELIVERY_TIME]
    assert (first.count, first.min_ns, last.count, last.max_ns) == (1, 30, 1, 50)


def test_what_was_acknowledged_and_lost_is_told_apart_in_every_process() -> None:
    """The server took it and lost it: the serious kind, wherever the receiver lives."""
    processes = Processes(3)
    for at_ns in (10, 20):
        send(processes.of(0), 0, at_ns)
    processes.of(0).acked(marker.write(PREFIX, Stamp(0, 1, 20, 20)))
    tally = processes.close(1_000)

    assert tally.counts[Count.DELIVERIES_LOST] == 4
    assert tally.counts[Count.DELIVERIES_LOST_ACKED] == tally.counts[Count.DELIVERIES_LOST_UNACKED] == 2


@pytest.mark.parametrize("process_count", [1, 3])
def test_a_room_is_held_to_the_numbers_that_acknowledgements_tell(process_count: int) -> None:
    """One receiver gets two messages of two senders the other way round; the numbers come when all have arrived."""
    slicing = Slicing(Rooms.alike(ROOMS), USERS, (), (Stretch("stage: 1", 0, 11), Stretch("stage: 2", 11, None)))
    processes = Processes(process_count, numbered=True, slicing=slicing)
    first, second = send(processes.of(0), 0, 10), send(processes.of(2), 2, 11)
    for user, frames in ((0, (first, second)), (2, (second, first))):
        for at_ns, frame in enumerate(frames, start=20):
            processes.of(user).receive(user, frame, at_ns)
    for ledger in processes.ledgers:
        ledger.settle(30)
    processes.of(2).acked(second[-marker.WIDTH :], 42)
    processes.of(0).acked(first[-marker.WIDTH :], 41)
    tally = processes.close(50)

    assert tally.counts[Count.DELIVERIES_RECEIVED] == 4
    assert tally.counts[Count.DELIVERIES_REORDERED] == 1
    # The first message was overtaken by the second, at one receiver.
    assert tally.of_slice("stage: 1").counts[Count.DELIVERIES_REORDERED] == 1
    assert tally.of_slice("stage: 2").counts[Count.DELIVERIES_REORDERED] == 0


def test_a_room_is_judged_when_all_that_is_overdue_was_accounted_for() -> None:
    """After a long pause there are several bites: what the first leaves over has not come after a later message."""
    ledger = a_ledger(numbered=True)
    frames = [send(ledger, 0, at_ns) for at_ns in (10, 11, 12)]
    for number, frame in enumerate(frames):
        ledger.acked(frame[-marker.WIDTH :], number)
        ledger.receive(0, frame, 20 + number)
    ledger.receive(2, frames[2], 23)
    ledger.settle(30)
    while ledger.settle(2 * 10**9, Bite(messages=1, arrivals=100)):
        pass
    ledger.close(3 * 10**9)

    assert ledger.tally.counts[Count.DELIVERIES_LOST] == 2
    assert ledger.tally.counts[Count.DELIVERIES_REORDERED] == 0


def test_the_first_delivery_at_the_time_of_a_reminder_calls_it_once() -> None:
    """What is due need not wait until all sockets that are ready have been read."""
    ledger = a_ledger()
    calls: list[int] = []
    frame = send(ledger, 0, 10)
    ledger.on_due = lambda: calls.append(len(calls))
    ledger.remind(20)

    ledger.receive(0, frame, 19)
    assert calls == []
    ledger.receive(2, frame, 20)
    ledger.receive(2, frame, 21)
    assert calls == [0]

    ledger.remind(None)
    ledger.receive(2, frame, 30)
    assert calls == [0]


@pytest.mark.parametrize("process_count", [1, 2, 3])
def test_a_direct_message_is_for_one_user_of_any_room(process_count: int) -> None:
    """Whichever process he lives in; whoever else reads it was not meant to, of the sender's room or not."""
    processes = Processes(process_count)
    frame = send(processes.of(0), 0, 10, to=3)
    lost = send(processes.of(0), 0, 11, to=1)
    for user in (2, 3):
        assert processes.of(user).receive(user, frame, 20)
    tally = processes.close(1_000)

    assert lost
    assert {name: tally.counts[name] for name in COUNTED if tally.counts[name]} == {
        Count.DELIVERIES_EXPECTED: 2,
        Count.DELIVERIES_RECEIVED: 1,
        Count.DELIVERIES_LOST: 1,
        Count.DELIVERIES_UNEXPECTED: 1,
    }


def test_nobody_waits_for_a_direct_message_to_somebody_who_is_away() -> None:
    """The server cannot deliver it."""
    ledger = a_ledger()
    ledger.members.left(3, 5)
    send(ledger, 0, 10, to=3)
    ledger.close(1_000)

    assert ledger.tally.counts[Count.DELIVERIES_EXPECTED] == 0


def test_a_direct_message_may_overtake_one_to_the_room_but_not_another_direct_one() -> None:
    """They go different ways in a server."""
    ledger = a_ledger()
    to_room, first, second = send(ledger, 0, 10), send(ledger, 0, 11, to=2), send(ledger, 0, 12, to=2)
    for at_ns, frame in ((20, second), (21, first), (22, to_room)):
        ledger.receive(2, frame, at_ns)
    ledger.receive(0, to_room, 23)
    ledger.close(1_000)

    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 4
    assert ledger.tally.counts[Count.DELIVERIES_REORDERED] == 1
