"""The answer of a capacity search, in words and on its page: never more than was found out."""

from __future__ import annotations

from typing import Any

import pytest

from reports.budgets import Document
from reports.capacity import Answer, Axis, Ended, Probe, badge, build, headline, known_text, lines_of, unit_of
from reports.capacity_markdown import render as markdown_of
from reports.capacity_page import render
from reports.markdown import MARKS
from tests.support.documents import a_document as a_result


def a_probe(load: int, outcome: str = "held", *, confirms: bool = False, side: str = "none") -> Probe:
    """One run."""
    broken = () if outcome == "held" else ("delivery_time: p(99) < 250ms",)
    limit = {"side": side, "reason": "why <b>it</b> was"}
    return Probe(load, outcome, confirms, "pass", 1.5, load / 10, 1_000.0, limit, broken, f"probes/{load}")


def a_document(*probes: Probe, ended: Ended = Ended.FOUND, **answer: Any) -> Document:
    """A search of users."""
    facts = {"id": "x", "scenario": "fanout", "command": "chatbench capacity", "started_at": "now", "seconds": 12.0}
    found = Answer(**({"held": None, "broke": None, "confirmed": False} | answer))
    return build(facts, Axis.USERS, list(probes), found, ended, "ulimit -n")


@pytest.mark.parametrize(
    ("document", "words", "short"),
    [
        (
            a_document(
                a_probe(800), a_probe(900, "broke", side="server"), a_probe(800, confirms=True),
                held=800, broke=900, confirmed=True,
            ),
            "800 users held, 900 did not.",
            "ABOUT 800",
        ),
        (
            a_document(a_probe(800), a_probe(900, "unbelievable", side="generator"), held=800, broke=900),
            "At least 800 users held (not confirmed by a longer run): at 900 the generator was at its limit, and not "
            "the server.",
            "AT LEAST 800",
        ),
        (
            a_document(a_probe(800), held=800, confirmed=True, ended=Ended.BOUND),
            "At least 800 users held; no more were tried.",
            "AT LEAST 800",
        ),
        (a_document(a_probe(1, "broke"), broke=1, ended=Ended.NOTHING_HELD), "Not even 1 users held.", "NONE"),
        (a_document(ended=Ended.INTERRUPTED), "Nothing was measured.", "NONE"),
        (
            a_document(a_probe(8, "too_few_samples"), a_probe(16, "too_few_samples"), ended=Ended.NOTHING_HELD),
            "At 16 users there were still too few samples to judge by: measure longer (--duration).",
            "NONE",
        ),
    ],
)  # fmt: skip
def test_the_answer_says_what_is_known_and_no_more(document: Document, words: str, short: str) -> None:
    """A lower bound is called one, and an answer that was not confirmed too."""
    assert headline(document) == words
    assert badge(document) == short
    assert words in " ".join(render(document).split())


def test_what_broke_and_whose_limit_it_was_are_told() -> None:
    """By the run at the upper end."""
    document = a_document(a_probe(800), a_probe(900, "broke", side="server"), held=800, broke=900, confirmed=True)
    lines = lines_of(document)

    assert "What broke first: delivery_time: p(99) < 250ms" in lines
    assert "The limit: server (why <b>it</b> was)" in lines
    assert document["answer"]["broken_budget"] == "delivery_time: p(99) < 250ms"


def test_every_run_has_a_line_with_its_figures() -> None:
    """In order of load, the longer one after the others."""
    document = a_document(a_probe(800), a_probe(100), a_probe(800, confirms=True), held=800, confirmed=True)
    rows = [" ".join(line.split()) for line in lines_of(document)[-3:]]

    assert rows == [
        "100 held 1.50 ms 10.0 ms 1,000",
        "800 held 1.50 ms 80.0 ms 1,000",
        "800 held, longer 1.50 ms 80.0 ms 1,000",
    ]


def test_words_from_a_server_stay_words_on_the_page() -> None:
    """What somebody else has written is never markup of ours."""
    page = render(a_document(a_probe(9, "broke", side="server"), broke=9, held=8))

    assert "why &lt;b&gt;it&lt;/b&gt; was" in page


def test_each_run_of_a_search_lends_its_distribution() -> None:
    """A line for each load, named; one that had too few deliveries has none."""
    probes = [Probe.of(a_result(), load, "held", f"probes/{load}", confirms=False) for load in (110, 1_230)]
    page = render(a_document(*probes, a_probe(1_500, "broke"), held=1_230))
    wide, _, narrow = page.partition('aria-label="Distributions"')[2].partition('class="narrow"')

    for picture in (wide, narrow):
        assert picture.count(">1,230</text>") == picture.count(">110</text>") == 1
        assert ">1,500</text>" not in picture


@pytest.mark.parametrize(
    ("held", "broke", "text"),
    [
        (None, None, ""),
        (800, None, "800 held"),
        (None, 1_000, "1,000 did not"),
        (800, 1_000, "800 held, 1,000 did not"),
    ],
)
def test_what_is_known_so_far_is_told_in_few_words(held: int | None, broke: int | None, text: str) -> None:
    """Nothing before the first outcome."""
    assert known_text(held, broke) == text


def test_what_is_counted_is_named() -> None:
    """As it stands beside each number."""
    assert [unit_of(axis) for axis in Axis] == ["users", "messages/s", "members"]


def test_a_comment_tells_the_answer_and_each_run_by_its_load() -> None:
    """With a mark for each outcome, also of a search that was stopped."""
    document = a_document(
        a_probe(900, "broke", side="server"), a_probe(800, confirms=True), a_probe(800), a_probe(850, "unbelievable"),
        held=800, broke=900, confirmed=True,
    )  # fmt: skip
    comment = markdown_of(document)
    rows = [line.split("|")[1:4] for line in comment.splitlines() if line.startswith("|")][2:]

    assert comment.startswith(f"### {MARKS['good']} chatbench capacity fanout: ABOUT 800 users\n\n**800 users held, ")
    assert [[cell.strip() for cell in row] for row in rows] == [
        [MARKS["good"], "800", "held"],
        [MARKS["good"], "800", "held, longer"],
        [MARKS["unsure"], "850", "unbelievable"],
        [MARKS["bad"], "900", "did not hold"],
    ]
    assert markdown_of(a_document(ended=Ended.INTERRUPTED)).startswith(f"### {MARKS['bad']} chatbench capacity")
