"""What the ledger counts of a message when it is settled, and when the books are closed: figure by figure."""

from __future__ import annotations

import pytest

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.examples import Fault
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.news import News
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count, Metric, Note, PerSecond
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Share
from loadgen.plan.rooms import Layer, Rooms
from loadgen.plan.slices import Slicing, Stretch
from tests.support.ledgers import (
    DEADLINE_NS,
    PREFIX,
    ROOMS,
    USERS,
    a_ledger,
    an_unmeasured_ledger,
    counted,
    noted,
    send,
)

ONE_STAGE = Slicing(Rooms.alike(ROOMS), USERS, (), (Stretch("stage: 1", 0, None),))


# --- what is measured


def test_before_a_window_is_told_nothing_is_measured() -> None:
    """What users say while they warm up is sent and received, and no figure."""
    ledger = an_unmeasured_ledger(Rules(USERS, Rooms.alike(ROOMS), Reach.ROOM, True, DEADLINE_NS))
    frame = send(ledger, 0, 10)
    for user in (0, 0, 1, 2):
        assert ledger.receive(user, frame, 20)
    ledger.settle(30)
    ledger.close(1_000)

    assert counted(ledger) == {}
    assert ledger.tally.counts[Count.MESSAGES_SENT] == 0
    assert ledger.tally.seconds[0][PerSecond.DELIVERIES_RECEIVED] == 2, "but it is in the series"


def test_the_window_holds_its_first_instant_and_not_its_last() -> None:
    """So two windows, one after the other, measure each message once."""
    ledger = a_ledger()
    ledger.measure(100, 200)
    for due_ns in (99, 100, 199, 200):
        frame = send(ledger, 0, due_ns)
        for user in (0, 2):
            ledger.receive(user, frame, due_ns + 5)
    ledger.close(1_000)

    assert [ledger.tally.counts[name] for name in (Count.MESSAGES_SENT, Count.DELIVERIES_EXPECTED)] == [2, 4]
    assert counted(ledger)[Count.DELIVERIES_RECEIVED] == 4


def test_who_leaves_is_not_excused_from_what_is_not_measured() -> None:
    """The books of the window close by themselves."""
    ledger = a_ledger()
    ledger.measure(100, 200)
    frame = send(ledger, 0, 10)
    ledger.receive(0, frame, 12)
    ledger.members.left(2, 15)
    ledger.close(1_000)

    assert counted(ledger) == {}


