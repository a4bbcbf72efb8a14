"""A run that is told to end, or killed: it ends soon, leaves its document where it can, and no process."""

from __future__ import annotations

import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.benches import (
    CHATBENCH,
    FAST_SERVER,
    FEW,
    LONG,
    RELAY_DIALECT,
    WORKER,
    Bench,
    at,
    bench,
    document_in,
    doubts_of,
    environment,
    eventually,
    overhear,
)
from tests.support.patience import PATIENCE_S
from tests.support.peers import needed
from tests.support.programs import Listening, listening
from tests.support.rude_servers import silent_server

pytestmark = [pytest.mark.system, pytest.mark.faults]

# Whoever holds a pipe of a command that was killed ends within this time.
ORPHANS_END_WITHIN_S = 5


# A run that nobody waits for to its end, and two of them.
LONG_ENOUGH = """
[users]
count = 4
rooms = { shape = "single" }
[traffic]
rate_per_s = 10
[phases]
warmup = "0s"
measure = "10m"
[budgets]
deliveries_lost = ["count == 0"]
"""
RESTARTED = '[[incident]]\nat = "50%"\nkind = "server_restart"\n'
TWO_NODES = "[target]\nnodes = 2\n"
SWEPT = f"{LONG_ENOUGH}[sweep]\npayload_bytes = [100, 200]\n"


@pytest.fixture(scope="module")
def relay() -> Iterator[Listening]:
    with listening(FAST_SERVER) as server:
        yield server


@contextmanager
def a_bench_in(stage: str, relay: Listening, cwd: Path, *arguments: str) -> Iterator[Bench]:
    """A run that has come as far as ``stage``, and will stay there."""
    with ExitStack() as stack:

        def start(*more: str) -> Bench:
            return stack.enter_context(bench(*more, *arguments, cwd=cwd))

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
                running = start(*FEW, "--duration", "500ms", "--drain", "10m", *at(relay.url, RELAY_DIALECT))
                running.wait_for("drain")
        yield running


ONE, TWO = (), ("--processes", "2")


@pytest.mark.parametrize(
    ("stage", "processes"),
    [
        *((stage, ONE) for stage in ("target start", "login", "connect", "join", "warmup", "measure", "drain")),
        *((stage, TWO) for stage in ("login", "measure", "drain")),
    ],
)
def test_an_interrupt_ends_a_run_in_good_order(
    stage: str, processes: tuple[str, ...], relay: Listening, tmp_path: Path
) -> None:
    """Exit code 105, a document that says so with its books closed, no process left; wherever it comes."""
    with a_bench_in(stage, relay, tmp_path, *processes) as running:
        running.send(signal.SIGINT)

        document = running.ends_with(105, within_s=PATIENCE_S)

    assert document["run"]["interrupted"] is True
    assert doubts_of(document)["interrupted"] == "note"
    assert "worker_died" not in doubts_of(document)
    reached = [phase["name"] for phase in document["phases"]]
    assert reached[-1:] == ([] if stage == "target start" else [stage])


ATTEMPTS = 5


def test_figures_of_an_interrupted_run_are_those_of_the_time_it_had(relay: Listening, tmp_path: Path) -> None:
    """A rate is a count over the time that was measured, not over the time that was planned; SIGTERM is the same."""
    with a_bench_in("measure", relay, tmp_path) as running:
        running.send(signal.SIGTERM)

        document = running.ends_with(105, within_s=PATIENCE_S)

    rates, counts = document["rates"], document["counters"]
    measure = next(phase for phase in document["phases"] if phase["name"] == "measure")
    assert counts["messages_sent"] > 0
    assert rates["window_s"] == pytest.approx(measure["end_s"] - measure["start_s"])
    assert rates["messages_sent_per_s"] == counts["messages_sent"] / rates["window_s"]
    assert counts["frames_received"] >= counts["deliveries_received"] * 0.9 > 0
    assert document["generator"]["processes"][0]["cpu_ratio"] is not None


@pytest.mark.parametrize("processes", [ONE, TWO])
def test_a_second_interrupt_does_not_wait_for_the_server(processes: tuple[str, ...], tmp_path: Path) -> None:
    """Closing takes up to 3 s on a server that does not answer; who asks twice has the document before."""
    with silent_server(upgrades=True) as seen, bench(*LONG, *at(seen.url, "echo"), *processes, cwd=tmp_path) as running:
        running.wait_for("measured window")
        assert seen.frame.wait(PATIENCE_S)
        running.send(signal.SIGINT)
        assert seen.close.wait(PATIENCE_S)
        running.send(signal.SIGINT)

        document = running.ends_with(105, within_s=PATIENCE_S)

    assert document["run"]["interrupted"] is True
    assert document["counters"]["messages_sent"] > 0
    assert document["counters"]["users_planned"] == 10
    assert "worker_died" not in doubts_of(document)


