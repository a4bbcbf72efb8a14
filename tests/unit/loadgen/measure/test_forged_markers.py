"""Markers that nobody of the run has written: a server, or another client, can write any."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.clocks import Clock
from loadgen.measure.entry import NOBODY, Entry
from loadgen.measure.examples import Fault
from loadgen.measure.hearsay import Bounds, Hearsay
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.rules import Rules
from loadgen.measure.spread import SpreadJoin
from loadgen.measure.tally import Count, Tally
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Share
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import UNSLICED, RoomClass, Slicing, Stretch
from tests.support.forgery import forged
from tests.support.hunting import examples

PREFIX = marker.prefix_of("abc123")
USERS = 4
THE_ROOM = 2**32 - 1
START_NS, DEADLINE_NS, END_NS = 10**9, 100, 10**9 + 10_000
SLICING = Slicing(Rooms.alike(1), USERS, tuple(RoomClass), (Stretch("stage: 1", 0, None),))


def ledgers(count: int, *, direct: bool = True, other_clocks: bool = False, slicing: bool = False) -> list[Ledger]:
    """One room, and everybody in it since the start."""
    made = []
    for index in range(count):
        clocks = {i: Clock(0, 5) for i in range(count) if i != index} if other_clocks else {}
        rules = Rules(
            USERS,
            Rooms.alike(1),
            Reach.ROOM,
            True,
            DEADLINE_NS,
            share=Share(index, count),
            has_direct=direct,
            other_clocks=clocks,
            slicing=SLICING if slicing else UNSLICED,
        )
        ledger = Ledger(rules, PREFIX, Tally(START_NS))
        ledger.measure(START_NS, END_NS)
        for user in range(index, USERS, count):
            ledger.members.joining(user, START_NS)
            ledger.members.joined(user, START_NS)
        made.append(ledger)
    return made


def send(ledger: Ledger, sender: int, at_ns: int) -> bytes:
    stamp = Stamp(sender, ledger.next_sequence(sender), at_ns, at_ns)
    text = marker.write(PREFIX, stamp)
    ledger.sent(text, stamp)
    return text


def tell(made: list[Ledger]) -> None:
    news = [ledger.take_news() for ledger in made]
    for ledger in made:
        for each in news:
            ledger.hear(each)


def counted(made: list[Ledger]) -> dict[Count, int]:
    """Close the books; what they hold of deliveries."""
    tell(made)
    tally, join = Tally(START_NS), SpreadJoin(len(made))
    for ledger in made:
        ledger.settle(END_NS)
        ledger.close(END_NS + DEADLINE_NS)
        tally.merge(ledger.tally)
        join.add(ledger.take_spreads(), tally)
    join.close(tally)
    counts = {name: tally.counts[name] for name in Count if name.startswith("deliveries")}
    settled = (Count.DELIVERIES_RECEIVED, Count.DELIVERIES_LOST, Count.DELIVERIES_EXCUSED)
    assert counts[Count.DELIVERIES_EXPECTED] == sum(counts[name] for name in settled)
    return counts


ANY_FIELDS = st.tuples(
    st.one_of(st.integers(0, USERS), st.integers(0, 2**32 - 1)),
    st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1)),
    st.one_of(st.integers(START_NS, END_NS), st.integers(0, 2**64 - 1)),
    st.one_of(st.integers(0, 200), st.integers(0, 2**48 - 1)),
    st.one_of(st.just(2**32 - 1), st.integers(0, USERS), st.integers(2**32 - 20, 2**32 - 1), st.integers(0, 2**32 - 1)),
)


@examples(200)
@given(
    st.lists(ANY_FIELDS, max_size=6),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@example([(1, 0, START_NS, 0, 5000)], 2, True, False, False)  # for a user who is none: was an IndexError
@example([(1, 0, 2**63, 0, 2**32 - 1)], 2, False, False, False)  # fits into no int64
@example([(1, 0, 0, 0, 2**32 - 1)], 2, False, False, True)
def test_no_forged_marker_is_a_delivery_or_a_crash(
    fields: list[tuple[int, int, int, int, int]], count: int, direct: bool, other_clocks: bool, slicing: bool
) -> None:
    """Whatever it says, the books hold what was sent, and close."""
    made = ledgers(count, direct=direct, other_clocks=other_clocks, slicing=slicing)
    now_ns = START_NS + 300
    for each in fields:
        for ledger in made:
            for user in range(USERS):
                if user % count == ledger._rules.share.index:
                    ledger.receive(user, b"words " + forged(PREFIX, *each), now_ns)
                    ledger.read_history(user, forged(PREFIX, *each), now_ns)
        for ledger in made:
            ledger.settle(now_ns)
    real = send(made[0], 0, now_ns)
    for user in range(USERS):
        made[user % count].receive(user, real, now_ns + 10)

    counts = counted(made)

    assert counts[Count.DELIVERIES_EXPECTED] == counts[Count.DELIVERIES_RECEIVED] == USERS


def test_a_number_that_was_forged_before_it_was_sent_is_the_senders_all_the_same() -> None:
    """Whoever got the forged one, read what nobody has sent; the real one is received, and no duplicate."""
    here, there = made = ledgers(2)
    there.receive(1, forged(PREFIX, 0, 0, START_NS + 1, 0, 2**32 - 1), START_NS + 5)
    real = send(here, 0, START_NS + 10)
    for user in range(USERS):
        made[user % 2].receive(user, real, START_NS + 20)

    counts = counted(made)

    assert counts[Count.DELIVERIES_RECEIVED] == counts[Count.DELIVERIES_EXPECTED] == USERS
    assert counts[Count.DELIVERIES_UNEXPECTED] == 1
    assert counts[Count.DELIVERIES_DUPLICATED] == 0


def test_a_number_that_is_forged_far_ahead_makes_no_true_message_look_late() -> None:
    """What nobody has written cannot have overtaken anything: neither at once, nor when the books are closed."""
    here, there = made = ledgers(2)
    for user in (1, 3):
        there.receive(user, forged(PREFIX, 0, 1_000, START_NS + 1, 0, THE_ROOM), START_NS + 5)
    for at_ns in (START_NS + 10, START_NS + 20, START_NS + 30):
        real = send(here, 0, at_ns)
        tell(made)
        for user in range(USERS):
            made[user % 2].receive(user, real, at_ns + 5)
        for ledger in made:
            ledger.settle(at_ns + 6)
            assert ledger.tally.counts[Count.DELIVERIES_REORDERED] == 0

    counts = counted(made)

    assert counts[Count.DELIVERIES_RECEIVED] == 3 * USERS
    assert counts[Count.DELIVERIES_REORDERED] == 0


def one_that_is_overtaken_before_it_is_told(settle_again_ns: int | None = None) -> dict[Count, int]:
    """At two of four users the second message comes first, and before its news; the first one is settled by then."""
    here, there = made = ledgers(2)
    first = send(here, 0, START_NS + 10)
    tell(made)
    second = send(here, 0, START_NS + 11)
    for user, frames in ((0, (first, second)), (2, (first, second)), (1, (second, first)), (3, (second, first))):
        for at_ns, frame in enumerate(frames, start=START_NS + 20):
            made[user % 2].receive(user, frame, at_ns)
    for ledger in made:
        ledger.settle(START_NS + 30)
    assert there.tally.counts[Count.DELIVERIES_RECEIVED] == 2, "the first one is accounted for"
    assert there.tally.counts[Count.DELIVERIES_REORDERED] == 0, "the second one is not told"
    if settle_again_ns is not None:
        there.settle(settle_again_ns)
    counts = counted(made)
    noted = {each.message for each in there.tally.examples.of(Fault.REORDERED)}
    assert noted == ({(0, 0)} if counts[Count.DELIVERIES_REORDERED] else set())
    return counts


def test_what_overtook_others_before_it_was_told_counts_when_it_is() -> None:
    """The news of a process come up to a tenth of a second later; by then the message before may be settled."""
    assert one_that_is_overtaken_before_it_is_told()[Count.DELIVERIES_REORDERED] == 2


def test_what_is_not_told_for_long_is_waited_for_no_more() -> None:
    """A process that is silent for so long is given up; what is kept for the comparison must not pile up."""
    just = START_NS + 30 + DEADLINE_NS + NS_PER_S
    assert one_that_is_overtaken_before_it_is_told(just)[Count.DELIVERIES_REORDERED] == 2
    assert one_that_is_overtaken_before_it_is_told(just + 1)[Count.DELIVERIES_REORDERED] == 0


def test_what_was_settled_before_a_message_came_was_not_overtaken_by_it() -> None:
    """Though a forged one is still waited for, and all that is settled meanwhile is kept for it."""
    here, there = made = ledgers(2)
    there.receive(1, forged(PREFIX, 0, 1_000, START_NS + 1, 0, THE_ROOM), START_NS + 5)
    for at_ns in (START_NS + 10, START_NS + 20):
        real = send(here, 0, at_ns)
        for user in range(USERS):
            made[user % 2].receive(user, real, at_ns + 5)
        tell(made)
        for ledger in made:
            ledger.settle(at_ns + 6)

    counts = counted(made)

    assert counts[Count.DELIVERIES_RECEIVED] == 2 * USERS
    assert counts[Count.DELIVERIES_REORDERED] == 0


def test_a_forged_number_that_is_told_after_all_overtakes_nothing() -> None:
    """Another message has the number: what was settled meanwhile is compared with that one alone."""
    here, there = made = ledgers(2)
    for user in (1, 3):
        there.receive(user, forged(PREFIX, 0, 1, START_NS + 1, 0, THE_ROOM), START_NS + 5)
    for at_ns in (START_NS + 10, START_NS + 20):
        real = send(here, 0, at_ns)
        tell(made)
        for user in range(USERS):
            made[user % 2].receive(user, real, at_ns + 5)
        for ledger in made:
            ledger.settle(at_ns + 6)

    counts = counted(made)

    assert counts[Count.DELIVERIES_RECEIVED] == 2 * USERS
    assert counts[Count.DELIVERIES_UNEXPECTED] == 2
    assert counts[Count.DELIVERIES_REORDERED] == 0


def test_a_replay_is_a_duplicate() -> None:
    """A true copy of what a receiver has: it cannot be told from a server that delivers twice."""
    (ledger,) = made = ledgers(1)
    real = send(ledger, 0, START_NS + 10)
    for user in range(USERS):
        for _ in range(2):
            ledger.receive(user, real, START_NS + 20)

    counts = counted(made)

    assert counts[Count.DELIVERIES_RECEIVED] == counts[Count.DELIVERIES_DUPLICATED] == USERS


def test_a_figure_with_a_sign_is_no_figure() -> None:
    """Python reads -1, +1 and 1_0 as numbers; a marker has digits."""
    for sender in (b"-0000001", b"+0000001", b"0000_001", b" 0000001", b"0000000A"):
        body = PREFIX + sender + b"00000000" + b"%016x" % START_NS + b"000000000000" + b"ffffffff"
        assert marker.read(body + b"%08x" % zlib.crc32(body)) is None


def test_what_nobody_tells_of_does_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that forges without end fills no memory; what is told makes room."""
    monkeypatch.setattr("loadgen.measure.hearsay.MOST_UNTOLD", 3)
    entries = [Entry(b"%d" % n, Stamp(0, n, START_NS, START_NS), NOBODY, measured=True) for n in range(4)]
    hearsay = Hearsay()
    full = []
    for entry in entries[:3]:
        hearsay.add(entry)
        full.append(hearsay.is_full)
    hearsay.told(entries[0].marker, entries[0].stamp)
    full.append(hearsay.is_full)
    hearsay.add(entries[3])

    assert [*full, hearsay.is_full] == [False, False, True, False, True]