def test_what_comes_while_the_sockets_are_closed_is_neither_a_delivery_nor_a_copy() -> None:
    """It was called lost when the drain ended."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    ledger.receive(0, frame, 20)
    ledger.close(1_000)
    for user in (0, 2):
        assert ledger.receive(user, frame, 1_001)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 2,
        Count.DELIVERIES_RECEIVED: 1,
        Count.DELIVERIES_LOST: 1,
    }


def test_a_message_is_for_the_room_of_its_layer() -> None:
    """Everybody is in the first room; 0 and 2 are in another one besides."""
    ledger = an_unmeasured_ledger(Rules(USERS, Rooms((Layer(1), Layer(2))), Reach.ROOM, True, DEADLINE_NS))
    ledger.measure(0, 10**15)
    frames = []
    for sequence, layer in enumerate((1, 0)):
        stamp = Stamp(0, sequence, 10, 10, layer=layer)
        frames.append(marker.write(PREFIX, stamp))
        ledger.sent(frames[-1], stamp)
    for user in range(USERS):
        for frame in frames:
            ledger.receive(user, frame, 20)
    ledger.close(1_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 6,
        Count.DELIVERIES_RECEIVED: 6,
        Count.DELIVERIES_UNEXPECTED: 2,
    }


def test_stages_are_counted_from_the_start_of_the_window() -> None:
    """Whenever that was."""
    stages = Slicing(Rooms.alike(ROOMS), USERS, (), (Stretch("stage: 1", 0, 50), Stretch("stage: 2", 50, None)))
    ledger = an_unmeasured_ledger(Rules(USERS, Rooms.alike(ROOMS), Reach.ROOM, True, DEADLINE_NS, slicing=stages))
    ledger.measure(100, 1_000)
    for due_ns in (99, 149, 150, 151):
        send(ledger, 0, due_ns)

    told = {name: ledger.tally.of_slice(name).counts[Count.MESSAGES_SENT] for name in stages.names}
    assert told == {"stage: 1": 1, "stage: 2": 2}


def test_the_echo_of_another_process_is_not_waited_for_here() -> None:
    """It tells of all that it sends where some messages go to one user; what an echo server answers is its own."""
    ledger = a_ledger(reach=Reach.SELF, share=Share(0, 2))
    ledger.hear(News(marker.write(PREFIX, Stamp(1, 0, 10, 10)), b""))
    ledger.close(1_000)

    assert counted(ledger) == {}


def test_what_others_say_in_their_rooms_is_measured_as_what_is_said_here() -> None:
    """Where no room has users of two processes nobody is told; what leaks then is counted if it was due in the window.

    What nobody of the run can have written is counted whenever it says that it was due.
    """
    ledger = an_unmeasured_ledger(Rules(USERS, Rooms.alike(2), Reach.ROOM, True, DEADLINE_NS, share=Share(1, 2)))
    ledger.measure(100, 200)
    for at_ns, sender, sequence, due_ns in ((20, 0, 0, 10), (160, 0, 1, 150), (170, USERS, 0, 10)):
        ledger.receive(1, marker.write(PREFIX, Stamp(sender, sequence, due_ns, due_ns)), at_ns)
    ledger.close(1_000)

    assert counted(ledger) == {Count.DELIVERIES_UNEXPECTED: 2}
    assert noted(ledger, Fault.UNEXPECTED) == {((0, 1), 1), ((USERS, 0), 1)}


# --- when it is settled


def test_copies_do_not_make_a_message_complete() -> None:
    """One receiver has it twice, and the other one not at all: it is waited for."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    for at_ns in (20, 21):
        ledger.receive(0, frame, at_ns)
    ledger.settle(50)
    assert (counted(ledger).get(Count.DELIVERIES_RECEIVED), ledger.under_way) == (None, 1)

    ledger.receive(2, frame, 60)
    ledger.settle(61)
    assert (counted(ledger)[Count.DELIVERIES_RECEIVED], ledger.under_way) == (2, 0)
    assert counted(ledger)[Count.DELIVERIES_DUPLICATED] == 1


