"""The file of events: written while a run goes on, a line each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from reports.events import events_between
from scenarios.diary import Diary
from tests.support.documents import a_document


def lines_in(path: Path) -> list[dict[str, Any]]:
    """The events in a file, each of them a whole line."""
    text = path.read_text(encoding="utf-8")
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_what_happens_is_written_when_it_is_noticed(tmp_path: Path) -> None:
    """Each snapshot adds what is new in it, the last document the verdict."""
    path = tmp_path / "events.ndjson"
    diary = Diary(path)
    assert path.read_text(encoding="utf-8") == ""
    running, ended = a_document(snapshot=True), a_document()

    diary.note(running)
    first = lines_in(path)
    diary.note(ended)

    assert first == events_between(None, running)
    assert lines_in(path) == first + events_between(running, ended)
    assert lines_in(path)[-1]["event"] == "run_ended"


def test_a_second_in_which_nothing_happens_writes_nothing(tmp_path: Path) -> None:
    """A long and quiet run has a short file."""
    path = tmp_path / "events.ndjson"
    diary = Diary(path)
    running = a_document(snapshot=True)
    diary.note(running)
    written = path.read_bytes()

    for _ in range(5):
        diary.note(running)

    assert path.read_bytes() == written


def test_a_file_of_an_earlier_run_is_begun_anew(tmp_path: Path) -> None:
    """Two runs in one file could not be told apart."""
    path = tmp_path / "events.ndjson"
    path.write_text("of another run\n", encoding="utf-8")

    Diary(path).note(a_document(snapshot=True))

    assert lines_in(path)[0]["event"] == "run_started"


def test_the_runs_of_a_sweep_write_one_after_the_other(tmp_path: Path) -> None:
    """Each goes on where the one before ended, and begins with its own name."""
    path = tmp_path / "events.ndjson"
    Diary(path).note(a_document())
    first = len(lines_in(path))

    Diary(path, goes_on=True).note(a_document())

    assert [line["event"] for line in lines_in(path)].count("run_started") == 2
    assert lines_in(path)[first]["event"] == "run_started"


def test_a_place_that_cannot_be_written_to_is_said_at_once(tmp_path: Path) -> None:
    """Before anything is started, not when the first event comes."""
    with pytest.raises(InputError, match=r"nowhere/events\.ndjson: cannot write there: No such file"):
        Diary(tmp_path / "nowhere" / "events.ndjson")


def test_a_file_that_cannot_be_written_any_more_is_remembered_and_the_run_goes_on(tmp_path: Path) -> None:
    """What was written stays as it was; nothing more is tried, even where it could be again."""
    path = tmp_path / "run" / "events.ndjson"
    path.parent.mkdir()
    diary = Diary(path)
    diary.note(a_document(snapshot=True))
    before = path.read_bytes()
    path.parent.rename(tmp_path / "elsewhere")

    diary.note(a_document())
    (tmp_path / "elsewhere").rename(path.parent)
    diary.note(a_document(deliveries_lost=1))

    assert diary.trouble is not None
    assert path.read_bytes() == before
