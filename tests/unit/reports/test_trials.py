"""Runs in turns: which of them failed, and whether one server fails more than the other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reports.trials import CHANCE, Pair, Side, Trial, Worse, values_of_pairs, worse_by
from tests.support.documents import a_document
from tests.support.pairs import a_trial

BROKEN = {"expression": "delivery_time: p(99) < 250ms", "observed": 300.0, "ok": False}
LOST = {"expression": "deliveries_lost: count == 0", "observed": 3, "ok": False}
NO_DATA = {"expression": "ack_time: p(50) < 9ms", "observed": None, "ok": None}


def a_doubt(code: str, severity: str = "fatal") -> dict[str, Any]:
    return {"code": code, "severity": severity, "detail": "40 ms", "advice": "less"}


def test_a_run_says_why_its_server_failed() -> None:
    """Each broken budget with its figure, an end before its time, a process that died."""
    document = a_document(budgets=[BROKEN, LOST, NO_DATA], ended_early="all_connections_lost")

    assert Trial.of(document, "pairs/01-head", "exit code 3").failures == (
        "the server ended (exit code 3)",
        "every connection was lost before the end",
        "delivery_time: p(99) < 250ms (300 ms)",
        "deliveries_lost: count == 0 (3)",
        "ack_time: p(50) < 9ms (no data)",
    )


def test_a_run_in_which_all_went_well_says_so() -> None:
    """Where it lies, and what it counted; a run that was given up for its budget fails by that budget alone."""
    well = Trial.of(a_document(), "pairs/01-base", None)
    given_up = Trial.of(a_document(budgets=[BROKEN], ended_early="budget_broken"), "pairs/01-head", None)

    assert (well.failures, well.run) == ((), "pairs/01-base")
    assert given_up.failures == ("delivery_time: p(99) < 250ms (300 ms)",)
    assert well.count("deliveries_received") == a_document()["counters"]["deliveries_received"]
    assert well.count("deliveries_dreamt_of") == Trial(None, None, ()).count("deliveries_received") == 0
    assert Trial(None, None, ()).doubts == []
    pair = Pair(1, Side.HEAD, well, given_up)
    assert (pair.of(Side.BASE), pair.of(Side.HEAD)) == (well, given_up)


def test_a_late_generator_makes_a_run_say_nothing_and_a_silent_server_does_not() -> None:
    """The doubt that nothing was delivered is the server's own doing, since the other one delivers."""
    late = Trial.of(a_document(doubts=[a_doubt("generator_late")], verdict="invalid"), "r", None)
    silent = Trial.of(a_document(doubts=[a_doubt("no_deliveries")], verdict="invalid"), "r", None)
    uneasy = Trial.of(a_document(doubts=[a_doubt("machine_busy", "warning")]), "r", None)

    assert late.doubts == ["generator_late: 40 ms"]
    assert silent.doubts == uneasy.doubts == []
    assert not Pair(1, Side.BASE, late, uneasy).counts
    assert Pair(1, Side.BASE, silent, uneasy).counts


@pytest.mark.parametrize(
    ("differences", "base", "worse"),
    [
        ([0, 0, 0], 0, Worse.NO),
        ([0, 1, 0], 0, Worse.YES),  # one in three, where base never did
        ([1, 1, -1], 1, Worse.PERHAPS),
        ([1, -1], 1, Worse.NO),
        ([0, 0, 0], 3, Worse.NO),  # as often
        ([-1, -1], 2, Worse.NO),
        ([5, 5, 5, 5, 5], 2, Worse.YES),  # by chance one time in 32
        ([5, 5, 5, 5], 2, Worse.PERHAPS),  # one in 16
        ([0, 0, 0, 0, 0, 5, 5, 5, 5, 5], 2, Worse.YES),  # pairs that are alike say nothing
        ([1, 1, 1, 1, 1, 1, 1, 1, -1], 1, Worse.YES),  # ten of 512 ways
        ([1, 1, 1, 1, 1, 1, -1], 1, Worse.PERHAPS),  # eight of 128
    ],
)
def test_failures_of_head_beside_those_of_base(differences: list[int], base: int, worse: Worse) -> None:
    """One is enough where base has none; else they have to be more than chance."""
    assert worse_by(differences, base) is worse


@given(st.lists(st.integers(-2, 2), max_size=30), st.integers(1, 5))
def test_more_failures_than_chance_agrees_with_scipy(differences: list[int], base: int) -> None:
    """The sign test: of the pairs that differ, those in which head failed more."""
    more, fewer = sum(each > 0 for each in differences), sum(each < 0 for each in differences)
    if more <= fewer:
        assert worse_by(differences, base) is Worse.NO
        return
    p_value = stats.binomtest(more, more + fewer, alternative="greater").pvalue

    assert (worse_by(differences, base) is Worse.YES) == (p_value <= CHANCE)


def test_a_pair_without_a_time_on_either_side_is_left_out_of_it() -> None:
    """What is there stays side by side."""
    gone = Trial(None, None, ("the server ended",))
    pairs = [
        Pair(1, Side.BASE, a_trial(1.0), a_trial(2.0)),
        Pair(2, Side.HEAD, a_trial(1.0), gone),
        Pair(3, Side.HEAD, a_trial(3.0), a_trial(4.0)),
    ]

    (base, head) = values_of_pairs(pairs, ["delivery_time p50"])["delivery_time p50"]

    assert len(base) == len(head) == 2
    assert head[0] == pytest.approx(2 * base[0], rel=0.01)
    assert head[1] == pytest.approx(4 / 3 * base[1], rel=0.01)
