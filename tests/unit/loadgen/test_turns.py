"""Whose turn it is in an open loop: one plan, whoever carries out which part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.pacing import NS_PER_S, OF_EACH_USER, Gaps
from loadgen.plan.pauses import Think
from loadgen.plan.plan import Plan
from loadgen.plan.ramps import RateStage
from loadgen.plan.sections import Section, whole_run
from loadgen.plan.senders import active_users
from loadgen.plan.stages import Stage, user_count_at
from loadgen.plan.thinking import thoughts_per_s
from loadgen.plan.turns import SETTLING_IN_NS, Turn, turns_of
from tests.support.plans import a_plan

EACH_GAPS = st.sampled_from(Gaps)
STAGES = st.lists(st.builds(Stage, st.integers(0, 4 * NS_PER_S), st.integers(0, 40)), max_size=4)
END_NS = 8 * NS_PER_S


def plan_of(gaps: Gaps = Gaps.EXPONENTIAL, user_count: int = 40, **changes: Any) -> Plan:
    """Users who write twice a second each, or think."""
    think = Think(NS_PER_S // 10, NS_PER_S, ((1, 0.5), (3, 0.5))) if gaps is Gaps.THINK else None
    return replace(a_plan(user_count), gaps=gaps, rate_per_s=2.0 * user_count, think=think, **changes)


def everybody(user: int) -> bool:
    return True


def turns(
    plan: Plan, until_ns: int = END_NS, expects: Callable[[int], bool] | None = None, section: Section | None = None
) -> list[Turn]:
    """All of a process's in the first seconds; by default every user of its share is there."""
    whole = section or whole_run(plan, 0)
    one_after_the_other = turns_of(plan, whole, active_users(plan), expects or plan.users.__contains__)
    found = []
    while (turn := one_after_the_other.next(until_ns)) is not None:
        found.append(turn)
    return found


@given(EACH_GAPS, st.floats(0.05, 1.0), STAGES, st.integers(1, 5), st.booleans())
def test_what_is_said_does_not_depend_on_the_number_of_processes(
    gaps: Gaps, share: float, stages: list[Stage], processes: int, follows: bool
) -> None:
    """The same acts, by the same users, at the same instants, to as many users: the counters are the same."""
    plan = plan_of(gaps, active_share=share, stages=tuple(stages), rate_follows_users=follows)
    by_one = turns(plan)
    by_several = [turn for index in range(processes) for turn in turns(plan.share(index, processes))]

    assert sorted(by_several) == sorted(by_one)
    assert [due_ns for _, _, due_ns, _ in by_one] == sorted(due_ns for _, _, due_ns, _ in by_one)


@given(EACH_GAPS, st.floats(0.05, 1.0), STAGES)
def test_no_two_acts_have_one_number(gaps: Gaps, share: float, stages: list[Stage]) -> None:
    """The number is the message's name in its marker: with it a copy is told from another message."""
    found = turns(plan_of(gaps, active_share=share, stages=tuple(stages)))

    assert len({n for n, _, _, _ in found}) == len(found)


@given(EACH_GAPS, st.floats(0.05, 1.0), STAGES.filter(bool), st.booleans())
def test_only_active_users_who_are_there_write(gaps: Gaps, share: float, stages: list[Stage], follows: bool) -> None:
    """With stages a user writes from a second after its coming on, which takes it into its room."""
    plan = plan_of(gaps, active_share=share, stages=tuple(stages), rate_follows_users=follows)
    active = active_users(plan)

    for _, user, due_ns, there_count in turns(plan):
        assert user in active
        assert user < min(user_count_at(stages, due_ns), user_count_at(stages, due_ns - SETTLING_IN_NS)) <= there_count


@pytest.mark.parametrize("gaps", Gaps)
def test_the_rate_is_that_of_the_plan_whoever_is_active(gaps: Gaps) -> None:
    """A tenth of the users writes as much as all would; each of a crowd of thinkers at its own pace."""
    plan = plan_of(gaps, user_count=2_000, active_share=0.1)
    rate_per_s = plan.rate_per_s
    if plan.think is not None:
        rate_per_s = thoughts_per_s(plan.think, plan.seed, active_users(plan), 2_000)

    assert len(turns(plan, 2 * NS_PER_S)) == pytest.approx(2 * rate_per_s, rel=0.1)


