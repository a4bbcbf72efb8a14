"""junit.xml."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from reports.budgets import ExitCode, exit_code_of
from reports.junit import BELIEVED, CAME_TO_ITS_END, render
from tests.support.documents import a_document, a_failed_document, a_late_document
from tests.support.junit_schema import case_in, suite_in

FIGURES: dict[str, Any] = {
    "metrics": {"delivery_time": {"p50": 3.20041, "p95": 6.5, "p99": None}},
    "rates": {"deliveries_received_per_s": 19_960.25},
}
P99, LOST = "delivery_time: p(99) < 250ms", "deliveries_lost: count == 0"


def suite_of(document: dict[str, Any]) -> ET.Element:
    """The one suite of a document's report."""
    return suite_in(render(document))


def case(document: dict[str, Any], name: str) -> ET.Element:
    """One test case."""
    return case_in(render(document), name)


def test_a_report_is_written_like_this() -> None:
    """Word for word, as a reader of the file sees it."""
    budgets = [{"expression": P99, "observed": 312.5, "ok": False}]
    doubts = [{"code": "interrupted", "severity": "note", "detail": "stopped.", "advice": "run it again"}]
    phases = [{"name": "login", "start_s": 0.0, "end_s": 2.1}]

    document = a_document(verdict="fail", budgets=budgets, doubts=doubts, phases=phases, **FIGURES)

    assert render(document) == (
        """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="chatbench" tests="3" failures="1" errors="0" time="2.100">
  <testsuite name="fanout" tests="3" failures="1" errors="0" time="2.100" skipped="0" timestamp="2026-02-03T10:20:30">
    <properties>
      <property name="verdict" value="fail" />
      <property name="target" value="http://127.0.0.1:40123" />
      <property name="dialect" value="reference" />
      <property name="command" value="chatbench run fanout --users 500" />
      <property name="seed" value="1" />
      <property name="run" value="2026-02-03T10-20-30-fanout" />
      <property name="delivery_time_p50_ms" value="3.200" />
      <property name="delivery_time_p95_ms" value="6.500" />
      <property name="deliveries_received_per_s" value="19960.250" />
      <property name="deliveries_expected" value="400000" />
      <property name="deliveries_lost" value="0" />
      <property name="connections_opened" value="500" />
    </properties>
    <testcase name="the run came to its end" time="2.100" classname="chatbench.fanout" />
    <testcase name="measurement can be believed" time="0.000" classname="chatbench.fanout">
      <system-out>note: the run was interrupted: stopped. run it again</system-out>
    </testcase>
    <testcase name="delivery_time: p(99) &lt; 250ms" time="0.000" classname="chatbench.fanout">
      <failure type="budget" message="delivery_time: p(99) &lt; 250ms: observed 312 ms">"""
        """delivery_time: p(99) &lt; 250ms: observed 312 ms</failure>
      <system-out>observed: 312 ms</system-out>
    </testcase>
  </testsuite>
</testsuites>
"""
    )


def test_a_pass_is_green() -> None:
    """Each budget is a case of its own, with what was seen."""
    suite = suite_of(a_document())

    assert suite.get("name") == "fanout"
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "0", "0")
    assert (suite.get("time"), suite.get("timestamp")) == ("29.000", "2026-02-03T10:20:30")
    assert {case.get("classname") for case in suite.iter("testcase")} == {"chatbench.fanout"}
    assert [case.get("name") for case in suite.iter("testcase")] == [CAME_TO_ITS_END, BELIEVED, P99, LOST]
    assert case(a_document(), P99).findtext("system-out") == "observed: 7.36 ms"


def test_a_broken_budget_is_a_failure_that_says_what_was_seen() -> None:
    """The reader of a red build need not open anything else."""
    failure = case(a_failed_document(), P99).find("failure")

    assert failure is not None
    assert failure.get("message") == failure.text == f"{P99}: observed 1.31 s"
    assert suite_of(a_failed_document()).get("failures") == "2"


