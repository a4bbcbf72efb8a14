"""Sockets that are read slowly, or not at all any more: watched from outside until the server gives them up.

What lies in them is thrown away: nobody counts these deliveries. So they are read as raw bytes, exactly as many as are
wanted, past the transport, which has stopped. That the server has hung up is seen in the state that the kernel has the
connection in. Where nothing is read at all, the server's last word may lie behind what it could not send; so when the
run is over, all is read, and of what shows only then it is not known when it happened.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.transport import Connection
from loadgen.measure.incident_tally import NO_CLOSE_FRAME
from loadgen.plan.pacing import NS_PER_S

LOOK_PERIOD_NS = NS_PER_S // 10
# What is read at a time of what the server has left behind.
_CHUNK_BYTES = 64 * 1024
# A close frame has no more than this (RFC 6455, 5.5).
_CLOSE_FRAME_BYTES = 2 + 125
_CLOSE_OPCODE = 0x88
_RECEIVE_BUFFER_BYTES = 64 * 1024
_NO_STATUS = 1005
_ESTABLISHED = 1  # tcp_states.h


class Observer(Protocol):
    """Who is told that a socket was given up."""

    def gave_up(self, ghost: Ghost, code: int, now_ns: int | None) -> None:
        """The server has closed it, with a close code or NO_CLOSE_FRAME; None: nobody knows when."""
        ...


@dataclass(slots=True)
class Ghost:
    """A connection that has stopped reading."""

    connection: Connection
    incident: int
    """The number of the incident that it belongs to."""
    began_ns: int
    bytes_per_s: int
    _socket: socket.socket = field(init=False)
    _tail: bytes = field(default=b"", init=False)
    _owed_bytes: float = field(default=0.0, init=False)
    _looked_ns: int = field(default_factory=now_ns, init=False)

    def __post_init__(self) -> None:
        # A descriptor of our own: the transport's may be closed, and stand for another socket, while we look.
        self._socket = socket.socket(fileno=os.dup(self.connection.stop_reading()))
        self._socket.setblocking(False)
        # The kernel would read on for us, up to 6 MB; a phone's has less.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)

    def look(self, now: int) -> int | None:
        """Read what is due; how the server has closed the connection, None where it has not."""
        # The first byte of struct tcp_info is the state.
        is_open = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED
        self._owed_bytes += (now - self._looked_ns) * self.bytes_per_s / NS_PER_S
        self._looked_ns = now
        if is_open:
            self._throw_away(int(self._owed_bytes))
            # What is not there cannot be made up for later: after a quiet minute nobody reads faster.
            self._owed_bytes %= 1
            return None
        self._throw_away(None)
        return _close_code_in(self._tail)

    def read_all(self) -> None:
        """Read whatever is there."""
        self._throw_away(None)

    def _throw_away(self, at_most: int | None) -> None:
        """Read so many bytes, or all there are."""
        for data in self._chunks(at_most):
            self._tail = (self._tail + data)[-_CLOSE_FRAME_BYTES:]

    def _chunks(self, at_most: int | None) -> Iterator[bytes]:
        left = at_most
        while left is None or left > 0:
            try:
                data = self._socket.recv(_CHUNK_BYTES if left is None else min(left, _CHUNK_BYTES))
            except OSError:  # nothing there, or the connection was reset
                return
            if not data:
                return
            yield data
            left = None if left is None else left - len(data)

    def bury(self) -> None:
        """Close what is left of it."""
        self._socket.close()
        self.connection.abort()


def _close_code_in(tail: bytes) -> int:
    """Of the close frame that the bytes end with, if they do."""
    for at in range(len(tail) - 1):
        length = len(tail) - at - 2
        if tail[at] == _CLOSE_OPCODE and tail[at + 1] == length:
            return int.from_bytes(tail[at + 2 : at + 4], "big") if length >= 2 else _NO_STATUS
    return NO_CLOSE_FRAME


class Ghosts:
    """Those of one process."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._ghosts: list[Ghost] = []

    def add(self, ghost: Ghost) -> None:
        """Watch it from now on."""
        self._ghosts.append(ghost)

    async def watch(self) -> None:
        """Look after them ten times a second; goes on until it is cancelled."""
        while True:
            await sleep_until(now_ns() + LOOK_PERIOD_NS)
            now = now_ns()
            self._bury_the_dead(now, now)

    def _bury_the_dead(self, now: int, seen_ns: int | None) -> None:
        given_up = [(ghost, code) for ghost in self._ghosts if (code := ghost.look(now)) is not None]
        for ghost, code in given_up:
            self._ghosts.remove(ghost)
            ghost.bury()
            self._observer.gave_up(ghost, code, seen_ns)

    async def bury_all(self) -> int:
        """The run is over: read the server's last words, within a second, and close what is left; how many that is."""
        give_up_ns = now_ns() + NS_PER_S
        try:
            while self._ghosts and (now := now_ns()) < give_up_ns:
                for ghost in self._ghosts:
                    ghost.read_all()
                self._bury_the_dead(now, None)
                await sleep_until(now_ns() + LOOK_PERIOD_NS // 5)
        finally:
            left_count = len(self._ghosts)
            for ghost in self._ghosts:
                ghost.bury()
            self._ghosts.clear()
        return left_count
