"""Reads all sockets that have something to read in one go, in place of the event loop.

One message comes to all of its room, mostly in the same bytes and in one burst. So what a socket has to read is, nearly
always, byte for byte what the one before it had: it need not be parsed again. Whatever differs goes the ordinary way.

500 sockets, 40,000 deliveries a second: 5.0 us of CPU a delivery where it was 5.9, without the ledger (bare C: 4.5).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
from collections.abc import Sequence
from typing import Protocol

from loadgen.engine.clock import now_ns
from loadgen.engine.transport import Traffic
from loadgen.engine.transport.bounds import Turn
from loadgen.measure.receive_path import Receive, ReceivePath

# An object of 512 bytes, which Python keeps in store; those of 993, which it asks the C library for, take 0.1 us more.
READ_BYTES = 479
_REST_BYTES = 65_536
# Sockets that are read before the event loop does something else: a millisecond and a half.
MOST_AT_ONCE = 256


class Inlet(Protocol):
    """A connection that is read here."""

    user: int
    receive: Receive
    receive_path: ReceivePath | None
    """See :class:`loadgen.engine.transport.Listener`."""
    is_between_frames: bool
    """Whether all that was taken in so far is whole messages, and the next byte begins a frame."""

    def take_in(self, data: bytes) -> Sequence[bytes]:
        """Parse what has come.

        Returns the payloads of its frames where it is nothing but whole messages that ``receive`` wanted, else none.
        """
        ...

    def heard(self, payload: bytes, now_ns: int) -> None:
        """A message that ``receive`` did not want."""
        ...

    def take_back(self) -> None:
        """Let the event loop read again: the connection has come to its end."""
        ...


class Reader:
    """Of all connections of a transport; needs a running event loop on Linux."""

    def __init__(self, traffic: Traffic, turn: Turn) -> None:
        """What is not parsed is counted in ``traffic`` here; what is, by ``turn``, at whose end no more is read."""
        self._traffic = traffic
        self._turn = turn
        self._inlets: dict[int, Inlet] = {}
        self._path: ReceivePath | None = None  # that of our users, who belong to one swarm
        # Those whose messages may be noted there, and who are between frames.
        self._users: dict[int, int] = {}
        self._epoll = select.epoll()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.taken: list[bytes] = []
        """For the inlet that takes in: the messages that ``receive`` wanted."""
        # What the last socket had to read, and what messages that was.
        self._latest: bytes | None = None
        self._payloads: Sequence[bytes] = ()
        # What had something to read, and was not read any more in the last turn.
        self._unread: list[tuple[int, int]] = []
        self._has_more = False  # whether a socket had, in this turn, more to read than we asked for

    def add(self, fd: int, inlet: Inlet) -> None:
        """Read the socket from now on; the event loop must not."""
        if not self._inlets:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._epoll.fileno(), self._read_all)
        self._inlets[fd] = inlet
        self._path = self._path or inlet.receive_path
        self._epoll.register(fd, select.EPOLLIN)

    def remove(self, fd: int, inlet: Inlet) -> None:
        """Read it no more; nothing happens where it is not read, or its number is another connection's by now."""
        if self._inlets.get(fd) is not inlet:
            return
        del self._inlets[fd]
        self._users.pop(fd, None)
        with contextlib.suppress(OSError):  # where it is closed already, it is forgotten
            self._epoll.unregister(fd)
        if not self._inlets and self._loop is not None:
            self._loop.remove_reader(self._epoll.fileno())

    def _read_all(self) -> None:
        left_count, self._has_more = MOST_AT_ONCE, False
        ready, self._unread = self._unread or self._epoll.poll(0, left_count), []
        # While some are read, others get something to read; the faster we are, the fewer. To come back to them by way
        # of the event loop takes 0.9 to 1.5 us more a delivery. A socket that has more than we asked for waits.
        while ready:
            self._read(ready)
            left_count -= len(ready)
            is_enough = left_count <= 0 or self._has_more or self._turn.is_over
            ready = [] if is_enough else self._epoll.poll(0, left_count)

    # Hot: every delivery comes through here.
    def _read(self, ready: list[tuple[int, int]]) -> None:
        inlets, users, path, read = self._inlets, self._users, self._path, os.read
        latest, payloads = self._latest, self._payloads
        logs, due_ns, most_bytes = self._where_to_note()
        alike_count = 0
        for fd, event in ready:
            user = users.get(fd)
            if user is None and fd not in inlets:
                continue  # closed by what the ones before it brought
            try:
                data = read(fd, most_bytes)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            now = now_ns()
            if data == latest and user is not None and logs:
                alike_count += 1
                # What ``receive`` does, without the call of it: 0.15 us of 1.16, without the kernel's part.
                for log in logs:
                    log.append(now)
                    log.append(user)
                if now >= due_ns and path is not None:
                    path.be_due()
                    due_ns = path.due_ns
                continue
            inlet = inlets[fd]
            if data == latest and inlet.is_between_frames:
                alike_count += 1
                for payload in payloads:
                    if not inlet.receive(inlet.user, payload, now):
                        inlet.heard(payload, now)
                    now += 1  # frames that came together keep their order
                continue
            self._count(alike_count)
            alike_count = 0
            self._take_in(fd, inlet, data, is_all=len(data) < most_bytes)
            latest, payloads = self._latest, self._payloads
            logs, due_ns, most_bytes = self._where_to_note()
            if self._turn.is_over:
                # They are the first of the next turn: the kernel would name the same ones again before them.
                self._unread = ready[ready.index((fd, event)) + 1 :]
                break
        self._count(alike_count)

    def _where_to_note(self) -> tuple[list[list[int]], int, int]:
        """The logs of the latest messages; when ``receive`` would call; and how much to read, to see what is longer.

        No logs where ``receive`` must be asked.
        """
        latest, path = self._latest, self._path
        most_bytes = READ_BYTES if latest is None else max(READ_BYTES, min(len(latest) + 1, _REST_BYTES))
        if path is None:
            return [], 0, most_bytes
        logs = [log for payload in self._payloads if (log := path.log_of(payload)) is not None]
        return logs if len(logs) == len(self._payloads) else [], path.due_ns, most_bytes

    def _take_in(self, fd: int, inlet: Inlet, data: bytes, *, is_all: bool) -> None:
        if not data:
            self.remove(fd, inlet)
            inlet.take_back()
            return
        if not is_all:
            self._has_more = True
            data += _rest_of(fd)
        if payloads := inlet.take_in(data):
            self._latest, self._payloads = data, payloads
        if self._inlets.get(fd) is inlet and inlet.is_between_frames and inlet.receive_path is self._path is not None:
            self._users[fd] = inlet.user
        else:
            self._users.pop(fd, None)

    def _count(self, alike_count: int) -> None:
        """So many sockets had the latest bytes to read."""
        if alike_count:
            self._traffic.frames_received += alike_count * len(self._payloads)
            self._traffic.bytes_received += alike_count * sum(map(len, self._payloads))


def _rest_of(fd: int) -> bytes:
    try:
        return os.read(fd, _REST_BYTES)
    except OSError:
        return b""  # nothing is left; where the socket is broken, the next reading tells


def frame_bytes(payload_bytes: int) -> int:
    """How long a frame from a server is (RFC 6455, 5.2)."""
    return payload_bytes + (2 if payload_bytes < 126 else 4 if payload_bytes < 65_536 else 10)
