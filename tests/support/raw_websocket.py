"""A WebSocket server that sends any bytes it is told to, the wrong ones too."""

import asyncio
import base64
import hashlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

# RFC 6455, 1.3
_ACCEPT_SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, reserved_bits: int = 0, masked: bool = False
) -> bytes:
    """One frame as a server writes it (RFC 6455, 5.2), unless it is told to break the rules."""
    first = opcode | reserved_bits << 4 | (0x80 if fin else 0)
    mask_bit = 0x80 if masked else 0
    size = len(payload)
    if size < 126:
        head = bytes([first, mask_bit | size])
    elif size < 1 << 16:
        head = bytes([first, mask_bit | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, mask_bit | 127]) + size.to_bytes(8, "big")
    return head + (b"\0\0\0\0" if masked else b"") + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame with any code."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason.encode())


def accepting(request: bytes, headers: bytes = b"") -> bytes:
    """The 101 to a client's request; ``headers`` are whole lines."""
    key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    accept = base64.b64encode(hashlib.sha1(key.split(b":")[1].strip() + _ACCEPT_SALT).digest())  # noqa: S324
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + headers
    return answer + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class RawPeer:
    """The server's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> bytes:
        """The head of the client's HTTP request."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def upgrade(self, *, then: bytes = b"") -> None:
        """Answer the handshake with 101, and ``then`` in the same breath."""
        self.accept(await self.request(), then=then)

    def accept(self, request: bytes, *, headers: bytes = b"", then: bytes = b"") -> None:
        """Answer the client's request with 101, with these further header lines."""
        self.writer.write(accepting(request, headers) + then)

    async def frame(self) -> tuple[int, bytes]:
        """The client's next frame: opcode and payload."""
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await self.reader.readexactly(8), "big")
        assert second & 0x80, "a client masks its frames"
        mask = await self.reader.readexactly(4)
        payload = await self.reader.readexactly(size)
        return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))

    async def end(self) -> bytes:
        """All that still comes until the client hangs up."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""

    def reset(self) -> None:
        """Cut the connection with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Conversation = Callable[[RawPeer], Awaitable[None]]


@dataclass(slots=True)
class RawServer:
    """Where it listens, and how often somebody came."""

    url: str
    connection_count: int = 0


@asynccontextmanager
async def raw_server(conversation: Conversation, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Hold ``conversation`` with everyone who connects, then hang up.

    The block ends when all conversations have; what they raise is raised there.
    """
    conversations: list[asyncio.Task[None]] = []

    async def hold(peer: RawPeer) -> None:
        try:
            await conversation(peer)
        finally:
            peer.writer.close()

    def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listening.connection_count += 1
        conversations.append(asyncio.create_task(hold(RawPeer(reader, writer))))

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    listening = RawServer(f"{'https' if tls else 'http'}://127.0.0.1:{port}")
    async with server:
        yield listening
    await asyncio.gather(*conversations)
