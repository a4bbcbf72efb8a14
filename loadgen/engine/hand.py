"""A worker process as its coordinator sees it: started, spoken to, given up when it dies or falls silent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import IO, Self

from loadgen.engine.memory import Coroner
from loadgen.engine.wire import Closed, Do, Done, Finish, Message, Stop, Talk, Wire
from loadgen.measure.record import Death, ProcessRecord

# A worker speaks each second. One that is silent for so long is frozen, or so starved that it cannot be believed.
SILENCE_S = 5
# Before its first word it has to import numpy and picows, on a machine that may be busy.
START_SILENCE_S = 30

# -P: a folder called loadgen where the user happens to be must not be imported.
WORKER = (sys.executable, "-P", "-m", "loadgen.engine.worker")
"""The command of a worker; the number of its end of the socket pair follows."""


class Hand:
    """One worker."""

    def __init__(self, process: subprocess.Popen[bytes], wire: Wire) -> None:
        self.process = process
        self.record = ProcessRecord(process.pid)
        self.answers: asyncio.Queue[Done | None] = asyncio.Queue()
        """Answers to commands; None when it is gone."""
        self.ended = asyncio.Event()
        """Set when nothing more will come from it."""
        self.has_closed = False
        """Whether it has closed its books, and we have them."""
        self.silent_s: int | None = None
        """Seconds since its last word; None before its first."""
        self._wire = wire
        self._unborn_s = 0
        self._patience_s: float | None = None  # for the answer that is due; None where none is
        self._why_given_up: str | None = None
        self._coroner = Coroner()

    @classmethod
    async def start(cls, log: IO[bytes], cores: frozenset[int] | None, command: Sequence[str] = WORKER) -> Self:
        """Start a worker that has nothing to do yet; what it prints goes to ``log``. It keeps to ``cores``, if any."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: ASYNC220  # 5 ms, before anything is measured
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if cores is not None:
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(process.pid, cores)
        return cls(process, await Wire.over(ours))

    @property
    def is_alive(self) -> bool:
        """Whether it still answers, as far as we know."""
        return not self.ended.is_set()

    def tell(self, message: Message | bytes) -> None:
        """Say something, packed or not; nothing happens where it is gone.

        Never waits for a worker that does not read.
        """
        if self.is_alive:
            with contextlib.suppress(ConnectionError):
                self._wire.post(message)

    def ask(self, command: Do | Talk | Stop | Finish, limit_s: float) -> None:
        """Tell it to do something; one that has not answered after ``limit_s`` is given up."""
        self._patience_s = limit_s
        self.tell(command)

    async def hear(self) -> Message | None:
        """The next thing it says; None when it is gone."""
        message = await self._wire.receive()
        self.silent_s = 0
        if isinstance(message, Done | Closed):
            self._patience_s = None
        if message is None:
            self.ended.set()
            self.answers.put_nowait(None)
        return message

    def second_passed(self) -> None:
        """One more second in which we could have heard it; give it up where it has been silent for too long."""
        if not self.is_alive:
            return
        if self.silent_s is None:
            self._unborn_s += 1
            silent_s, limit_s = self._unborn_s, START_SILENCE_S
        else:
            self.silent_s += 1
            silent_s, limit_s = self.silent_s, SILENCE_S
        if silent_s > limit_s:
            self._give_up(f"did not answer for {limit_s} s")
        if self._patience_s is not None:
            self._patience_s -= 1
            if self._patience_s < 0:
                self._give_up("did not come to the end of a phase")

    def death(self) -> Death | None:
        """How it died, where it did not end in good order; None also while it is about to."""
        if self.has_closed:
            return None
        code = self.process.poll()
        if self._why_given_up is not None:
            return Death(self.process.pid, self._why_given_up)
        if code is None:
            return None
        seen = self.record.readings[-1:]
        how = self._coroner.told(code, ending_of(code), seen[0].rss_bytes if seen else None)
        return Death(self.process.pid, how)

    def end(self) -> None:
        """Have the process gone: by itself if it is quick, else killed with all it started."""
        self._wire.close()
        try:
            self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._give_up("hung up, and did not end")
            self.process.wait()

    def _give_up(self, how: str) -> None:
        """Kill it, since it is of no use any more; ``how`` is what its death is called then."""
        self._why_given_up = self._why_given_up or how
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


def ending_of(code: int) -> str:
    """How a process ended, by the exit code that Python gives it."""
    if code >= 0:
        return f"exit code {code}"
    names = {number.value: number.name for number in signal.Signals}
    return f"killed by {names.get(-code, f'signal {-code}')}"
