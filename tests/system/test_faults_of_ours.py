"""What happens to the processes of the generator: the others carry on, and nobody believes the figures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.benches import (
    FAST_SERVER,
    FEW,
    LONG,
    RELAY_DIALECT,
    WORKER,
    Bench,
    at,
    bench,
    doubts_of,
    eventually,
    overhear,
)
from tests.support.patience import PATIENCE_S
from tests.support.programs import Listening, listening
from tests.support.rude_servers import DOOR_DIALECT, door_server

pytestmark = [pytest.mark.system, pytest.mark.faults]

TWO = ("--processes", "2")


@pytest.fixture(scope="module")
def relay() -> Iterator[Listening]:
    with listening(FAST_SERVER) as server:
        yield server


def one_of_two(running: Bench) -> int:
    """Kill a worker, which has no time to say anything; its process id."""
    worker = running.parts(WORKER, 2)[0]
    worker.kill()
    return int(worker.pid)


def assert_lived_without(pid: int, how: str, document: dict[str, Any]) -> None:
    """The run came to its planned end on what is left, and names who is missing."""
    assert document["run"]["ended_early"] is None
    assert [phase["name"] for phase in document["phases"]][-1] == "drain"
    assert document["verdict"] == "invalid"
    assert doubts_of(document)["worker_died"] == "fatal"
    (detail,) = (doubt["detail"] for doubt in document["doubts"] if doubt["code"] == "worker_died")
    assert f"worker {pid}: {how}" in detail
    assert len(document["generator"]["processes"]) == 2
    assert pid in {process["pid"] for process in document["generator"]["processes"]}
    assert document["counters"]["users_planned"] == 10
    assert document["limit"]["side"] == "generator"


def test_a_worker_that_is_killed_at_the_login_takes_its_users_with_it(tmp_path: Path) -> None:
    """The others log in, talk, and are heard; that half of the users took no part is said, too."""
    (tmp_path / "door.toml").write_text(DOOR_DIALECT, encoding="utf-8")
    load = (*FEW, "--duration", "1s", "--drain", "200ms", *TWO)
    with door_server() as door, bench(*load, *at(door.url, "door.toml"), cwd=tmp_path) as running:
        eventually(lambda: door.asked_count == 10, "everybody at the door")
        pid = one_of_two(running)
        door.is_open.set()
        document = running.ends_with(97, within_s=PATIENCE_S)

    assert_lived_without(pid, "killed by SIGKILL", document)
    assert document["counters"]["connections_opened"] == 5
    assert document["counters"]["deliveries_received"] > 0
    assert doubts_of(document)["users_missing"] == "fatal"


def test_a_worker_that_is_killed_in_the_window_ends_nothing(relay: Listening, tmp_path: Path) -> None:
    """The others write and receive until the window is over; what it alone knew is excused, not lost."""
    load = (*FEW, "--duration", "3s", "--drain", "200ms", *TWO)
    with bench(*load, *at(relay.url, RELAY_DIALECT), cwd=tmp_path) as running:
        running.wait_for("measured window")
        overhear(relay.url, count=3)
        pid = one_of_two(running)
        document = running.ends_with(97, within_s=PATIENCE_S)

    assert_lived_without(pid, "killed by SIGKILL", document)
    assert document["rates"]["window_s"] == 3
    assert document["counters"]["connections_dropped"] == 0


def test_a_worker_that_is_killed_in_the_drain_is_told_too(relay: Listening, tmp_path: Path) -> None:
    """Its books were not closed; the window was measured to its end."""
    load = (*FEW, "--duration", "500ms", "--drain", "3s", *TWO)
    with bench(*load, *at(relay.url, RELAY_DIALECT), cwd=tmp_path) as running:
        running.wait_for("drain")
        pid = one_of_two(running)
        document = running.ends_with(97, within_s=PATIENCE_S)

    assert_lived_without(pid, "killed by SIGKILL", document)
    assert all(process["cpu_ratio"] is not None for process in document["generator"]["processes"])


def test_a_worker_that_is_frozen_is_given_up(relay: Listening, tmp_path: Path) -> None:
    """After 5 s without a word it is killed; the others have not waited for it."""
    load = (*FEW, "--duration", "9s", "--drain", "200ms", *TWO)
    with bench(*load, *at(relay.url, RELAY_DIALECT), cwd=tmp_path) as running:
        running.wait_for("measured window")
        frozen = running.parts(WORKER, 2)[0]
        frozen.suspend()
        eventually(lambda: not frozen.is_running(), "the end of who is frozen", within_s=PATIENCE_S)
        assert running.process.poll() is None
        document = running.ends_with(97, within_s=PATIENCE_S)

    assert_lived_without(frozen.pid, "did not answer for 5 s", document)
    sent = document["series"]["messages_sent"]
    assert sum(sent[-3:]) > 0


@pytest.mark.parametrize("count", [1, 2])
def test_a_run_ends_when_all_its_workers_have_died(count: int, relay: Listening, tmp_path: Path) -> None:
    """At once, with the figures of the seconds they had."""
    with bench(*LONG, "--processes", str(count), *at(relay.url, RELAY_DIALECT), cwd=tmp_path) as running:
        running.wait_for("measured window")
        overhear(relay.url, count=3)
        for worker in running.parts(WORKER, count):
            worker.kill()
        document = running.ends_with(97, within_s=PATIENCE_S)

    assert document["run"]["ended_early"] == "worker_died"
    assert doubts_of(document)["worker_died"] == "fatal"
    assert document["limit"]["side"] == "generator"


def test_a_bug_of_ours_ends_the_run_with_a_traceback(tmp_path: Path) -> None:
    """Exit code 1 at once, and no process left: a run that goes on half blind would look like a good one.

    No secret that the error quotes is in it.
    """
    quoted = "http://ann:canary-1@host canary-2"
    code = (
        "import sys, reports.terminal as terminal, scenarios.cli as cli\n"
        f"def update(self, document): raise RuntimeError('a bug of ours: {quoted}')\n"
        "terminal.LiveView.update = update\n"
        "cli.main()\n"
    )
    header = ("--header", "X-Mine: canary-2")
    with bench(*LONG, *TWO, *header, cwd=tmp_path, program=(sys.executable, "-c", code)) as running:
        assert running.finish(PATIENCE_S) == 1
        assert running.processes() == []

        assert "RuntimeError: a bug of ours" in running.all_said()
        assert "RuntimeError: a bug of ours" in running.log
        assert "canary" not in running.all_said() + running.log
        assert not (running.directory / "result.json").exists()
