"""A wall clock for a program and all that it starts, which a test sets while they go on; on Linux."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_suffix(".c")
_NUMBER = struct.Struct("=q")


class WallClock:
    """Right until it is set."""

    def __init__(self, folder: Path) -> None:
        """Skips the test where there is no C compiler, and it need not be there."""
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        if compiler is None and not os.environ.get("CHATBENCH_TESTS_NEED_PEERS"):
            pytest.skip("no C compiler (apt-get install gcc libc6-dev)")
        self._library = folder / "wall_clock.so"
        command = [compiler or "cc", "-shared", "-fPIC", "-O2", "-o", str(self._library), str(_SOURCE)]
        subprocess.run(command, check=True, capture_output=True)
        self._file = folder / "wall_clock"
        self._file.write_bytes(_NUMBER.pack(0))

    @property
    def program(self) -> tuple[str, ...]:
        """What is put before a command."""
        return ("env", f"LD_PRELOAD={self._library}", f"WALL_CLOCK_OF_A_TEST={self._file}")

    def set_ahead(self, seconds: int) -> None:
        """From now on it is ahead by so much, or behind."""
        # Written in place: the programs have the file mapped.
        with self._file.open("r+b") as file:
            file.write(_NUMBER.pack(seconds * 1_000_000_000))
