"""The doors to the socket, behind one protocol."""

from __future__ import annotations

from typing import Protocol

from loadgen.dialects import Opening
from loadgen.measure.ledger import Receive


class Connection(Protocol):
    """One open WebSocket connection."""

    @property
    def writable(self) -> bool:
        """False while the server reads so slowly that what we send piles up with us."""
        ...

    def send(self, frame: bytes) -> None:
        """Send a text frame; nothing happens where the socket is gone."""
        ...

    def close(self) -> None:
        """Start the closing handshake with 1000."""
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
    """Frames and bytes (payloads) of all connections of a transport."""

    __slots__ = ("bytes_received", "bytes_sent", "frames_received", "frames_sent")

    def __init__(self) -> None:
        self.frames_received = self.bytes_received = self.frames_sent = self.bytes_sent = 0


class Transport(Protocol):
    """Opens connections."""

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
