"""Locust without its web UI: one process, a master with workers, and what goes wrong with them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.benches import (
    GENERATOR_DOUBTS,
    chatbench,
    document_in,
    doubts_of,
    errors_of,
    fatal_doubts_of,
)
from tests.support.locust_process import (
    BARE_LOCUST,
    ELSEWHEN,
    LOCUST,
    MEASURING,
    LocustProcess,
    can_be_elsewhen,
    locust,
    two_workers,
)
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.system

# Product.md, Metrics: these do not depend on who carries the load.
COUNTED = (
    "messages_due",
    "messages_sent",
    "deliveries_expected",
    "deliveries_received",
    "deliveries_lost",
    "deliveries_duplicated",
)
# Rooms have members in every process: three are no multiple of two.
CROWD = ("smoke", "--rooms", "3", "--rate", "40", "--warmup", "300ms", "--duration", "1500ms", "--drain", "500ms")
HEADLESS = ("--headless", "-u", "30", "-r", "50", "--out", "run")
# For whom there is no time to wait for.
LONG = ("smoke", "--warmup", "0s", "--duration", "10m", "--drain", "1s")
# An incident of a run of two seconds.
SLOW_READERS = """
[users]
count = 30
[traffic]
rate_per_s = 40
[phases]
warmup = "0s"
measure = "2s"
drain = "500ms"
[[incident]]
kind = "slow_readers"
at = "30%"
"""
MASTER = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", "0")


def counts_of(document: dict[str, Any]) -> dict[str, int]:
    """What any number of processes counts alike."""
    return {name: document["counters"][name] for name in COUNTED}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What `chatbench run` counts with the same users and the same seed."""
    cwd = tmp_path_factory.mktemp("run")
    users = ("--users", "30", "--connect-rate", "50")
    ended = chatbench("run", *CROWD, *users, "--no-plots", "--no-html", "--quiet", "--out", "run", cwd=cwd)
    # It may be late where the machine is busy, and so be invalid: what is counted is the same.
    assert ended.returncode in (0, 97), ended.stderr
    return counts_of(document_in(cwd / "run"))


def window_end_s(document: dict[str, Any]) -> float:
    """When the measured window closed, after the run's start."""
    end_s: float = next(phase["end_s"] for phase in document["phases"] if phase["name"] == "measure")
    return end_s


def ends_well(running: LocustProcess) -> dict[str, Any]:
    """Wait for the end of a run in which no server and no worker went wrong; the document.

    A machine that had no time for the generator makes it invalid, rightly; what is counted is the same.
    """
    code = running.finish()
    document = running.ends_with(code)
    is_starved = bool(fatal_doubts_of(document)) and fatal_doubts_of(document) <= GENERATOR_DOUBTS
    assert code == (97 if is_starved else 0), f"{document['doubts']}: {running.said}"
    assert document["verdict"] == ("invalid" if is_starved else "pass")
    assert errors_of(document) == {}
    return document


@contextmanager
def a_master(cwd: Path, *arguments: str, worker_count: int = 2) -> Iterator[LocustProcess]:
    """A headless one that begins as soon as it has its workers."""
    crew = ("--expect-workers", str(worker_count))
    with locust(*arguments, *HEADLESS, *MASTER, *crew, cwd=cwd) as master:
        yield master


@contextmanager
def a_worker(
    master: LocustProcess, *arguments: str, cwd: Path, program: tuple[str, ...] = LOCUST
) -> Iterator[LocustProcess]:
    """One more for a master."""
    port = str(master.listening_port())
    way = ("--worker", "--master-host", "127.0.0.1", "--master-port", port)
    with locust(*arguments, *way, cwd=cwd, program=program, trace=master.trace) as worker:
        yield worker


# --- the same figures, however it is started ----------------------------------------------------------------


