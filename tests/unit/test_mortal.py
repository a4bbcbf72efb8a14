"""What a killed test leaves behind: nothing that runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.benches import eventually

CODE = (
    "import subprocess, sys\n"
    "from tests.support.mortal import mortal\n"
    "print(subprocess.Popen(mortal(['sleep', '600'])).pid, flush=True)\n"
    "sys.stdin.read()\n"
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
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", CODE], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        program = psutil.Process(int(process.stdout.readline()))
        assert not is_over(program)

        process.kill()
        eventually(lambda: is_over(program), "the end of what it started")
