"""Whatever happens to a run, it ends soon, leaves its document and no process, and says whose fault it was."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.sync.client import connect

from tests.support.benches import (
    CHATBENCH,
    FAST_SERVER,
    RELAY_DIALECT,
    Bench,
    bench,
    books_close,
    chatbench,
    document_in,
    doubts_of,
    errors_of,
    fatal_doubts_of,
    unless_starved,
)
from tests.support.patience import PATIENCE_S
from tests.support.programs import Listening, listening
from tests.support.rude_servers import refusing_server, restarting_server, silent_server

pytestmark = pytest.mark.system

# Ten users, twenty messages a second, for much longer than any of these tests would wait.
FEW = ("smoke", "--users", "10", "--rooms", "1", "--warmup", "0s")
LONG = (*FEW, "--duration", "10m")


@pytest.fixture(scope="module")
def relay() -> Iterator[Listening]:
    with listening(FAST_SERVER) as server:
        yield server


def at(url: str, dialect: str) -> tuple[str, ...]:
    return ("--target", url, "--dialect", dialect)


def overhear(url: str, count: int) -> None:
    """Sit in the room of a run, and leave when ``count`` of its messages have come."""
    with connect(url.replace("http", "ws", 1) + "/relay?name=listener", proxy=None, compression=None) as listener:
        listener.send("JOIN room-1")
        for _ in range(1 + count):
            listener.recv(timeout=PATIENCE_S)


# --- interrupted --------------------------------------------------------------------------------------------


@contextmanager
def a_bench_in(stage: str, relay: Listening, cwd: Path) -> Iterator[Bench]:
    """A run that has come as far as ``stage``, and will stay there."""
    with ExitStack() as stack:

        def start(*arguments: str) -> Bench:
            return stack.enter_context(bench(*arguments, cwd=cwd))

        match stage:
            case "target start":
                running = start(*LONG)
                running.part("target_app")
            case "login":
                seen = stack.enter_context(silent_server(upgrades=False))
                running = start(*LONG, *at(seen.url, "plain"))
                assert seen.request.wait(PATIENCE_S)
            case "connect":
                seen = stack.enter_context(silent_server(upgrades=False))
                running = start(*LONG, *at(seen.url, "echo"))
                assert seen.request.wait(PATIENCE_S)
            case "join":
                seen = stack.enter_context(silent_server(upgrades=True))
                running = start(*LONG, *at(seen.url, RELAY_DIALECT))
                assert seen.frame.wait(PATIENCE_S)
            case "warmup":
                running = start(*LONG, "--warmup", "10m", *at(relay.url, RELAY_DIALECT))
                running.wait_for("warm-up")
            case "measure":
                running = start(*LONG, *at(relay.url, RELAY_DIALECT))
                running.wait_for("measured window")
                overhear(relay.url, count=5)
            case "drain":
                running = start(*FEW, "--duration", "1s", "--drain", "10m", *at(relay.url, RELAY_DIALECT))
                running.wait_for("drain")
        yield running


@pytest.mark.parametrize("stage", ["target start", "login", "connect", "join", "warmup", "measure", "drain"])
def test_an_interrupt_ends_a_run_in_good_order(stage: str, relay: Listening, tmp_path: Path) -> None:
    """Exit code 105, a document that says so with its books closed, no process left; wherever it comes."""
    with a_bench_in(stage, relay, tmp_path) as running:
        running.send(signal.SIGINT)

        assert running.finish(PATIENCE_S) == 105
        assert running.processes() == []
        document = running.document

    assert document["run"]["interrupted"] is True
    assert books_close(document)
    assert doubts_of(document)["interrupted"] == "note"
    assert "Traceback" not in "".join(running.said)
    assert "Traceback" not in (running.directory / "run.log").read_text(encoding="utf-8")
    reached = [phase["name"] for phase in document["phases"]]
    assert reached[-1:] == ([] if stage == "target start" else [stage])


def test_figures_of_an_interrupted_run_are_those_of_the_time_it_had(relay: Listening, tmp_path: Path) -> None:
    """A rate is a count over the time that was measured, not over the time that was planned."""
    with a_bench_in("measure", relay, tmp_path) as running:
        running.send(signal.SIGTERM)
        assert running.finish(PATIENCE_S) == 105
        document = running.document

    rates, counts = document["rates"], document["counters"]
    measure = next(phase for phase in document["phases"] if phase["name"] == "measure")
    assert counts["messages_sent"] > 0
    assert rates["window_s"] == pytest.approx(measure["end_s"] - measure["start_s"])
    assert rates["messages_sent_per_s"] == counts["messages_sent"] / rates["window_s"]
    assert counts["frames_received"] >= counts["deliveries_received"] * 0.9 > 0
    assert document["generator"]["processes"][0]["cpu_ratio"] is not None


def test_a_second_interrupt_does_not_wait_for_the_server(tmp_path: Path) -> None:
    """Closing takes up to 3 s on a server that does not answer; who asks twice has the document before."""
    with silent_server(upgrades=True) as seen, bench(*LONG, *at(seen.url, "echo"), cwd=tmp_path) as running:
        running.wait_for("measured window")
        assert seen.frame.wait(PATIENCE_S)
        running.send(signal.SIGINT)
        assert seen.close.wait(PATIENCE_S)
        running.send(signal.SIGINT)

        assert running.finish(PATIENCE_S) == 105
        assert running.processes() == []
        document = running.document

    assert document["run"]["interrupted"] is True
    assert document["counters"]["messages_sent"] > 0
    assert books_close(document)


@pytest.mark.parametrize("own", [True, False], ids=["own target", "other target"])
def test_nothing_outlives_a_command_that_was_killed(own: bool, relay: Listening, tmp_path: Path) -> None:
    """Kill -9 leaves no time to tidy up: worker and embedded server notice by themselves, within 5 s."""
    target = () if own else at(relay.url, RELAY_DIALECT)
    with bench(*LONG, *target, cwd=tmp_path) as running:
        running.wait_for("measured window")
        parts = [each for each in running.processes() if each.pid != running.process.pid]
        assert len(parts) == (2 if own else 1)

        running.send(signal.SIGKILL)

        assert running.finish(PATIENCE_S) == -signal.SIGKILL
        _, alive = psutil.wait_procs(parts, timeout=5)
        assert alive == []


# --- nobody gets in -----------------------------------------------------------------------------------------


def test_a_target_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    """Exit code 106, and nothing that would stand in the way of the next try."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    ended = chatbench("run", "--target", f"http://127.0.0.1:{port}", "--out", "run", cwd=tmp_path)

    assert (ended.returncode, ended.stdout) == (106, "")
    assert ended.stderr.startswith(f"chatbench: http://127.0.0.1:{port}: cannot connect: ")
    assert ended.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_refuses_every_login_is_106(tmp_path: Path) -> None:
    """The document says so, with what the server answered."""
    (tmp_path / "users.csv").write_text("user-000001,wrong\nuser-000002,wrong\n", encoding="utf-8")
    with listening([CHATBENCH, "serve", "--port", "0", "--accounts", "2", "--exit-with-stdin"]) as server:
        ended = chatbench(
            *("run", *LONG, "--target", server.url, "--users-file", "users.csv"),
            *("--no-plots", "--no-html", "--out", "run"),
            cwd=tmp_path,
        )

    document = document_in(tmp_path / "run")
    assert ended.returncode == 106
    assert "Traceback" not in ended.stderr
    assert document["run"]["ended_early"] == "login_refused"
    assert [phase["name"] for phase in document["phases"]] == ["login"]
    assert errors_of(document) == {("http_4xx", "login"): 10}
    assert "Bad username or password" in document["errors"][0]["example"]
    assert document["limit"]["side"] == "server"


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """After 10 s for a login; all of them wait at the same time."""
    with silent_server(upgrades=False) as seen, bench(*LONG, *at(seen.url, "plain"), cwd=tmp_path) as running:
        assert running.finish(PATIENCE_S) == 106
        document = running.document

    assert document["run"]["ended_early"] == "login_refused"
    assert errors_of(document) == {("timeout", "login"): 10}
    assert document["metrics"]["login_time"]["count"] == 0
    assert doubts_of(document) == {}