def test_headless_it_counts_what_a_run_of_ours_counts(expected: dict[str, int], tmp_path: Path) -> None:
    """And leaves the same run directory; Locust's own table has as many deliveries as our document."""
    with locust(*CROWD, *HEADLESS, "--csv", "table", cwd=tmp_path, CHATBENCH_HTML="true") as running:
        document = ends_well(running)

    assert counts_of(document) == expected
    assert expected["deliveries_received"] == expected["deliveries_expected"] > 5 * expected["messages_sent"] > 0
    assert {path.name for path in running.directory.iterdir()} == {
        "result.json",
        "report.html",
        "summary.md",
        "junit.xml",
        "series.csv",
    }
    rows = [line.split(",") for line in (tmp_path / "table_stats.csv").read_text(encoding="utf-8").splitlines()]
    requests = {row[1]: int(row[2]) for row in rows[1:]}
    assert {name: requests[name] for name in ("login", "connect", "join")} == {"login": 30, "connect": 30, "join": 30}
    assert requests["send"] == requests["ack"] == expected["messages_sent"]
    assert requests["delivery"] == expected["deliveries_received"]


def test_with_processes_it_counts_the_same(expected: dict[str, int], tmp_path: Path) -> None:
    """Locust forks its workers; each has a swarm of its own."""
    with locust(*CROWD, *HEADLESS, *two_workers(), cwd=tmp_path) as running:
        document = ends_well(running)

    assert counts_of(document) == expected
    assert len({process["pid"] for process in document["generator"]["processes"]}) == 2


def test_a_master_with_workers_started_by_hand_counts_the_same(expected: dict[str, int], tmp_path: Path) -> None:
    """Without -t it takes the scenario's own window, and tells its workers to end.

    Where that can be had, the monotonic clock of one of them is 1,000 s ahead: no latency knows of that, and none is
    taken from one clock to the other.
    """
    is_elsewhen = can_be_elsewhen()
    with (
        a_master(tmp_path, *CROWD) as master,
        a_worker(master, *CROWD, cwd=tmp_path) as one,
        a_worker(master, *CROWD, cwd=tmp_path, program=(*ELSEWHEN, *LOCUST) if is_elsewhen else LOCUST) as two,
    ):
        document = ends_well(master)
        assert one.finish(PATIENCE_S) == two.finish(PATIENCE_S) == 0
        assert "Traceback" not in one.said + two.said

    assert counts_of(document) == expected
    assert document["counters"]["deliveries_unexpected"] == 0
    metrics = document["metrics"]
    for name, metric in metrics.items():
        if metric["count"]:
            assert 0 <= metric["min"] <= metric["max"] < 10_000, name
    if is_elsewhen:
        assert 0 < metrics["delivery_time"]["count"] < document["counters"]["deliveries_received"]
        assert doubts_of(document)["mixed_hosts"] == "warning"


def test_stages_become_a_shape(tmp_path: Path) -> None:
    """Locust follows them, whatever -u says; the stages are the measured window."""
    # On a busy machine it takes the last of them some seconds to be in.
    stages = ("--stage", "1s:20", "--stage", "4s:20", "--stage", "1s:5")
    with locust("smoke", *stages, "--rate", "40", "--drain", "500ms", *HEADLESS, cwd=tmp_path) as running:
        document = ends_well(running)

    counts = document["counters"]
    assert counts["users_planned"] == counts["connections_opened"] == 20
    assert counts["messages_sent"] > 0
    assert counts["deliveries_received"] > counts["messages_sent"]
    assert document["rates"]["window_s"] == pytest.approx(6)


def test_an_incident_hits_those_whom_locust_has_brought_in(tmp_path: Path) -> None:
    """At its time of the measured window; who reads no more is neither gone nor an error, and nothing is lost."""
    (tmp_path / "mine.toml").write_text(SLOW_READERS, encoding="utf-8")
    with locust("mine.toml", *HEADLESS, *two_workers(), cwd=tmp_path) as running:
        document = ends_well(running)

    (incident,), counts = document["incidents"], document["counters"]
    assert (incident["kind"], incident["at_s"] is None) == ("slow_readers", False)
    assert 0 < incident["users_hit"] < 30
    assert counts["connections_opened"] == 30
    assert counts["connections_dropped"] == counts["deliveries_lost"] == 0
    assert 0 < counts["deliveries_received"] < 30 * counts["messages_sent"]


