"""What the live page is told: the whole to who opens it, what is new to who has seen all before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.live.feed import Feed, Told, phase_of
from reports.live.history import SERIES
from tests.support.documents import a_document, a_failed_document


class Page:
    """A page as its script keeps the series of a run (history.js)."""

    def __init__(self) -> None:
        self.seen: int | None = None
        self.answer: dict[str, Any] = {}
        self.rows: dict[int, tuple[Any, ...]] = {}
        self._run_id: str | None = None

    def hear(self, feed: Feed) -> None:
        """Take the newest event, if it is new."""
        if self.seen == feed.number:
            return
        self.answer = json.loads(feed.event_after(self.seen).rpartition(b"data: ")[2])
        self.seen = feed.number
        document = self.answer["document"]
        if document is None:
            self.rows.clear()
            return
        if self.answer["is_whole"] or document["run"]["id"] != self._run_id:
            self.rows.clear()
        self._run_id = document["run"]["id"]
        series = document["series"]
        columns = zip(*(series[name] for name in SERIES), strict=True)
        self.rows |= dict(zip(series["t_s"], columns, strict=True))


def cut(document: dict[str, Any], first: int, last: int) -> dict[str, Any]:
    """The document with these seconds of its series alone, as a snapshot has them."""
    series = {k: v[first:last] if isinstance(v, list) else v for k, v in document["series"].items()}
    return document | {"series": series}


def test_a_page_that_has_just_come_is_told_the_whole() -> None:
    """Also of what was told before it came; and when to come back, should it lose us."""
    feed = Feed()
    for end in (3, 6, 9):
        feed.tell(Told("measure", cut(a_document(snapshot=True), max(0, end - 4), end)))

    event = feed.event_after(None)
    answer = json.loads(event.removeprefix(b"retry: 1000\ndata: "))
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 3
    assert answer == json.loads(feed.whole())
    assert answer["is_whole"] is True
    assert answer["document"]["series"]["t_s"] == list(range(9))


def test_a_page_that_has_seen_all_before_is_told_what_is_new() -> None:
    """With the last second in any case, which stands in large figures at the top."""
    feed, document = Feed(), a_document(snapshot=True)
    feed.tell(Told("measure", cut(document, 0, 8)))
    feed.tell(Told("measure", cut(document, 2, 10)))
    answer = json.loads(feed.event_after(1).removeprefix(b"data: "))
    assert answer["is_whole"] is False
    assert answer["document"]["series"]["t_s"] == [8, 9]

    feed.tell(Told("drain", cut(document, 2, 10)))
    answer = json.loads(feed.event_after(2).removeprefix(b"data: "))
    assert (answer["phase"], answer["document"]["series"]["t_s"]) == ("drain", [9])


def test_a_page_that_has_missed_something_is_told_the_whole() -> None:
    """Nothing is kept for who is slow."""
    feed = Feed()
    for _ in range(3):
        feed.tell(Told("measure", a_document(snapshot=True)))

    assert json.loads(feed.event_after(1).removeprefix(b"data: "))["is_whole"] is True
    assert json.loads(feed.event_after(2).removeprefix(b"data: "))["is_whole"] is False


def test_another_run_begins_anew() -> None:
    """No second of the run before is among its own."""
    feed, page = Feed(), Page()
    feed.tell(Told("over", a_document()))
    page.hear(feed)
    feed.tell(Told("warmup", cut(a_document(snapshot=True, run={"id": "the next"}), 5, 7)))
    page.hear(feed)

    assert page.answer["is_whole"] is True
    assert sorted(page.rows) == [5, 6]


def test_a_telling_without_a_document_forgets_what_was_before() -> None:
    """A page that comes meanwhile has seen nothing of it, and must miss nothing that is told of later."""
    feed, page, document = Feed(), Page(), a_document(snapshot=True)
    feed.tell(Told("measure", cut(document, 0, 6)))
    feed.tell(Told("waiting"))
    page.hear(feed)
    feed.tell(Told("measure", cut(document, 5, 7)))
    page.hear(feed)
    late = Page()
    late.hear(feed)

    assert sorted(page.rows) == sorted(late.rows) == [5, 6]


def test_what_no_page_shows_is_not_sent() -> None:
    """Histograms, environment and series that are not drawn would be most of it."""
    feed = Feed()
    feed.tell(Told("over", a_failed_document(), report="runs/one", report_url="/report/one", is_last=True))
    answer = json.loads(feed.whole())
    document = answer["document"]

    assert set(document["series"]) == {"interval_s", "t_s", *SERIES}
    assert "environment" not in document
    assert "series" not in document["server"]
    assert all("hdr" not in metric for metric in document["metrics"].values())
    assert (document["verdict"], answer["report"], answer["is_last"]) == ("fail", "runs/one", True)


def test_every_page_is_sent_the_same_bytes() -> None:
    """They are put into words once, however many there are."""
    feed = Feed()
    feed.tell(Told("measure", a_document(snapshot=True)))
    feed.tell(Told("measure", a_document(snapshot=True)))

    assert feed.whole() is feed.whole()
    assert feed.event_after(1) == feed.event_after(1)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.integers(1, 29), st.booleans(), st.sampled_from(["one", "two"]), st.booleans()),
        max_size=30,
    )
)
def test_a_late_page_has_what_an_early_page_has(
    steps: list[tuple[int, bool, str, bool]],
) -> None:
    """Whatever is told, run after run, and whatever a page misses meanwhile."""
    feed, early, sleepy = Feed(), Page(), Page()
    whole = a_document()
    for end, has_document, run_id, is_awake in steps:
        document = cut(whole, max(0, end - 5), end) | {"run": whole["run"] | {"id": run_id}}
        feed.tell(Told("measure", document if has_document else None))
        early.hear(feed)
        if is_awake:
            sleepy.hear(feed)
    late = Page()
    if steps:
        late.hear(feed)
        sleepy.hear(feed)

    assert early.rows == sleepy.rows == late.rows


@pytest.mark.parametrize(
    ("phases", "phase"),
    [
        ([], "arriving"),
        ([("login", None)], "arriving"),
        ([("login", 1.0), ("connect", 2.0), ("join", 3.0)], "arriving"),
        ([("join", 3.0), ("warmup", None)], "warmup"),
        ([("warmup", 4.0), ("measure", None)], "measure"),
        ([("measure", 5.0), ("drain", None)], "drain"),
        ([("measure", 5.0), ("drain", 6.0)], "closing"),
    ],
)
def test_the_phase_is_that_of_the_newest_snapshot(phases: list[tuple[str, float | None]], phase: str) -> None:
    """In the words that Locust's runs have, too."""
    spans = [{"name": name, "start_s": 0.0, "end_s": end_s} for name, end_s in phases]

    assert phase_of({"verdict": None, "phases": spans}) == phase


def test_a_document_with_a_verdict_is_over() -> None:
    """Whatever phase it ended in."""
    assert phase_of(a_document(interrupted=True)) == "over"


def test_a_document_that_knows_little_is_told_as_it_is() -> None:
    """Before the first second there are no metrics, and of a server that is not ours there is nothing."""
    document = a_document(snapshot=True, owned=False)
    for name in ("plan", "metrics"):
        del document[name]
    feed = Feed()
    feed.tell(Told("connect", document))
    told = json.loads(feed.whole())["document"]

    assert not {"plan", "metrics"} & told.keys()
    assert told.get("server") is None
