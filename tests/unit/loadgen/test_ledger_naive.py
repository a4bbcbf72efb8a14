"""The ledger beside a naive one that remembers everything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from loadgen.measure.tally import OF_A_SLICE, Count, Metric
from loadgen.plan.slices import UNSLICED, Slicing
from tests.support.hunting import examples
from tests.support.ledgers import COUNTED, DEADLINE_NS, TWO_SLICES, USERS, Processes, room_of, send


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
