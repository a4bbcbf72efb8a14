"""How long users pause: settled by the seed, and as long on average as the plan says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.pacing import NS_PER_S, Gaps
from loadgen.plan.pauses import AlikePauses, Think
from loadgen.plan.plan import Plan
from loadgen.plan.senders import ActiveUsers, active_users
from loadgen.plan.thinking import Thinking, factors_of, thinking_of, thoughts_per_s
from tests.support.plans import a_plan

USER_COUNT = 10_000
USERS, NUMBERS = st.integers(0, USER_COUNT - 1), st.integers(1, 5_000)
# Mattermost's load test.
OFFICE = Think(NS_PER_S, 39 * NS_PER_S, ((1, 0.05), (2, 0.1), (3, 0.15), (6, 0.4), (30, 0.3)))


def a_plan_of(gaps: Gaps, seed: int = 1) -> Plan:
    """Of users who pause for 2 s on average."""
    think = Think(NS_PER_S, 3 * NS_PER_S) if gaps is Gaps.THINK else None
    return replace(a_plan(USER_COUNT), gaps=gaps, seed=seed, rate_per_s=USER_COUNT / 2, think=think)


def thoughts(gaps: Gaps = Gaps.EXPONENTIAL, seed: int = 1) -> Thinking:
    """Of 2 s on average."""
    plan = a_plan_of(gaps, seed)
    return thinking_of(plan, active_users(plan), plan.user_count, plan.acts_per_s)


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


@pytest.mark.parametrize("gaps", [Gaps.EXPONENTIAL, Gaps.CONSTANT, Gaps.THINK])
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
def test_as_many_begin_in_the_first_second_as_write_in_any_other(gaps: Gaps) -> None:
    """Each is in the middle of a pause when the run begins, so the rate is that of the plan from the first moment."""
    thinking = thoughts(gaps)
    within = Counter(
        at_ns // (NS_PER_S // 4) for user in range(USER_COUNT) for at_ns in instants_of(thinking, user, 2 * NS_PER_S)
    )

    for quarter in range(8):
        assert within[quarter] == pytest.approx(USER_COUNT / 8, rel=0.15)


def instants_of(thinking: Thinking, user: int, until_ns: int) -> list[int]:
    """When a user writes."""
    instants = []
    at_ns = thinking.first_ns(user)
    while at_ns < until_ns:
        instants.append(at_ns)
        at_ns += thinking.think_ns(user, len(instants))
    return instants


def test_with_fewer_active_users_each_pauses_less() -> None:
    """The rate is that of the plan, whoever keeps it."""
    plan = replace(a_plan_of(Gaps.CONSTANT), active_share=0.1)
    active = active_users(plan)
    thinking = thinking_of(plan, active, plan.user_count, plan.acts_per_s)

    assert thinking.think_ns(0, 1) == round(active.count_of(USER_COUNT) * NS_PER_S / plan.acts_per_s)
    assert thinking.think_ns(0, 1) == pytest.approx(NS_PER_S / 5, rel=0.1)


# --- factors --------------------------------------------------------------------------------------------------


def test_each_user_has_one_factor_for_all_that_it_thinks() -> None:
    """Its first thought, too."""
    slow = Thinking(AlikePauses(float(NS_PER_S)), 1, 3, factors_of(Think(1, 1, ((30, 1.0),)), 1, 3))

    assert {slow.think_ns(user, n) for user in range(3) for n in range(1, 20)} == {30 * NS_PER_S}
    assert max(slow.first_ns(user) for user in range(3)) > NS_PER_S


def test_factors_are_drawn_by_weight() -> None:
    """As many users have each as its weight says, within five standard errors."""
    factors = factors_of(OFFICE, 1, 100_000)
    assert factors is not None
    counts = Counter(factors.tolist())

    for factor, weight in OFFICE.factors:
        assert counts[factor] == pytest.approx(100_000 * weight, abs=5 * (100_000 * weight * (1 - weight)) ** 0.5)


def test_the_rate_follows_from_the_thoughts() -> None:
    """Each user keeps its own pace, so the paces are averaged, not the pauses: 41 things an hour, and not 15."""
    per_hour = 3600 * thoughts_per_s(OFFICE, 1, ActiveUsers(1, 1.0, 100_000), 100_000) / 100_000
    expected = 3600 / 20 * sum(weight / factor for factor, weight in OFFICE.factors)

    assert expected == pytest.approx(40.8)
    assert per_hour == pytest.approx(expected, rel=0.02)


def test_only_the_active_ones_think() -> None:
    """The rate is that of those who write, with the factors that they have."""
    active = ActiveUsers(1, 0.1, 1_000)
    factors = factors_of(OFFICE, 1, 1_000)
    assert factors is not None
    expected = sum(1 / (20 * float(factors[user])) for user in range(1_000) if user in active)

    assert thoughts_per_s(OFFICE, 1, active, 1_000) == pytest.approx(expected)
    assert thoughts_per_s(Think(NS_PER_S, NS_PER_S), 1, active, 1_000) == active.count_of(1_000)
