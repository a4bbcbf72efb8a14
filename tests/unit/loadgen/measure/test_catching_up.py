"""What the ledger calls lost, or twice, where whoever comes back asks for what it has missed."""

from __future__ import annotations

import pytest

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.news import News
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count, Tally
from loadgen.plan.plan import Share
from loadgen.plan.rooms import Rooms

PREFIX = marker.prefix_of("abc123")
DEADLINE_NS = 100
ANN, BOB = 0, 1


class Books:
    """Two users in one room; all of it is measured."""

    def __init__(self, *, reads_at_will: bool = False) -> None:
        rules = Rules(
            2, Rooms.alike(1), Reach.ROOM, True, DEADLINE_NS, catches_up=True, reads_at_will=reads_at_will
        )  # fmt: skip
        self.ledger = Ledger(rules, PREFIX, Tally(0))
        self.ledger.measure(0, 10**15)
        for user in (ANN, BOB):
            self.ledger.joining(user, 0)
            self.ledger.members.joined(user, 0)

    def say(self, at_ns: int, *, acked: bool = True) -> bytes:
        """Ann says something, and has it; its frame."""
        stamp = Stamp(ANN, self.ledger.next_sequence(ANN), at_ns, at_ns)
        text = marker.write(PREFIX, stamp)
        self.ledger.sent(text, stamp)
        self.ledger.receive(ANN, text, at_ns + 1)
        if acked:
            self.ledger.acked(text)
        return text

    def cut(self, at_ns: int) -> None:
        """Bob loses his socket by an incident."""
        self.ledger.members.left(BOB, at_ns)
        self.ledger.absences.began(BOB, 0, at_ns)

    def back(self, at_ns: int) -> None:
        """Bob is back."""
        self.ledger.absences.ended(BOB, at_ns)
        self.ledger.joining(BOB, at_ns)
        self.ledger.members.joined(BOB, at_ns)

    def counts(self, end_ns: int = 10_000) -> dict[Count, int]:
        """What it comes to: of deliveries, without those that Ann got."""
        self.ledger.close(end_ns)
        counts = self.ledger.tally.counts
        settled = (Count.DELIVERIES_RECEIVED, Count.DELIVERIES_LOST, Count.DELIVERIES_EXCUSED)
        assert counts[Count.DELIVERIES_EXPECTED] == sum(counts[each] for each in settled), "the books close"
        told = (
            Count.DELIVERIES_EXCUSED, Count.DELIVERIES_RECOVERED, Count.DELIVERIES_LOST_ACKED,
            Count.DELIVERIES_LOST_UNACKED, Count.DELIVERIES_DUPLICATED,
        )  # fmt: skip
        return {each: counts[each] for each in told if counts[each]}


@pytest.mark.parametrize("settled_first", [False, True])
@pytest.mark.parametrize(
    ("acked", "counts"),
    [(True, {Count.DELIVERIES_LOST_ACKED: 1}), (False, {Count.DELIVERIES_EXCUSED: 1})],
    ids=["acknowledged", "not"],
)
def test_what_a_catch_up_does_not_bring_is_lost_where_it_was_acknowledged(
    *, settled_first: bool, acked: bool, counts: dict[Count, int]
) -> None:
    """Whether the acknowledgement comes before or after the loss is excused."""
    books = Books()
    said = books.say(10, acked=acked and not settled_first)
    books.cut(15)
    books.back(30)
    if settled_first:
        books.ledger.settle(200)
        if acked:
            books.ledger.acked(said)

    assert books.counts() == counts


def test_what_was_said_while_one_was_away_is_owed_too() -> None:
    """Nobody expected it to come then; that it never came is a loss."""
    books = Books()
    books.cut(5)
    books.say(10)
    books.say(11, acked=False)
    books.back(30)

    assert books.counts() == {Count.DELIVERIES_LOST_ACKED: 1}


def test_history_or_a_live_frame_brings_what_is_owed() -> None:
    """A message may be numbered when one is back, though it was sent before."""
    books = Books()
    books.cut(5)
    read, live = books.say(10), books.say(20)
    books.back(30)
    books.ledger.read_history(BOB, read, 5_000)
    books.ledger.receive(BOB, live, 35)

    assert books.counts() == {}


def test_who_is_still_away_is_owed_nothing_yet() -> None:
    """It may ask for it later."""
    books = Books()
    books.cut(5)
    books.say(10)

    assert books.counts() == {}


def test_who_does_not_know_what_to_ask_for_is_owed_nothing() -> None:
    """Of what was said before: whatever comes later is another matter."""
    books = Books()
    books.cut(5)
    books.say(10)
    books.back(30)
    books.ledger.asks_for_nothing(BOB, 31)
    books.cut(40)
    books.say(45)
    books.back(50)

    assert books.counts() == {Count.DELIVERIES_LOST_ACKED: 1}


