"""Runs that another command starts, each as a process of its own: waited for, and ended when somebody asks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from reports.streams import heard_or_not
from scenarios import github
from scenarios.confided import confided
from scenarios.rendezvous import agree
from scenarios.signals import Requests, that_ask_to_end

_COMMAND = (
    "from loadgen.engine.parent import end_with_parent; end_with_parent({pid}); from scenarios.cli import main; main()"
)
# What a run takes beside its own phases before we call it hung.
OVERHEAD_S = 120.0

# How often somebody has asked us to end.
Asked = Callable[[], int]
# Told about ten times a second how long a run has been waited for, in seconds.
OnWait = Callable[[float], None]


def command_of_a_run(arguments: Sequence[str]) -> list[str]:
    """What starts ``chatbench run`` with these arguments: one that is interrupted where we are killed."""
    return [sys.executable, "-P", "-c", _COMMAND.format(pid=os.getpid()), "run", *arguments]


class InterruptedRunError(Exception):
    """A run was ended by hand."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    code: int
    """Its exit code."""
    said: str
    """Its complaints, without our own name before them."""


def carry_out(arguments: Sequence[str], planned_s: float, asked: Asked, on_wait: OnWait | None = None) -> Ending:
    """``chatbench run`` with these arguments; InterruptedRunError where it was ended by hand.

    One that takes much longer than ``planned_s`` is killed.
    """
    (ending,) = carry_out_together([arguments], planned_s, asked, on_wait=on_wait)
    return ending


def carry_out_together(
    several: Sequence[Sequence[str]],
    planned_s: float,
    asked: Asked,
    without: frozenset[str] = frozenset(),
    on_wait: OnWait | None = None,
) -> list[Ending]:
    """The same of several runs, whose users begin to talk at the same instant.

    ``without`` are variables of the environment that are kept from them.
    """
    with ExitStack() as stack:
        begun = [_begun(arguments, stack, without, together=len(several) > 1) for arguments in several]
        began_s, told, agreed = time.monotonic(), 0, len(several) == 1
        give_up_s = began_s + planned_s + OVERHEAD_S
        while any(each.process.poll() is None for each in begun):
            if agreed:
                _wait(begun, 0.1)
            else:
                agreed = agree([each.ours for each in begun if each.ours is not None], 0.1)
            for each in begun:
                if each.process.poll() is None and asked() > told:
                    each.process.send_signal(signal.SIGINT)
                if each.process.poll() is None and time.monotonic() > give_up_s:
                    os.killpg(each.process.pid, signal.SIGKILL)
            told = asked()
            if on_wait is not None:
                on_wait(time.monotonic() - began_s)
        endings = [each.ending() for each in begun]
    if asked():
        raise InterruptedRunError
    return endings


@dataclass(frozen=True, slots=True)
class _Begun:
    """A run that was started."""

    process: subprocess.Popen[bytes]
    complaint: IO[bytes]
    ours: socket.socket | None
    """Our end of the socket over which it says that it is ready; None where it need not."""

    def ending(self) -> Ending:
        """How it has ended."""
        self.complaint.seek(0)
        said = self.complaint.read().decode(errors="replace").strip()
        return Ending(self.process.returncode, said.removeprefix("chatbench: "))


def _begun(arguments: Sequence[str], stack: ExitStack, without: frozenset[str], *, together: bool) -> _Begun:
    complaint = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  # the stack is one
    ours, theirs = socket.socketpair() if together else (None, None)
    kept, variables = confided(arguments)
    command = command_of_a_run(kept)
    if ours is not None and theirs is not None:
        stack.enter_context(ours)
        stack.enter_context(theirs)
        command += ["--start-with", str(theirs.fileno())]
    environment = github.without(os.environ)
    process = subprocess.Popen(
        command,
        env={name: value for name, value in environment.items() if name not in without} | variables,
        pass_fds=[] if theirs is None else [theirs.fileno()],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=complaint,
    )
    if theirs is not None:
        theirs.close()  # so that we notice when the run is gone
    return _Begun(process, complaint, ours)


def _wait(begun: Sequence[_Begun], limit_s: float) -> None:
    """Until one that still goes on has ended, or so long."""
    for each in begun:
        if each.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                each.process.wait(limit_s)
            return


@contextmanager
def interrupts() -> Iterator[Asked]:
    """How often somebody asks us to end meanwhile: the run that goes on is ended first, and what is known is kept."""
    count, requests = 0, Requests()

    def ask(number: int, _frame: object) -> None:
        nonlocal count
        count += requests.is_new(number)

    before = {number: signal.signal(number, ask) for number in that_ask_to_end()}
    try:
        yield lambda: count
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(*lines: str) -> None:
    """Lines for whoever waits, on standard error."""
    with heard_or_not(sys.stderr):
        sys.stderr.write("".join(f"{line}\n" for line in lines))
