"""What the ledger makes of users who were away: excused, recovered, owed; to the instant, and in every book."""

from __future__ import annotations

import pytest

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.examples import Fault
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.nodes import Layout
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count, Tally
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.rooms import Layer, Rooms
from loadgen.plan.slices import OTHER_NODE, SAME_NODE, Slicing, Stretch
from tests.support.ledgers import (
    DEADLINE_NS,
    PREFIX,
    USERS,
    a_ledger,
    a_return,
    an_unmeasured_ledger,
    counted,
    noted,
    send,
)
from tests.unit.loadgen.measure.test_catching_up import ANN, BOB, Books

RECOVERED = {
    Count.DELIVERIES_EXPECTED: 2,
    Count.DELIVERIES_RECEIVED: 1,
    Count.DELIVERIES_EXCUSED: 1,
    Count.DELIVERIES_RECOVERED: 1,
}
RECEIVED_LATE = {Count.DELIVERIES_EXPECTED: 2, Count.DELIVERIES_RECEIVED: 2, Count.DELIVERIES_LATE: 1}
LOST = {Count.DELIVERIES_EXPECTED: 2, Count.DELIVERIES_RECEIVED: 1, Count.DELIVERIES_LOST: 1}


@pytest.mark.parametrize(
    ("left_ns", "back_ns", "arrives_ns", "counts"),
    [
        (9 + DEADLINE_NS, 130, 150, RECOVERED),
        (10 + DEADLINE_NS, 130, 150, RECEIVED_LATE),
        (10 + DEADLINE_NS, 130, None, LOST),
        (15, 130, 130, RECOVERED),
    ],
    ids=["before the deadline", "at the deadline", "at the deadline, and never", "as it is back"],
)
def test_who_lost_the_socket_before_the_deadline_is_excused(
    left_ns: int, back_ns: int, arrives_ns: int | None, counts: dict[Count, int]
) -> None:
    """Whatever comes from the instant on at which it has asked for its rooms again is brought by history.

    Who was there until the message was late has missed it by then; it is late, and no more than that.
    """
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    ledger.receive(0, frame, 20)
    a_return(ledger, 2, left_ns=left_ns, back_ns=back_ns)
    if arrives_ns is not None:
        ledger.receive(2, frame, arrives_ns)
    ledger.close(1_000)

    assert counted(ledger) == counts


@pytest.mark.parametrize("sent_ns", [30, 40])
def test_what_was_sent_since_one_is_back_must_come_live(sent_ns: int) -> None:
    """The history shows it as well, and that is no delivery."""
    ledger = a_ledger()
    a_return(ledger, 2, left_ns=15, back_ns=30)
    frame = send(ledger, 0, sent_ns)
    ledger.receive(0, frame, 50)
    ledger.read_history(2, frame, 60)
    ledger.close(1_000)

    assert counted(ledger) == LOST


def test_what_was_read_before_it_is_excused_is_recovered_once() -> None:
    """And not again when it is read again."""
    ledger = a_ledger()
    frame = send(ledger, 0, 10)
    ledger.receive(0, frame, 20)
    a_return(ledger, 2, left_ns=15, back_ns=30)
    ledger.read_history(2, frame, 40)
    ledger.settle(200)
    ledger.read_history(2, frame, 500)
    ledger.close(1_000)

    assert counted(ledger) == RECOVERED


def test_what_comes_live_after_it_was_excused_is_recovered_and_its_copy_a_duplicate() -> None:
    """Message by message."""
    ledger = a_ledger()
    frames = [send(ledger, 0, at_ns) for at_ns in (10, 11)]
    a_return(ledger, 2, left_ns=15, back_ns=30)
    for frame in frames:
        ledger.receive(0, frame, 40)
    ledger.settle(200)
    for message, at_ns in ((0, 300), (0, 301), (1, 302)):
        ledger.receive(2, frames[message], at_ns)
    ledger.close(1_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 4,
        Count.DELIVERIES_RECEIVED: 2,
        Count.DELIVERIES_EXCUSED: 2,
        Count.DELIVERIES_RECOVERED: 2,
        Count.DELIVERIES_DUPLICATED: 1,
    }
    assert noted(ledger, Fault.DUPLICATED) == {((0, 0), 2)}


def test_who_was_cut_off_again_and_again_has_what_it_had() -> None:
    """Of each user two stays are known: what it got in one before is not excused for that."""
    books = Books()
    said = books.say(10)
    books.ledger.receive(BOB, said, 12)
    for left_ns in (15, 25, 35):
        books.cut(left_ns)
        books.back(left_ns + 5)

    assert books.counts() == {}
    assert books.ledger.tally.counts[Count.DELIVERIES_RECEIVED] == 2


