"""A worker process as its coordinator sees it: started, spoken to, given up when it dies or falls silent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import IO, Self

from loadgen.engine.wire import Done, Message, Wire
from loadgen.measure.record import Death, ProcessRecord

# A worker speaks each second. One that is silent for so long is frozen, or so starved that it cannot be believed.
SILENCE_S = 5
# Before its first word it has to import numpy and picows, on a machine that may be busy.
START_SILENCE_S = 30


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
        self._was_silenced = False

    @classmethod
    async def start(cls, log: IO[bytes]) -> Self:
        """Start a worker that has nothing to do yet; what it prints goes to ``log``."""
        ours, theirs = socket.socketpair()
        with theirs:
            # -P: a folder called loadgen where the user happens to be must not be imported.
            process = subprocess.Popen(  # noqa: ASYNC220  # 5 ms, before anything is measured
                [sys.executable, "-P", "-m", "loadgen.engine.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return cls(process, await Wire.over(ours))

    @property
    def is_alive(self) -> bool:
        """Whether it still answers, as far as we know."""
        return not self.ended.is_set()

    def tell(self, message: Message) -> None:
        """Say something; nothing happens where it is gone. Never waits for a worker that does not read."""
        if self.is_alive:
            with contextlib.suppress(ConnectionError):
                self._wire.post(message)

    async def hear(self) -> Message | None:
        """The next thing it says; None when it is gone."""
        message = await self._wire.receive()
        self.silent_s = 0
        if message is None:
            self.ended.set()
            self.answers.put_nowait(None)
        return message

    def second_passed(self) -> None:
        """One more second in which we could have heard it; kill it where it has been silent for too long."""
        if not self.is_alive:
            return
        if self.silent_s is None:
            self._unborn_s += 1
            frozen = self._unborn_s > START_SILENCE_S
        else:
            self.silent_s += 1
            frozen = self.silent_s > SILENCE_S
        if frozen:
            self._was_silenced = True
            self._kill()

    def death(self) -> Death | None:
        """How it died, where it did not end in good order."""
        if self.has_closed:
            return None
        if self._was_silenced:
            return Death(self.process.pid, f"did not answer for {SILENCE_S} s")
        code = self.process.poll()
        if code is None:
            return Death(self.process.pid, "hung up, or was given up")
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return Death(self.process.pid, how)

    def end(self) -> None:
        """Have the process gone: by itself if it is quick, else killed with all it started."""
        self._wire.close()
        try:
            self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._kill()
            self.process.wait()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
