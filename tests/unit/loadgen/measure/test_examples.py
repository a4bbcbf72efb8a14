"""A few deliveries that went wrong."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadgen.measure.examples import MOST, Example, Examples, Fault, chosen

EXAMPLES = st.builds(
    Example,
    sent_ns=st.integers(0, 6),
    due_ns=st.just(0),
    sender=st.integers(0, 3),
    sequence=st.integers(0, 3),
    receiver=st.integers(0, 9),
    room=st.just(0),
    received_ns=st.none(),
    acked=st.just(False),
    was_seen=st.none(),
    seen_ns=st.none(),
)


def an_example(n: int, receiver: int, sent_ns: int | None = None) -> Example:
    """Of message ``n`` of user 0."""
    return Example(n if sent_ns is None else sent_ns, 0, 0, n, receiver, 0)


def kept(parts: list[list[Example]]) -> list[Example]:
    """What is left of several processes' examples, merged one after the other."""
    together = Examples()
    for part in parts:
        one = Examples()
        for example in part:
            one.keep(Fault.LOST, example)
        together.merge(one)
    return together.of(Fault.LOST)


@given(st.lists(EXAMPLES, max_size=60), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_same_is_kept_however_many_processes_and_in_whatever_order(
    examples: list[Example], process_count: int, random: Random
) -> None:
    """A run with four processes is not told in other words than one with one."""
    once = kept([examples])
    random.shuffle(examples)

    assert kept([examples[i::process_count] for i in range(process_count)]) == once


@given(st.lists(EXAMPLES, max_size=200))
def test_few_are_kept_whatever_happens(examples: list[Example]) -> None:
    """A server that loses everything does not fill our memory; the first of all is among them."""
    left = kept([examples])

    assert len(left) <= 2 * MOST
    assert len(chosen(left)) == min(MOST, len(left))
    assert left[:1] == sorted(set(examples), key=lambda each: each.order)[:1]


def test_a_message_that_a_whole_room_has_lost_does_not_hide_the_next() -> None:
    """Five receivers of one message tell no more than one does."""
    lost = Examples()
    for n in range(8):
        lost.keep_each(Fault.LOST, an_example(n, -1), np.arange(1_000))

    told = chosen(lost.of(Fault.LOST))

    assert [each.sequence for each in told] == [0, 1, 2, 3, 4]
    assert len({each.receiver for each in told}) == MOST


def test_a_receiver_who_gets_nothing_does_not_hide_another() -> None:
    """One dead socket is one story, and there may be a second."""
    lost = Examples()
    for n in range(50):
        lost.keep(Fault.LOST, an_example(n, 7))
    lost.keep(Fault.LOST, an_example(30, 4))

    told = [(each.sequence, each.receiver) for each in chosen(lost.of(Fault.LOST))]

    assert (30, 4) in told
    assert told[0] == (0, 7)


def test_a_message_that_comes_too_late_to_be_kept_is_not_wanted() -> None:
    """So nothing is made of it: most of a million losses cost a comparison."""
    lost = Examples()
    assert lost.wants(Fault.LOST, 10**15)
    for n in range(MOST):
        lost.keep(Fault.LOST, an_example(n, n))

    assert not lost.wants(Fault.LOST, MOST)
    assert lost.wants(Fault.LOST, 2)
    assert lost.wants(Fault.LATE, MOST)


def test_a_time_that_no_clock_can_show_is_no_example() -> None:
    """A server can make up a marker, check digits and all."""
    examples = Examples()
    examples.keep(Fault.UNEXPECTED, an_example(0, 1, sent_ns=2**64))

    assert examples.of(Fault.UNEXPECTED) == []


def test_who_got_a_lost_message_last_is_learnt_afterwards() -> None:
    """Whether nobody got it, or all but one, are different faults; of a part of the books nothing is concluded."""
    lost = Examples()
    for n in range(3):
        lost.keep(Fault.LOST, an_example(n, n))

    lost.learn_last_seen(np.array([0, 1]), np.array([25, -1]), is_whole=True)
    lost.learn_last_seen(np.array([2]), np.array([-1]), is_whole=False)

    assert [(each.was_seen, each.seen_ns) for each in lost.of(Fault.LOST)] == [(True, 25), (False, None), (None, None)]
