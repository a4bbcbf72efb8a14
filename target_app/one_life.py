"""A temporary folder that ends with its process: removed by it, or, where that was killed, by the next one that asks.

Who is alive holds a lock on its folder; the kernel takes it away from the dead. ``python -m target_app.one_life`` keeps
one for whoever starts it.
"""

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

PREFIX = "chatbench-life-"

# Between its making and its lock a folder looks as if its process were dead.
YOUNG_S = 60.0


class OneLifeFolder:
    """One that nobody else may look into."""

    def __init__(self) -> None:
        """Make one, and remove those of the dead. Raises OSError."""
        _remove_those_of_the_dead(Path(tempfile.gettempdir()), time.time())
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self.path, os.O_RDONLY)
        # Where a file system has no locks, nobody removes anything either.
        with contextlib.suppress(OSError):
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove it, whatever is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_those_of_the_dead(place: Path, now_s: float) -> None:
    """Remove the folders in ``place`` that nobody holds."""
    for path in place.glob(f"{PREFIX}*"):
        # One that is held, or is not ours to remove, or is removed by another process at this moment.
        with contextlib.suppress(OSError):
            if now_s - path.lstat().st_mtime > YOUNG_S:
                _remove_if_dead(path)


def _remove_if_dead(path: Path) -> None:
    # Not through a link: who may write to the place could point it at something else of ours.
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)


def main() -> None:
    """Make one and say where it is; remove it when standard input ends: whoever started us is done, or dead."""
    folder = OneLifeFolder()
    try:
        sys.stdout.write(f"{folder.path}\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()
    finally:
        folder.remove()


if __name__ == "__main__":
    main()
