"""What one missed while away, and finds in the history."""

from __future__ import annotations

import pytest

from loadgen.measure.tally import Count
from tests.support.ledgers import COUNTED, a_ledger, a_return, send


@pytest.mark.parametrize("settled_first", [False, True])
def test_what_one_missed_while_away_is_recovered_from_history(*, settled_first: bool) -> None:
    """Once, however often it is read, and whether its loss was excused before or after."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    ledger.receive(0, frame, 20)
    a_return(ledger, 2, left_ns=15, back_ns=30)
    if settled_first:
        ledger.settle(200)
    for _ in range(2):
        ledger.read_history(2, b'{"type":"history"} ' + frame, 500)
    ledger.settle(201)
    ledger.close(1_000)

    assert {name: ledger.tally.counts[name] for name in COUNTED if ledger.tally.counts[name]} == {
        Count.DELIVERIES_EXPECTED: 2,
        Count.DELIVERIES_RECEIVED: 1,
        Count.DELIVERIES_EXCUSED: 1,
        Count.DELIVERIES_RECOVERED: 1,
    }


def test_what_comes_live_to_one_who_was_away_is_not_missed() -> None:
    """It was back before the server came to the message; nobody had to bring it that, and it is no delivery."""
    ledger = a_ledger()
    ledger.absences.began(2, 0, 15)
    ledger.members.left(2, 15)
    frame = send(ledger, 0, 20)
    ledger.receive(0, frame, 21)
    ledger.absences.ended(2, 30)
    ledger.members.joining(2, 30)
    ledger.members.joined(2, 31)
    ledger.receive(2, frame, 32)
    ledger.close(1_000)

    incident = ledger.tally.of_incident(0)
    assert (incident.missed_count, incident.recovered_count) == (1, 1)
    assert {name: ledger.tally.counts[name] for name in COUNTED if ledger.tally.counts[name]} == {
        Count.DELIVERIES_EXPECTED: 1,
        Count.DELIVERIES_RECEIVED: 1,
    }


def test_what_history_holds_besides_is_no_delivery() -> None:
    """Neither what one has, nor what is still to come, nor what was said while one was away."""
    ledger = a_ledger()
    had, coming = send(ledger, 0, 10), send(ledger, 0, 11)
    for user in (0, 2):
        ledger.receive(user, had, 12)
    ledger.read_history(2, had + coming, 500)
    for user in (0, 2):
        ledger.receive(user, coming, 13)
    ledger.members.left(2, 20)
    meanwhile = send(ledger, 0, 21)
    ledger.receive(0, meanwhile, 22)
    ledger.members.joining(2, 30)
    ledger.members.joined(2, 31)
    ledger.read_history(2, had + coming + meanwhile, 500)
    ledger.close(1_000)

    assert {name: ledger.tally.counts[name] for name in COUNTED if ledger.tally.counts[name]} == {
        Count.DELIVERIES_EXPECTED: 5,
        Count.DELIVERIES_RECEIVED: 5,
    }


def test_a_damaged_marker_in_history_is_counted() -> None:
    """As anywhere else."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    ledger.read_history(2, frame[:-1] + b"x", 500)

    assert ledger.tally.counts[Count.FRAMES_DAMAGED] == 1


def test_parts_of_the_history_are_told_apart_from_news() -> None:
    """They are left to the dialect; of news, the last is remembered, since a catch-up begins after it."""
    ledger = a_ledger()
    receive = ledger.history_told_apart(lambda frame: frame.startswith(b"history"))
    first, second = send(ledger, 0, 10), send(ledger, 0, 11)

    assert [receive(2, frame, 20) for frame in (first, second, b"history " + first, b"pong")] == [
        True,
        True,
        False,
        False,
    ]
    assert ledger.last_frame(2, 0) == second
    ledger.close(1_000)
    assert ledger.tally.counts[Count.DELIVERIES_DUPLICATED] == 0
