"""The swarm's process as a Locust process sees it: started, spoken to by greenlets, and gone when we are.

Locust lives in gevent and the engine in asyncio, so they share no process. What they say to each other is the wire of
coordinator and worker.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable

import gevent
from gevent.queue import Queue

from loadgen.engine.hand import ending_of
from loadgen.engine.memory import Coroner
from loadgen.engine.wire import Message

_LENGTH = struct.Struct("!I")
# A swarm that is told to end does so at once; one that is frozen is killed.
END_LIMIT_S = 1.0


class SwarmProcess:
    """One process of the engine; it has nothing to do before its first message."""

    def __init__(self, hear: Callable[[Message], None], gone: Callable[[str], None]) -> None:
        """``hear`` is told what it says, ``gone`` how it ended, unless we ended it; both in a greenlet of ours."""
        self._hear = hear
        self._gone = gone
        self._coroner = Coroner()
        self._is_ending = False
        self._to_say: Queue[bytes] = Queue()
        self._socket, theirs = socket.socketpair()
        with theirs:
            # -P: a folder called loadgen where the user happens to be must not be imported.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "loadgen.engine.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
            )
        self._greenlets = [gevent.spawn(self._read), gevent.spawn(self._write)]

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def say(self, message: Message) -> None:
        """Send a message, soon and in order; nothing where it is gone."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._to_say.put(_LENGTH.pack(len(data)) + data)

    def keep_to(self, cores: Iterable[int]) -> None:
        """Use these cores only."""
        with contextlib.suppress(OSError):
            os.sched_setaffinity(self.pid, set(cores))

    def end(self) -> None:
        """Have the process gone: by itself if it is quick, else killed."""
        self._is_ending = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(timeout=END_LIMIT_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        gevent.killall([each for each in self._greenlets if each is not gevent.getcurrent()])
        self._socket.close()

    def _write(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._socket.sendall(self._to_say.get())

    def _read(self) -> None:
        while (message := self._next()) is not None:
            self._hear(message)
        if not self._is_ending:
            try:
                code = self._process.wait(timeout=END_LIMIT_S)
                how = self._coroner.told(code, ending_of(code), None)
            except subprocess.TimeoutExpired:
                how = "hung up, and did not end"
            self._gone(how)

    def _next(self) -> Message | None:
        head = self._exactly(_LENGTH.size)
        data = None if head is None else self._exactly(_LENGTH.unpack(head)[0])
        if data is None:
            return None
        message: Message = pickle.loads(data)  # noqa: S301  # a process that we started, over a socket nobody else holds
        return message

    def _exactly(self, size: int) -> bytes | None:
        """So many bytes; None where the other end is gone."""
        parts = []
        while size > 0:
            try:
                part = self._socket.recv(min(size, 1 << 20))
            except OSError:
                return None
            if not part:
                return None
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
