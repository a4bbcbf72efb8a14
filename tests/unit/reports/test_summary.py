"""What a report says."""

from __future__ import annotations

from typing import Any

import pytest

from reports.summary import Summary, summarise
from tests.support.documents import a_document, a_failed_document, a_late_document


def figure(summary: Summary, label: str) -> tuple[str, str, bool]:
    found = next(figure for figure in summary.figures if figure.label == label)
    return found.value, found.note, found.bad


def test_a_pass_says_what_was_allowed_and_what_was_seen() -> None:
    """The headline alone is worth reading."""
    headline = str(summarise(a_document()).headline)

    assert headline == (
        "PASS - every budget held: p99 was 7.36 ms of 250 ms allowed; none of 400,000 deliveries was lost."
    )


def test_a_pass_without_budgets_says_so() -> None:
    """Nothing was asked, so nothing was proved."""
    assert "no budget was set" in summarise(a_document(budgets=[])).headline.sentence


def test_a_failure_names_each_broken_budget() -> None:
    """Whoever broke the build sees how far off it was."""
    headline = str(summarise(a_failed_document()).headline)

    assert headline == "FAIL - p99 was 1.31 s, 250 ms allowed; 1,312 of 400,000 deliveries were lost."


@pytest.mark.parametrize(
    ("expression", "observed", "clause"),
    [
        ("login_time: p(99) <= 1.5s", 1800.0, "login time p99 was 1.80 s, 1.5 s allowed"),
        ("delivery_time: mean < 800us", 0.9, "mean was 900 us, 800 us allowed"),
        (
            "deliveries_received: rate > 19000",
            18_000.0,
            "deliveries received was 18,000/s, wanted > 19,000/s",
        ),
        ("connections_failed: count == 0", 3, "connections failed was 3, wanted == 0"),
        ("something: else entirely", 1.0, "something: else entirely (seen: 1.00)"),
    ],
)
def test_a_broken_budget_of_any_form_reads_as_words(expression: str, observed: float, clause: str) -> None:
    """Also a form that this reader does not know is shown rather than hidden."""
    budgets = [{"expression": expression, "observed": observed, "ok": False}]

    assert summarise(a_document(verdict="fail", budgets=budgets)).headline.sentence == f"{clause}."


def test_an_invalid_run_says_what_cannot_be_believed() -> None:
    """The first fatal doubt is the reason, in words."""
    headline = str(summarise(a_late_document()).headline)

    assert headline.startswith("INVALID - the generator was late: send_lateness p99 was 14.2 ms")


def test_a_budget_without_data_is_the_reason_when_nothing_else_is() -> None:
    """A gate that saw nothing is not green, and says which gate it was."""
    budgets = [{"expression": "ack_time: p(99) < 1s", "observed": None, "ok": None}]

    summary = summarise(a_document(verdict="invalid", budgets=budgets))

    assert summary.headline.sentence == "no data for the budget ack_time: p(99) < 1s."
    assert summary.budgets[0].observed == summary.budgets[0].state == "no data"


def test_an_interrupted_run_is_called_so_whatever_its_verdict() -> None:
    """Half a run proves nothing about the other half."""
    headline = summarise(a_document(interrupted=True)).headline

    assert headline.badge == "INTERRUPTED"
    assert "9.0 s into the phase measure" in headline.sentence


def test_a_run_that_ended_by_itself_says_why() -> None:
    """The reason comes before what follows from it."""
    document = a_document(empty=True, verdict="invalid", ended_early="login_refused")

    assert summarise(document).headline.sentence.startswith("nobody could log in; ")


def test_what_was_not_measured_is_no_data_and_never_nought() -> None:
    """A run in which nothing was due has lost nothing, and shown nothing either."""
    summary = summarise(a_document(empty=True, verdict="invalid"))

    assert [figure.value for figure in summary.figures] == ["no data"] * 4 + ["0"]
    assert summary.books_close is None


def test_users_who_are_missing_are_shown_as_a_failure() -> None:
    """480 of 500 is not the load that was asked for."""
    summary = summarise(a_document(counters={"connections_opened": 480}))

    assert figure(summary, "users connected") == ("480", "of 500 planned", True)


def test_only_metrics_that_were_measured_have_a_row() -> None:
    """A dialect without acknowledgements has no row full of gaps."""
    names = [row.name for row in summarise(a_document()).latencies]

    assert "delivery time" in names
    assert "ack time" not in names


def test_a_quantile_of_too_few_samples_is_no_data() -> None:
    """500 logins have a p90, and no p99 worth printing."""
    login = next(row for row in summarise(a_document()).latencies if row.name == "login time")

    assert [value == "too few" for value in login.quantiles] == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("counters", "close"),
    [({}, True), ({"deliveries_lost": 1}, False), ({"messages_unsent": 1}, False)],
)
def test_the_books_are_added_up(counters: dict[str, Any], close: bool) -> None:
    """What was expected is received, lost or excused; what was due is sent or unsent."""
    assert summarise(a_document(counters=counters)).books_close is close


def test_the_worst_doubt_comes_first() -> None:
    """Notes do not hide what makes a run invalid."""
    doubts = [
        {"code": code, "severity": severity, "detail": "d", "advice": "a"}
        for code, severity in (("gc_pause", "note"), ("machine_busy", "warning"), ("loop_lag", "fatal"))
    ]

    assert [d.severity for d in summarise(a_document(doubts=doubts)).doubts] == ["fatal", "warning", "note"]


def test_a_document_with_nothing_in_it_can_be_summarised() -> None:
    """Whatever a run leaves behind, something can be said about it."""
    assert summarise({}).headline.badge == "RUNNING"