def test_only_who_comes_back_is_accounted_for_before_its_stay_is_forgotten() -> None:
    """Somebody else had got the message before he left, and it is not settled yet."""
    ledger = a_ledger(rooms=1)
    frame = send(ledger, 0, 10)
    for user in (0, 1, 3):
        ledger.receive(user, frame, 12)
    ledger.members.left(1, 13)
    for left_ns in (15, 25, 35):
        ledger.members.left(2, left_ns)
        ledger.joining(2, left_ns + 5)
        ledger.members.joined(2, left_ns + 5)
    ledger.close(1_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 4,
        Count.DELIVERIES_RECEIVED: 3,
        Count.DELIVERIES_EXCUSED: 1,
    }


def test_who_was_there_until_a_message_was_late_is_not_excused_as_its_stay_is_forgotten() -> None:
    """It had missed it before it was cut off."""
    ledger = a_ledger()
    ledger.receive(0, send(ledger, 0, 10), 12)
    for left_ns in (15 + DEADLINE_NS, 25 + DEADLINE_NS):
        ledger.members.left(2, left_ns)
        ledger.joining(2, left_ns + 5)
        ledger.members.joined(2, left_ns + 5)
    ledger.close(1_000)

    assert counted(ledger) == LOST


def test_where_nobody_asks_for_what_it_missed_nothing_is_owed() -> None:
    """What was acknowledged, and missed, is excused; what comes by history and live was missed, and is no copy."""
    ledger = a_ledger()
    missed = send(ledger, 0, 10)
    ledger.absences.began(2, 0, 15)
    ledger.members.left(2, 15)
    said = send(ledger, 0, 20)
    for frame in (missed, said):
        ledger.receive(0, frame, 21)
        ledger.acked(frame[-marker.WIDTH :])
    ledger.absences.ended(2, 30)
    ledger.members.joining(2, 30)
    ledger.members.joined(2, 30)
    ledger.receive(2, said, 32)
    ledger.read_history(2, said, 40)
    ledger.close(1_000)

    assert counted(ledger) == {
        Count.DELIVERIES_EXPECTED: 3,
        Count.DELIVERIES_RECEIVED: 2,
        Count.DELIVERIES_EXCUSED: 1,
    }


def test_a_part_of_the_history_that_is_damaged_is_shown() -> None:
    """Whole, to whoever asks to see such frames."""
    ledger = a_ledger()
    told: list[bytes] = []
    ledger.on_damaged = told.append
    damaged = b"history " + send(ledger, 0, 10)[:-1] + b"x"
    ledger.read_history(2, damaged, 500)

    assert told == [damaged]


def test_the_last_news_of_who_has_one_room_may_be_for_him_alone() -> None:
    """A catch-up begins after them."""
    ledger = a_ledger()
    receive = ledger.history_told_apart(lambda frame: frame.startswith(b"history"))
    to_room, to_him = send(ledger, 0, 10), send(ledger, 0, 11, to=2)
    for frame in (to_room, to_him):
        assert receive(2, frame, 20)

    assert ledger.last_frame(2, 0) == to_him


def test_of_a_frame_with_several_messages_the_last_one_says_which_room_it_is_of() -> None:
    """Where users have several rooms."""
    rooms = Rooms((Layer(1), Layer(2)))
    ledger = an_unmeasured_ledger(Rules(USERS, rooms, Reach.ROOM, True, DEADLINE_NS))
    receive = ledger.history_told_apart(lambda frame: frame.startswith(b"history"))
    texts = []
    for sequence, layer in enumerate((1, 0)):
        stamp = Stamp(0, sequence, 10, 10, layer=layer)
        texts.append(marker.write(PREFIX, stamp))
        ledger.sent(texts[-1], stamp)
    both = b"; ".join(texts)
    assert receive(2, both, 20)

    assert [ledger.last_frame(2, layer) for layer in (0, 1)] == [both, None]


# --- what is owed


def a_ledger_that_catches_up(
    *, deadline_ns: int = DEADLINE_NS, numbered: bool = False, layout: Layout | None = None, slicing: Slicing
) -> Ledger:
    """Ann and Bob in one room, all of it measured."""
    rules = Rules(
        2,
        Rooms.alike(1),
        Reach.ROOM,
        True,
        deadline_ns,
        has_room_sequence=numbered,
        catches_up=True,
        slicing=slicing,
        nodes=layout,
    )
    ledger = Ledger(rules, PREFIX, Tally(0))
    ledger.measure(0, 10**15)
    for user in (ANN, BOB):
        ledger.joining(user, 0)
        ledger.members.joined(user, 0)
    return ledger


ONE_STAGE = Slicing(Rooms.alike(1), 2, (), (Stretch("stage: 1", 0, None),))


