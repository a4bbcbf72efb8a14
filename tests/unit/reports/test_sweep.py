"""The document of a sweep, in words and on its page: a row for each run, and what all of them come to."""

from __future__ import annotations

from typing import Any

import pytest

from reports.budgets import Document, ExitCode
from reports.markdown import MARKS
from reports.sweep import Ended, Row, build, exit_code_of, head_line, headline, row_line, troubles_of, width_of
from reports.sweep_markdown import render as markdown_of
from reports.sweep_page import render
from tests.support.documents import a_document, a_failed_document, a_late_document

VALUES = [100, 1_000, 10_000]


def a_sweep(*rows: Row, ended: Ended = Ended.DONE, **facts: Any) -> Document:
    """Of three lengths."""
    known = {"id": "x", "scenario": "lengths", "summary": "How long?", "command": "chatbench run", "started_at": "now",
             "seconds": 12.0, "key": "traffic.payload_bytes", "values": VALUES}  # fmt: skip
    return build(known | facts, rows, ended, a_document() if rows else None)


def a_row(value: Any = 100, code: ExitCode = ExitCode.PASS, document: Document | None = None) -> Row:
    return Row.of(document or a_document(), value, code, f"rows/{value}")


def test_a_row_has_the_main_figures_of_its_run() -> None:
    """As they stand in the result document."""
    document = a_document(
        deliveries_lost=3,
        generator={"processes": [{"cpu_ratio": 0.5}, {"cpu_ratio": 0.25}]},
        doubts=[{"code": "gc_pause", "severity": "note", "detail": "d", "advice": "a"}],
    )
    row = Row.of(document, 100, ExitCode.FAILED, "01-100")

    assert (row.p50_ms, row.p99_ms) == tuple(document["metrics"]["delivery_time"][name] for name in ("p50", "p99"))
    assert row.deliveries_per_s == document["rates"]["deliveries_received_per_s"]
    assert (row.lost, row.duplicated) == (3, 0)
    assert (row.generator_cpu_ratio, row.server_cpu_ratio, row.server_rss_bytes) == (0.75, 0.41, 142_000_000)
    assert row.broken == ("deliveries_lost: count == 0",)
    assert row.doubts == ({"code": "gc_pause", "severity": "note", "detail": "d"},)


def test_a_run_that_measured_nothing_has_no_figures() -> None:
    """Nothing lost would be a figure, too."""
    row = a_row(document=a_document(empty=True, owned=False))

    assert (row.p50_ms, row.deliveries_per_s, row.lost, row.duplicated, row.server_cpu_ratio) == (None,) * 5


@pytest.mark.parametrize(
    ("codes", "whole"),
    [
        ([], ExitCode.PASS),
        ([0, 0], ExitCode.PASS),
        ([0, 99], ExitCode.FAILED),
        ([99, 97, 0], ExitCode.INVALID),
        ([97, 105], ExitCode.INTERRUPTED),
        ([99, 106, 105], ExitCode.UNREACHABLE),
    ],
)
def test_the_exit_code_is_the_first_that_applies(codes: list[int], whole: ExitCode) -> None:
    """Over all rows, in the order in which one run has them."""
    assert exit_code_of(codes) is whole


