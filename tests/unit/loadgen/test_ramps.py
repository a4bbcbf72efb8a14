"""A rate that changes: each message is due when the integral of the rate says so."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.pacing import BLOCK_SIZE, NS_PER_S, ConstantSchedule, ExponentialSchedule, Gaps
from loadgen.plan.ramps import RampedSchedule, RateStage

GAPS = st.sampled_from((Gaps.EXPONENTIAL, Gaps.CONSTANT))
RATES = st.floats(0.1, 5_000)
LENGTHS_NS = st.one_of(st.just(0), st.integers(1_000_000, 100 * NS_PER_S))
STAGES = st.lists(st.builds(RateStage, LENGTHS_NS, st.one_of(st.just(0.0), RATES)), max_size=5)
SEEDS = st.integers(0, 2**63 - 1)
NEVER_NS = 2**62


def rate_at(rate_per_s: float, steady_ns: int, stages: Sequence[RateStage], at_ns: float) -> float:
    """What the words of a scenario file say: level at first, then evenly to each rate, then level again."""
    rate, start_ns = rate_per_s, steady_ns
    for stage in stages:
        if start_ns <= at_ns < start_ns + stage.length_ns:
            return rate + (stage.rate_per_s - rate) * (at_ns - start_ns) / stage.length_ns
        if at_ns >= start_ns:
            rate = stage.rate_per_s
        start_ns += stage.length_ns
    return rate


def integral(rate_per_s: float, steady_ns: int, stages: Sequence[RateStage], until_ns: int) -> float:
    """How many are to have come by an instant: the rate at 50 places of each part, added up."""
    corners = [0, steady_ns]
    for stage in stages:
        corners.append(corners[-1] + stage.length_ns)
    corners = [corner for corner in corners if corner < until_ns] + [until_ns]
    total = 0.0
    for start_ns, end_ns in pairwise(corners):
        step_ns = (end_ns - start_ns) / 50
        places = (start_ns + (i + 0.5) * step_ns for i in range(50))
        total += sum(rate_at(rate_per_s, steady_ns, stages, at_ns) for at_ns in places) * step_ns / NS_PER_S
    return total


@given(RATES, st.integers(0, 10 * NS_PER_S), STAGES, st.integers(0, 50_000))
def test_with_equal_gaps_message_n_is_due_when_n_are_to_have_come(
    rate: float, steady_ns: int, stages: list[RateStage], n: int
) -> None:
    """To a nanosecond, at the rate there is then, whatever the ramps."""
    due_ns = RampedSchedule(Gaps.CONSTANT, 1, rate, steady_ns, stages).due_ns(n)

    if due_ns == NEVER_NS:
        assert integral(rate, steady_ns, stages, 1000 * NS_PER_S) <= n * (1 + 1e-9)
    else:
        a_nanosecond = 5_000 / NS_PER_S
        assert integral(rate, steady_ns, stages, due_ns) == pytest.approx(n, rel=1e-9, abs=a_nanosecond + 1e-6)


@given(RATES, st.integers(0, 10 * NS_PER_S), STAGES, SEEDS, st.integers(0, 20))
def test_random_gaps_keep_to_the_ramps_block_by_block(
    rate: float, steady_ns: int, stages: list[RateStage], seed: int, block: int
) -> None:
    """Each block of messages lies where as many are to come: the rate is exact in the long run, as without ramps."""
    pace = RampedSchedule(Gaps.EXPONENTIAL, seed, rate, steady_ns, stages)
    equal = RampedSchedule(Gaps.CONSTANT, seed, rate, steady_ns, stages)

    assert equal.due_ns(block * BLOCK_SIZE) <= pace.due_ns(block * BLOCK_SIZE) + 1
    assert pace.due_ns((block + 1) * BLOCK_SIZE - 1) <= equal.due_ns((block + 1) * BLOCK_SIZE) + 1


@given(GAPS, RATES, STAGES, SEEDS, st.lists(st.integers(0, 10_000), max_size=20))
def test_the_due_time_depends_on_the_number_alone(
    gaps: Gaps, rate: float, stages: list[RateStage], seed: int, asked: list[int]
) -> None:
    """Asked in any order, by anyone, message n is due at the same instant."""
    one = RampedSchedule(gaps, seed, rate, NS_PER_S, stages)
    answers = [one.due_ns(n) for n in asked]

    assert answers == [RampedSchedule(gaps, seed, rate, NS_PER_S, stages).due_ns(n) for n in asked]


@given(GAPS, RATES, STAGES, SEEDS, st.integers(0, 5_000))
def test_due_times_never_fall(gaps: Gaps, rate: float, stages: list[RateStage], seed: int, n: int) -> None:
    """The next message is due no earlier than this one, over the corners of the ramps, too."""
    pace = RampedSchedule(gaps, seed, rate, NS_PER_S, stages)

    assert 0 <= pace.due_ns(n) <= pace.due_ns(n + 1) <= NEVER_NS


@given(RATES, SEEDS, st.integers(0, 10_000))
def test_without_stages_it_is_the_plain_schedule(rate: float, seed: int, n: int) -> None:
    """The same messages at the same instants, to the rounding of a float."""
    random = RampedSchedule(Gaps.EXPONENTIAL, seed, rate, 0, ()).due_ns(n)
    equal = RampedSchedule(Gaps.CONSTANT, seed, rate, 0, ()).due_ns(n)

    assert random == pytest.approx(ExponentialSchedule(rate, seed).due_ns(n), rel=1e-12, abs=1)
    assert equal == pytest.approx(ConstantSchedule(rate).due_ns(n), rel=1e-12, abs=1)


def test_a_step_changes_the_rate_at_once() -> None:
    """In numbers: ten a second for a second, then a hundred a second."""
    pace = RampedSchedule(Gaps.CONSTANT, 1, 10.0, NS_PER_S, [RateStage(0, 100.0)])

    assert [pace.due_ns(n) / NS_PER_S for n in (0, 5, 10, 11, 110)] == pytest.approx([0.0, 0.5, 1.0, 1.01, 2.0])


def test_a_rate_that_falls_to_nothing_ends_the_messages() -> None:
    """From ten a second evenly to none in two seconds: ten come, and no more."""
    pace = RampedSchedule(Gaps.CONSTANT, 1, 10.0, 0, [RateStage(2 * NS_PER_S, 0.0)])

    assert pace.due_ns(9) < 2 * NS_PER_S
    assert [pace.due_ns(n) for n in (10, 11, 100_000)] == [NEVER_NS] * 3


def test_after_a_pause_messages_go_on_where_they_stopped() -> None:
    """None while the rate is 0, and none of them is left out."""
    stages = [RateStage(0, 0.0), RateStage(5 * NS_PER_S, 0.0), RateStage(0, 10.0)]
    pace = RampedSchedule(Gaps.CONSTANT, 1, 10.0, NS_PER_S, stages)

    assert [pace.due_ns(n) / NS_PER_S for n in (9, 10, 11)] == pytest.approx([0.9, 6.0, 6.1])
