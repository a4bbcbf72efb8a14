"""``chatbench calibrate`` with real processes: the truth of the target, our figures beside it, and an interrupt."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from reports.truth import TruthError, read_truth
from tests.support.benches import CHATBENCH, WORKER, Bench, chatbench, environment
from tests.support.patience import PATIENCE_S
from tests.support.server_process import server_process

pytestmark = pytest.mark.system

# It says a minute and a half before it begins; a machine that is busy with other tests takes longer.
WHOLE_CALIBRATION_S = 400
QUIET = ("smoke", "--users", "4", "--warmup", "0s", "--duration", "500ms", "--drain", "200ms", "--quiet")
BARE = ("--no-plots", "--no-html")

# How much this machine carries at most is found by filling it, again and again: the first step of that will do here.
SMALL = """
from dataclasses import replace
from scenarios import calibration_extent as extent, calibration_story as story
from scenarios.cli import main

story.MOST_CEILING_RATE_PER_S = story.FIRST_CEILING_RATE_PER_S
extent.QUICK = replace(extent.QUICK, sockets=200)
main()
"""


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, str]:
    """Exit code, directory and last words of a quick calibration."""
    directory = tmp_path_factory.mktemp("calibrated")
    ended = subprocess.run(
        [sys.executable, "-P", "-c", SMALL, "calibrate", "--quick"],
        cwd=directory,
        env=environment(XDG_STATE_HOME=str(directory)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WHOLE_CALIBRATION_S,
        check=False,
    )
    return ended.returncode, directory, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def document(calibrated: tuple[int, Path, str]) -> dict[str, Any]:
    code, directory, said = calibrated
    assert code in (0, 97, 99), said
    found: dict[str, Any] = json.loads((directory / "chatbench/calibration.json").read_text(encoding="utf-8"))
    assert code == {"pass": 0, "fail": 99, "invalid": 97}[found["verdict"]], said
    return found


def test_every_lost_duplicated_and_reordered_delivery_is_counted(document: dict[str, Any]) -> None:
    """Exactly, also with two processes and users who reconnect: it does not depend on how busy the machine is."""
    wrong = [row for row in document["counts"] if not row["exact"]]

    assert wrong == []
    assert {(row["processes"], row["fault"]) for row in document["counts"] if row["injected"]} == {
        (processes, fault) for processes in (1, 2) for fault in ("lost", "duplicated", "reordered")
    }


def test_injected_stands_beside_measured(document: dict[str, Any]) -> None:
    """How near they are depends on how busy the machine is; that we are never early does not."""
    rows = document["accuracy"]

    assert {(row["transport"], row["processes"]) for row in rows} == {("picows", 1), ("websockets", 2)}
    assert {row["quantile"] for row in rows} == {"p50", "p90", "p99", "p99_9"}
    assert all(0 < row["injected_ms"] < row["measured_ms"] * 1.002 for row in rows)
    assert all(row["within"] == (abs(row["error_us"]) <= row["allowed_us"]) for row in rows)


def test_a_second_of_standstill_shows(document: dict[str, Any]) -> None:
    """Where only what is sent is timed from its sending, it would not."""
    freeze = document["freeze"]

    assert freeze["frozen_ms"] >= 1_000
    assert freeze["delivery_p95_ms"] > 350
    assert freeze["lost"] == 0


def test_a_busy_machine_is_never_green(document: dict[str, Any]) -> None:
    """And says so."""
    assert (document["verdict"] == "pass") == (document["reasons"] == [])
    if document["machine_busy_ratio"] > 0.1:
        assert document["verdict"] == "invalid"
        assert "other programs used" in document["reasons"][0]


def test_the_page_lies_beside_the_document(calibrated: tuple[int, Path, str], document: dict[str, Any]) -> None:
    """And how long it takes was said before it began."""
    _, directory, said = calibrated
    page = (directory / "chatbench/calibration.html").read_text(encoding="utf-8")

    assert document["verdict"].upper() in page
    assert page.count("<svg") == 6
    assert "Traceback" not in said
    assert said.startswith("chatbench calibrate: 10 steps, about ")


def test_a_later_run_quotes_it(calibrated: tuple[int, Path, str], document: dict[str, Any], tmp_path: Path) -> None:
    """On the same machine, out of the same home; another home knows of none."""
    for home, expected in ((str(calibrated[1]), document["created_at"]), (str(tmp_path), None)):
        chatbench("run", *QUIET, *BARE, "--out", "run", "--force", cwd=tmp_path, XDG_STATE_HOME=home)

        run = json.loads((tmp_path / "run/result.json").read_text(encoding="utf-8"))
        quote = run["environment"]["calibration"]
        assert (None if quote is None else quote["created_at"]) == expected


# What a shell does to a job in the background of a script: it and all that it starts have SIGINT ignored.
IN_THE_BACKGROUND = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
)


@contextmanager
def a_calibration(cwd: Path, *, in_the_background: bool) -> Iterator[Bench]:
    """One that goes on; it does not outlive the block."""
    trace = uuid.uuid4().hex
    before = [sys.executable, "-c", IN_THE_BACKGROUND] if in_the_background else []
    command = [*before, CHATBENCH, "calibrate", "--quick", "--out", "calibration.json"]
    with (
        (cwd / "said").open("wb") as said,
        subprocess.Popen(
            command, cwd=cwd, env=environment(trace), stdin=subprocess.DEVNULL, stdout=said, stderr=said, text=True
        ) as process,
    ):
        running = Bench(process, cwd, trace)
        try:
            yield running
        finally:
            for left in running.processes():
                left.kill()


@pytest.mark.parametrize(
    ("number", "in_the_background"), [(signal.SIGINT, False), (signal.SIGINT, True), (signal.SIGTERM, False)]
)
def test_an_interrupt_ends_it_cleanly(number: signal.Signals, in_the_background: bool, tmp_path: Path) -> None:
    """Exit code 105, no process left, and no document of a calibration that never was."""
    with a_calibration(tmp_path, in_the_background=in_the_background) as running:
        running.part("loadgen.relay")
        running.part(WORKER)

        running.send(number)

        assert running.finish(2 * PATIENCE_S) == 105
        assert running.processes() == []
    assert [path.name for path in tmp_path.iterdir()] == ["said"]
    assert "Traceback" not in (tmp_path / "said").read_text()


def test_where_the_document_may_not_be_written_nothing_begins(tmp_path: Path) -> None:
    """One line, and exit code 104, before minutes are spent."""
    ended = chatbench("calibrate", "--out", "nowhere/calibration.json", cwd=tmp_path)

    assert ended.returncode == 104
    assert ended.stderr.startswith("chatbench: --out: expected a file in a directory that is there")
    assert len(ended.stderr.splitlines()) == 1


def test_the_log_of_a_target_that_was_killed_is_refused(tmp_path: Path) -> None:
    """It is cut short, and what it does not say is not guessed."""
    faults, log = tmp_path / "faults.toml", tmp_path / "truth.ndjson"
    faults.write_text("[deliveries]\ndrop = 0.5\n", encoding="utf-8")
    with server_process("--faults", str(faults), "--truth", str(log)) as server:
        with server.connect(f"/ws/rooms?token={server.token('user1')}") as client:
            _say(client)
        server.stop(signal.SIGKILL)

    with log.open(encoding="utf-8") as lines, pytest.raises(TruthError, match="cut short"):
        read_truth(lines)


def _say(client: ClientConnection) -> None:
    for frame in ({"type": "join", "room": "r"}, {"type": "message", "room": "r", "id": "1", "text": "hello"}):
        client.send(json.dumps(frame))
    while '"ack"' not in str(client.recv(timeout=PATIENCE_S)):
        pass