def test_an_incident_that_locust_cannot_lead_is_told_in_one_line(tmp_path: Path) -> None:
    """Before anything starts."""
    (tmp_path / "mine.toml").write_text(SLOW_READERS.replace("slow_readers", "server_restart"), encoding="utf-8")
    with locust("mine.toml", *HEADLESS, "--loglevel", "WARNING", cwd=tmp_path) as running:
        assert running.finish() == 104
        assert running.processes() == []

    assert running.said.startswith("chatbench: mine: incident[0].kind: expected one that Locust can lead (")
    assert running.said.count("\n") == 1
    assert not running.directory.exists()


# --- users of one's own -------------------------------------------------------------------------------------


def test_the_example_measures_scripted_users_and_those_of_the_scenario_together(tmp_path: Path) -> None:
    """What one of them asks is in the books of all, and in Locust's table beside an HTTP user's requests."""
    example = Path(__file__).parents[2] / "examples" / "mixed_locustfile.py"
    load = ("--scenario", "smoke", "--rate", "10", "--warmup", "0s", "--duration", "3s", "--drain", "1s")
    with locust("-f", str(example), *load, *HEADLESS, "--csv", "table", cwd=tmp_path, program=BARE_LOCUST) as running:
        document = ends_well(running)

    counts = document["counters"]
    # Thirty are one prober, and of the others every tenth asks.
    assert counts["users_planned"] == counts["connections_opened"] == 29
    # The schedule alone has about 30; three askers have asked every second or so.
    assert counts["messages_sent"] > 30
    rows = [line.split(",") for line in (tmp_path / "table_stats.csv").read_text(encoding="utf-8").splitlines()]
    (health,) = (row for row in rows if row[1] == "/healthz")
    assert int(health[2]) > 0
    assert int(health[3]) == 0
    assert "did not come within" not in running.said


SCRIPT = """
from locust import constant, task
from scenarios.locustfile import ScriptedChatUser


class Greeter(ScriptedChatUser):
    fixed_count = 1
    wait_time = constant(0.1)

    @task
    def greet(self):
        self.send("good morning")


class Listener(ScriptedChatUser):
    fixed_count = 1
    wait_time = constant(0)

    def on_start(self):
        self.log_in()
        self.connect()
        self.join()

    @task
    def listen(self):
        self.wait_for(lambda frame: "good morning" in frame, timeout_s=60)
        print("it has been heard", flush=True)
"""


def test_scripted_users_alone_are_a_run(tmp_path: Path) -> None:
    """One speaks, the other waits for it: nobody is there of whom the scenario says what to do."""
    (tmp_path / "mine.py").write_text(SCRIPT, encoding="utf-8")
    load = ("--scenario", "smoke", "--rooms", "1", "--warmup", "0s", "--duration", "2s", "--drain", "500ms")
    two = ("--headless", "-u", "2", "-r", "50", "--out", "run")
    with locust("-f", "mine.py", *load, *two, cwd=tmp_path, program=BARE_LOCUST) as running:
        document = ends_well(running)

    counts = document["counters"]
    assert "it has been heard" in running.said
    assert "did not come within" not in running.said
    assert counts["users_planned"] == counts["connections_opened"] == 2
    assert counts["messages_sent"] > 10
    # Who speaks may be there before the other is.
    assert counts["messages_sent"] < counts["deliveries_received"] <= 2 * counts["messages_sent"]
    assert counts["deliveries_received"] == counts["deliveries_expected"]


# --- workers that are not as they should be -----------------------------------------------------------------


def test_a_worker_that_is_killed_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    """Its swarm goes with it; what it alone knew is excused, and the run is invalid."""
    load = ("smoke", "--rooms", "1", "--rate", "40", "--warmup", "0s", "--duration", "5s", "--drain", "500ms")
    with (
        a_master(tmp_path, *load) as master,
        a_worker(master, *load, cwd=tmp_path),
        a_worker(master, *load, cwd=tmp_path) as killed,
    ):
        master.wait_for(MEASURING)
        killed.process.kill()
        document = master.ends_with(97)

    assert document["verdict"] == "invalid"
    assert document["run"]["ended_early"] is None
    assert document["run"]["interrupted"] is False
    assert doubts_of(document)["worker_died"] == "fatal"
    (detail,) = (doubt["detail"] for doubt in document["doubts"] if doubt["code"] == "worker_died")
    (name,) = (each["name"] for each in document["generator"]["helpers"] if each["pid"] == killed.process.pid)
    assert f"worker {name.removeprefix('Locust of ')}: " in detail
    # The others have written until the window was over.
    series = document["series"]
    last_s = max(at_s for at_s, count in zip(series["t_s"], series["messages_sent"], strict=True) if count)
    assert last_s + series["interval_s"] > window_end_s(document) - 1


