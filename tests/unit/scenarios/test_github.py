"""What is written and printed in a job on GitHub, and that it is nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.github import MOST_SUMMARY_BYTES, complain, show, without
from tests.support.documents import a_document, a_failed_document

P99_ERROR = "title=chatbench fanout%3A budget broken::delivery_time: p(99) < 250ms: observed 1.31 s\n"


def a_job(root: Path) -> dict[str, str]:
    """The environment of one whose checkout is there."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(root / "summary.md"),
        "GITHUB_WORKSPACE": str(root),
    }


def test_elsewhere_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where only the file is there."""
    show(a_failed_document(), "# it\n", a_job(tmp_path) | {"GITHUB_ACTIONS": ""})
    complain("wrong", {})

    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_the_summary_is_added_to_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two runs in one step both are shown, and standard output stays a document's own."""
    for text in ("### one\n", "### two\n"):
        show(a_document(), text, a_job(tmp_path))

    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == "### one\n\n### two\n\n"
    assert capsys.readouterr() == ("", "")


def test_annotations_go_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of the catalogue has no file in the repository."""
    show(a_failed_document(), "", a_job(tmp_path), "fanout")

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"::error {P99_ERROR}::error title=")


def test_a_budget_of_a_file_in_the_repository_is_shown_at_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path starts at the root of the repository, wherever the command was run."""
    folder = tmp_path / "load"
    folder.mkdir()
    (folder / "fanout.toml").write_text('[budgets]\ndelivery_time = "p(99) < 250ms"\n', encoding="utf-8")
    monkeypatch.chdir(folder)
    show(a_failed_document(), "", a_job(tmp_path), "fanout.toml")

    assert f"::error file=load/fanout.toml,line=2,{P99_ERROR}" in capsys.readouterr().err


def test_a_budget_of_a_file_for_many_scenarios_is_shown_where_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own line for this scenario, and not the one of another."""
    (tmp_path / "budgets.toml").write_text(
        'deliveries_lost = "count==0"\n[scenario.echo]\ndelivery_time = "p(99) < 250ms"\n'
        '[scenario.fanout]\ndelivery_time = ["p(50) < 9ms", "p(99) < 250ms"]\n',
        encoding="utf-8",
    )
    document = a_failed_document()
    document["plan"]["run.budgets_file"] = {"value": str(tmp_path / "budgets.toml"), "origin": "flag"}
    show(document, "", a_job(tmp_path), "fanout")

    said = capsys.readouterr().err
    assert f"::error file=budgets.toml,line=5,{P99_ERROR}" in said
    assert "::error file=budgets.toml,line=1,title=chatbench fanout%3A budget broken::deliveries_lost" in said


@pytest.mark.parametrize("root", ["elsewhere", None])
def test_a_file_outside_the_repository_has_no_place_in_it(
    root: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """GitHub would look for it in vain."""
    path = tmp_path / "fanout.toml"
    path.write_text('[budgets]\ndelivery_time = "p(99) < 250ms"\n', encoding="utf-8")
    job = a_job(tmp_path) | {"GITHUB_WORKSPACE": "" if root is None else str(tmp_path / root)}
    show(a_failed_document(), "", job, str(path))

    assert "file=" not in capsys.readouterr().err


def test_a_summary_that_cannot_be_written_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no reason to fail."""
    path = tmp_path / "nowhere" / "summary.md"
    show(a_document(), "# it", a_job(tmp_path) | {"GITHUB_STEP_SUMMARY": str(path)})

    assert capsys.readouterr().err == (f"chatbench: no job summary: cannot write {path}: No such file or directory\n")


def test_a_summary_that_github_would_not_show_leaves_the_others_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A step whose summary is too long has none."""
    show(a_document(), "# first", a_job(tmp_path))
    show(a_document(), "x" * MOST_SUMMARY_BYTES, a_job(tmp_path))

    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == "# first\n\n"
    assert "no more than 1 MiB of a step" in capsys.readouterr().err


def test_without_a_file_nobody_wants_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is said of it."""
    show(a_document(), "# it", {"GITHUB_ACTIONS": "true"})

    assert capsys.readouterr() == ("", "")


def test_bad_input_is_annotated_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The job is red, and there is no document that says why."""
    complain('x.toml: users.count: expected a number > 0, got "50 %"', a_job(tmp_path))

    assert capsys.readouterr().err == (
        '::error title=chatbench::x.toml: users.count: expected a number > 0, got "50 %25"\n'
    )


def test_a_run_that_is_one_of_several_is_told_nothing_of_the_job() -> None:
    """Its summary would stand there beside that of all of them."""
    assert without({"GITHUB_ACTIONS": "true", "PATH": "/bin"}) == {"PATH": "/bin"}