def test_a_budget_without_data_is_an_error() -> None:
    """Nobody knows whether it held."""
    error = case(a_document(empty=True, verdict="invalid"), P99).find("error")

    assert error is not None
    assert error.get("message") == f"{P99}: no data"


def test_a_fatal_doubt_is_an_error_and_a_lesser_one_is_only_said() -> None:
    """A measurement at fault is not a server at fault."""
    believed = case(a_late_document(), BELIEVED)
    error = believed.find("error")

    assert error is not None
    assert error.get("type") == "generator_late"
    assert error.get("message") == "the generator was late"
    assert error.text is not None
    assert "14.2 ms" in error.text
    assert "--processes auto" in error.text
    assert (believed.findtext("system-out") or "").startswith("warning: other programs used this machine")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (a_document(interrupted=True), "the run was interrupted"),
        (a_document(ended_early="all_connections_lost", verdict="fail"), "every connection was lost before the end"),
        (a_document(ended_early="something_new", verdict="fail"), "something_new"),
        (a_document(snapshot=True), "the run still goes on"),
    ],
)
def test_a_run_that_did_not_come_to_its_end_is_a_failure(document: dict[str, Any], message: str) -> None:
    """Its budgets may all have held until then."""
    failure = case(document, CAME_TO_ITS_END).find("failure")

    assert failure is not None
    assert failure.get("message") == message


@pytest.mark.parametrize(
    "document",
    [
        a_document(),
        a_failed_document(),
        a_late_document(),
        a_document(empty=True, verdict="invalid"),
        a_document(empty=True, budgets=[], ended_early="login_refused"),
        a_document(budgets=[], ended_early="no_user_ready", verdict="fail"),
        a_document(interrupted=True),
        a_document(budgets=[]),
    ],
)
def test_a_case_is_red_exactly_when_the_exit_code_is(document: dict[str, Any]) -> None:
    """A build that reads the one and a build that reads the other agree."""
    suite = suite_of(document)

    assert (suite.get("failures") == suite.get("errors") == "0") == (exit_code_of(document) is ExitCode.PASS)


def test_two_budgets_of_one_wording_have_two_names() -> None:
    """GitLab would drop the second, which may be the broken one."""
    budgets = [{"expression": P99, "observed": seen, "ok": seen < 250} for seen in (7.0, 300.0)]
    suite = suite_of(a_document(verdict="fail", budgets=budgets))

    assert [case.get("name") for case in suite.iter("testcase")][2:] == [P99, f"{P99} (2)"]


def test_readers_that_add_up_the_cases_come_to_the_time_of_the_run() -> None:
    """A run of 29 s is not four of them."""
    suite = suite_of(a_document())

    assert sum(float(case.get("time", "")) for case in suite.iter("testcase")) == 29.0
    assert suite_of(a_document(phases=[])).get("time") == "0.000"


def test_text_from_outside_stays_text() -> None:
    """Neither markup nor what no XML may hold gets through."""
    evil = '</failure><script a="b">&amp;\x00\x1b[31m\ud800\ufffe]]>\n'
    document = a_document(
        verdict="invalid",
        run={"scenario": evil, "command": evil},
        target={"url": evil},
        budgets=[{"expression": evil, "observed": None, "ok": None}],
        doubts=[{"code": evil, "severity": "fatal", "detail": evil, "advice": evil}],
    )
    text = render(document)
    root = ET.fromstring(text)  # noqa: S314  # our own words

    assert text.encode().decode() == text
    assert not set("\x00\x1b\ud800\ufffe") & set(text)
    assert {element.tag for element in root.iter()} == {
        "testsuites",
        "testsuite",
        "properties",
        "property",
        "testcase",
        "error",
        "system-out",
    }
    assert root[0].get("name") == '</failure><script a="b">&amp;  [31m  ]]> '
