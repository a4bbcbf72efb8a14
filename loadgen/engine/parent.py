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
    _when_the_parent_ends(signal.SIGKILL)


def end_with_parent(parent_pid: int) -> None:
    """Be asked to end, by SIGTERM, when the thread that started us ends; on Linux.

    ``parent_pid`` is the process that did so: where it is gone by now, we end here.
    """
    _when_the_parent_ends(signal.SIGTERM)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)


def _when_the_parent_ends(number: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


if __name__ == "__main__":
    die_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  # what we are given, without a shell