def test_an_interrupt_does_not_wait_for_a_worker_that_is_frozen(relay: Listening, tmp_path: Path) -> None:
    """Asked once, the run gives it 5 s; asked twice, none."""
    with a_bench_in("measure", relay, tmp_path, *TWO) as running:
        running.parts(WORKER, 2)[0].suspend()
        running.send(signal.SIGINT)
        running.send(signal.SIGTERM)

        document = running.ends_with(105, within_s=PATIENCE_S)

    assert document["run"]["interrupted"] is True


def test_an_interrupt_while_the_report_is_drawn_costs_nothing_but_the_report(relay: Listening, tmp_path: Path) -> None:
    """The document is written before, and says what the run came to."""
    load = (*FEW, "--duration", "500ms", "--drain", "200ms", "--force", *at(relay.url, RELAY_DIALECT))
    for _ in range(ATTEMPTS):
        (tmp_path / "run/result.json").unlink(missing_ok=True)
        with bench(*load, cwd=tmp_path, pictures=True) as running:
            eventually((running.directory / "result.json").exists, "the document")
            running.send(signal.SIGINT)
            if running.finish(PATIENCE_S) == 0:
                continue  # on a busy machine we may look when all is drawn

            document = running.ends_with(105)
            break
    else:
        pytest.fail("no interrupt came in time")

    assert document["run"]["interrupted"] is False
    assert document["verdict"] is not None


@pytest.mark.parametrize("own", [True, False], ids=["own target", "other target"])
def test_nothing_outlives_a_command_that_was_killed(own: bool, relay: Listening, tmp_path: Path) -> None:
    """Kill -9 leaves no time to tidy up: workers and embedded server notice by themselves, within 5 s."""
    target = () if own else at(relay.url, RELAY_DIALECT)
    with bench(*LONG, *TWO, *target, cwd=tmp_path) as running:
        running.wait_for("measured window")
        parts = [each for each in running.processes() if each.pid != running.process.pid]
        assert len(parts) == (3 if own else 2)

        running.send(signal.SIGKILL)

        assert running.finish(PATIENCE_S) == -signal.SIGKILL
        _, alive = psutil.wait_procs(parts, timeout=ORPHANS_END_WITHIN_S)
        assert alive == []
        assert running.log.count("\n") <= 3


@pytest.mark.parametrize("kept", [RESTARTED, TWO_NODES], ids=["restarts", "nodes"])
def test_the_temporary_folder_goes_with_a_run_that_was_killed(
    kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages of a server that is to come back, and all that several nodes share."""
    if kept is TWO_NODES:
        needed("redis-server", install="apt-get install redis-server")
    place = tmp_path / "t"  # the path of a socket within must not be too long
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    (tmp_path / "kept.toml").write_text(LONG_ENOUGH + kept, encoding="utf-8")
    with bench("kept.toml", cwd=tmp_path) as running:
        running.wait_for("measured window")
        assert len(list(place.iterdir())) == 1

        running.send(signal.SIGKILL)
        running.finish(PATIENCE_S)

        eventually(lambda: not list(place.iterdir()), "the removal of the folder")
        eventually(lambda: not running.processes(), "the end of all its processes")


@pytest.mark.parametrize("leader", ["ab", "capacity", "run"])
def test_the_runs_of_a_command_that_was_killed_are_interrupted(leader: str, tmp_path: Path) -> None:
    """Nobody waits for them any more: within 5 s they have left their document, and no process."""
    (tmp_path / "long.toml").write_text(SWEPT if leader == "run" else LONG_ENOUGH, encoding="utf-8")
    trace = uuid.uuid4().hex
    own = {"run": ["--no-html"], "ab": ["--apart"], "capacity": ["--duration", "5m"]}[leader]
    command = [CHATBENCH, leader, "long.toml", "--out", "out", *own]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(trace), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        running = Bench(process, tmp_path, trace)  # type: ignore[arg-type]  # reads no stream
        try:
            running.part(WORKER)
            parts = [each for each in running.processes() if each.pid != process.pid]
            assert len(parts) >= 3  # the run, its worker and a server

            process.kill()

            _, alive = psutil.wait_procs(parts, timeout=ORPHANS_END_WITHIN_S)
            assert alive == []
        finally:
            for left in running.processes():
                left.kill()
    (run,) = (path.parent for path in tmp_path.rglob("run.log"))
    assert document_in(run)["run"]["interrupted"] is True
