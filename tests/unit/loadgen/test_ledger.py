"""The ledger beside a naive one that remembers everything, and its corners one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.news import News
from loadgen.measure.rules import Rules
from loadgen.measure.settling import Bite
from loadgen.measure.spread import SpreadJoin
from loadgen.measure.tally import OF_A_SLICE, Count, Metric, Tally
from loadgen.plan.plan import WHOLE, Share
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import UNSLICED, RoomClass, Slicing, Stretch
from tests.support.hunting import examples

PREFIX = marker.prefix_of("abc123")
DEADLINE_NS = 100
USERS, ROOMS = 4, 2
COUNTED = (
    Count.DELIVERIES_EXPECTED,
    Count.DELIVERIES_RECEIVED,
    Count.DELIVERIES_LATE,
    Count.DELIVERIES_LOST,
    Count.DELIVERIES_EXCUSED,
    Count.DELIVERIES_DUPLICATED,
    Count.DELIVERIES_REORDERED,
    Count.DELIVERIES_UNEXPECTED,
    Count.DELIVERIES_RECOVERED,
)


# Most of what happens in a test of many steps happens about then.
TWO_SLICES = Slicing(Rooms.alike(ROOMS), USERS, (), (Stretch("incident: 1", 20, 120),))


def room_of(user: int) -> int:
    """Users 0 and 2 share a room, 1 and 3 another."""
    return user % ROOMS


def a_ledger(
    *,
    echo: bool = True,
    reach: Reach = Reach.ROOM,
    users: int = USERS,
    numbered: bool = False,
    share: Share = WHOLE,
    slicing: Slicing = UNSLICED,
    rooms: int = ROOMS,
) -> Ledger:
    """Everybody joined at 0, everything measured."""
    rules = Rules(
        users, Rooms.alike(rooms), reach, echo, DEADLINE_NS, numbered, share, has_direct=True, slicing=slicing
    )
    ledger = Ledger(rules, PREFIX, Tally(0))
    ledger.measure(0, 10**15)
    for user in range(share.index, users, share.count):
        ledger.members.joining(user, 0)
        ledger.members.joined(user, 0)
    return ledger


def send(ledger: Ledger, sender: int, at_ns: int, to: int | None = None) -> bytes:
    """Send the sender's next message, to its room or to one user; its frame."""
    stamp = Stamp(sender, ledger.next_sequence(sender), at_ns, at_ns, to)
    text = marker.write(PREFIX, stamp)
    ledger.sent(text, stamp)
    return b"words " + text


@dataclass
class Naive:
    """The books as one would keep them on paper: every arrival of every message, judged at the end."""

    sent: list[tuple[int, int, list[int]]] = field(default_factory=list)  # sender, sent_ns, audience
    arrivals: list[list[tuple[int, int]]] = field(default_factory=list)  # of each message: (time, user)
    gone: dict[int, int] = field(default_factory=dict)  # who is away, since when
    stays: dict[int, tuple[int, int]] = field(default_factory=dict)  # who has come back: gone when, back when

    def counts(self, end_ns: int) -> Counter[str]:
        """What the ledger should say."""
        counts: Counter[str] = Counter()
        for i, (sender, sent_ns, audience) in enumerate(self.sent):
            counts[Count.DELIVERIES_EXPECTED] += len(audience)
            for user in range(USERS):
                times = [at for at, who in self.arrivals[i] if who == user]
                if user not in audience:
                    outsider = room_of(user) != room_of(sender)
                    counts[Count.DELIVERIES_UNEXPECTED] += len(times) if outsider else 0
                    continue
                left_ns, back_ns = self.stays.get(user, (self.gone.get(user, end_ns), end_ns))
                if sent_ns >= back_ns:  # sent to the second stay
                    left_ns, back_ns = self.gone.get(user, end_ns), end_ns
                excusable = left_ns < min(sent_ns + DEADLINE_NS, end_ns)
                in_stay = [at for at in times if at < back_ns or not excusable]
                if in_stay:
                    counts[Count.DELIVERIES_RECEIVED] += 1
                    counts[Count.DELIVERIES_LATE] += times[0] - sent_ns > DEADLINE_NS
                    counts[Count.DELIVERIES_DUPLICATED] += len(times) - 1
                    counts[Count.DELIVERIES_REORDERED] += any(
                        who == user and at < times[0]
                        for j in range(i + 1, len(self.sent))
                        if self.sent[j][0] == sender
                        for at, who in self.arrivals[j]
                        if self._counts_as_received(j, user, at, end_ns)
                    )
                elif excusable:
                    counts[Count.DELIVERIES_EXCUSED] += 1
                    counts[Count.DELIVERIES_RECOVERED] += bool(times)
                    counts[Count.DELIVERIES_DUPLICATED] += max(0, len(times) - 1)
                else:
                    counts[Count.DELIVERIES_LOST] += 1
        return counts

    def _counts_as_received(self, i: int, user: int, at_ns: int, end_ns: int) -> bool:
        """Whether an arrival is one that was waited for, and not one that history brought."""
        _, sent_ns, audience = self.sent[i]
        left_ns, back_ns = self.stays.get(user, (end_ns, end_ns))
        brought = sent_ns < back_ns <= at_ns and left_ns < sent_ns + DEADLINE_NS
        return user in audience and not brought


