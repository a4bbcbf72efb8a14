"""Annotations of a job on GitHub."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import capacity, compare, sweep
from reports.budgets import ExitCode, exit_code_of, parse_limit
from reports.github import MOST, Annotation, Level, Place, annotations_of, lines_of, lines_of_budgets, without_blanks
from scenarios.catalogue import catalogue
from tests.support.documents import a_document, a_failed_document, a_late_document

P99, LOST = "delivery_time: p(99) < 250ms", "deliveries_lost: count == 0"
NOWHERE: dict[str, Place] = {}


def unescaped(text: str) -> str:
    """As the runner reads it."""
    pairs = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
    for escaped, character in pairs:
        text = text.replace(escaped, character)
    return text


def levels_of(document: dict[str, Any]) -> list[Level]:
    return [each.level for each in annotations_of(document, NOWHERE)]


def test_a_broken_budget_is_an_error_at_its_line() -> None:
    """With what was seen and what was allowed."""
    document = a_failed_document()

    assert lines_of(annotations_of(document, {P99: Place("load/chat.toml", 12)})) == [
        "::error file=load/chat.toml,line=12,title=chatbench fanout%3A budget broken::"
        "delivery_time: p(99) < 250ms: observed 1.31 s",
        "::error title=chatbench fanout%3A budget broken::deliveries_lost: count == 0: observed 1,312",
    ]


def test_a_budget_without_data_is_an_error() -> None:
    """It is never passed."""
    first = annotations_of(a_document(empty=True, verdict="invalid"), NOWHERE)[0]

    assert (first.level, first.title, first.message) == (
        Level.ERROR,
        "chatbench fanout: no data for a budget",
        f"{P99}: no data",
    )


def test_doubts_are_told_with_their_advice() -> None:
    """A fatal one is an error, a warning a warning, and a note is nothing to be alarmed by."""
    document = a_late_document()
    document["doubts"].append({"code": "gc_pause", "severity": "note", "detail": "d", "advice": "a"})
    fatal, warning = annotations_of(document, NOWHERE)

    assert (fatal.level, fatal.title) == (Level.ERROR, "chatbench fanout: the generator was late")
    assert fatal.message.endswith("that a run may have. Use more processes (--processes auto), or send less.")
    assert (warning.level, warning.title) == (Level.WARNING, "chatbench fanout: other programs used this machine")


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
def test_there_is_an_error_exactly_when_the_exit_code_is_one(document: dict[str, Any]) -> None:
    """Whoever sees a red job sees why."""
    assert (Level.ERROR in levels_of(document)) == (exit_code_of(document) is not ExitCode.PASS)


def test_a_comparison_is_told_like_its_junit_xml() -> None:
    """Slower is an error; what cannot be told is a warning, with what to do about it."""
    base = [a_document(delivery_p50_ms=3.0 * (1 + 0.002 * i)) for i in range(10)]
    slower = [a_document(delivery_p50_ms=4.0 * (1 + 0.002 * i)) for i in range(10)]
    annotations = annotations_of(compare.build(base[:1], slower[:1]), NOWHERE)

    assert levels_of(compare.build(base, base)) == []
    assert levels_of(compare.build(base, slower)) == [Level.ERROR, Level.ERROR]
    assert [each.level for each in annotations] == [Level.WARNING, Level.WARNING]
    assert annotations[0].title == "chatbench fanout: cannot tell"
    assert "it takes 10 runs on either side" in annotations[0].message


def test_a_comparison_that_cannot_be_believed_says_so_once() -> None:
    """And not once more for each time and count."""
    (only,) = annotations_of(compare.build([a_document(verdict="invalid")], [a_document()]), NOWHERE)

    assert only.level is Level.ERROR
    assert "base: 1 of 1 invalid; new: 0 of 1 invalid" in only.message


def a_sweep(*codes: ExitCode, ended: sweep.Ended = sweep.Ended.DONE) -> dict[str, Any]:
    documents = {ExitCode.PASS: a_document(), ExitCode.FAILED: a_failed_document(), ExitCode.INVALID: a_late_document()}
    rows = [sweep.Row.of(documents[code], n, code, f"rows/{n}") for n, code in enumerate(codes)]
    facts = {"scenario": "lengths", "key": "traffic.payload_bytes", "values": [1, 2, 3]}
    return sweep.build(facts, rows, ended, None)


def test_each_row_of_a_sweep_speaks_for_itself() -> None:
    """Which value it was, and what was wrong with it."""
    failed, invalid, warning = annotations_of(a_sweep(ExitCode.PASS, ExitCode.FAILED, ExitCode.INVALID), NOWHERE)

    assert failed.title == "chatbench lengths: traffic.payload_bytes = 1"
    assert failed.message == f"{P99}: broken\n{LOST}: broken"
    assert invalid.message.startswith("the generator was late: ")
    assert (warning.level, warning.title) == (Level.WARNING, "chatbench lengths: traffic.payload_bytes = 2")
    assert levels_of(a_sweep(ExitCode.PASS)) == []
    assert levels_of(a_sweep(ExitCode.PASS, ended=sweep.Ended.INTERRUPTED)) == [Level.ERROR]


def a_search(held: int | None, ended: capacity.Ended) -> dict[str, Any]:
    answer = capacity.Answer(held, None, confirmed=False)
    return capacity.build({"scenario": "fanout"}, capacity.Axis.USERS, [], answer, ended, None)


@pytest.mark.parametrize(
    ("held", "ended", "is_red"),
    [
        (800, capacity.Ended.FOUND, False),
        (800, capacity.Ended.MAX_TIME, False),
        (800, capacity.Ended.INTERRUPTED, True),
        (None, capacity.Ended.NOTHING_HELD, True),
    ],
)
def test_a_search_is_an_error_where_it_found_nothing(held: int | None, ended: capacity.Ended, is_red: bool) -> None:
    """Or was stopped."""
    assert (levels_of(a_search(held, ended)) == [Level.ERROR]) == is_red


def test_what_github_would_drop_is_told_in_the_last_that_it_shows() -> None:
    """It shows ten of a level in a step."""
    errors = [Annotation(Level.ERROR, f"e{n}", "broken") for n in range(MOST + 2)]
    warnings = [Annotation(Level.WARNING, f"w{n}", "hm") for n in range(MOST)]
    lines = lines_of([*warnings, *errors])

    assert [line.partition(" ")[0] for line in lines] == ["::error"] * MOST + ["::warning"] * MOST
    assert lines[MOST - 1] == "::error title=chatbench%3A 3 more::e9: broken%0Ae10: broken%0Ae11: broken"


@given(st.text(), st.text(), st.text())
def test_no_text_gets_out_of_its_place(title: str, message: str, file: str) -> None:
    """One line each, which the runner takes apart into what was put in, as far as it can be printed."""
    (line,) = lines_of([Annotation(Level.ERROR, title, message, Place(file, 3))])
    found = re.fullmatch(r"::error file=([^:,]*),line=3,title=([^:,]*)::(.*)", line)

    assert len(line.splitlines()) == 1
    assert found is not None

    def printable(text: str) -> str:
        lines = text.splitlines()
        return "\n".join("".join(c if c.isprintable() else " " for c in each) for each in lines)

    assert tuple(map(unescaped, found.groups())) == tuple(map(printable, (file, title, message)))


@pytest.mark.parametrize("name", catalogue())
def test_every_budget_of_the_catalogue_is_found_at_its_line(name: str) -> None:
    """As people write them."""
    text = catalogue()[name]
    budgets = tomllib.loads(text).get("budgets", {})
    found = lines_of_budgets(text, ["budgets"])

    for metric, limits in budgets.items():
        for limit in [limits] if isinstance(limits, str) else limits:
            line = text.splitlines()[found[without_blanks(parse_limit(metric, limit).expression)] - 1]
            assert line.strip('"').startswith(metric)
            assert limit in line


def test_budgets_are_found_in_lists_over_several_lines_and_under_quoted_keys() -> None:
    """And nowhere but in their table."""
    text = """\
delivery_time = "p(1) < 1ms"
[budgets]  # what must hold
# ack_time = "p(50) < 1ms"
delivery_time = [  # of all
    "p(50) <= 50ms",
    'p(99)<250ms',
]
"delivery_time{room: large}" = "p(99) < 1s"
[phases]
measure = "p(2) < 2ms"
"""

    assert lines_of_budgets(text, ["budgets"]) == {
        "delivery_time:p(50)<=50ms": 5,
        "delivery_time:p(99)<250ms": 6,
        "delivery_time{room:large}:p(99)<1s": 8,
    }
