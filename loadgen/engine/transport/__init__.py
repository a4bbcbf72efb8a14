"""The doors to the socket, behind one protocol."""

from __future__ import annotations

import sys
from typing import Protocol

from loadgen.dialects import Opening
from loadgen.measure.receive_path import Receive, ReceivePath

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""What a message may have, all its fragments together: a server cannot fill our memory."""


class Connection(Protocol):
    """One open WebSocket connection."""

    @property
    def writable(self) -> bool:
        """False while the server reads so slowly that what we send piles up with us."""
        ...

    def send(self, frame: bytes) -> None:
        """Send a frame of the kind that was asked for at the opening; nothing happens where the socket is gone."""
        ...

    def close(self) -> None:
        """Start the closing handshake with 1000."""
        ...

    def stop_reading(self) -> int:
        """Hear nothing more, not even a close, and answer no ping; the descriptor of the open socket."""
        ...

    def abort(self) -> None:
        """Cut the connection."""
        ...


class Listener(Protocol):
    """Who is told what happens on a connection; all times are monotonic ns."""

    @property
    def user(self) -> int:
        """Whose connection it is; the first argument of ``receive``."""
        ...

    @property
    def receive(self) -> Receive:
        """The hot path: called with each whole message. Where it answers False, ``heard`` is called, too."""
        ...

    @property
    def receive_path(self) -> ReceivePath | None:
        """Where a message may be noted that many have to read, without calling ``receive`` for each.

        None where ``receive`` must be called with each.
        """
        ...

    def opened(self, connection: Connection, now_ns: int) -> None:
        """The 101 has come."""
        ...

    def heard(self, payload: bytes, now_ns: int) -> None:
        """A message that ``receive`` did not want."""
        ...

    def closed(self, code: int, reason: str, now_ns: int) -> None:
        """The connection is gone: the server's code and reason; 1005 where it gave none, 1006 where it said nothing.

        Where it broke RFC 6455 or sent more than we take, the code we gave it (1002, 1007, 1009) and what was wrong.
        """
        ...


class Traffic:
    """Frames and bytes of all connections of a transport.

    Frames as they came: each fragment is one, and so is a server's close or pong; pings, what answers them and our own
    close are left out. Bytes are those of payloads, before compression.
    """

    __slots__ = ("bytes_received", "bytes_sent", "frames_received", "frames_sent", "look_at")

    def __init__(self) -> None:
        self.frames_received = self.bytes_received = self.frames_sent = self.bytes_sent = 0
        self.look_at = sys.maxsize
        """From so many frames on, see :class:`loadgen.engine.transport.bounds.Turn`."""


class Transport(Protocol):
    """Opens connections. Follows no redirect, sends no ping, and answers those that come.

    Of pings that come while the server does not read what we send, the latest is answered, once it reads.

    Text is not checked to be UTF-8. Where the libraries behind it differ, no more is promised than all of them keep:

    - A server that breaks RFC 6455 may be told another code (1002, 1007, 1009), and a length written longer than
      needed may pass. Messages before the fault are shown; one behind it, or in the broken frame, may be.
    - Whether a 101 opens a connection that chooses a subprotocol or an extension nobody offered, has more words than
      "Upgrade" in its Connection header, or a header line of more than 8 KB, is left to the library.
    """

    @property
    def traffic(self) -> Traffic:
        """What went through, counted on."""
        ...

    @property
    def handshake_headers(self) -> dict[str, str]:
        """What the first successful handshake answered; names in lower case."""
        ...

    async def connect(self, opening: Opening, listener: Listener) -> None:
        """Open a connection; ``listener.opened`` has been called when this returns, else ServerError is raised."""
        ...
