"""Runs that another command starts, each as a process of its own: waited for, and ended when somebody asks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from scenarios import github

COMMAND = (sys.executable, "-P", "-c", "from scenarios.cli import main; main()", "run")
# What a run takes beside its own phases before we call it hung.
OVERHEAD_S = 120.0

# How often somebody has asked us to end.
Asked = Callable[[], int]


class InterruptedRunError(Exception):
    """A run was ended by hand."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    code: int
    """Its exit code."""
    said: str
    """Its complaints, without our own name before them."""


def carry_out(arguments: Sequence[str], planned_s: float, asked: Asked) -> Ending:
    """``chatbench run`` with these arguments; InterruptedRunError where it was ended by hand.

    One that takes much longer than ``planned_s`` is killed.
    """
    with tempfile.TemporaryFile() as complaint:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=github.without(os.environ),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaint,
        )
        code = _awaited(process, planned_s + OVERHEAD_S, asked)
        complaint.seek(0)
        said = complaint.read().decode(errors="replace").strip()
    if asked():
        raise InterruptedRunError
    return Ending(code, said.removeprefix("chatbench: "))


def _awaited(process: subprocess.Popen[bytes], limit_s: float, asked: Asked) -> int:
    """Its exit code; each time that somebody asks is passed on to it."""
    give_up_s, told = time.monotonic() + limit_s, 0
    while True:
        try:
            return process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            if asked() > told:
                told = asked()
                process.send_signal(signal.SIGINT)
            if time.monotonic() > give_up_s:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def interrupts() -> Iterator[Asked]:
    """How often somebody asks us to end meanwhile: the run that goes on is ended first, and what is known is kept."""
    count = 0

    def ask(*_: object) -> None:
        nonlocal count
        count += 1

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: count
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(*lines: str) -> None:
    """Lines for whoever waits, on standard error."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()
