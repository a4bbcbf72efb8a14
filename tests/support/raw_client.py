"""A client that sends any bytes it is told to, and reads whatever comes until the server hangs up."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.support.patience import PATIENCE_S
from tests.support.raw_websocket import CLOSE

HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Ending:
    """All that came: the head of an answer, then frames as opcode and payload."""

    head: bytes
    frames: list[tuple[int, bytes]]

    @property
    def status(self) -> int | None:
        """The status of the answer; None where there was none."""
        return int(self.head[9:12]) if self.head.startswith(b"HTTP/1.1 ") else None

    @property
    def close_code(self) -> int | None:
        """The code of the server's close frame; None where it sent none."""
        payload = next((payload for opcode, payload in self.frames if opcode == CLOSE), b"")
        return int.from_bytes(payload[:2], "big") if payload else None


class RawClient:
    """One TCP connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._received = b""

    def upgrade(self, path: str) -> None:
        """Begin a WebSocket, and wait for the answer as a client must (RFC 6455, 4.1)."""
        self.send(HANDSHAKE % path.encode())
        self.read_until(b"\r\n\r\n")

    def send(self, data: bytes) -> None:
        """Send, as far as the server still takes it."""
        with suppress(ConnectionError):
            self.sock.sendall(data)

    def read_until(self, part: bytes) -> None:
        """Read until this has come."""
        while part not in self._received:
            data = self.sock.recv(65_536)
            assert data, f"the server hung up before {part!r}"
            self._received += data

    def end(self) -> None:
        """Say nothing more; the server may still answer."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def read_to_the_end(self) -> Ending:
        """Read until the server hangs up."""
        with suppress(ConnectionError):
            while data := self.sock.recv(65_536):
                self._received += data
        head, _, rest = self._received.partition(b"\r\n\r\n")
        return Ending(head, list(frames_in(rest)) if head.startswith(b"HTTP/1.1 101") else [])


@contextmanager
def raw_client(url: str) -> Iterator[RawClient]:
    """Connect, and hang up at the end of the block."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as sock:
        yield RawClient(sock)


def frames_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the whole frames of a server, which masks nothing."""
    while len(data) >= 2:
        size, start = data[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(data[2:start], "big")
        if len(data) < start + size:
            return
        yield data[0] & 0x0F, data[start : start + size]
        data = data[start + size :]
