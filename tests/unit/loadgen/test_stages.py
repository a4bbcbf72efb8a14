"""Users who come and go by plan: straight lines and steps, settled to the nanosecond."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.stages import Move, Stage, moves_of, user_count_at

STAGES = st.lists(st.builds(Stage, st.one_of(st.just(0), st.integers(1, 5_000)), st.integers(0, 60)), max_size=6)


def end_of(stages: list[Stage]) -> int:
    return sum(stage.length_ns for stage in stages)


@given(STAGES, st.integers(0, 40_000))
def test_the_number_of_users_is_what_the_moves_make_it(stages: list[Stage], at_ns: int) -> None:
    """At any instant, moves of that instant included: who looks and who acts agree."""
    made = [move for move in moves_of(stages) if move.at_ns <= at_ns]

    assert user_count_at(stages, at_ns) == sum(1 if move.comes else -1 for move in made)


@given(STAGES)
def test_the_number_of_users_is_right_at_each_move_and_just_before(stages: list[Stage]) -> None:
    """Where it could be wrong by one."""
    moves = moves_of(stages)
    for at_ns in {move.at_ns - before for move in moves for before in (0, 1)}:
        made = [move for move in moves if move.at_ns <= at_ns]

        assert user_count_at(stages, at_ns) == sum(1 if move.comes else -1 for move in made)


@given(STAGES)
def test_moves_are_in_order_and_within_the_stages(stages: list[Stage]) -> None:
    """Nobody moves before the start, or after the end."""
    instants = [move.at_ns for move in moves_of(stages)]

    assert instants == sorted(instants)
    assert all(0 <= at_ns <= end_of(stages) for at_ns in instants)


@given(STAGES)
def test_who_comes_is_away_and_who_leaves_is_there(stages: list[Stage]) -> None:
    """And those who are there are always the ones with the lowest numbers."""
    there: set[int] = set()
    for move in moves_of(stages):
        assert (move.user in there) is not move.comes
        there ^= {move.user}
        assert there == set(range(len(there)))


@given(STAGES, st.integers(0, 10**9))
def test_each_stage_ends_with_its_users_and_the_last_ones_stay(stages: list[Stage], later_ns: int) -> None:
    """The count of the file, not one less."""
    for i, stage in enumerate(stages):
        if not stages[i + 1 :] or stages[i + 1].length_ns:  # a step leads on at the same instant
            assert user_count_at(stages, end_of(stages[: i + 1])) == stage.user_count
    assert user_count_at(stages, end_of(stages) + later_ns) == (stages[-1].user_count if stages else 0)


@given(st.integers(1, 10_000), st.integers(1, 100), st.integers(0, 100))
def test_users_move_evenly(length_ns: int, user_count: int, to_count: int) -> None:
    """The distances between two moves of a stage differ by a nanosecond at most."""
    moves = moves_of([Stage(1, user_count), Stage(length_ns, to_count)])[user_count:]
    gaps = [after.at_ns - before.at_ns for before, after in pairwise(moves)]

    assert len(moves) == abs(user_count - to_count)
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_who_came_last_leaves_first() -> None:
    """In numbers: two come, one leaves."""
    assert moves_of([Stage(10, 2), Stage(10, 1)]) == [
        Move(5, 0, comes=True),
        Move(10, 1, comes=True),
        Move(20, 1, comes=False),
    ]


@given(STAGES)
def test_before_the_start_nobody_is_there(stages: list[Stage]) -> None:
    """An instant of the warm-up is asked for, too."""
    assert user_count_at(stages, -1) == 0


def test_a_step_has_all_come_or_leave_at_once() -> None:
    """In numbers: two come at the start, and one leaves after ten nanoseconds."""
    stages = [Stage(0, 2), Stage(10, 2), Stage(0, 1)]

    assert moves_of(stages) == [Move(0, 0, comes=True), Move(0, 1, comes=True), Move(10, 1, comes=False)]
    assert [user_count_at(stages, at_ns) for at_ns in (-1, 0, 9, 10, 11)] == [0, 2, 2, 1, 1]
