"""Whoever started a command is gone: its terminal was closed, or the pipe that it wrote to."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.benches import (
    CHATBENCH,
    FEW,
    LONG,
    bench,
    books_close,
    document_in,
    environment,
    eventually,
)
from tests.support.locust_process import LOCUST, MEASURING
from tests.support.patience import PATIENCE_S
from tests.support.pty_command import OnTerminal, on_terminal
from tests.support.screen import Terminal

pytestmark = [pytest.mark.system, pytest.mark.faults]

SHORT = (*FEW, "--duration", "2s", "--drain", "200ms")
QUIETLY = ("--no-plots", "--no-html", "--out", "run")
# A run that ended by its plan, whatever it came to.
BY_PLAN = (0, 97, 99)


def is_measuring(terminal: Terminal) -> bool:
    return "measured window" in terminal.text and "connected 10 of 10" in terminal.text


def hang_up(running: OnTerminal) -> list[psutil.Process]:
    """Close the terminal; what the command had started by then."""
    parts = psutil.Process(running.process.pid).children(recursive=True)
    running.hang_up()
    return parts


def assert_gone(parts: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(parts, timeout=PATIENCE_S)
    assert alive == []


def interrupted_in(directory: Path) -> dict[str, Any]:
    document = document_in(directory)
    assert document["run"]["interrupted"] is True
    assert books_close(document)
    return document


def test_a_terminal_that_closes_ends_a_run_in_good_order(tmp_path: Path) -> None:
    """As Ctrl-C does: a document that says so, with closed books, and no process left."""
    command = [CHATBENCH, "run", *LONG, "--processes", "2", *QUIETLY]
    with on_terminal(command, tmp_path) as running:
        running.until(is_measuring, "the measured window")
        parts = hang_up(running)
        assert len(parts) == 3

        assert running.process.wait(PATIENCE_S) == 105
        assert_gone(parts)

    document = interrupted_in(tmp_path / "run")
    assert "worker_died" not in {doubt["code"] for doubt in document["doubts"]}
    assert "Traceback" not in (tmp_path / "run/run.log").read_text(encoding="utf-8")


def test_a_run_that_is_told_nothing_goes_on_without_its_terminal(tmp_path: Path) -> None:
    """What it draws goes nowhere, and its document is whole."""
    with on_terminal([CHATBENCH, "run", *SHORT, *QUIETLY], tmp_path, is_told=False) as running:
        running.until(is_measuring, "the measured window")
        parts = hang_up(running)

        assert running.process.wait(PATIENCE_S) in BY_PLAN
        assert_gone(parts)

    assert document_in(tmp_path / "run")["run"]["ended_early"] is None


def test_under_nohup_a_run_outlives_its_terminal(tmp_path: Path) -> None:
    """SIGHUP comes, and stays ignored, as it was when the run began."""
    said = tmp_path / "nohup.out"
    with on_terminal(["nohup", CHATBENCH, "run", *SHORT, *QUIETLY], tmp_path) as running:
        eventually(lambda: said.exists() and "measured window" in said.read_text(encoding="utf-8"), "the window")
        parts = hang_up(running)
        running.process.send_signal(signal.SIGHUP)

        assert running.process.wait(PATIENCE_S) in BY_PLAN
        assert_gone(parts)

    assert document_in(tmp_path / "run")["run"]["ended_early"] is None


def test_a_terminal_that_closes_ends_a_sweep_and_keeps_its_rows(tmp_path: Path) -> None:
    """The run that goes on is ended first; so it is with searches and pairs, which wait for their runs alike."""
    scenario = tmp_path / "sizes.toml"
    scenario.write_text('extends = "smoke"\nsweep.payload_bytes = [100, 200]\n', encoding="utf-8")
    load = ("--users", "4", "--warmup", "0s", "--duration", "10m", "--no-html", "--out", "runs")
    with on_terminal([CHATBENCH, "run", str(scenario), *load], tmp_path) as running:
        running.until(lambda terminal: "1 of 2: traffic.payload_bytes 100  " in terminal.text, "the first run")
        itself = psutil.Process(running.process.pid)
        # The run, its worker and its server.
        eventually(lambda: len(itself.children(recursive=True)) == 3, "its processes")
        parts = hang_up(running)

        assert running.process.wait(2 * PATIENCE_S) == 105
        assert_gone(parts)

    assert '"ended": "interrupted"' in (tmp_path / "runs/sweep.json").read_text(encoding="utf-8")


def test_a_terminal_that_closes_ends_a_run_of_locusts(tmp_path: Path) -> None:
    """By itself, SIGHUP kills Locust, and no document would be left."""
    load = ("smoke", "--warmup", "0s", "--duration", "10m", "--headless", "-u", "4", "-r", "4", "--out", "run")
    with on_terminal([*LOCUST, *load], tmp_path, 200, 60, CHATBENCH_HTML="false", CHATBENCH_PLOTS="false") as running:
        running.until(lambda terminal: MEASURING in terminal.text, "its table", 3 * PATIENCE_S)
        parts = hang_up(running)

        running.process.wait(2 * PATIENCE_S)
        assert_gone(parts)

    interrupted_in(tmp_path / "run")


def test_a_pipe_that_nobody_reads_any_more_costs_no_run(tmp_path: Path) -> None:
    """`chatbench run 2>&1 | head -1` shows a line, and leaves a document."""
    program = ("sh", "-c", '"$0" "$@" 2>&1 | head -1 >&2', CHATBENCH)
    with bench(*SHORT, cwd=tmp_path, program=program) as running:
        assert running.finish(2 * PATIENCE_S) == 0
        eventually(lambda: not running.processes(), "its end")

        assert "Traceback" not in running.all_said()
        assert running.document["run"]["ended_early"] is None
        assert books_close(running.document)


def listed(stdout: int, cwd: Path) -> tuple[int, str]:
    """A command that only prints, to such a standard output: exit code and complaint."""
    command = [CHATBENCH, "dialects", "reference"]
    ended = subprocess.run(
        command, cwd=cwd, env=environment(), stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S
    )
    return ended.returncode, ended.stderr


def test_who_has_read_enough_hears_no_complaint(tmp_path: Path) -> None:
    """As of any other command before `| head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert listed(writer, tmp_path) == (1, "")
    finally:
        os.close(writer)


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    """It is no bug of ours, but nothing was printed either."""
    with Path("/dev/full").open("wb") as full:
        code, said = listed(full.fileno(), tmp_path)

    assert (code, said) == (1, "chatbench: cannot write: No space left on device\n")
