"""``chatbench compare``: which runs it finds, what it refuses, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from reports import store
from reports.budgets import ExitCode
from scenarios.compare import Files, compare
from tests.support.documents import a_document
from tests.support.junit_schema import suite_in


def a_run(directory: Path, **facts: Any) -> Path:
    """A run directory."""
    directory.mkdir(parents=True)
    store.write_document(directory, a_document(**facts))
    return directory


def outcome(base: Path, new: Path, **asked: Any) -> ExitCode:
    """Without anything else asked for."""
    files = Files(**{name: asked.pop(name) for name in ("html", "markdown", "junit") if name in asked})
    return compare(base, new, files, **{"as_json": False, "force": False} | asked)


def test_two_run_directories_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is printed; of two runs nothing can be told of times."""
    code = outcome(a_run(tmp_path / "base"), a_run(tmp_path / "new"))

    assert code is ExitCode.INCONCLUSIVE
    assert capsys.readouterr().out.startswith("CANNOT TELL  fanout: base 1 run, new 1 run\n")


def test_two_folders_of_runs_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every run directory in them is one of the set; other things in the folder are none."""
    for side in ("base", "new"):
        for number in range(10):
            a_run(tmp_path / side / f"{number:02d}")
        (tmp_path / side / "notes.txt").write_text("nothing", encoding="utf-8")

    code = outcome(tmp_path / "base", tmp_path / "new", as_json=True)

    document = json.loads(capsys.readouterr().out)
    assert code is ExitCode.PASS
    assert (document["schema"], document["compare"]["base"]["runs"]) == ("chatbench.compare/1", 10)


def test_page_markdown_and_junit_are_left_where_they_were_asked_for(tmp_path: Path) -> None:
    """Whole files."""
    base, new = a_run(tmp_path / "base"), a_run(tmp_path / "new")
    outcome(base, new, html=tmp_path / "c.html", markdown=tmp_path / "c.md", junit=tmp_path / "c.xml")

    assert (tmp_path / "c.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert "| time | base | new |" in (tmp_path / "c.md").read_text(encoding="utf-8")
    assert suite_in((tmp_path / "c.xml").read_text(encoding="utf-8")).get("name") == "fanout"


def test_a_run_of_another_scenario_is_refused_unless_it_is_wanted(tmp_path: Path) -> None:
    """The line names both runs and the reason."""
    base, new = a_run(tmp_path / "base"), a_run(tmp_path / "new", run={"scenario": "other"})

    with pytest.raises(InputError) as refused:
        outcome(base, new)

    assert str(refused.value) == (
        f"{new}: expected a run that can be compared with {base}: they are of different scenarios (fanout and other)"
    )
    assert outcome(base, new, force=True) is ExitCode.INCONCLUSIVE


def test_runs_of_one_folder_must_be_of_one_kind(tmp_path: Path) -> None:
    """Or the set is none."""
    a_run(tmp_path / "base" / "1")
    a_run(tmp_path / "base" / "2", run={"scenario": "other"})

    with pytest.raises(InputError, match="different scenarios"):
        outcome(tmp_path / "base", a_run(tmp_path / "new"))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "expected a run directory, or a folder of them, got one without any result.json"),
        ("{", "expected the result.json of a run, got something that is not JSON"),
        ('{"schema": "chatbench.result/2"}', 'expected schema "chatbench.result/1", got "chatbench.result/2"'),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, content: str | None, line: str) -> None:
    """An empty folder, a damaged document, another version."""
    new = tmp_path / "new"
    new.mkdir()
    if content is not None:
        (new / "result.json").write_text(content, encoding="utf-8")

    with pytest.raises(InputError, match="expected") as refused:
        outcome(a_run(tmp_path / "base"), new)

    assert line in str(refused.value)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With the system's own words."""
    with pytest.raises(InputError, match="No such file or directory"):
        outcome(a_run(tmp_path / "base"), tmp_path / "nowhere")


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Where, and why."""
    page = tmp_path / "nowhere" / "c.html"

    with pytest.raises(InputError) as refused:
        outcome(a_run(tmp_path / "base"), a_run(tmp_path / "new"), html=page)

    assert str(refused.value) == f"{page}: cannot write there: No such file or directory"
