"""summary.md."""

from __future__ import annotations

from reports.markdown import code, render
from tests.support.documents import a_document, a_failed_document, a_late_document, a_storm_document

# GitHub refuses a comment of more characters.
COMMENT_LIMIT = 65_536


def test_a_comment_begins_with_the_verdict_and_why() -> None:
    """It is read in a list of twenty others."""
    first, second, *_ = render(a_failed_document()).split("\n\n")

    assert first == "### ❌ chatbench fanout: FAIL"
    assert second == "**p99 was 1.31 s, 250 ms allowed; 1,312 of 400,000 deliveries were lost.**"


def test_a_comment_holds_the_figures_and_the_doubts() -> None:
    """What one needs to argue about, without opening the report."""
    text = render(a_late_document())

    assert "| **3.20 ms** service time 3.10 ms |" in text
    assert "- **fatal: the generator was late** - send&#95;lateness p99 was 14.2 ms" in text
    assert len(text) < COMMENT_LIMIT


def test_each_budget_has_a_mark_of_its_own() -> None:
    """What broke is seen before it is read; what has no data is neither green nor red."""
    broken, silent = render(a_failed_document()), render(a_document(empty=True, verdict="invalid"))

    assert "| ✅ | `delivery_time: p(99) < 250ms` | 7.36 ms |" in render(a_document())
    assert "| ❌ | `delivery_time: p(99) < 250ms` | **1.31 s** |" in broken
    assert "| ⚠️ | `delivery_time: p(99) < 250ms` | **no data** |" in silent
    assert broken.index("| ❌ |") < broken.index("What held the run back") < broken.index("<details>")


def test_a_comment_says_how_to_do_it_again() -> None:
    """By whoever reads it, on another machine."""
    assert "The command: `chatbench run fanout --users 500`" in render(a_document())


def test_a_comment_tells_losses_apart_and_names_each_process() -> None:
    """What one asks next, folded away."""
    assert "| lost | 1,312 | 0.33 % | not there when the drain ended |\n| - acked | 12 |" in render(a_failed_document())
    assert "| worker 2 | 31 % | 91.0 MB | 514 | 400 us | 700 us |\n| coordinator |" in render(a_storm_document())


def test_names_cannot_break_out_of_their_place() -> None:
    """A scenario's name is no heading, no table, no HTML, and calls nobody."""
    evil = "<img src=x> | @maintainers `code` **bold**\n# title"
    text = render(
        a_document(
            run={"scenario": evil},
            errors=[{"kind": "close_1006", "phase": "measure", "count": 1, "example": evil}],
        )
    )

    heading = text.splitlines()[0]
    example = next(line for line in text.splitlines() if "close_1006" in line)
    assert not set("<>@`*|") & set(heading)
    assert "\n# title" not in text
    assert example.count("`") == 4
    assert example.count("|") - example.count("\\|") == 5


def test_what_is_missing_is_said() -> None:
    """No data is not 0."""
    text = render(a_document(empty=True, verdict="invalid"))

    assert "| **no data** | **no data** | **no data** | **no data** none was expected | **0** of 500 planned |" in text


def test_code_is_written_as_it_is_and_nothing_as_nothing() -> None:
    """Neither a backtick nor a bar of it ends its place."""
    assert code("") == ""
    assert code("a`b|c") == "`a'b\\|c`"
