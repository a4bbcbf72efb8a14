"""Whatever became of a run, all that tells of it is made, says so, and cannot be made to do what a text wants."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from reports import junit, markdown, page
from reports.charts import charts_of
from reports.charts.data import chart_data
from reports.plots import draw_all, plots_of
from reports.terminal.summary import summary_text
from tests.support.documents import EVIL, an_evil_document, documents_of_every_kind
from tests.unit.reports.test_page import text_of

KINDS = documents_of_every_kind()
SAID = {
    "pass": "PASS every budget held",
    "fail": "FAIL p99 was 1.31 s, 250 ms allowed; 1,312 of 400,000 deliveries were lost",
    "invalid": "INVALID the generator was late",
    "interrupted": "INTERRUPTED stopped by hand 9.0 s into the phase measure",
    "cut off in the middle": "measured window 8.0 s going on",
    "never began": "INVALID nobody could log in",
    "nothing": "No data: the run ended before its first phase.",
    "evil": EVIL,
}
# Of each document, without pictures, which take long: all that is made of it as text.
TEXTS: tuple[Callable[[dict[str, Any]], str], ...] = (
    lambda document: page.render(document, plots=False),
    lambda document: json.dumps(chart_data(charts_of(document))),
    markdown.render,
    summary_text,
)


class Tags(HTMLParser):
    """Every tag of a page, and every name of an attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_says_at_once_what_became_of_the_run(kind: str) -> None:
    """With pictures that are drawn, or say that there is nothing to draw."""
    text = page.render(KINDS[kind])

    assert SAID[kind] in text_of(text)
    assert text.count("<figure") == len(plots_of(KINDS[kind]))


@pytest.mark.parametrize("kind", ["nothing", "never began", "cut off in the middle", "evil"])
def test_pictures_are_drawn_of_what_there_is(tmp_path: Path, kind: str) -> None:
    """An empty frame says that it is empty."""
    paths = draw_all(KINDS[kind], tmp_path)

    assert len(paths) == len(plots_of(KINDS[kind]))
    assert all(path.stat().st_size > 1_000 for path in paths)


@pytest.mark.parametrize("kind", ["fail", "cut off in the middle", "never began"])
def test_all_that_is_made_of_a_run_is_made_without_any_part_of_it(kind: str) -> None:
    """Documents of earlier versions have fewer keys, and those of a run that broke off, too."""
    document = KINDS[kind]
    assert all(make(document) for make in TEXTS)
    parts: list[tuple[str, ...]] = [(key,) for key in document]
    parts += [(key, name) for key, section in document.items() if isinstance(section, dict) for name in section]
    for place in parts:
        less = copy.copy(document)
        if len(place) == 1:
            del less[place[0]]
        else:
            less[place[0]] = {name: value for name, value in document[place[0]].items() if name != place[1]}
        for make in TEXTS[:1] if len(place) == 2 else TEXTS:
            assert make(less), place


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"nothing"}))
def test_a_run_passes_in_junit_exactly_when_it_passed(kind: str) -> None:
    """One that broke off has not."""
    root = ET.fromstring(junit.render(KINDS[kind]))  # noqa: S314  # our own

    assert (root.find(".//failure") is None and root.find(".//error") is None) is (kind == "pass")


def test_no_text_becomes_a_part_of_the_page() -> None:
    """Neither an element nor an attribute more than on the page of a run with harmless names."""
    tags, harmless = Tags(page.render(an_evil_document())), Tags(page.render(KINDS["fail"]))

    assert tags.tags - harmless.tags <= {"ul", "li"}  # of doubts, which the other one has not
    assert "img" not in tags.tags
    assert tags.attributes - harmless.attributes == set()


def test_each_text_is_shown_as_it_is() -> None:
    """Swallowed would be as bad: somebody looks for that very name."""
    text = text_of(page.render(an_evil_document(), plots=False))
    plain = " ".join(EVIL.split())

    assert text.count(plain) >= 30
    for place in ("chatbench report", "due at", "message id", "close code", "What to do:"):
        assert place in text


def test_markdown_and_junit_hold_evil_texts_as_text() -> None:
    """In a pull request's comment, and in the page of a job."""
    said = markdown.render(an_evil_document())
    outside_code = "".join(said.split("`")[::2])

    assert "<img" not in outside_code
    assert EVIL in "".join(ET.fromstring(junit.render(an_evil_document())).itertext())  # noqa: S314  # our own
