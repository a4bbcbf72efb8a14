"""Budgets: what they may say, what they see, and the verdict and exit code that follow."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.errors import InputError
from loadgen.measure.tally import Count, Metric
from reports.budgets import ExitCode, Verdict, exit_code_of, judge, parse, verdict_of
from tests.support.documents import a_document


def judged(expression: str, **changes: object) -> dict[str, object]:
    """One budget on a document."""
    return judge(a_document(**changes), [parse(expression)])[0]


@pytest.mark.parametrize(
    ("text", "expression", "limit"),
    [
        ("delivery_time: p(99) < 250ms", "delivery_time: p(99) < 250ms", 250.0),
        ("delivery_time:p(99)<250ms", "delivery_time: p(99) < 250ms", 250.0),
        ("delivery_time:p(99.9)<=1.5s", "delivery_time: p(99.9) <= 1.5s", 1500.0),
        ("login_time: med < 800us", "login_time: med < 800us", 0.8),
        ("deliveries_lost:count==0", "deliveries_lost: count == 0", 0.0),
        ("deliveries_received: rate >= 1000", "deliveries_received: rate >= 1000", 1000.0),
    ],
)
def test_a_budget_is_read(text: str, expression: str, limit: float) -> None:
    """METRIC: AGG OP VALUE, with or without spaces."""
    budget = parse(text)

    assert (budget.expression, budget.limit) == (expression, limit)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("delivery_time p(99) < 5ms", 'expected "METRIC: AGG OP VALUE"'),
        ("delivery_tme: p(99) < 5ms", 'did you mean "delivery_time"?'),
        ("delivery_time: p99 < 5ms", 'expected "AGG OP VALUE"'),
        ("delivery_time: p(99) < 5", 'a time with us, ms or s, like "250ms", got "5"'),
        ("delivery_time: p(99) < 5MS", 'got "5MS"'),
        ("delivery_time: count < 5ms", "expected min, mean, med, max or p(N)"),
        ("delivery_time: p(100) < 5ms", "between 0 and 100"),
        ("delivery_time: p(9.9.9) < 5ms", "expected a number"),
        ("deliveries_lost: max == 0", "expected count or rate"),
        ("deliveries_lost: count == 0ms", "expected a plain number"),
        ("deliveries_lost: count = 0", 'expected "AGG OP VALUE"'),
        ("", "expected"),
    ],
)
def test_a_budget_that_does_not_parse_says_why(text: str, says: str) -> None:
    """One line with what was expected and what was found."""
    with pytest.raises(InputError) as error:
        parse(text)

    assert says in str(error.value)
    assert "\n" not in str(error.value)


@given(st.text())
def test_any_text_is_a_budget_or_an_input_error(text: str) -> None:
    """Nothing a user types ends in a traceback."""
    with suppress(InputError):
        parse(text)


@given(
    st.sampled_from(Metric),
    st.sampled_from(["min", "mean", "med", "max", "p(50)", "p(99.9)"]),
    st.sampled_from(["<", "<=", ">", ">=", "=="]),
    st.integers(0, 10**6),
    st.sampled_from(["us", "ms", "s"]),
)
def test_what_a_budget_says_it_is_reads_back_as_itself(metric: str, agg: str, op: str, number: int, unit: str) -> None:
    """The expression in a document can be used again."""
    budget = parse(f"{metric}:{agg}{op}{number}{unit}")

    assert parse(budget.expression) == budget


def test_a_percentile_is_taken_from_the_whole_histogram() -> None:
    """Any percentile can be asked for, not only those that the document prints."""
    document = a_document()
    p99 = judge(document, [parse("delivery_time: p(99) < 1s")])[0]["observed"]

    assert p99 == pytest.approx(document["metrics"]["delivery_time"]["p99"], rel=0.002)
    assert judge(document, [parse("delivery_time: p(97.3) < 1s")])[0]["observed"] <= p99


@pytest.mark.parametrize(
    "expression", ["delivery_time: p(50) < 1s", "delivery_time: max < 1s", "deliveries_lost: count == 0"]
)
def test_no_data_is_never_a_pass(expression: str) -> None:
    """A run in which nothing was measured keeps no budget, not even that of losing nothing."""
    assert judged(expression, empty=True)["ok"] is None


def test_a_rate_is_per_second_of_the_window() -> None:
    """Count over the length of the measured window."""
    document = a_document()
    seen = judge(document, [parse("deliveries_received: rate > 0")])[0]["observed"]

    assert seen == pytest.approx(document["counters"][Count.DELIVERIES_RECEIVED] / document["rates"]["window_s"])


def test_doubt_beats_failure_beats_success() -> None:
    """A fatal doubt or a budget without data is invalid; only then a broken budget fails."""
    document = a_document()
    held = {"expression": "x", "observed": 1, "ok": True}
    broken = held | {"ok": False}
    silent = held | {"ok": None}
    fatal = {"code": "loop_lag", "severity": "fatal", "detail": "", "advice": ""}
    warning = fatal | {"severity": "warning"}

    for budgets, doubts, verdict in (
        ([held], [], Verdict.PASS),
        ([], [], Verdict.PASS),
        ([held], [warning], Verdict.PASS),
        ([held, broken], [warning], Verdict.FAIL),
        ([held, silent, broken], [], Verdict.INVALID),
        ([broken], [fatal], Verdict.INVALID),
    ):
        assert verdict_of(document | {"budgets": budgets, "doubts": doubts}) is verdict


@pytest.mark.parametrize("ended_early", ["no_user_ready", "all_connections_lost"])
def test_a_run_with_nobody_left_is_never_a_pass(ended_early: str) -> None:
    """The survivors' figures may be fine; the run did not happen as planned, by the server's doing."""
    document = a_document(ended_early=ended_early) | {"budgets": [], "doubts": []}

    assert verdict_of(document) is Verdict.FAIL


@pytest.mark.parametrize(
    ("ended_early", "verdict", "code"),
    [
        (None, "pass", ExitCode.PASS),
        (None, "fail", ExitCode.FAILED),
        (None, "invalid", ExitCode.INVALID),
        ("interrupted", "fail", ExitCode.INTERRUPTED),
        ("interrupted", "invalid", ExitCode.INTERRUPTED),
        ("login_refused", "invalid", ExitCode.UNREACHABLE),
        ("all_connections_lost", "fail", ExitCode.FAILED),
    ],
)
def test_exit_codes_come_in_the_order_of_the_contract(ended_early: str | None, verdict: str, code: ExitCode) -> None:
    """The first that applies of 106, 105, 97, 99."""
    document = a_document()
    document["run"] |= {"ended_early": ended_early, "interrupted": ended_early == "interrupted"}
    document["verdict"] = verdict

    assert exit_code_of(document) is code
