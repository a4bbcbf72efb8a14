"""There is no memory left for a process of the generator: the run ends soon, and says what there was."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.benches import CHATBENCH, LONG, WORKER, at, bench, doubts_of, eventually
from tests.support.patience import PATIENCE_S
from tests.support.raw_websocket import TEXT, accepting, frame
from tests.support.rude_servers import request_of, talking_server

pytestmark = [pytest.mark.system, pytest.mark.faults]

USERS = 20
MANY = (*LONG, "--users", str(USERS))
# Each of them gets a buffer for as much.
LARGE = frame(TEXT, b"x" * 16_000_000)
# More than the processes of a run take together without users, less than with all those messages.
GROUP_BYTES = 320_000_000


class Burden:
    """A server that lets everybody in, waits to be told, and then sends large messages without end."""

    def __init__(self) -> None:
        self.is_met = threading.Semaphore(0)
        self.may_send = threading.Event()

    def talk(self, client: socket.socket, _: int) -> None:
        client.sendall(accepting(request_of(client)))
        self.is_met.release()
        self.may_send.wait(PATIENCE_S)
        while True:
            client.sendall(LARGE)


def detail_of(document: dict[str, Any], code: str) -> str:
    assert doubts_of(document)[code] == "fatal"
    return str(next(doubt["detail"] for doubt in document["doubts"] if doubt["code"] == code))


def test_a_worker_that_is_refused_memory_says_so(tmp_path: Path) -> None:
    """It ends by itself and without a traceback, and the run with it."""
    burden = Burden()
    with talking_server(burden.talk) as url, bench(*MANY, *at(url, "echo"), cwd=tmp_path) as running:
        for _ in range(USERS):
            assert burden.is_met.acquire(timeout=PATIENCE_S)
        running.wait_for("measured window")
        worker = running.part(WORKER)
        worker.rlimit(psutil.RLIMIT_AS, (worker.memory_info().vms + 40_000_000, psutil.RLIM_INFINITY))
        burden.may_send.set()
        document = running.ends_with(97, within_s=2 * PATIENCE_S)

    assert document["run"]["ended_early"] == "worker_died"
    detail = detail_of(document, "worker_died")
    assert f"worker {worker.pid}: was refused memory, last seen with" in detail


def new_control_group(most_bytes: int) -> Path | None:
    """One that may have so much memory; None where that takes rights we do not have."""
    groups = Path("/sys/fs/cgroup")
    for root, name in ((groups / "memory", "memory.limit_in_bytes"), (groups, "memory.max")):
        if not (root / "cgroup.procs").exists():
            continue
        group = root / f"chatbench-test-{uuid.uuid4().hex}"
        with contextlib.suppress(OSError):
            group.mkdir()
            with contextlib.suppress(OSError):
                (group / name).write_text(str(most_bytes), encoding="ascii")
                return group
            group.rmdir()
    return None


def is_removed(group: Path) -> bool:
    """Whether it could be; not yet while the last of its processes is being buried."""
    with contextlib.suppress(OSError):
        group.rmdir()
        return True
    return False


@pytest.fixture
def group() -> Iterator[Path]:
    made = new_control_group(GROUP_BYTES)
    if made is None:
        pytest.skip("no control group can be made here")
    try:
        yield made
    finally:
        eventually(lambda: is_removed(made), "the end of the control group")


def test_a_worker_that_the_kernel_kills_for_want_of_memory_is_told_as_such(group: Path, tmp_path: Path) -> None:
    """With the limit of the control group, as of a container."""
    burden = Burden()
    with talking_server(burden.talk) as url:
        program = ("sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$0" "$@"', CHATBENCH)
        with bench(*MANY, *at(url, "echo"), cwd=tmp_path, program=program) as running:
            for _ in range(USERS):
                assert burden.is_met.acquire(timeout=PATIENCE_S)
            running.wait_for("measured window")
            burden.may_send.set()
            document = running.ends_with(97, within_s=2 * PATIENCE_S)

    detail = detail_of(document, "worker_died")
    assert "killed by SIGKILL, by the kernel, since memory had run out, last seen with" in detail
    assert "of the 320 MB of its control group" in detail


def test_a_leader_that_is_refused_memory_ends_the_run(tmp_path: Path) -> None:
    """What is known by then is written down; the workers close their books."""
    code = (
        "import sys, reports.terminal as terminal, scenarios.cli as cli\n"
        "def update(self, document):\n"
        "    if document['phases'][-1:] and document['phases'][-1]['name'] == 'measure': raise MemoryError\n"
        "terminal.LiveView.update = update\n"
        "cli.main()\n"
    )
    with bench(*LONG, cwd=tmp_path, program=(sys.executable, "-c", code)) as running:
        document = running.ends_with(97, within_s=2 * PATIENCE_S)

    assert document["run"]["ended_early"] == "out_of_memory"
    assert "the process that leads the run was refused memory" in detail_of(document, "limit_hit")
    assert "worker_died" not in doubts_of(document)
