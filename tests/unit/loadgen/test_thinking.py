"""How long users think: settled by the seed, and as long on average as the plan says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.pacing import NS_PER_S, Gaps
from loadgen.plan.thinking import Thinking

USERS, NUMBERS = st.integers(0, 20_000), st.integers(1, 5_000)


def thoughts(gaps: Gaps = Gaps.EXPONENTIAL, seed: int = 1) -> Thinking:
    """Of 2 s on average."""
    return Thinking(2.0 * NS_PER_S, gaps, seed)


@given(st.lists(st.tuples(USERS, NUMBERS), max_size=30), USERS, NUMBERS, st.integers(0, 2**63 - 1))
def test_a_thought_depends_on_seed_user_and_number_alone(
    asked_before: list[tuple[int, int]], user: int, n: int, seed: int
) -> None:
    """Not on what was asked before, nor of whom: any process knows it."""
    busy, fresh = thoughts(seed=seed), thoughts(seed=seed)
    for other_user, other_n in asked_before:
        busy.think_ns(other_user, other_n)
    busy.first_ns(user)

    assert busy.think_ns(user, n) == fresh.think_ns(user, n)
    assert busy.first_ns(user) == fresh.first_ns(user)


def test_seed_user_and_number_each_make_another_thought() -> None:
    """None of them is left out."""
    drawn = {
        thoughts(seed=seed).think_ns(user, n) for seed in (1, 2, 3) for user in (0, 1, 40) for n in (1, 2, 15, 16, 17)
    }

    assert len(drawn) == 3 * 3 * 5


@pytest.mark.parametrize("gaps", Gaps)
def test_the_mean_is_what_was_asked_for(gaps: Gaps) -> None:
    """Within 5 % over 10,000 thoughts of 100 users: five standard errors of exponential ones."""
    thinking = thoughts(gaps)
    drawn = [thinking.think_ns(user, n) for user in range(100) for n in range(1, 101)]

    assert sum(drawn) / len(drawn) == pytest.approx(2 * NS_PER_S, rel=0.05)
    assert min(drawn) >= 0


def test_constant_thoughts_are_all_alike() -> None:
    """Only their beginning is spread."""
    thinking = thoughts(Gaps.CONSTANT)

    assert {thinking.think_ns(user, n) for user in range(10) for n in range(1, 40)} == {2 * NS_PER_S}


@pytest.mark.parametrize("gaps", Gaps)
def test_users_do_not_all_begin_at_once(gaps: Gaps) -> None:
    """Their first messages are spread evenly over a mean thought."""
    thinking = thoughts(gaps)
    firsts = [thinking.first_ns(user) for user in range(10_000)]

    assert 0 <= min(firsts) <= max(firsts) < 2 * NS_PER_S
    for quarter in range(4):
        within = sum(quarter * NS_PER_S // 2 <= first < (quarter + 1) * NS_PER_S // 2 for first in firsts)
        assert within == pytest.approx(2_500, rel=0.1)
