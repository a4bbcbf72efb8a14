"""Servers that a command starts: found, and ended with all they have started."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import psutil
import pytest

from scenarios.servers import LAST_LINES, ServerFailedError, is_address, last_lines, serving
from tests.support.server_process import COMMAND

pytestmark = pytest.mark.system

SERVE = f"{shlex.join(COMMAND)} --port 0"
ANSWERING = f"{shlex.quote(sys.executable)} -m http.server --bind 127.0.0.1 {{port}}"


def processes_below(pid: int) -> list[psutil.Process]:
    """A process and all that it has started."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


@pytest.mark.parametrize("command", [SERVE, f"cd / && {SERVE}", f"MODE=a {SERVE} 2>&1 | cat", ANSWERING])
def test_a_server_is_found_and_ended_with_all_it_has_started(tmp_path: Path, command: str) -> None:
    """By the address it prints or the port it was given; with a shell around it, or none."""
    with serving(command, tmp_path / "log") as server:
        running = processes_below(server.process.pid)
        assert server.url.startswith("http://127.0.0.1:")
        assert server.died() is None

    assert not [process for process in running if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    ("command", "ready_s", "complaint"),
    [
        (
            "echo one; echo two; exit 3",
            20,
            "the server ended (exit code 3) before it was ready; it last said: one | two",
        ),
        ("exit 1", 20, "the server ended (exit code 1) before it was ready; it said nothing"),
        ("no-such-program-at-all", 20, "the server ended (exit code 127) before it was ready; it last said: "),
        ("echo see http://example.org; exec sleep 60", 0.3, "the server printed no line with its address within 0.3 s"),
        ("echo on {port}; exec sleep 60", 0.3, "the server took no connections at http://127.0.0.1:"),
        ("echo at http://127.0.0.1:1/; exec sleep 60", 0.3, "the server took no connections at http://127.0.0.1:1"),
    ],
)
def test_a_server_that_does_not_start_is_told_with_its_last_lines(
    tmp_path: Path, command: str, ready_s: float, complaint: str
) -> None:
    """In bounded time."""
    with pytest.raises(ServerFailedError) as failed, serving(command, tmp_path / "log", ready_s=ready_s):
        pass

    assert str(failed.value).startswith(complaint)


def test_a_server_that_dies_is_noticed(tmp_path: Path) -> None:
    """And how it ended; each life adds to the log, and only the last one is looked at for an address."""
    for _ in range(2):
        with serving(ANSWERING, tmp_path / "log") as server:
            server.process.kill()
            server.process.wait()

            assert server.died() == "killed by SIGKILL"


def test_the_end_of_a_log_is_one_line(tmp_path: Path) -> None:
    """Its last lines, none of them long."""
    log = tmp_path / "log"
    log.write_text("\n".join([*map(str, range(20)), "", "x" * 5_000]))

    said = last_lines(log)

    assert said.startswith("16 | 17 | 18 | 19 | xxx")
    assert said.count("|") == LAST_LINES - 1
    assert len(said) < 300


def test_an_address_is_no_command() -> None:
    """Whatever else is one."""
    assert is_address("https://chat.example.org")
    assert is_address("ws://127.0.0.1:8000")
    assert not is_address("python -m http.server")
