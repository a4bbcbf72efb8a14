"""docs/scenarios.md is what the schema and the catalogue say."""

from __future__ import annotations

from scenarios.catalogue import catalogue
from scenarios.handbook import render, tables
from scenarios.handbook_entries import entry_of
from scenarios.handbook_file import PAGE, page_text
from scenarios.schema import Scenario
from scenarios.validation import fields_of

A_FILE = """\
# One person reads: does anybody
# write?
#
# Source: Somebody (2020.5): ten users,
# p99 200 ms. And more.
# Each of them reads.
# Larger: -u 20.
summary = "One reads."

[budgets]
delivery_time = ["p(50) < 1s", "p(99) < 2s"]
deliveries_lost = "count == 0"
"""


def test_the_page_of_scenario_files_is_up_to_date() -> None:
    """It is written by ``make docs``, from scenarios/handbook.md.j2, the schema and the catalogue."""
    is_fresh = PAGE.read_text(encoding="utf-8") == page_text()

    assert is_fresh, "docs/scenarios.md is stale: run `make docs` and commit it"


def test_an_entry_is_what_the_file_says_of_itself() -> None:
    """Lines of a comment are one text, until the next label."""
    entry = entry_of("reads", A_FILE)

    assert entry.question == "One person reads: does anybody write?"
    assert entry.notes == (
        ("Source", "Somebody (2020.5): ten users, p99 200 ms. And more. Each of them reads."),
        ("Larger", "-u 20."),
    )
    assert entry.source == "Somebody (2020.5)"
    assert entry.budgets == ("delivery_time: p(50) < 1s", "delivery_time: p(99) < 2s", "deliveries_lost: count == 0")


def test_a_file_without_a_comment_has_its_summary_alone() -> None:
    """Nothing is made up."""
    entry = entry_of("short", 'summary = "Short."')

    assert (entry.question, entry.notes, entry.source, entry.budgets) == (None, (), None, ())


def test_every_scenario_has_a_row_and_a_section() -> None:
    """Whoever reads the page sees the whole catalogue."""
    page = page_text()

    assert [name for name in catalogue() if f"| [`{name}`](#{name})" not in page] == []
    assert [name for name in catalogue() if f"\n### `{name}`\n" not in page] == []


def test_every_key_is_in_one_row() -> None:
    """With the path that errors and documents call it."""
    paths = [path for table in tables() for key in table.keys for path in key.paths]

    assert sorted(paths) == sorted(key for key, _ in fields_of(Scenario))


def test_a_default_is_written_as_in_a_file() -> None:
    """What one would have to write to change nothing; a key without one is told apart from one that is not set."""
    defaults = {path: key.default for table in tables() for key in table.keys for path in key.paths}

    assert defaults["traffic.deadline"] == '"5s"'
    assert defaults["traffic.mix.message"] == "1.0"
    assert defaults["run.html"] == "true"
    assert defaults["users.stages[].count"] is None
    assert defaults["users.file"] == "(not set)"


def test_a_name_in_a_sentence_is_marked_and_nothing_is_read_as_html() -> None:
    """Markdown would take <name> for a tag, and leave it out."""
    template = "{% for e in entries %}{{ e.summary | code | cell }}{% endfor %}"
    file = 'summary = "a <b> | --rate 40 -u 5: end_time, well-off"'

    assert render(template, {"x": file}) == r"a \<b> \| `--rate 40 -u 5`: `end_time`, well-off"
