"""A temporary folder that does not outlive us: a process of its own keeps it, and removes it even if we are killed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def kept_folder() -> Iterator[Path]:
    """One that nobody else can look into, for the length of the block; OSError where there can be none.

    What is in it should have no users any more at the end: it is removed as it is.
    """
    command = (sys.executable, "-P", "-m", "target_app.one_life")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as keeper:
        assert keeper.stdout is not None, "started with a pipe"
        told = keeper.stdout.readline()
        if not told:
            raise OSError("no temporary folder can be made; why is said above")
        yield Path(os.fsdecode(told.removesuffix(b"\n")))
