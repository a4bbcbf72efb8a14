"""The command line of ``chatbench ab``: what is asked for, and what is refused."""

from __future__ import annotations

import pytest

from loadgen.errors import InputError
from reports.compare import TOLERANCES
from scenarios.ab_flags import tolerances_of, wish_of
from scenarios.flags_of_run import HelpWanted


def test_nothing_asked_for_is_the_reference_server_beside_itself() -> None:
    """Sixteen pairs of the smallest scenario, and as many again where they cannot tell."""
    wish = wish_of([])

    assert (wish.scenario, wish.base, wish.head, wish.pairs, wish.max_pairs) == ("side_by_side", None, None, 16, 32)
    assert (wish.seed, wish.ready_s, dict(wish.tolerances)) == (1, 30.0, dict(TOLERANCES))
    assert wish.arguments == ()


def test_flags_of_a_run_are_handed_on() -> None:
    """Those that hold for every run; a seed is that of the first pair."""
    wish = wish_of(["fanout", "--base", "http://a", "--head", "serve {port}", "-u", "30", "-d", "5s", "--seed", "7"])

    assert (wish.base, wish.head, wish.seed) == ("http://a", "serve {port}", 7)
    assert wish.flags == {"users.count": "30", "phases.measure": "5s"}
    assert wish.arguments == ("--users", "30", "--duration", "5s")


def test_more_pairs_than_the_default_cap_raise_it() -> None:
    """The cap is said beforehand, and is never below what is asked for."""
    assert wish_of(["--pairs", "40"]).max_pairs == 40


def test_gates_come_beside_the_usual_ones_or_change_them() -> None:
    """By the names that a document has."""
    found = tolerances_of(["delivery_time: p(99) < 20%", "delivery_time:p(50)<2.5%", "ack_time: med < 7 %"])

    assert found == {
        "delivery_time p50": 0.025,
        "delivery_time p95": 0.10,
        "delivery_time p99": 0.20,
        "ack_time p50": 0.07,
    }


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--pairs", "0"], "--pairs: expected a whole number > 0, got 0"),
        (["--pairs", "20", "--max-pairs", "10"], "--max-pairs: expected at least as many as --pairs (20), got 10"),
        (["--seed", "x"], "--seed: expected a whole number >= 0, got x"),
        (["--ready", "0s"], "--ready: expected a time > 0, got 0s"),
        (["--gate", "p99"], '--gate: expected "METRIC: AGG < N%" like "delivery_time: p(99) < 20%", got "p99"'),
        (["--gate", "delivery_tim: p(99) < 5%"], '--gate: unknown time "delivery_tim"; did you mean "delivery_time"?'),
        (["--gate", "delivery_time: p(42) < 5%"], "--gate: expected mean, med, max, p(50), p(75)"),
        (["--gate", "delivery_time: p(99) < 1.2.3%"], "--gate: expected a number of per cent, got 1.2.3"),
        (["smoke", "--target", "http://a"], "--target: expected --base and --head, the two servers, instead"),
        (["smoke", "--target-metrics=auto"], "--target-metrics: expected a single server"),
        (["smoke", "--stage", "1s:5"], "--stage: expected without it"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: list[str], complaint: str) -> None:
    """In one line."""
    with pytest.raises(InputError) as refused:
        wish_of(arguments)

    assert str(refused.value).startswith(complaint)


def test_help_explains_both_kinds_of_server() -> None:
    """An address, or a command."""
    with pytest.raises(HelpWanted) as wanted:
        wish_of(["--help"])

    assert "{port}" in str(wanted.value)
    assert "--users" in str(wanted.value)
