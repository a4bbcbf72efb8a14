"""What a killed test leaves behind: nothing that runs."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest

from tests.support.benches import Bench, eventually
from tests.support.patience import PATIENCE_S

CODE = (
    "import subprocess, sys\n"
    "from tests.support.mortal import mortal\n"
    "print(subprocess.Popen(mortal(['sleep', '600'])).pid, flush=True)\n"
    "sys.stdin.read()\n"
)

ROOT = Path(__file__).parents[2]
# With a swarm and a server; once all users are there, whoever has started it is killed.
LOCUST = (
    "import os, pathlib, signal, sys\n"
    "from tests.support.locust_process import locust\n"
    "load = ('smoke', '--headless', '-u', '2', '-r', '10', '-t', '10m', '--warmup', '0s')\n"
    "with locust(*load, cwd=pathlib.Path(sys.argv[1]), trace=sys.argv[2]) as running:\n"
    "    running.wait_for('All users spawned')\n"
    "    print(len(running.processes()))\n"
    "    sys.stdout.flush()\n"
    "    os.kill(os.getpid(), signal.SIGKILL)\n"
)


def is_over(process: psutil.Process) -> bool:
    """Whether it runs no more; in a container nobody may be there to bury it."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.system
def test_a_program_of_others_ends_with_the_test_that_started_it() -> None:
    """Also where that is killed, and can end nothing."""
    with subprocess.Popen(
        [sys.executable, "-c", CODE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        program = psutil.Process(int(process.stdout.readline()))
        assert not is_over(program)

        process.kill()
        eventually(lambda: is_over(program), "the end of what it started")


@pytest.mark.system
def test_a_locust_ends_with_the_test_that_started_it(tmp_path: Path) -> None:
    """And so do its swarm and its server."""
    trace = uuid.uuid4().hex
    killed = subprocess.run(
        [sys.executable, "-c", LOCUST, str(tmp_path), trace],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=3 * PATIENCE_S,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert int(killed.stdout) == 3

    left = Bench(killed, tmp_path, trace)  # type: ignore[arg-type]  # its process is over
    eventually(lambda: not left.processes(), "the end of all its processes")
