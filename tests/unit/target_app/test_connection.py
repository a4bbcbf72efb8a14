"""One WebSocket connection: what is read in one go, and when it reads on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from target_app.connection import BITE_BYTES, OUTBOXES, ChatConnection
from target_app.outbox import Outboxes
from target_app.settings import Limits

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
# Masked with zeros, and empty.
PING = b"\x89\x80\0\0\0\0"
TEXT = b"\x81\x80\0\0\0\0"
PONG_BACK = b"\x8a\x00"

FRAMES_A_BITE = BITE_BYTES // len(PING)


class FakeTransport(asyncio.Transport):
    """Remembers what is written, and whether it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reads = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return False

    @property
    def pong_count(self) -> int:
        return self.written.count(PONG_BACK)


@dataclass
class Endpoint:
    """Accepts, and then takes a frame each time it is told to."""

    taking: asyncio.Semaphore
    taken_count: int = 0

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            await self.taking.acquire()
            await receive()
            self.taken_count += 1


def with_connection(
    test: Callable[[ChatConnection, FakeTransport, Endpoint], Awaitable[None]], early: bytes = b""
) -> None:
    """A connection whose handshake is answered; ``early`` comes before that."""

    async def run() -> None:
        endpoint, transport, state = Endpoint(asyncio.Semaphore(0)), FakeTransport(), ServerState()
        config = uvicorn.Config(endpoint, lifespan="off", ws_ping_interval=None, ws_per_message_deflate=False)
        config.load()
        connection = ChatConnection(config, state, {OUTBOXES: Outboxes(Limits().lifted())})
        connection.connection_made(transport)
        connection.data_received(HANDSHAKE)
        if early:
            connection.data_received(early)
        await everybody_elses_turn()
        await test(connection, transport, endpoint)
        for task in state.tasks:
            task.cancel()

    asyncio.run(run())


async def everybody_elses_turn(times: int = 3) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


def test_everybody_else_has_a_turn_between_the_bites_of_a_large_read() -> None:
    """43,000 pings come in one read: parsed in one go, they would hold everybody up."""

    async def test(connection: ChatConnection, transport: FakeTransport, _: Endpoint) -> None:
        connection.data_received(PING * FRAMES_A_BITE * 3)

        seen = [(transport.pong_count // FRAMES_A_BITE, transport.reads)]
        for _turn in range(2):
            await everybody_elses_turn(1)
            seen.append((transport.pong_count // FRAMES_A_BITE, transport.reads))

        assert seen == [(1, False), (2, False), (3, True)]

    with_connection(test)


def test_a_frame_larger_than_a_bite_comes_whole() -> None:
    """It is parsed in parts, and handed on once."""

    async def test(connection: ChatConnection, transport: FakeTransport, endpoint: Endpoint) -> None:
        text = b"x" * 50_000
        connection.data_received(b"\x81\xfe" + len(text).to_bytes(2) + b"\0\0\0\0" + text)
        await everybody_elses_turn(10)

        assert await connection.queue.get() == {"type": "websocket.receive", "text": text.decode()}
        assert connection.queue.empty()
        assert not transport.reads
        assert endpoint.taken_count == 0

    with_connection(test)


def test_nothing_more_is_read_until_the_endpoint_has_taken_what_came() -> None:
    """Or a client that is faster than its endpoint would fill the memory."""

    async def test(connection: ChatConnection, transport: FakeTransport, endpoint: Endpoint) -> None:
        text_count = 4_000
        # The last bite holds pings alone: the endpoint knows nothing of them.
        connection.data_received(TEXT * text_count + PING * FRAMES_A_BITE * 2)
        for _ in range(text_count - 1):
            endpoint.taking.release()
            await everybody_elses_turn(1)
        await everybody_elses_turn()
        assert (endpoint.taken_count, transport.reads) == (text_count - 1, False)

        endpoint.taking.release()
        await everybody_elses_turn()

        assert (endpoint.taken_count, transport.reads) == (text_count, True)

    with_connection(test)


def test_nothing_more_is_read_between_the_bites() -> None:
    """Not even for an endpoint that has taken all there is so far: what was read and not parsed would pile up."""

    async def test(connection: ChatConnection, transport: FakeTransport, endpoint: Endpoint) -> None:
        endpoint.taking.release()
        await everybody_elses_turn()
        connection.data_received(TEXT + PING * FRAMES_A_BITE * 10)
        await everybody_elses_turn()

        assert (endpoint.taken_count, transport.reads) == (1, False)

    with_connection(test)


def test_the_bites_end_with_the_connection() -> None:
    """The endpoint hears that the client has gone, and nothing after it."""

    async def test(connection: ChatConnection, _: FakeTransport, _endpoint: Endpoint) -> None:
        connection.data_received(TEXT * FRAMES_A_BITE * 3)
        connection.connection_lost(ConnectionResetError())
        await everybody_elses_turn()

        event = await connection.queue.get()
        while not connection.queue.empty():
            event = await connection.queue.get()
        assert event["type"] == "websocket.disconnect"

    with_connection(test)


def test_what_comes_before_the_answer_to_the_handshake_waits_for_it() -> None:
    """A pong before the 101 would be no HTTP; then all of it is taken up, in bites as ever."""

    async def test(_: ChatConnection, transport: FakeTransport, _endpoint: Endpoint) -> None:
        await everybody_elses_turn()

        assert transport.written.startswith(b"HTTP/1.1 101 ")
        assert (transport.pong_count, transport.reads) == (3 * FRAMES_A_BITE, True)

    with_connection(test, PING * FRAMES_A_BITE * 3)