@pytest.mark.parametrize("settled_first", [False, True])
def test_what_history_brings_must_not_come_live_as_well(*, settled_first: bool) -> None:
    """A server that says where live messages begin sends nothing twice."""
    books = Books()
    books.cut(5)
    said = books.say(10)
    books.back(30)
    books.ledger.receive(BOB, said, 32)
    if settled_first:
        books.ledger.settle(50)
    books.ledger.read_history(BOB, said, 5_000)
    assert books.counts() == {Count.DELIVERIES_DUPLICATED: 1}


def test_who_is_cut_off_again_may_read_what_it_has_had_live() -> None:
    """It had not read all before that, and so asks for it all."""
    books = Books()
    books.cut(5)
    said = books.say(10)
    books.back(30)
    books.ledger.receive(BOB, said, 32)
    books.cut(40)
    books.back(50)
    books.ledger.read_history(BOB, said, 5_000)

    assert books.counts() == {}


def test_who_reads_the_history_at_will_sees_again_what_came() -> None:
    """That is no second delivery."""
    books = Books(reads_at_will=True)
    books.cut(5)
    said = books.say(10)
    books.back(30)
    books.ledger.receive(BOB, said, 32)
    books.ledger.read_history(BOB, said, 5_000)

    assert books.counts() == {}


def test_who_is_cut_off_twice_within_the_deadline_is_excused_and_owed() -> None:
    """Of each user two stays are known; what belongs to one before is accounted for in time."""
    books = Books()
    said = books.say(10)
    books.cut(15)
    books.back(20)
    books.cut(25)
    books.back(30)
    assert books.counts() == {Count.DELIVERIES_LOST_ACKED: 1}

    books = Books()
    said = books.say(10)
    books.cut(15)
    books.back(20)
    books.cut(25)
    books.back(30)
    books.cut(35)
    books.back(40)
    books.ledger.read_history(BOB, said, 5_000)
    assert books.counts() == {Count.DELIVERIES_EXCUSED: 1, Count.DELIVERIES_RECOVERED: 1}


@pytest.mark.parametrize("brought", [True, False])
def test_what_was_late_already_when_the_socket_was_lost_may_come_by_history(*, brought: bool) -> None:
    """A node that is cut off tells its users later; one whose socket is gone by then reads it."""
    books = Books()
    said = books.say(10)
    books.ledger.settle(10 + DEADLINE_NS + 1)
    books.cut(300)
    books.back(400)
    if brought:
        books.ledger.read_history(BOB, said, 5_000)

    excused = {Count.DELIVERIES_EXCUSED: 1, Count.DELIVERIES_RECOVERED: 1}
    assert books.counts() == (excused if brought else {Count.DELIVERIES_LOST_ACKED: 1})


def test_history_may_bring_it_before_its_process_tells_of_it() -> None:
    """Ann is of another process, whose news come once a second: what Bob has read by then he is owed no more."""
    rules = Rules(2, Rooms.alike(1), Reach.ROOM, True, DEADLINE_NS, catches_up=True, share=Share(BOB, 2))
    ledger = Ledger(rules, PREFIX, Tally(0))
    ledger.measure(0, 10**15)
    ledger.joining(BOB, 0)
    ledger.members.joined(BOB, 0)
    ledger.members.left(BOB, 5)
    ledger.absences.began(BOB, 0, 5)
    read, never = (marker.write(PREFIX, Stamp(ANN, sequence, 10, 10)) for sequence in range(2))
    ledger.absences.ended(BOB, 30)
    ledger.joining(BOB, 30)
    ledger.members.joined(BOB, 30)

    ledger.read_history(BOB, read, 40)
    ledger.hear(News(sent=read + never, acked=b"".join(each + b"%016x" % 0 for each in (read, never))))
    ledger.close(10_000)

    assert ledger.tally.counts[Count.DELIVERIES_LOST_ACKED] == 1, "the one that nothing has brought"
    assert ledger.tally.counts[Count.DELIVERIES_DUPLICATED] == 0


def test_who_has_read_it_and_is_gone_again_when_its_process_tells_of_it_is_owed_nothing_yet() -> None:
    """It will ask for it anew when it is back."""
    rules = Rules(2, Rooms.alike(1), Reach.ROOM, True, DEADLINE_NS, catches_up=True, share=Share(BOB, 2))
    ledger = Ledger(rules, PREFIX, Tally(0))
    ledger.measure(0, 10**15)
    ledger.joining(BOB, 0)
    ledger.members.joined(BOB, 0)
    ledger.members.left(BOB, 5)
    ledger.absences.began(BOB, 0, 5)
    ledger.joining(BOB, 30)
    ledger.members.joined(BOB, 30)
    read = marker.write(PREFIX, Stamp(ANN, 0, 10, 10))

    ledger.read_history(BOB, read, 40)
    ledger.members.left(BOB, 45)
    ledger.hear(News(sent=read, acked=read + b"%016x" % 0))
    ledger.close(10_000)

    assert ledger.tally.counts[Count.DELIVERIES_LOST_ACKED] == 0