def test_with_heavy_tails_some_write_in_bursts_and_others_are_silent_for_long() -> None:
    """Beside a Poisson process at the same rate: more gaps are far below the mean, and some users say nothing."""
    counts = {
        gaps: Counter(user for _, user, _, _ in turns(plan_of(gaps, user_count=2_000)))
        for gaps in (Gaps.PARETO, Gaps.EXPONENTIAL)
    }
    silent = {gaps: 2_000 - len(of_user) for gaps, of_user in counts.items()}

    assert silent[Gaps.PARETO] > 20 * max(1, silent[Gaps.EXPONENTIAL])
    assert max(counts[Gaps.PARETO].values()) < 100


def test_thinkers_keep_their_pace_and_the_slow_ones_write_less() -> None:
    """Whoever drew 3 thinks three times as long, each time."""
    plan = plan_of(Gaps.THINK, user_count=400)
    counts = Counter(user for _, user, _, _ in turns(plan, 60 * NS_PER_S))

    fast = [count for count in counts.values() if count > 70]
    slow = [count for count in counts.values() if count <= 70]
    assert 150 < len(fast) < 250
    assert sum(fast) / len(fast) == pytest.approx(60 / 0.55, rel=0.03)
    assert sum(slow) / len(slow) == pytest.approx(60 / 1.65, rel=0.03)


@given(EACH_GAPS, st.integers(1, END_NS), st.integers(1, END_NS))
def test_to_look_a_little_ahead_at_a_time_leaves_nothing_out(gaps: Gaps, first_ns: int, second_ns: int) -> None:
    """None says that nothing is due before an instant; whoever asks for later goes on from there."""
    plan = plan_of(gaps)
    one_after_the_other = turns_of(plan, whole_run(plan, 0), active_users(plan), everybody)
    found = []
    for until_ns in (first_ns, second_ns, END_NS):
        while (turn := one_after_the_other.next(until_ns)) is not None:
            assert turn[2] < until_ns
            found.append(turn)

    assert found == turns(plan)


@pytest.mark.parametrize("gaps", Gaps)
def test_where_nobody_of_ours_is_to_be_there_one_looks_no_further_than_told(gaps: Gaps) -> None:
    """A run on call has no end: to look for a message of ours until then would take for ever."""
    assert turns(plan_of(gaps), expects=lambda _: False) == []


@pytest.mark.parametrize("gaps", Gaps)
def test_a_section_begins_when_it_says_with_its_users_and_its_rate(gaps: Gaps) -> None:
    """The numbers of its acts are its own, and so are its pauses."""
    plan = plan_of(gaps)
    sections = [Section(number, number * END_NS, 20, 100.0) for number in range(3)]
    found = [turns(plan, (number + 1) * END_NS, everybody, section) for number, section in enumerate(sections)]

    assert len({n for section in found for n, _, _, _ in section}) == sum(map(len, found))
    for number, section in enumerate(found):
        assert {user for _, user, _, _ in section} == set(range(20))
        assert all(number * END_NS <= due_ns < (number + 1) * END_NS for _, _, due_ns, _ in section)
        if gaps is not Gaps.THINK:
            assert len(section) == pytest.approx(800, rel=0.15)


@pytest.mark.parametrize("gaps", Gaps)
def test_a_section_without_anybody_is_silent(gaps: Gaps) -> None:
    """And so is one in which only those are there who read."""
    plan = plan_of(gaps, active_share=0.01, user_count=1_000)
    active = active_users(plan)
    before_the_first = int(active.first(1_000)[0])

    assert turns(plan, expects=everybody, section=Section(0, 0, 0, 0.0)) == []
    assert turns(plan, expects=everybody, section=Section(0, 0, before_the_first, 10.0)) == []


def test_a_rate_in_stages_is_that_of_messages_and_begins_with_the_measured_window() -> None:
    """Four seconds at 80 a second, of which one warms up; then, at once, none."""
    stages = (RateStage(3 * NS_PER_S, 80.0), RateStage(0, 0.0))
    plan = plan_of(Gaps.CONSTANT, warmup_ns=NS_PER_S, rate_stages=stages)
    found = turns(plan, 100 * NS_PER_S)

    assert len(found) == 4 * 80
    assert max(due_ns for _, _, due_ns, _ in found) < 4 * NS_PER_S


def test_pauses_of_each_user_are_a_closed_set() -> None:
    """Whatever else gaps may be, there is one schedule for all."""
    assert {Gaps.PARETO, Gaps.THINK} == OF_EACH_USER