def test_a_message_cannot_have_been_due_in_the_future_or_before_the_run() -> None:
    """Nor sent before it was due, on one clock; another one may be off by its error."""
    bounds = Bounds(USERS, START_NS, has_direct=False)
    stamp = Stamp(0, 0, START_NS + 10, START_NS + 20)

    assert bounds.admit(stamp, START_NS + 20, 0)
    assert not bounds.admit(stamp, START_NS + 19, 0)
    assert bounds.admit(stamp, START_NS + 19, 1)
    assert bounds.admit(stamp._replace(due_ns=START_NS), START_NS + 20, 0)
    assert not bounds.admit(stamp._replace(due_ns=START_NS - 1), START_NS + 20, 0)
    assert bounds.admit(stamp._replace(due_ns=START_NS - 1), START_NS + 20, 1)
    assert not bounds.admit(stamp._replace(sent_ns=START_NS + 9), START_NS + 20, 0)
    assert not bounds.admit(stamp._replace(receiver=1), START_NS + 20, 0)
    assert not bounds.admit(stamp._replace(sender=USERS), START_NS + 20, 0)
    direct = Bounds(USERS, START_NS, has_direct=True)
    assert [direct.admit(stamp._replace(receiver=to), START_NS + 20, 0) for to in (USERS - 1, USERS)] == [True, False]
