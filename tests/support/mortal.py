"""Programs of others that end with the test that started them, also where that is killed and can end nothing."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from target_app.one_life import OneLifeFolder


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