def test_a_worker_with_another_scenario_is_refused_by_name(tmp_path: Path) -> None:
    """It ends; the master says whose scenario is which, and does its work with those who come next."""
    load = (*CROWD[1:], "--rooms", "1")
    with a_master(tmp_path, "smoke", *load, worker_count=1) as master:
        with a_worker(master, "fanout", *load, cwd=tmp_path) as wrong:
            master.wait_for("is refused")
            assert wrong.finish(PATIENCE_S) == 0
        (refusal,) = (line for line in master.said.splitlines() if "is refused" in line)
        assert "its scenario is fanout (" in refusal
        assert "and this master's smoke (" in refusal
        with a_worker(master, "smoke", *load, cwd=tmp_path):
            document = ends_well(master)

    assert document["counters"]["connections_opened"] == 30
    assert len(document["generator"]["processes"]) == 1


# --- targets and input that are not as they should be -------------------------------------------------------


def test_a_server_that_refuses_every_login_ends_the_run(tmp_path: Path) -> None:
    """Exit code 106 soon, the refusals in Locust's table, and a document that says why there was no more."""
    (tmp_path / "users.csv").write_text("user-000001,wrong\nuser-000002,wrong\n", encoding="utf-8")
    few = ("--users-file", "users.csv", "--headless", "-u", "2", "-r", "50", "--out", "run")
    with locust(*LONG, *few, cwd=tmp_path) as running:
        document = running.ends_with(106, within_s=PATIENCE_S)

    assert document["run"]["ended_early"] == "login_refused"
    assert set(errors_of(document)) == {("http_4xx", "login")}
    assert "HTTP login: http_4xx: " in " ".join(running.said.split())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["fanuot"], 'unknown scenario "fanuot"; did you mean "fanout"?'),
        (["smoke", "--rate", "fast"], '--rate: expected a number > 0, got "fast"'),
        (["smoke", "--raet=5"], "unrecognized arguments: --raet=5"),
        (["smoke", "--web"], "--web: expected without it: Locust's web UI has our page, at /chatbench"),
        (["smoke", "--host", "nonsense"], "--host: "),
    ],
)
def test_what_cannot_be_done_is_one_line_and_104(tmp_path: Path, arguments: list[str], line: str) -> None:
    """Before anything starts, and before a run directory is claimed."""
    with locust(*arguments, *HEADLESS, "--loglevel", "WARNING", cwd=tmp_path) as running:
        assert running.finish(PATIENCE_S) == 104
        assert running.processes() == []

    assert running.said.startswith(f"chatbench: {line}")
    assert running.said.count("\n") == 1
    assert not running.directory.exists()


def test_a_host_where_nobody_answers_is_one_line_and_106(tmp_path: Path) -> None:
    """Without a web UI, in which one could try again, there is nothing to wait for."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with locust("smoke", "--host", url, *HEADLESS, "--loglevel", "WARNING", cwd=tmp_path) as running:
        assert running.finish(PATIENCE_S) == 106
        assert running.processes() == []

    assert running.said.startswith(f"chatbench: {url}: cannot connect: ")
    assert running.said.count("\n") == 1
    assert not running.directory.exists()


# --- Ctrl-C -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", [tuple, two_workers], ids=["one process", "two workers"])
def test_an_interrupt_ends_a_run_in_good_order(processes: Callable[[], tuple[str, ...]], tmp_path: Path) -> None:
    """Exit code 105 and a document that says so, with what was measured until then."""
    with locust(*LONG, *HEADLESS, *processes(), cwd=tmp_path) as running:
        running.wait_for(MEASURING)
        running.interrupt()
        document = running.ends_with(105, within_s=PATIENCE_S)

    assert document["run"]["interrupted"] is True
    assert doubts_of(document)["interrupted"] == "note"
    assert "worker_died" not in doubts_of(document)
    assert document["counters"]["deliveries_received"] > 0