@pytest.mark.parametrize(
    ("document", "line", "code"),
    [
        (
            a_sweep(a_row(100), a_row(1_000)),
            "PASS - every budget held with every value; p99 was between ",
            ExitCode.PASS,
        ),
        (
            a_sweep(a_row(100), a_row(1_000, ExitCode.FAILED)),
            "FAIL - a budget was broken with 1,000.",
            ExitCode.FAILED,
        ),
        (
            a_sweep(a_row(100, ExitCode.INVALID), a_row(1_000, ExitCode.FAILED)),
            "INVALID - the run with 100 cannot be believed. With 1,000 a budget was broken.",
            ExitCode.INVALID,
        ),
        (
            a_sweep(a_row(100), a_row(1_000, ExitCode.UNREACHABLE)),
            "UNREACHABLE - nobody could log in with 1,000.",
            ExitCode.UNREACHABLE,
        ),
        (
            a_sweep(a_row(100, ExitCode.FAILED), ended=Ended.INTERRUPTED),
            "INTERRUPTED - stopped by hand after 1 of 3 values.",
            ExitCode.INTERRUPTED,
        ),
        (
            a_sweep(a_row(100), ended=Ended.UNREACHABLE),
            "UNREACHABLE - nobody answered any more after 1 of 3 values.",
            ExitCode.UNREACHABLE,
        ),
        (
            a_sweep(a_row(document=a_document(empty=True))),
            "PASS - every budget held with every value; there is no p99 of any.",
            ExitCode.PASS,
        ),
        (a_sweep(ended=Ended.INTERRUPTED), "INTERRUPTED - stopped by hand after 0 of 3 values.", ExitCode.INTERRUPTED),
    ],
)
def test_the_headline_says_what_became_of_the_sweep(document: Document, line: str, code: ExitCode) -> None:
    """And the exit code says the same; the page has it, with or without data."""
    assert str(headline(document)).startswith(line)
    assert document["sweep"]["exit_code"] == code
    assert line.split(" - ")[1].split(";")[0] in " ".join(render(document, "report.html").split())


def test_a_row_is_a_line_below_the_names_of_its_figures() -> None:
    """Column below column; what was wrong comes last."""
    width = width_of(VALUES, "traffic.payload_bytes")
    head = head_line("traffic.payload_bytes", width)
    failed = build({"values": []}, [a_row(10_000, ExitCode.FAILED, a_failed_document())], Ended.DONE, None)["rows"][0]
    line = row_line(failed, width)

    assert line.split()[:2] == ["10,000", "fail"]
    assert line.index("fail") == head.index("verdict")
    assert line.endswith(troubles_of(failed))
    assert len(head) == len(line.removesuffix(f"  {troubles_of(failed)}"))


def test_what_was_wrong_are_budgets_and_doubts_but_no_notes() -> None:
    """A note is for whoever reads the run's own report."""
    late = a_late_document()
    late["doubts"].append({"code": "gc_pause", "severity": "note", "detail": "d", "advice": "a"})
    (row,) = build({"values": []}, [a_row(100, ExitCode.INVALID, late)], Ended.DONE, None)["rows"]

    assert "the generator was late" in troubles_of(row)
    assert "garbage collection" not in troubles_of(row)


@pytest.mark.parametrize(
    "values",
    [[50_000, 100], [1, 1], ["constant", "<b>bold</b>"], [True, False], [[1, 2], {"median": 3}], [0, -5.5], [7]],
)
def test_any_values_can_be_drawn(values: list[Any]) -> None:
    """Numbers where they lie, all else side by side; words from a file are never markup of ours."""
    page = render(a_sweep(*map(a_row, values), values=values), "report.html")

    assert "<b>bold" not in page
    assert page.count('class="held"') == len(values)
    assert "Delivery times, one over the other" in page
    assert "http" not in page.split("<main>")[1].split("</main>")[0].replace("http://www.w3.org", "")


def test_each_value_leads_to_its_run() -> None:
    """To its page, or to the document where it has none."""
    document = a_sweep(a_row(100))

    assert 'href="rows/100/report.html"' in render(document, "report.html")
    assert 'href="rows/100/result.json"' in render(document, "result.json")


def test_a_comment_has_a_row_for_each_value() -> None:
    """With a mark, the main figures and what was wrong; names are text."""
    comment = markdown_of(
        a_sweep(
            a_row(100),
            a_row(1_000, ExitCode.FAILED, a_failed_document()),
            a_row("a|b", ExitCode.INVALID, a_late_document()),
        )
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in comment.splitlines() if line.startswith("|")]

    assert "INVALID" in comment.partition("\n")[0]
    assert rows[0][1] == "`traffic.payload_bytes`"
    assert [row[0] for row in rows[2:]] == [MARKS["good"], MARKS["bad"], MARKS["unsure"]]
    assert [row[1] for row in rows[2:]] == ["`100`", "`1,000`", "`a\\"]
