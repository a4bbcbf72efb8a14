"""``chatbench run`` of a sweep with real runs: a row each, one document, and what is kept when it is stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reports.budgets import Document
from tests.support.patience import PATIENCE_S
from tests.support.silent_port import refusing_port

CHATBENCH = [sys.executable, "-P", "-c", "from scenarios.cli import main; main()"]
SCENARIO = """
[users]
count = 20
connect_rate_per_s = 200
[phases]
warmup = "0s"
measure = "1s"
drain = "500ms"
[sweep]
payload_bytes = [100, 2_000]
[budgets]
deliveries_lost = "count == 0"
bytes_received = "count > 0"
"""

pytestmark = pytest.mark.system


def scenario_in(folder: Path, text: str = SCENARIO) -> str:
    """Twenty users, for as short a time as can be."""
    path = folder / "short.toml"
    path.write_text(text)
    return str(path)


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CHATBENCH, *arguments], capture_output=True, text=True, timeout=6 * PATIENCE_S)


def document_in(folder: Path) -> Document:
    document: Document = json.loads((folder / "sweep.json").read_text())
    return document


@pytest.mark.alone
def test_a_sweep_is_a_run_for_each_value_and_one_document(tmp_path: Path) -> None:
    """Which is printed, too; each run can be told from the others, and lies beside it."""
    folder = tmp_path / "sweep"
    events = tmp_path / "events.ndjson"
    events.write_text("of another day\n")
    flags = ("--json", "--no-html", "--seed", "3", "--events", str(events))
    done = ran("run", scenario_in(tmp_path), "-o", str(folder), *flags)

    assert done.returncode == 0, done.stderr
    document = document_in(folder)
    assert json.loads(done.stdout) == document
    assert document["schema"] == "chatbench.sweep/1"
    assert [row["value"] for row in document["rows"]] == [100, 2_000]
    assert [(row["verdict"], row["exit_code"], row["lost"]) for row in document["rows"]] == [("pass", 0, 0)] * 2
    runs = [json.loads((folder / row["run"] / "result.json").read_text()) for row in document["rows"]]
    assert [run["plan"]["traffic.payload_bytes"]["value"] for run in runs] == [100, 2_000]
    assert {run["plan"]["run.seed"]["value"] for run in runs} == {3}
    assert [run["run"]["scenario"] for run in runs] == ["short-01-100", "short-02-2000"]
    told = [json.loads(line) for line in events.read_text().splitlines()]
    ends = [(event["event"], event.get("scenario")) for event in told if event["event"] in ("run_started", "run_ended")]
    first, second = ("run_started", "short-01-100"), ("run_started", "short-02-2000")
    assert ends == [first, ("run_ended", None), second, ("run_ended", None)]
    assert (folder / "sweep.html").exists()
    assert "PASS - every budget held with every value" in done.stderr


@pytest.mark.alone
def test_the_worst_row_settles_the_exit_code(tmp_path: Path) -> None:
    """A budget that one value breaks, while the rows after it are carried out all the same."""
    few = SCENARIO.replace("payload_bytes = [100, 2_000]", '"users.count" = [5, 20]')
    folder = tmp_path / "sweep"
    done = ran("run", scenario_in(tmp_path, few), "-o", str(folder), "--no-html", "--budget", "users_planned:count>5")

    assert done.returncode == 99, done.stderr
    document = document_in(folder)
    assert [row["verdict"] for row in document["rows"]] == ["fail", "pass"]
    assert document["rows"][0]["broken"] == ["users_planned: count > 5"]
    assert "FAIL - a budget was broken with 5." in done.stderr


def test_a_flag_that_sets_the_key_makes_it_a_single_run(tmp_path: Path) -> None:
    """With a result document of its own."""
    folder = tmp_path / "one"
    flags = ("--payload", "300", "--no-html", "--no-plots", "--quiet")
    done = ran("run", scenario_in(tmp_path), "-o", str(folder), *flags)

    assert done.returncode in (0, 97), done.stderr
    assert not (folder / "sweep.json").exists()
    assert json.loads((folder / "result.json").read_text())["plan"]["traffic.payload_bytes"]["value"] == 300


def test_ctrl_c_keeps_the_rows_so_far(tmp_path: Path) -> None:
    """The run that goes on is ended in order; there is a page, too."""
    folder = tmp_path / "sweep"
    longer = SCENARIO.replace("[100, 2_000]", "[100, 2_000, 3_000]")
    command = [*CHATBENCH, "run", scenario_in(tmp_path, longer), "-o", str(folder), "--no-html"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "verdict" in process.stderr.readline()
        assert "pass" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.stderr.read()

        assert process.wait(timeout=PATIENCE_S) == 105
    document = document_in(folder)
    assert document["sweep"]["ended"] == "interrupted"
    assert document["sweep"]["values"] == [100, 2_000, 3_000]
    assert [row["value"] for row in document["rows"]] == [100]
    assert "stopped by hand after 1 of 3 values" in (folder / "sweep.html").read_text()


def test_where_nobody_answers_nothing_is_left(tmp_path: Path) -> None:
    """One line, as of a single run."""
    url = f"http://127.0.0.1:{refusing_port()}"
    done = ran("run", scenario_in(tmp_path), "-o", str(tmp_path / "sweep"), "--target", url, "--quiet")

    assert done.returncode == 106
    assert len(done.stderr.splitlines()) == 1
    assert url.removeprefix("http://") in done.stderr
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize("command", ["capacity", "locust"])
def test_commands_for_a_single_scenario_refuse_a_sweep(tmp_path: Path, command: str) -> None:
    """Before anything starts, and with the way out."""
    flags = ("--headless", "-t", "1s") if command == "locust" else ()
    done = ran(command, scenario_in(tmp_path), *flags)

    assert done.returncode == 104, done.stderr
    assert f"expected a single value for chatbench {command} (with --payload it has one), got 2" in done.stderr