def test_a_server_that_refuses_every_handshake_is_data(tmp_path: Path) -> None:
    """It breaks the budget that counts it (99); no doubt about us comes of it."""
    (tmp_path / "strict.toml").write_text(
        '[users]\ncount = 10\n[budgets]\nconnections_failed = "count == 0"\n', encoding="utf-8"
    )
    with refusing_server() as url, bench("strict.toml", *at(url, "echo"), cwd=tmp_path) as running:
        assert running.finish(PATIENCE_S) == 99
        document = running.document

    assert document["run"]["ended_early"] == "no_user_ready"
    assert errors_of(document) == {("http_5xx", "connect"): 10}
    assert document["counters"]["connections_failed"] == 10
    assert document["budgets"] == [{"expression": "connections_failed: count == 0", "observed": 10, "ok": False}]
    assert doubts_of(document) == {}
    assert document["limit"]["side"] == "server"


def test_a_budget_on_what_was_never_measured_is_invalid(tmp_path: Path) -> None:
    """Nobody got in, so nothing was delivered: that is no pass, and no failure of that budget either."""
    with refusing_server() as url, bench(*LONG, *at(url, "echo"), cwd=tmp_path) as running:
        assert running.finish(PATIENCE_S) == 97
        document = running.document

    judged = {budget["expression"]: budget["ok"] for budget in document["budgets"]}
    assert judged["delivery_time: p(50) < 250ms"] is None
    assert judged["deliveries_lost: count == 0"] is None
    assert doubts_of(document) == {}