def test_a_copy_is_no_delivery_to_the_one_who_misses_the_message() -> None:
    """There are as many arrivals as receivers, and yet one of them has nothing."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    for at_ns in (20, 21):
        ledger.receive(0, frame, at_ns)
    ledger.close(1_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 2,
        Count.DELIVERIES_RECEIVED: 1,
        Count.DELIVERIES_LOST: 1,
        Count.DELIVERIES_DUPLICATED: 1,
    }


def test_what_nobody_gets_any_more_keeps_no_other_message_from_being_settled() -> None:
    """It is past the deadline, and stays open until the drain ends."""
    ledger = a_ledger()
    send(ledger, 0, 10)
    ledger.settle(200)
    frame = send(ledger, 0, 300)
    for user in (0, 2):
        ledger.receive(user, frame, 301)
    ledger.settle(310)

    assert (counted(ledger)[Count.DELIVERIES_RECEIVED], ledger.under_way) == (2, 1)


def test_what_is_yet_to_be_told_keeps_no_other_message_from_being_settled() -> None:
    """It has come from another process, whose news are on their way."""
    ledger = a_ledger(share=Share(0, 2), rooms=1)
    ledger.receive(0, marker.write(PREFIX, Stamp(1, 0, 10, 10)), 20)
    frame = send(ledger, 0, 30)
    for user in (0, 2):
        ledger.receive(user, frame, 35)
    ledger.settle(40)

    assert counted(ledger)[Count.DELIVERIES_RECEIVED] == 2


def test_what_is_due_at_an_instant_is_not_late_for_it() -> None:
    """The delivery of that very nanosecond calls it."""
    ledger = a_ledger()
    calls: list[int] = []
    frame = send(ledger, 0, 10)
    ledger.on_due = lambda: calls.append(1)
    ledger.remind(20)
    ledger.receive(0, frame, 20)

    assert calls == [1]


def test_a_server_that_numbers_nothing_is_settled_all_the_same() -> None:
    """Second after second; there is no order in rooms to look at."""
    ledger = a_ledger()
    for second in (10, 12, 14):
        frame = send(ledger, 0, second * NS_PER_S)
        for user in (0, 2):
            ledger.receive(user, frame, second * NS_PER_S + 5)
        assert not ledger.settle(second * NS_PER_S + 10)

    assert counted(ledger)[Count.DELIVERIES_RECEIVED] == 6


def test_two_markers_that_touch_are_two_messages() -> None:
    """Whatever a server puts between them, and be it nothing."""
    ledger = a_ledger()
    texts = [send(ledger, sender, 10)[-marker.WIDTH :] for sender in (0, 2)]
    for user in (0, 2):
        assert ledger.receive(user, b"".join(texts), 20)
    ledger.close(1_000)

    assert counted(ledger) == {Count.DELIVERIES_EXPECTED: 4, Count.DELIVERIES_RECEIVED: 4}


def test_the_last_user_of_all_reads_what_is_not_for_him() -> None:
    """While the message is under way, and nobody after him expects anything."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    for user in (3, 0, 2):
        ledger.receive(user, frame, 20)
    ledger.settle(30)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 2,
        Count.DELIVERIES_RECEIVED: 2,
        Count.DELIVERIES_UNEXPECTED: 1,
    }


# --- times


def test_the_first_copy_is_the_delivery_however_many_there_are() -> None:
    """Of each of forty receivers, five times."""
    ledger = a_ledger(users=40, rooms=1)
    frame = send(ledger, 0, 10)
    for copy in range(1, 6):
        for user in range(40):
            ledger.receive(user, frame, 100 * copy + user)
    ledger.close(10_000)

    times = ledger.tally.metrics[Metric.DELIVERY_TIME]
    assert (times.count, times.min_ns, times.max_ns, times.mean_ns) == (40, 90, 129, 109.5)
    assert counted(ledger)[Count.DELIVERIES_DUPLICATED] == 160


def test_a_delivery_may_take_no_time_at_all() -> None:
    """A clock may show the same twice."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    for user, at_ns in ((0, 10), (2, 11)):
        ledger.receive(user, frame, at_ns)
    ledger.close(1_000)

    times = ledger.tally.metrics[Metric.DELIVERY_SERVICE_TIME]
    assert (times.count, times.min_ns, times.max_ns) == (2, 0, 1)
    assert ledger.tally.counts[Note.NEGATIVE_TIMES] == 0


def test_a_delivery_at_its_deadline_is_in_time() -> None:
    """A nanosecond later it is late; those that are late add up, and are named."""
    ledger = a_ledger()
    first = send(ledger, 0, 10)
    ledger.receive(0, first, 10 + DEADLINE_NS)
    ledger.receive(2, first, 11 + DEADLINE_NS)
    ledger.settle(150)
    assert counted(ledger)[Count.DELIVERIES_LATE] == 1
    second = send(ledger, 0, 300)
    ledger.receive(2, second, 350)
    ledger.receive(0, second, 301 + DEADLINE_NS)
    ledger.close(1_000)

    assert counted(ledger)[Count.DELIVERIES_LATE] == 2
    assert noted(ledger, Fault.LATE) == {((0, 0), 2), ((0, 1), 0)}


def spread(ledger: Ledger, metric: Metric) -> tuple[int, float | None, int | None]:
    times = ledger.tally.metrics[metric]
    return times.count, times.mean_ns, times.max_ns


def test_the_first_and_the_last_receiver_may_be_settled_one_long_after_the_other() -> None:
    """What was past the deadline, and came to the last one all the same, took that long."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    ledger.receive(0, frame, 20)
    ledger.settle(200)
    ledger.receive(2, frame, 250)
    ledger.settle(260)

    assert spread(ledger, Metric.FIRST_DELIVERY_TIME) == (1, 10, 10)
    assert spread(ledger, Metric.LAST_DELIVERY_TIME) == (1, 240, 240)
    assert spread(ledger, Metric.FANOUT_TIME) == (1, 230, 230)


