"""What the ledger counts of each slice of the messages."""

from __future__ import annotations

from loadgen.measure.tally import Count, Metric
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import RoomClass, Slicing, Stretch
from tests.support.ledgers import DEADLINE_NS, ROOMS, USERS, a_ledger, send


def test_the_books_of_a_slice_are_those_of_its_messages() -> None:
    """One stage has a loss and a copy; the other a delivery that is late, and overtaken, and one for somebody else."""
    slicing = Slicing(Rooms.alike(ROOMS), USERS, (), (Stretch("stage: 1", 0, 50), Stretch("stage: 2", 50, 100)))
    ledger = a_ledger(slicing=slicing)
    early, late, after = send(ledger, 0, 10), send(ledger, 0, 60), send(ledger, 0, 100)
    for user, frame, at_ns in (
        *((0, early, 11), (0, early, 12)),
        *((0, late, 70), (2, late, 60 + DEADLINE_NS + 5), (1, late, 71)),
        *((0, after, 101), (2, after, 102)),
    ):
        ledger.receive(user, frame, at_ns)
    ledger.close(1_000)

    counts = {
        name: {str(counter): number for counter, number in ledger.tally.of_slice(name).counts.items() if number}
        for name in slicing.names
    }
    assert counts == {
        "stage: 1": {
            "messages_sent": 1,
            "deliveries_expected": 2,
            "deliveries_received": 1,
            "deliveries_lost": 1,
            "deliveries_duplicated": 1,
        },
        "stage: 2": {
            "messages_sent": 1,
            "deliveries_expected": 2,
            "deliveries_received": 2,
            "deliveries_late": 1,
            "deliveries_unexpected": 1,
            "deliveries_reordered": 1,
        },
    }
    times = ledger.tally.of_slice("stage: 2").of(Metric.DELIVERY_TIME)
    assert (times.count, times.min_ns, times.max_ns) == (2, 10, DEADLINE_NS + 5)
    assert ledger.tally.counts[Count.DELIVERIES_EXPECTED] == 6


def test_what_is_not_measured_is_in_no_slice() -> None:
    """Neither the warm-up, nor what was due before the window began anew."""
    slicing = Slicing(Rooms.alike(ROOMS), USERS, (), (Stretch("stage: 1", 0, None),))
    ledger = a_ledger(slicing=slicing)
    ledger.measure(500, 1_000)
    for user in (0, 2):
        ledger.receive(user, send(ledger, user, 10), 11)
    ledger.close(400)

    assert ledger.tally.slices == {}


def test_a_message_to_one_user_is_in_no_room() -> None:
    """It has a slice of its own, wherever its sender lives."""
    slicing = Slicing(Rooms.alike(ROOMS), USERS, (RoomClass.PAIR, RoomClass.DIRECT), ())
    ledger = a_ledger(slicing=slicing)
    ledger.receive(3, send(ledger, 0, 10, to=3), 15)
    send(ledger, 0, 20)
    ledger.close(1_000)

    direct, pair = ledger.tally.of_slice("room: direct").counts, ledger.tally.of_slice("room: pair").counts
    assert (direct[Count.DELIVERIES_EXPECTED], direct[Count.DELIVERIES_RECEIVED]) == (1, 1)
    assert (pair[Count.DELIVERIES_EXPECTED], pair[Count.DELIVERIES_LOST]) == (2, 2)


def test_stages_go_on_as_planned_where_the_window_begins_anew() -> None:
    """What is forgotten is what was measured, and not the plan."""
    slicing = Slicing(Rooms.alike(ROOMS), USERS, (), (Stretch("stage: 1", 0, 50), Stretch("stage: 2", 50, None)))
    ledger = a_ledger(slicing=slicing)
    ledger.measure_anew(60, 10**15)
    send(ledger, 0, 70)

    assert ledger.tally.of_slice("stage: 2").counts[Count.MESSAGES_SENT] == 1
