"""``chatbench capacity`` with real runs: an answer, a bound, and what is kept when it is stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reports.budgets import Document
from tests.support.benches import FAST_SERVER, RELAY_DIALECT, at
from tests.support.patience import PATIENCE_S
from tests.support.programs import listening

COMMAND = [sys.executable, "-P", "-c", "from scenarios.cli import main; main()", "capacity"]
SCENARIO = """
[users]
count = 20
connect_rate_per_s = 200
[phases]
warmup = "0s"
drain = "500ms"
[budgets]
deliveries_lost = "count == 0"
"""

pytestmark = pytest.mark.system


def scenario_in(folder: Path) -> str:
    """Twenty users, for as short a time as can be."""
    path = folder / "short.toml"
    path.write_text(SCENARIO)
    return str(path)


def searched(folder: Path, *flags: str) -> tuple[int, str, Document]:
    """Exit code, what was said, and the document of a search on a server that is there already."""
    command = [*COMMAND, scenario_in(folder), "-d", "1s", "-o", str(folder / "search"), *flags]
    with listening(FAST_SERVER) as server:
        there = at(server.url, RELAY_DIALECT)
        done = subprocess.run([*command, *there], capture_output=True, text=True, timeout=6 * PATIENCE_S)
    return done.returncode, done.stderr, json.loads((folder / "search" / "capacity.json").read_text())


@pytest.mark.alone
def test_a_server_that_carries_all_there_is_to_try_has_a_lower_bound(tmp_path: Path) -> None:
    """Doubled up to the most, and that confirmed by a longer run; every run is kept."""
    code, said, document = searched(tmp_path, "--of", "rate", "--start", "10", "--most", "20")

    assert code == 0, said
    assert [(probe["load"], probe["confirms"]) for probe in document["probes"]] == [
        (10, False),
        (20, False),
        (20, True),
    ]
    assert document["answer"]["held"] == 20
    assert document["answer"]["confirmed"]
    assert all((tmp_path / "search" / probe["run"] / "result.json").exists() for probe in document["probes"])
    assert "At least 20 messages/s held" in (tmp_path / "search" / "capacity.html").read_text()


@pytest.mark.alone
def test_a_budget_that_nothing_keeps_is_said_at_the_first_step(tmp_path: Path) -> None:
    """Not even one message a second."""
    code, said, document = searched(tmp_path, "--of", "rate", "--start", "2", "--budget", "connections_opened:count<1")

    assert code == 99, said
    assert document["answer"] == document["answer"] | {"held": None, "broke": 1}
    assert "Not even 1" in said


def test_ctrl_c_keeps_what_is_known(tmp_path: Path) -> None:
    """The run that goes on is ended, and the answer so far written down."""
    folder = tmp_path / "search"
    command = [*COMMAND, scenario_in(tmp_path), "-d", "1s", "-o", str(folder), "--of", "rate", "--start", "5"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "held" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.stderr.read()

        assert process.wait(timeout=PATIENCE_S) == 105
    document = json.loads((folder / "capacity.json").read_text())
    assert document["search"]["ended"] == "interrupted"
    assert document["answer"]["held"] == 5
