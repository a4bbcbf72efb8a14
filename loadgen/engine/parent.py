"""A process that must not outlive the one that started it.

``-m loadgen.engine.parent COMMAND ...`` becomes such a one of any other program.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Be killed when the thread that started us ends, even where we are stopped and read no pipe; on Linux.

    A pipe that closes tells all others, and whoever was started by somebody who is dead already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    die_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  # what we are given, without a shell
