"""The action's steps as a job on GitHub runs them, with real runs against the reference server."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.benches import code_of, document_in, unless_starved
from tests.support.documents import a_document
from tests.support.github_job import Job
from tests.support.junit_schema import suite_in

pytestmark = pytest.mark.system

SHORT = "--users 9 --rate 40 --warmup 200ms --duration 1s --drain 500ms --no-plots --no-html"
LIMIT = "p(50) < 1us"
SLOW = f"delivery_time: {LIMIT}"


def a_job(root: Path) -> Job:
    """One with ``chatbench`` on its path, as another step would have put it there."""
    for folder in ("workspace", "temporary"):
        (root / folder).mkdir()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return Job(root / "workspace", root / "temporary", path)


def carry_out(tmp_path: Path, workspace_file: str | None = None, **inputs: str) -> tuple[Job, dict[str, Any]]:
    """A use of the action, again where this machine had no time for it; its exit code is that of the document."""
    job: Job
    attempts = 0

    def attempt() -> tuple[int, dict[str, Any]]:
        nonlocal job, attempts
        attempts += 1
        root = tmp_path / str(attempts)
        root.mkdir()
        job = a_job(root)
        if workspace_file is not None:
            (job.workspace / "load").mkdir()
            (job.workspace / "load" / "chat.toml").write_text(workspace_file, encoding="utf-8")
        code = job.carry_out(install="none", args=SHORT, **inputs)
        assert job.outputs["exit-code"] == str(code), job.said
        return code, document_in(Path(job.outputs["run-directory"]))

    _, document = unless_starved(attempt, only_counts=True)
    return job, document


def test_a_run_within_its_budgets_is_green(tmp_path: Path) -> None:
    """Verdict and figures are outputs, the page of the job has the summary, and nothing is an error."""
    job, document = carry_out(tmp_path, upload="latency")
    directory = Path(job.outputs["run-directory"])

    assert job.outputs["exit-code"] == str(code_of(document, 0))
    assert job.outputs["verdict"] == document["verdict"]
    p99_ms = document["metrics"]["delivery_time"]["p99"]
    assert job.outputs["p99_ms"] == ("" if p99_ms is None else f"{p99_ms:.3f}")
    assert job.summary == (directory / "summary.md").read_text(encoding="utf-8").rstrip() + "\n\n"
    assert re.match(r"### \S+ chatbench smoke: \w+\n\n\*\*", job.summary)
    assert "| `deliveries_lost: count == 0` | 0 |" in job.summary
    assert ("::error" in job.said) == (document["verdict"] != "pass")
    assert suite_in((directory / "junit.xml").read_text(encoding="utf-8")).get("name") == "smoke"
    assert job.used == [("actions/upload-artifact@v4", {"name": "latency", "path": str(directory)})]


def test_a_broken_budget_is_red_and_annotated_at_its_line(tmp_path: Path) -> None:
    """In the file of the repository, wherever in it the command was run."""
    text = f'extends = "smoke"\n\n[budgets]\n"delivery_time" = "{LIMIT}"\n'
    job, document = carry_out(tmp_path, text, working_directory="load", scenario="chat.toml", upload="latency")
    (broken,) = [budget for budget in document["budgets"] if budget["expression"] == SLOW]

    assert broken["ok"] is False
    assert job.outputs["exit-code"] == str(code_of(document, 99))
    place = "file=load/chat.toml,line=4,title=chatbench chat%3A budget broken"
    assert f"::error {place}::{SLOW}: observed " in job.said
    assert f"| ❌ | `{SLOW}` |" in job.summary
    assert [uses for uses, _ in job.used] == ["actions/upload-artifact@v4"]


def test_bad_input_is_red_and_annotated(tmp_path: Path) -> None:
    """Before anything has started, so there is nothing to upload."""
    job = a_job(tmp_path)
    code = job.carry_out(install="none", budgets="delivery_tim:p(99)<250ms", upload="latency")

    assert code == 104
    assert job.outputs == {"verdict": "", "exit-code": "104", "p99_ms": "", "run-directory": ""}
    assert (
        '::error title=chatbench::--budget: unknown metric "delivery_tim"; did you mean "delivery_time"?\n' in job.said
    )
    assert job.used == []
    assert job.summary == ""


def test_two_runs_are_compared(tmp_path: Path) -> None:
    """Of their times nothing can be told, which is a warning; the exit code says so, too."""
    for side in ("base", "new"):
        (tmp_path / side).mkdir()
        document = a_document(run={"scenario": "smoke"})
        (tmp_path / side / "result.json").write_text(json.dumps(document), encoding="utf-8")
    job = a_job(tmp_path)
    code = job.carry_out(install="none", mode="compare", base="../base", head="../new")
    left = {path.name for path in Path(job.outputs["run-directory"]).iterdir()}

    assert code == 96
    assert job.outputs["verdict"] == "cannot tell"
    assert left == {"compare.html", "compare.json", "junit.xml", "summary.md"}
    assert "::warning title=chatbench smoke%3A cannot tell::cannot tell: delivery_time p50: " in job.said
    assert job.summary.startswith("### ⚠️ chatbench smoke: CANNOT TELL\n\nBase 1 run, new 1 run.\n")


def test_two_servers_are_held_against_one_another(tmp_path: Path) -> None:
    """Each started by its command; of one pair nothing can be told but losses."""
    job = a_job(tmp_path)
    server = "chatbench serve --port {port}"
    flags = "--max-pairs 1 --users 9 --rate 40 --warmup 200ms --duration 1s --drain 500ms"
    code = job.carry_out(install="none", mode="ab", base=server, head=server, pairs="1", args=flags, upload="ab")
    directory = Path(job.outputs["run-directory"])

    assert code in (96, 97, 98), job.said
    assert job.outputs["verdict"] in ("cannot tell", "invalid", "worse")
    assert suite_in((directory / "junit.xml").read_text(encoding="utf-8")).get("name") == "smoke"
    assert job.summary.startswith("### ")
    assert job.summary.count("### ") == 1
    assert "title=chatbench smoke%3A " in job.said
    assert job.used == [("actions/upload-artifact@v4", {"name": "ab", "path": str(directory)})]


def test_a_sweep_has_one_summary_and_not_one_for_each_run(tmp_path: Path) -> None:
    """The runs that it starts do not know of the job."""
    job = a_job(tmp_path)
    text = f'extends = "smoke"\n[budgets]\ndelivery_time = "{LIMIT}"\n[sweep]\npayload_bytes = [100, 2_000]\n'
    (job.workspace / "lengths.toml").write_text(text, encoding="utf-8")
    code = job.carry_out(install="none", scenario="lengths.toml", args=SHORT)

    assert (code, job.outputs["verdict"]) in ((99, "fail"), (97, "invalid"))
    assert (Path(job.outputs["run-directory"]) / "sweep.json").exists()
    assert job.summary.count("### ") == 1
    assert "chatbench lengths" in job.summary.splitlines()[0]
    assert job.said.count("::error title=chatbench lengths%3A traffic.payload_bytes = ") == 2
