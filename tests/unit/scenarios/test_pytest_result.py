"""What a test can ask a run for, and when it passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from reports.budgets import Document, ExitCode, Verdict
from scenarios.pytest_result import RunResult, budgets_from
from tests.support.documents import a_document, a_failed_document, a_late_document

DIRECTORY = Path("/runs/one")


def a_result(document: Document | None = None, code: ExitCode = ExitCode.PASS, **more: Any) -> RunResult:
    return RunResult(a_document() if document is None else document, DIRECTORY, code, **more)


def test_a_run_that_passed_is_true() -> None:
    """So that ``assert result`` says what is meant."""
    assert a_result()
    assert a_result().verdict is Verdict.PASS
    assert not a_result(a_failed_document(), ExitCode.FAILED)
    assert not a_result(a_late_document(), ExitCode.INVALID)


def test_figures_are_those_of_the_document() -> None:
    """Percentiles come out of the whole histogram, not only those that stand in the document."""
    result = a_result()
    p99 = result.p(99)

    assert p99 == pytest.approx(result.document["metrics"]["delivery_time"]["p99"], rel=0.002)
    assert result.p(50, "delivery_service_time") is not None
    assert (result.metric("delivery_time") or {})["count"] == 400_000
    assert result.count("deliveries_lost") == 0
    assert result.budgets == result.document["budgets"]


def test_what_was_not_measured_is_none() -> None:
    """A count of 0 in a run that never came to its window would pass any test for losses."""
    result = a_result(a_document(empty=True))

    assert result.p(99) is None
    assert result.metric("delivery_time") is None
    assert result.metric("ack_time") is None
    assert result.count("deliveries_lost") is None


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda result: result.p(99, "delivry_time"), 'unknown metric "delivry_time"; did you mean "delivery_time"?'),
        (lambda result: result.p(0), 'expected a percentile between 0 and 100, got "0"'),
        (lambda result: result.metric("deliveries_lost"), "expected count or rate of the counter"),
        (lambda result: result.count("delivery_time"), "expected min, mean, med, max or p"),
        (lambda result: result.check("nothing"), 'check("nothing"): expected "METRIC: AGG OP VALUE"'),
        (lambda result: result.check(), "check: expected a budget"),
    ],
)
def test_a_wrong_name_is_an_error_not_none(ask: Any, message: str) -> None:
    """Else a slip would look as if there were no data."""
    with pytest.raises(InputError) as error:
        ask(a_result())
    assert str(error.value).startswith(message)


def test_a_check_that_holds_says_nothing() -> None:
    """The scenario's own budgets are left aside."""
    a_result(a_failed_document(), ExitCode.FAILED).check("connections_dropped: count < 100")


@pytest.mark.parametrize(
    ("document", "expression", "said"),
    [
        (a_document(), "delivery_time: p(99) < 1us", "broken  delivery_time: p(99) < 1us"),
        (a_document(), "reconnect_time: max < 1s", "no data  reconnect_time: max < 1s"),
        (a_document(empty=True), "deliveries_lost: count == 0", "no data  deliveries_lost: count == 0"),
        (a_late_document(), "deliveries_lost: count == 0", "Use more processes (--processes auto), or send less."),
        (a_document(ended_early="all_connections_lost"), "deliveries_lost: count == 0", "every connection was lost"),
    ],
)
def test_a_check_fails_with_the_table(document: Document, expression: str, said: str) -> None:
    """Where a budget is broken or has no data, and where the run cannot be believed."""
    with pytest.raises(AssertionError) as error:
        a_result(document).check(expression)
    assert said in str(error.value)
    assert str(error.value).endswith(f"report  {DIRECTORY}")


def test_a_result_is_shown_in_a_line_and_as_a_table() -> None:
    """What does not fit into a line is cut there; the table is what a terminal shows after a run."""
    result = a_result(a_failed_document(), ExitCode.FAILED, server_end="ended during the run (killed); it said nothing")

    assert "\n" not in repr(result)
    assert repr(result).startswith("<fanout: FAIL - ")
    assert "delivery time p99" in str(result)
    assert str(result).endswith("\n\nThe server ended during the run (killed); it said nothing.")


@pytest.mark.parametrize(
    ("expressions", "message"),
    [
        ((), 'mark: expected a budget like "delivery_time: p(99) < 250ms", got none'),
        ((3,), 'mark: expected a text like "delivery_time: p(99) < 250ms", got 3'),
        (
            ("ack_time: p(99) < 3",),
            'mark("ack_time: p(99) < 3"): expected a time with us, ms or s, like "250ms", got "3"',
        ),
    ],
)
def test_a_budget_that_cannot_be_read_is_named_with_its_place(expressions: tuple[object, ...], message: str) -> None:
    """The mark or the call it stands in."""
    with pytest.raises(InputError) as error:
        budgets_from(expressions, "mark")
    assert str(error.value) == message