# Mostly one sender, and mostly the last few messages: that is where books go wrong.
SENDER = st.sampled_from([0, 0, 0, 0, 2, 1])
BACK = st.integers(1, 5)
STEP = st.one_of(
    st.tuples(st.just("send"), SENDER),
    st.tuples(st.just("send"), SENDER),
    st.tuples(st.just("arrive"), BACK, st.sampled_from([0, 2])),
    st.tuples(st.just("arrive"), BACK, st.integers(0, USERS - 1)),
    st.tuples(st.just("flood"), BACK),
    st.tuples(st.just("settle")),
    st.tuples(st.just("news")),
    st.tuples(st.just("wait"), st.sampled_from([1, 40, DEADLINE_NS - 2, DEADLINE_NS - 1, DEADLINE_NS])),
    st.tuples(st.just("gone"), st.integers(0, USERS - 1)),
    st.tuples(st.just("back"), st.integers(0, USERS - 1)),
)
STEPS = st.lists(STEP, min_size=10, max_size=40)


class Processes:
    """The ledgers of several processes, which tell one another the news; together they are one."""

    def __init__(self, count: int, *, numbered: bool = False, slicing: Slicing = UNSLICED) -> None:
        self.slicing = slicing
        self.ledgers = [
            a_ledger(share=Share(index, count), numbered=numbered, slicing=slicing) for index in range(count)
        ]

    def of(self, user: int) -> Ledger:
        """The one that a user belongs to."""
        return self.ledgers[user % len(self.ledgers)]

    def tell_news(self) -> None:
        """Have each hear what all have to say, its own among it."""
        news = News.joined([ledger.take_news() for ledger in self.ledgers])
        for ledger in self.ledgers:
            ledger.hear(news)

    def close(self, end_ns: int) -> Tally:
        """What they have counted together, the last news told."""
        self.tell_news()
        total, join = Tally(0), SpreadJoin(len(self.ledgers), self.slicing)
        for ledger in self.ledgers:
            ledger.close(end_ns)
            total.merge(ledger.tally)
            join.add(ledger.take_spreads(), total)
        join.close(total)
        return total


@examples(400)
@given(STEPS, st.integers(1, 3), st.sampled_from([UNSLICED, TWO_SLICES]))
def test_the_ledger_agrees_with_naive_books_whenever_it_settles(
    steps: list[tuple[object, ...]], process_count: int, slicing: Slicing
) -> None:
    """Losses, copies, swaps, sockets that die and come back, processes that hear of one another's messages late.

    The counts do not depend on when messages are accounted for, nor where; and those of slices that divide the time
    are those of the whole.
    """
    processes, naive = Processes(process_count, slicing=slicing), Naive()
    frames: list[bytes] = []
    now_ns = 1

    def arrive(message: int, user: int) -> None:
        if user not in naive.gone:
            assert processes.of(user).receive(user, frames[message], now_ns)
            naive.arrivals[message].append((now_ns, user))

    for step in steps:
        now_ns += 1
        match step:
            case ("send", int(sender)):
                if sender not in naive.gone:
                    audience = [u for u in range(USERS) if room_of(u) == room_of(sender) and u not in naive.gone]
                    frames.append(send(processes.of(sender), sender, now_ns))
                    naive.sent.append((sender, now_ns, audience))
                    naive.arrivals.append([])
            case ("arrive", int(back), int(user)):
                if back <= len(frames):
                    arrive(len(frames) - back, user)
            case ("flood", int(back)):
                for user in range(USERS) if back <= len(frames) else ():
                    now_ns += 1
                    if user in naive.sent[-back][2]:
                        arrive(len(frames) - back, user)
            case ("settle",):
                for ledger in processes.ledgers:
                    ledger.settle(now_ns)
            case ("news",):
                processes.tell_news()
            case ("wait", int(length)):
                # Processes hear of one another ten times within a deadline.
                processes.tell_news()
                now_ns += length
            case ("gone", int(user)):
                if user not in naive.gone:
                    processes.of(user).members.left(user, now_ns)
                    naive.gone[user] = now_ns
            case ("back", int(user)):
                if user in naive.gone and user not in naive.stays:
                    processes.of(user).members.joining(user, now_ns)
                    processes.of(user).members.joined(user, now_ns)
                    naive.stays[user] = naive.gone.pop(user), now_ns
    end_ns = now_ns + 1
    tally = processes.close(end_ns)

    expected = naive.counts(end_ns)
    assert {name: tally.counts[name] for name in COUNTED} == {name: expected[name] for name in COUNTED}
    if slicing.tells_apart:
        parts = [tally.of_slice(name) for name in slicing.names]
        for name in OF_A_SLICE & {*COUNTED}:
            assert sum(part.counts[name] for part in parts) == tally.counts[name]
        for metric in OF_A_SLICE & {*Metric}:
            assert sum(part.of(metric).count for part in parts) == tally.metrics[Metric(metric)].count


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


# --- slices


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


# --- direct messages


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


# --- history


def a_return(ledger: Ledger, user: int, *, left_ns: int, back_ns: int) -> None:
    """Lose the socket and come back."""
    ledger.members.left(user, left_ns)
    ledger.members.joining(user, back_ns)
    ledger.members.joined(user, back_ns)


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
