"""report.html."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from reports.page import render
from tests.support.documents import a_document, a_failed_document, a_late_document, a_storm_document, an_incident


class Text(HTMLParser):
    """The words a reader sees, one space between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._hidden = 0
        self._words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("style", "script", "svg", "head")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script", "svg", "head")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._words += data.split()

    def __str__(self) -> str:
        return " ".join(self._words)


class Links(HTMLParser):
    """Whatever an element points at, and all style sheets."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.styles = ""
        self._in_style = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        self.styles += data if self._in_style else ""


def policy_of(page: str) -> str:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found is not None
    return found[1].replace("&#39;", "'")


def text_of(page: str) -> str:
    return str(Text(page))


def test_the_verdict_comes_before_everything_else() -> None:
    """With its reason, and in words rather than in a colour."""
    text = text_of(render(a_document(), plots=False))

    assert text.index("PASS every budget held: p99 was 7.36 ms of 250 ms allowed") < text.index("Budgets")


def test_a_late_generator_is_told_with_what_to_do() -> None:
    """A doubt without advice is only half a doubt."""
    text = text_of(render(a_late_document(), plots=False))

    assert "INVALID the generator was late" in text
    assert "What to do: Use more processes (--processes auto), or send less." in text


def test_an_interrupted_run_has_a_page_that_says_so() -> None:
    """Nobody quotes half a run by mistake."""
    assert "INTERRUPTED stopped by hand 9.0 s into the phase measure" in text_of(
        render(a_document(interrupted=True), plots=False)
    )


def test_a_page_names_every_process_and_what_others_did() -> None:
    """One core that is full hides behind an average."""
    text = text_of(render(a_storm_document(), plots=False))

    assert "worker 2 4103 31 % 91.0 MB 514 400 us 700 us" in text
    assert "other programs 4.0 %" in text
    assert "Each delivery cost the generator 11.4 us of CPU." in text


def test_an_incident_is_told_in_words() -> None:
    """No JSON where people read."""
    text = text_of(render(a_storm_document(), plots=False))

    assert "reconnect storm at 50%: 50 % of the users, back after random waits" in text
    assert "{" not in text


def test_an_empty_run_has_a_page_that_says_what_is_missing() -> None:
    """Gaps are words, not zeros."""
    page = render(a_document(empty=True, verdict="invalid", ended_early="no_user_ready"))
    text = text_of(page)

    assert "no user got as far as talking" in text
    assert "delivery time p99 no data" in text
    assert "No data: nothing was timed." in text


def test_a_document_with_nothing_in_it_has_a_page() -> None:
    """Whatever happened, there is something to look at."""
    assert "no data" in text_of(render({}))


@pytest.mark.parametrize("section", ["run", "environment", "plan", "target", "errors", "doubts", "budgets"])
def test_html_in_a_name_is_shown_as_text(section: str) -> None:
    """Names and examples come from files and servers: none of them may become part of the page."""
    evil = "<script>alert(1)</script>"
    sections: dict[str, dict[str, Any]] = {
        "run": {"run": {"scenario": evil, "summary": evil}},
        "environment": {"environment": {"host": evil, evil: evil}},
        "plan": {"plan": {evil: {"value": evil, "origin": "file"}}},
        "target": {"target": {"server_header": evil}},
        "errors": {"errors": [{"kind": evil, "phase": evil, "count": 1, "example": evil}]},
        "doubts": {"doubts": [{"code": evil, "severity": "note", "detail": evil, "advice": evil}]},
        "budgets": {"budgets": [{"expression": evil, "observed": 1, "ok": False}], "verdict": "fail"},
    }
    page = render(a_document(**sections[section]), plots=False)

    assert "<script>alert" not in page
    assert "</script" not in page, "without pictures there is none"
    assert evil in text_of(page)


def test_the_page_needs_no_network() -> None:
    """It opens from a mail attachment, on a train, years later."""
    page = render(a_failed_document())

    links = Links(page)
    assert all(link.startswith(("#", "data:")) for link in links.found)
    assert not re.search(r"url\((?!#)|@import", links.styles)
    assert not re.search(r'style="[^"]*url\((?!#)', page)
    assert "default-src 'none'" in policy_of(page)
    assert "connect-src" not in policy_of(page)


def test_no_script_and_no_style_but_our_own_may_act() -> None:
    """The digests are those of the very text between the tags; style attributes are those of the pictures."""
    page = render(a_document())
    texts = {
        element: page.split(f"<{element}>")[1].split(f"</{element.partition(' ')[0]}>")[0]
        for element in ("style", "script", 'script type="module"')
    }

    style, library, script = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts.values()
    )
    assert f"style-src-elem 'sha256-{style}'" in policy_of(page)
    assert f"script-src 'sha256-{library}' 'sha256-{script}'" in policy_of(page)
    assert page.count("<style") == 1


def test_what_is_vendored_keeps_its_licence() -> None:
    """Whoever passes on a report passes on uPlot with it."""
    assert "Copyright (c) 2022 Leon Sorokin" in render(a_document())


def test_text_from_outside_cannot_end_the_data_of_the_charts() -> None:
    """A kind of incident that closes the element would begin another one."""
    evil = "</script><script>alert(1)</script>"
    page = render(a_document(incidents=[an_incident(evil)]))

    data = json.loads(page.split('id="chart-data">')[1].split("</script>")[0])
    assert data["charts"][0]["incidents"][0]["names"][0] == evil
    assert page.count("</script") == 3


def test_the_page_is_small_enough_to_attach() -> None:
    """Six pictures, each for a screen and a phone, and what draws the charts."""
    assert len(render(a_document())) < 400_000


def test_pictures_can_be_left_out() -> None:
    """--no-plots."""
    assert "<svg" not in render(a_document(), plots=False)


def test_books_that_do_not_close_are_called_out() -> None:
    """Then no other figure can be trusted."""
    page = render(a_document(counters={"deliveries_lost": 3}), plots=False)

    assert "The books do not close" in text_of(page)
