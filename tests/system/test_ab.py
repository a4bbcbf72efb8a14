"""``chatbench ab`` with real servers and real runs, as few and as short as can be."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reports.budgets import Document
from tests.support.patience import PATIENCE_S
from tests.support.server_process import COMMAND, server_process
from tests.support.silent_port import refusing_port

CHATBENCH = [sys.executable, "-P", "-c", "from scenarios.cli import main; main()"]
SERVE = f"{shlex.join(COMMAND)} --port 0 --exit-with-stdin --lift-limits --accounts 20"
SCENARIO = """
[users]
count = 10
connect_rate_per_s = 200
[phases]
warmup = "0s"
measure = "500ms"
drain = "500ms"
[budgets]
deliveries_lost = "count == 0"
"""

pytestmark = pytest.mark.system


def scenario_in(folder: Path) -> str:
    path = folder / "short.toml"
    path.write_text(SCENARIO)
    return str(path)


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CHATBENCH, "ab", *arguments], capture_output=True, text=True, timeout=8 * PATIENCE_S)


def document_in(folder: Path) -> Document:
    document: Document = json.loads((folder / "ab.json").read_text())
    return document


def losing(folder: Path) -> str:
    """A server that drops a fifth of all deliveries."""
    faults = folder / "faults.toml"
    faults.write_text("[deliveries]\ndrop = 0.2\n")
    return f"{SERVE} --faults {shlex.quote(str(faults))}"


@pytest.mark.alone
def test_a_head_that_loses_messages_is_worse(tmp_path: Path) -> None:
    """Whatever its times are; said on standard output, in the document, to CI, and in a page."""
    folder = tmp_path / "ab"
    done = ran(
        *(scenario_in(tmp_path), "--base", SERVE, "--head", losing(tmp_path), "-o", str(folder)),
        *("--pairs", "2", "--max-pairs", "2", "--seed", "5"),
    )

    assert done.returncode == 98, done.stderr
    assert done.stdout.strip().startswith("WORSE  short: base 2 runs, head 2 runs (2 failed)")
    assert "Head failed in 2 of 2 pairs, base in 0: deliveries_lost: count == 0" in done.stdout
    assert done.stderr.count("\npair ") + done.stderr.startswith("pair ") == 2
    document = document_in(folder)
    assert (document["schema"], document["ab"]["ended"], document["ab"]["pairs"]) == ("chatbench.ab/1", "decided", 2)
    seeds = {
        (pair["number"], json.loads((folder / pair[side]["run"] / "result.json").read_text())["run"]["seed"])
        for pair in document["pairs"]
        for side in ("base", "head")
    }
    assert seeds == {(1, 5), (2, 6)}
    lost = next(row for row in document["counts"] if row["name"] == "deliveries_lost")
    assert (lost["base"], lost["worse"]) == (0, True)
    assert "<failure" in (folder / "junit.xml").read_text()
    assert "chatbench short: WORSE" in (folder / "summary.md").read_text()
    assert (folder / "ab.html").read_text().count("<svg") >= 2


@pytest.mark.alone
def test_a_head_that_does_not_always_start_is_worse(tmp_path: Path) -> None:
    """Its second life ends at once: one pair of two has no run of it, and says why."""
    folder, lives = tmp_path / "ab", shlex.quote(str(tmp_path / "lives"))
    flaky = f"echo >> {lives}; test $(wc -l < {lives}) != 2 || {{ echo out of luck; exit 7; }}; exec {SERVE}"
    done = ran(
        *(scenario_in(tmp_path), "--base", SERVE, "--head", flaky, "-o", str(folder)),
        *("--pairs", "2", "--max-pairs", "2", "--json"),
    )

    assert done.returncode == 98, done.stderr
    document = json.loads(done.stdout)
    assert document == document_in(folder)
    assert document["pairs"][1]["head"]["run"] is None
    assert document["pairs"][1]["head"]["failures"] == [
        "the server ended (exit code 7) before it was ready; it last said: out of luck"
    ]


@pytest.mark.alone
def test_a_server_at_an_address_beside_itself_cannot_tell_with_two_pairs(tmp_path: Path) -> None:
    """Nothing went wrong, and times take more pairs: neither a pass nor a failure."""
    with server_process("--lift-limits", "--accounts", "20") as server:
        done = ran(
            *(scenario_in(tmp_path), "--base", server.url, "-o", str(tmp_path / "ab")),
            *("--pairs", "2", "--max-pairs", "2"),
        )

    assert done.returncode == 96, done.stderr
    assert "Of times it takes 10 pairs, and there are 2" in done.stdout
    document = document_in(tmp_path / "ab")
    assert (document["ab"]["alike"], document["noise"]) == (True, None)


@pytest.mark.parametrize(
    ("head", "complaint"),
    [
        (
            "echo no such table; exit 3",
            "the server ended (exit code 3) before it was ready; it last said: no such table",
        ),
        (
            "echo thinking; exec sleep 60",
            "the server printed no line with its address within 5 s; it last said: thinking",
        ),
    ],
)
def test_a_head_that_never_starts_is_told_with_its_last_lines(tmp_path: Path, head: str, complaint: str) -> None:
    """In one line, and the log is kept."""
    folder = tmp_path / "ab"
    done = ran(
        scenario_in(tmp_path), "--base", SERVE, "--head", head, "--ready", "5s", "-o", str(folder), "--pairs", "2"
    )

    assert done.returncode == 106
    assert done.stderr.splitlines()[-1] == f"chatbench: --head: {complaint}"
    assert (folder / "head.log").exists()
    assert not (folder / "ab.json").exists()


def test_an_interrupt_keeps_what_there_is_and_ends_the_server(tmp_path: Path) -> None:
    """The run that goes on is ended; its pair is left out."""
    folder, pid_file = tmp_path / "ab", tmp_path / "pid"
    serve = f"echo $$ > {shlex.quote(str(pid_file))}; exec {SERVE}"
    process = subprocess.Popen(
        [*CHATBENCH, "ab", scenario_in(tmp_path), "--base", serve, "-o", str(folder), "-d", "30s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    give_up_s = time.monotonic() + PATIENCE_S
    while not list(folder.glob("pairs/*/run.log")):
        assert time.monotonic() < give_up_s
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, complaint = process.communicate(timeout=3 * PATIENCE_S)

    assert process.returncode == 105, complaint
    assert document_in(folder)["ab"]["ended"] == "interrupted"
    assert document_in(folder)["pairs"] == []
    assert "no data" in said
    assert not Path(f"/proc/{pid_file.read_text().strip()}").exists()


def test_a_base_that_lets_nobody_in_is_told_after_the_first_pair(tmp_path: Path) -> None:
    """As 106, with what it answered: all other pairs would come to the same."""
    serve = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().partition("(")[2].partition(")")[0]
        done = ran(scenario_in(tmp_path), "--base", address.rstrip("/"), "-o", str(tmp_path / "ab"))
        server.terminate()

    assert done.returncode == 106
    complaint = done.stderr.splitlines()[-1]
    assert "nobody could log in: http_5xx: HTTP 501: Error" in complaint, done.stderr


def test_nobody_at_an_address_is_told_before_anything_starts(tmp_path: Path) -> None:
    """Exit code 106, and no directory."""
    done = ran(scenario_in(tmp_path), "--base", f"http://127.0.0.1:{refusing_port()}", "-o", str(tmp_path / "ab"))

    assert done.returncode == 106
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "ab").exists()


def test_a_scenario_that_restarts_its_own_server_is_refused(tmp_path: Path) -> None:
    """Neither side is ours to restart."""
    path = tmp_path / "restart.toml"
    path.write_text('[[incident]]\nkind = "server_restart"\n')
    done = ran(str(path), "-o", str(tmp_path / "ab"))

    assert done.returncode == 104
    assert "incident" in done.stderr
    assert len(done.stderr.splitlines()) == 1
