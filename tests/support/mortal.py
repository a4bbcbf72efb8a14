"""Programs of others that end with the test that started them, also where that is killed and can end nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from target_app.one_life import OneLifeFolder

# Its only thread ends with this process, and not with an event loop.
_STARTER = ThreadPoolExecutor(1, "starter")


def started(command: Sequence[str], number: int = signal.SIGTERM, **options: Any) -> subprocess.Popen[bytes]:
    """Start it as a :func:`mortal` one that outlives the thread which asks for it."""
    return _STARTER.submit(lambda: subprocess.Popen[bytes](mortal(command, number), **options)).result()


def mortal(command: Sequence[str], number: int = signal.SIGTERM) -> list[str]:
    """The command of a program that gets this signal when the thread that starts it ends; on Linux, by util-linux."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return list(command)
    return [setpriv, "--pdeathsig", signal.Signals(number).name.removeprefix("SIG"), *command]


@contextmanager
def mortal_folder() -> Iterator[Path]:
    """A temporary one: gone with the block, or, where the test was killed in it, when the next one is made."""
    folder = OneLifeFolder()
    try:
        yield folder.path
    finally:
        folder.remove()