def say(ledger: Ledger, at_ns: int) -> bytes:
    """Ann says something, and has it; the server has acknowledged it."""
    stamp = Stamp(ANN, ledger.next_sequence(ANN), at_ns, at_ns)
    text = marker.write(PREFIX, stamp)
    ledger.sent(text, stamp)
    ledger.receive(ANN, text, at_ns + 1)
    ledger.acked(text)
    return text


def cut(ledger: Ledger, left_ns: int) -> None:
    """Bob loses his socket by an incident."""
    ledger.members.left(BOB, left_ns)
    ledger.absences.began(BOB, 0, left_ns)


def back(ledger: Ledger, back_ns: int) -> None:
    """Bob is back."""
    ledger.absences.ended(BOB, back_ns)
    ledger.joining(BOB, back_ns)
    ledger.members.joined(BOB, back_ns)


def test_what_history_owes_and_never_brings_is_lost_in_every_book() -> None:
    """One message that he was to get, and one that was said while he was away: of the run, the stage and the nodes."""
    ledger = a_ledger_that_catches_up(layout=Layout(("http://one", "http://two")), slicing=ONE_STAGE)
    say(ledger, 10)
    cut(ledger, 15)
    say(ledger, 20)
    back(ledger, 30)
    ledger.settle(500)
    ledger.close(10_000)

    books = {name: ledger.tally.of_slice(name).counts for name in ("stage: 1", SAME_NODE, OTHER_NODE)}
    books["run"] = ledger.tally.counts
    names = (Count.DELIVERIES_EXPECTED, Count.DELIVERIES_RECEIVED, Count.DELIVERIES_LOST, Count.DELIVERIES_EXCUSED)
    assert {book: [counts[name] for name in names] for book, counts in books.items()} == {
        "run": [4, 2, 2, 0],
        "stage: 1": [4, 2, 2, 0],
        SAME_NODE: [2, 2, 0, 0],
        OTHER_NODE: [2, 0, 2, 0],
    }
    assert ledger.tally.counts[Count.DELIVERIES_LOST_ACKED] == 2
    assert noted(ledger, Fault.LOST) == {((ANN, 0), BOB), ((ANN, 1), BOB)}


def test_who_does_not_know_what_to_ask_for_is_owed_what_is_sent_from_then_on() -> None:
    """It was there, and lost its socket again before it had it."""
    ledger = a_ledger_that_catches_up(slicing=ONE_STAGE)
    cut(ledger, 5)
    say(ledger, 10)
    back(ledger, 30)
    ledger.asks_for_nothing(BOB, 31)
    say(ledger, 31)
    cut(ledger, 40)
    back(ledger, 50)
    ledger.close(10_000)

    assert ledger.tally.counts[Count.DELIVERIES_LOST_ACKED] == 1
    assert noted(ledger, Fault.LOST) == {((ANN, 1), BOB)}


def test_what_is_not_measured_is_not_owed() -> None:
    """The books of the window know nothing of it."""
    ledger = a_ledger_that_catches_up(slicing=ONE_STAGE)
    ledger.measure(100, 1_000)
    cut(ledger, 5)
    say(ledger, 10)
    back(ledger, 30)
    ledger.close(10_000)

    assert counted(ledger) == {}


def test_copies_from_node_to_node_are_counted_one_by_one() -> None:
    """Those that come together, too."""
    ledger = a_ledger_that_catches_up(layout=Layout(("http://one", "http://two")), slicing=ONE_STAGE)
    said = say(ledger, 10)
    for at_ns in (20, 21, 22):
        ledger.receive(BOB, said, at_ns)
    ledger.close(1_000)

    assert ledger.tally.of_slice(OTHER_NODE).counts[Count.DELIVERIES_DUPLICATED] == 2
    assert ledger.tally.of_slice(SAME_NODE).counts[Count.DELIVERIES_DUPLICATED] == 0


def test_what_history_has_brought_is_remembered_as_long_as_a_copy_may_come() -> None:
    """It came live as he was back; within the deadline, the history brings it as well."""
    ledger = a_ledger_that_catches_up(deadline_ns=5 * NS_PER_S, numbered=True, slicing=ONE_STAGE)
    cut(ledger, 9 * NS_PER_S)
    said = say(ledger, 10 * NS_PER_S)
    back(ledger, 10_500_000_000)
    ledger.receive(BOB, said, 10_600_000_000)
    assert not ledger.settle(12 * NS_PER_S)
    ledger.read_history(BOB, said, 13 * NS_PER_S)
    ledger.close(20 * NS_PER_S)

    assert ledger.tally.counts[Count.DELIVERIES_DUPLICATED] == 1
    assert ledger.tally.of_slice("stage: 1").counts[Count.DELIVERIES_DUPLICATED] == 1
    assert noted(ledger, Fault.DUPLICATED) == {((ANN, 0), BOB)}
    assert ledger.tally.counts[Count.DELIVERIES_LOST] == 0
