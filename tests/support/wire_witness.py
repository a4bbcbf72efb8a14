"""A wire that writes down every WebSocket frame, and does wrong on purpose: a second witness of a whole run.

It lies between the generator and a server, shares no code with either, and knows of the protocol no more than RFC 6455
says. What it is told to do wrong to a delivery it does, and the log says when each frame was handed to its receiver.
"""

from __future__ import annotations

import asyncio
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.recount import TEXT, Frame, Socket, Way, WireLog

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Deed:
    """What to do with a frame on its way to a client."""

    copies: int = 1
    """0: it is dropped."""
    delay_s: float = 0.0
    """Frames of a socket do not overtake one another: those behind it wait as well."""
    swapped: bool = False
    """The next frame that is a delivery goes first."""


Deeds = Callable[[int, bytes], Deed]
"""(socket, payload) -> what to do; asked once for each frame to a client."""


@contextmanager
def wire_witness(target_url: str, deeds: Deeds | None = None) -> Iterator[WireLog]:
    """Pass on what comes on a free port to ``target_url``, for the length of the block."""
    log = WireLog()
    ready, loop = threading.Event(), asyncio.new_event_loop()
    servers: list[asyncio.Server] = []
    clients: list[_FromClient] = []

    def client_of(target: tuple[str, int]) -> _FromClient:
        clients.append(_FromClient(log, target, deeds or (lambda *_: Deed())))
        return clients[-1]

    async def serve() -> None:
        host, _, port = target_url.removeprefix("http://").partition(":")
        target = (host, int(port))
        servers.append(await loop.create_server(lambda: client_of(target), HOST, 0))
        log.url = f"http://{HOST}:{servers[0].sockets[0].getsockname()[1]}"
        ready.set()

    async def end() -> None:
        servers[0].close()
        for client in clients:
            client.close()
        # Transports that were closed let go of their sockets when the loop comes round.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def run() -> None:
        loop.create_task(serve())
        loop.run_forever()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield log
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _FromClient(asyncio.Protocol):
    """A connection of a client, and ours to the server behind it."""

    def __init__(self, log: WireLog, target: tuple[str, int], deeds: Deeds) -> None:
        self._log, self._target, self._deeds = log, target, deeds
        self._head = b""
        self._server: _FromServer | None = None
        self._early = b""
        self._parser: _Frames | None = None
        self.transport: asyncio.Transport | None = None
        self.socket: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        asyncio.get_running_loop().create_task(self._reach())

    async def _reach(self) -> None:
        _, server = await asyncio.get_running_loop().create_connection(lambda: _FromServer(self), *self._target)
        self._server = server
        if self._early:
            server.write(self._early)

    def data_received(self, data: bytes) -> None:
        if self._parser is not None:
            for opcode, payload, _ in self._parser.take(data):
                assert self.socket is not None
                self._log.frames.append(Frame(time.monotonic_ns(), self.socket, Way.TO_SERVER, opcode, payload))
        elif b"\r\n\r\n" not in self._head:
            self._head += data
        if self._server is None:
            self._early += data
        else:
            self._server.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        self.close()

    def upgraded(self) -> None:
        """The server has said 101."""
        self.socket = len(self._log.sockets)
        self._log.sockets.append(Socket(self._head.partition(b"\r\n\r\n")[0], time.monotonic_ns()))
        self._parser = _Frames()

    def note(self, opcode: int, payload: bytes) -> Deed:
        """A frame of the server has come."""
        assert self.socket is not None
        return self._deeds(self.socket, payload) if opcode == TEXT else Deed()

    def hand(self, opcode: int, payload: bytes, raw: bytes) -> None:
        """It goes to the client now."""
        if self.transport is None or self.transport.is_closing():
            return
        assert self.socket is not None
        self._log.frames.append(Frame(time.monotonic_ns(), self.socket, Way.TO_CLIENT, opcode, payload))
        self.transport.write(raw)

    def close(self) -> None:
        """Either side has ended."""
        if self.socket is not None and self._log.sockets[self.socket].closed_ns is None:
            self._log.sockets[self.socket].closed_ns = time.monotonic_ns()
        for end in (self.transport, None if self._server is None else self._server.transport):
            if end is not None:
                end.close()


class _FromServer(asyncio.Protocol):
    """Our connection to the server."""

    def __init__(self, client: _FromClient) -> None:
        self._client = client
        self._head = b""
        self._is_http = False
        """It has said something else than 101."""
        self._parser: _Frames | None = None
        self._free_s = 0.0  # when all that waits has gone
        self._held: tuple[int, bytes, bytes] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def write(self, data: bytes) -> None:
        """Pass on what the client said."""
        if self.transport is not None:
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        assert self._client.transport is not None
        if self._is_http:
            self._client.transport.write(data)
            return
        if self._parser is None:
            self._head += data
            if b"\r\n\r\n" not in self._head:
                return
            head, _, data = self._head.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101"):
                self._is_http = True
                self._client.transport.write(self._head)
                return
            self._client.upgraded()
            self._client.transport.write(head + b"\r\n\r\n")
            self._parser = _Frames()
        for opcode, payload, raw in self._parser.take(data):
            self._pass_on(opcode, payload, raw)

    def _pass_on(self, opcode: int, payload: bytes, raw: bytes) -> None:
        deed = self._client.note(opcode, payload)
        if not deed.copies:
            return
        if deed.swapped and self._held is None:
            self._held = opcode, payload, raw
            return
        frames = [(opcode, payload, raw)] * deed.copies
        if self._held is not None and opcode == TEXT:
            frames.append(self._held)
            self._held = None
        loop = asyncio.get_running_loop()
        self._free_s = max(self._free_s, loop.time() + deed.delay_s)
        for each in frames:
            if self._free_s <= loop.time():
                self._client.hand(*each)
            else:
                loop.call_at(self._free_s, self._client.hand, *each)

    def connection_lost(self, _: Exception | None) -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(max(self._free_s, loop.time()), self._client.close)


class _Frames:
    """Cuts bytes into frames that are whole messages (RFC 6455, 5.2)."""

    def __init__(self) -> None:
        self._bytes = b""

    def take(self, data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
        """(opcode, payload, the frame's bytes) of those that are complete."""
        self._bytes += data
        while (size := self._size()) is not None and len(self._bytes) >= sum(size):
            head_bytes, payload_bytes = size
            raw, self._bytes = self._bytes[: sum(size)], self._bytes[sum(size) :]
            payload = raw[head_bytes:]
            if raw[1] & 0x80:
                mask = (raw[head_bytes - 4 : head_bytes] * (payload_bytes // 4 + 1))[:payload_bytes]
                masked = int.from_bytes(payload) ^ int.from_bytes(mask)
                payload = masked.to_bytes(payload_bytes)
            assert raw[0] & 0x80, "the peers of these tests send no fragments"
            yield raw[0] & 0x0F, payload, raw

    def _size(self) -> tuple[int, int] | None:
        if len(self._bytes) < 2:
            return None
        mask_bytes, short = 4 * (self._bytes[1] >> 7), self._bytes[1] & 0x7F
        if short < 126:
            return 2 + mask_bytes, short
        wide = 2 if short == 126 else 8
        if len(self._bytes) < 2 + wide:
            return None
        (length,) = struct.unpack_from(">H" if wide == 2 else ">Q", self._bytes, 2)
        return 2 + wide + mask_bytes, length