def test_of_messages_that_are_settled_together_each_has_a_first_and_a_last_receiver() -> None:
    """One came to both, the next one to nobody, and the third to one of them."""
    ledger = a_ledger()
    frames = [send(ledger, 0, at_ns) for at_ns in (10, 11, 12)]
    for user, message, at_ns in ((0, 0, 20), (2, 0, 35), (0, 2, 50)):
        ledger.receive(user, frames[message], at_ns)
    ledger.close(1_000)

    assert spread(ledger, Metric.FIRST_DELIVERY_TIME) == (2, (10 + 38) / 2, 38)
    assert spread(ledger, Metric.LAST_DELIVERY_TIME) == (2, (25 + 38) / 2, 38)
    assert spread(ledger, Metric.FANOUT_TIME) == (1, 15, 15)


def test_a_delivery_is_counted_in_the_second_it_came_and_timed_in_the_second_it_was_due() -> None:
    """What one clock cannot have seen is counted, and left out of the times there as well."""
    ledger = a_ledger()
    for due_s, received_s in ((0.9, (0.95, 1.1)), (1.2, (1.3, 1.3)), (2.5, (2.4, 2.6)), (3.5, (3.4, 3.4))):
        frame = send(ledger, 0, round(due_s * NS_PER_S))
        for user, at_s in zip((0, 2), received_s, strict=True):
            ledger.receive(user, frame, round(at_s * NS_PER_S))
        ledger.settle(round((due_s + 0.3) * NS_PER_S))
    tally = ledger.tally

    assert [tally.seconds[second][PerSecond.DELIVERIES_RECEIVED] for second in range(4)] == [1, 3, 2, 2]
    assert [tally.of_second(Metric.DELIVERY_TIME, second).count for second in range(4)] == [2, 2, 1, 0]
    assert tally.counts[Note.NEGATIVE_TIMES] == 3
    assert tally.metrics[Metric.DELIVERY_TIME].count == tally.metrics[Metric.DELIVERY_SERVICE_TIME].count == 5


# --- losses and slices


def test_losses_add_up_over_messages() -> None:
    """Those that the server had acknowledged, and the others."""
    ledger = a_ledger()
    for n in range(4):
        frame = send(ledger, 0, 10 + n)
        if n % 2:
            ledger.acked(frame[-marker.WIDTH :])
    ledger.close(1_000)

    names = (Count.DELIVERIES_LOST, Count.DELIVERIES_LOST_ACKED, Count.DELIVERIES_LOST_UNACKED)
    assert [ledger.tally.counts[name] for name in names] == [8, 4, 4]


def test_what_nobody_has_sent_is_in_the_slice_that_it_says() -> None:
    """Somebody has read it all the same."""
    ledger = a_ledger(slicing=ONE_STAGE)
    ledger.receive(2, marker.write(PREFIX, Stamp(0, 5, 10, 10)), 20)
    ledger.close(1_000)

    assert dict(ledger.tally.of_slice("stage: 1").counts) == {Count.DELIVERIES_UNEXPECTED: 1}


@pytest.mark.parametrize(("slicing", "names"), [(None, []), (ONE_STAGE, ["stage: 1"])])
def test_other_times_of_a_message_are_told_in_its_slices_too(slicing: Slicing | None, names: list[str]) -> None:
    """Of how long the acknowledgement took, its user tells."""
    ledger = a_ledger() if slicing is None else a_ledger(slicing=slicing)
    parts = ledger.slices_of(Stamp(0, 0, 10, 10))

    assert len(parts) == len(names)
    assert all(part is ledger.tally.of_slice(name) for part, name in zip(parts, names, strict=True))