# --- somebody dies ------------------------------------------------------------------------------------------


def test_a_target_that_dies_is_data(tmp_path: Path) -> None:
    """The run ends at once, since nobody is left; what the server lost breaks its budgets: 99.

    Hundreds of thousands of messages are still to come then; that they are written off must not look as if the
    generator could not keep up.
    """
    load = (*LONG, "--rate", "500", "--force")

    def attempt() -> tuple[int, dict[str, Any]]:
        with listening(FAST_SERVER) as server, bench(*load, *at(server.url, RELAY_DIALECT), cwd=tmp_path) as running:
            running.wait_for("measured window")
            overhear(server.url, count=5)
            os.kill(server.pid, signal.SIGKILL)
            code = running.finish(PATIENCE_S)
            assert running.processes() == []
            return code, running.document

    code, document = unless_starved(attempt)

    counts = document["counters"]
    assert code == 99
    assert document["run"]["ended_early"] == "all_connections_lost"
    assert document["run"]["interrupted"] is False
    assert counts["connections_dropped"] == 10
    assert sum(errors_of(document).values()) == 10
    assert counts["messages_unsent"] > counts["messages_sent"] > 0
    assert books_close(document)
    assert fatal_doubts_of(document) == set()
    assert document["limit"]["side"] == "server"


def test_an_own_target_that_dies_makes_the_run_invalid(tmp_path: Path) -> None:
    """We had it in our hands: nobody can say whether it or this machine was the reason (97)."""
    with bench(*LONG, cwd=tmp_path) as running:
        running.wait_for("measured window")
        running.part("target_app").kill()

        assert running.finish(PATIENCE_S) == 97
        assert running.processes() == []
        document = running.document

    assert document["run"]["ended_early"] == "all_connections_lost"
    assert doubts_of(document)["target_restarted"] == "fatal"
    assert any("killed by SIGKILL" in doubt["detail"] for doubt in document["doubts"])
    assert books_close(document)


def test_a_worker_that_dies_makes_the_run_invalid(relay: Listening, tmp_path: Path) -> None:
    """What it knew is gone: its open deliveries are excused, so the books close, and nothing is believed."""
    with a_bench_in("measure", relay, tmp_path) as running:
        running.part("loadgen.engine.worker").kill()

        assert running.finish(PATIENCE_S) == 97
        assert running.processes() == []
        document = running.document

    assert document["run"]["ended_early"] == "worker_died"
    assert doubts_of(document)["worker_died"] == "fatal"
    assert document["limit"]["side"] == "generator"
    assert books_close(document)


def test_a_server_that_closes_everybody_is_data(tmp_path: Path) -> None:
    """With the close code it gave; the run does not go on alone."""

    def attempt() -> tuple[int, dict[str, Any]]:
        with ExitStack() as stack:
            url = stack.enter_context(restarting_server(after_count=20))
            running = stack.enter_context(bench(*LONG, "--force", *at(url, "echo"), cwd=tmp_path))
            return running.finish(PATIENCE_S), running.document

    code, document = unless_starved(attempt)

    assert code == 99
    assert document["run"]["ended_early"] == "all_connections_lost"
    assert errors_of(document) == {("close_1012", "measure"): 10}
    assert "restarting" in document["errors"][0]["example"]
    assert document["counters"]["connections_dropped"] == 10
    assert books_close(document)
    assert fatal_doubts_of(document) == set()


def test_a_bug_of_ours_ends_the_run_with_a_traceback(tmp_path: Path) -> None:
    """Exit code 1 at once, and no process left: a run that goes on half blind would look like a good one."""
    code = (
        "import sys, reports.terminal as terminal, scenarios.cli as cli\n"
        "def update(self, document): raise RuntimeError('a bug of ours')\n"
        "terminal.LiveView.update = update\n"
        "cli.main()\n"
    )
    with bench(*LONG, cwd=tmp_path, program=(sys.executable, "-c", code)) as running:
        assert running.finish(PATIENCE_S) == 1
        assert running.processes() == []
        running.wait_for("RuntimeError: a bug of ours")
