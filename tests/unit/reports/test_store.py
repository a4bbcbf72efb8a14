"""The run directory: claimed before anything starts, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadgen.errors import InputError
from reports.store import claim, read_document, write, write_document
from tests.support.documents import a_document


def test_a_new_directory_is_made(tmp_path: Path) -> None:
    """With its parents, and left empty."""
    claim(tmp_path / "a" / "b", force=False)

    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_directory_that_is_not_empty_is_refused_unless_forced(tmp_path: Path) -> None:
    """A finished run is not overwritten by accident."""
    (tmp_path / "result.json").write_text("{}")

    with pytest.raises(InputError, match="--force"):
        claim(tmp_path, force=False)
    claim(tmp_path, force=True)


def test_force_clears_what_an_earlier_run_left_and_nothing_else(tmp_path: Path) -> None:
    """Old pictures beside new figures would deceive; other files are not ours."""
    (tmp_path / "plots").mkdir()
    ours = ("result.json", "report.html", "summary.md", "junit.xml", "series.csv", "run.log", "plots/throughput.png")
    for name in (*ours, "notes.txt", "plots/mine.svg"):
        (tmp_path / name).write_text("old")

    claim(tmp_path, force=True)

    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == [
        "notes.txt",
        "plots/mine.svg",
    ]


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Said before the load, not after it."""
    file = tmp_path / "file"
    file.write_text("")

    with pytest.raises(InputError, match="cannot write there"):
        claim(file / "run", force=False)
    with pytest.raises(InputError, match="cannot write there"):
        claim(Path("/proc/chatbench"), force=False)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """No half-written file is ever seen, and none is left over."""
    path = tmp_path / "x.txt"
    write(path, "one")
    write(path, "two")

    assert path.read_text() == "two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    """And nothing beside it."""
    path = tmp_path / "x.txt"
    write(path, "one")
    with pytest.raises(UnicodeEncodeError):
        write(path, "\ud800")

    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_document_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """From the directory or the file."""
    document = a_document()
    path = write_document(tmp_path, document)

    assert read_document(tmp_path) == read_document(path) == document


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "not JSON"), ("[]", "schema"), ('{"schema": "other/1"}', "other/1"), ("", "not JSON")],
)
def test_what_is_no_document_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """One line that names the file."""
    (tmp_path / "result.json").write_text(text)

    with pytest.raises(InputError, match=says):
        read_document(tmp_path)


def test_a_run_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With the path that was looked for."""
    with pytest.raises(InputError, match="nowhere"):
        read_document(tmp_path / "nowhere")
