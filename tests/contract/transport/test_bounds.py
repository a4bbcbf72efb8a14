"""What a server can make of us by sending: neither all our time nor all our memory."""

import asyncio
from functools import partial
from typing import Protocol

import pytest

from loadgen.dialects import Opening
from loadgen.engine.transport import Transport
from loadgen.engine.transport.bounds import Unfinished
from loadgen.engine.transport.picows_transport import LARGE_BYTES, PicowsTransport
from loadgen.engine.transport.websockets_transport import WebsocketsTransport
from tests.support.event_loop import on_an_event_loop
from tests.support.listener import Closed, RecordingListener
from tests.support.raw_websocket import CONTINUATION, PING, PONG, TEXT, RawPeer, close_frame, frame, raw_server

pytestmark = [pytest.mark.system, pytest.mark.faults]

ANYWHERE = Opening("/chat")
# A good part of a second for the quickest of them.
FLOOD = 60_000
# The largest reading there is, of 64 KB, and what the turn had before it.
MOST_AT_A_TIME = 40_000


class MakeTransport(Protocol):
    """Makes a transport to a base URL, which counts unfinished messages by itself where it is given no count."""

    def __call__(self, base_url: str, *, unfinished: Unfinished | None = None) -> Transport: ...


@pytest.fixture(
    params=[
        partial(PicowsTransport, headers=(), timeout_s=10.0),
        partial(PicowsTransport, headers=(), timeout_s=10.0, reads_together=True),
        partial(WebsocketsTransport, headers=(), timeout_s=10.0),
    ],
    ids=["picows", "together", "websockets"],
)
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    make: MakeTransport = request.param
    return make


@pytest.mark.parametrize("first", [b"", b"x" * (LARGE_BYTES + 1)], ids=["at first", "after a large message"])
@on_an_event_loop
async def test_a_flood_leaves_room_for_everything_else(make_transport: MakeTransport, first: bytes) -> None:
    """Frame after frame without end, and in between the event loop comes round; none of them is lost."""
    may_pour = asyncio.Event()

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=frame(TEXT, first))
        await may_pour.wait()
        peer.writer.write(frame(TEXT) * FLOOD + frame(TEXT, b"MARK"))
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        transport = make_transport(server.url)
        await transport.connect(ANYWHERE, listener)
        await listener.until(lambda: listener.unwanted == [first])
        may_pour.set()
        at_a_time = []
        while not listener.received:
            before = len(listener.unwanted)
            await asyncio.sleep(0)
            at_a_time.append(len(listener.unwanted) - before)
        listener.open_connection.abort()

    assert len(listener.unwanted) == 1 + FLOOD
    assert max(at_a_time) <= MOST_AT_A_TIME
    assert transport.traffic.frames_received == 2 + FLOOD


@on_an_event_loop
async def test_a_flood_that_is_cut_is_over(make_transport: MakeTransport) -> None:
    """Whoever was made to wait is not read again after its end."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=frame(TEXT) * FLOOD)
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        await listener.until(lambda: bool(listener.unwanted))
        listener.open_connection.abort()
        assert await listener.end() == Closed(1006, "")
        heard_count = len(listener.unwanted)
        for _ in range(10):
            await asyncio.sleep(0)

    assert len(listener.unwanted) == heard_count


@on_an_event_loop
async def test_unfinished_messages_are_bounded_over_all_connections(make_transport: MakeTransport) -> None:
    """Whoever wants more than there is left is told 1009; what is finished makes room again."""
    part = b"x" * 1_000_000
    has_begun, may_end = asyncio.Semaphore(0), asyncio.Event()

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=frame(TEXT, part, fin=False) + frame(PING))
        if (await peer.frame())[0] != PONG:
            return
        has_begun.release()
        await may_end.wait()
        peer.writer.write(frame(CONTINUATION, b"MARK"))
        await peer.end()

    unfinished = Unfinished(2_500_000)
    listeners = [RecordingListener() for _ in range(3)]
    async with raw_server(conversation) as server:
        transport = make_transport(server.url, unfinished=unfinished)
        for listener in listeners[:2]:
            await transport.connect(ANYWHERE, listener)
            await has_begun.acquire()
        await transport.connect(ANYWHERE, listeners[2])
        last = await listeners[2].end()
        assert last.code == 1009
        assert "of all connections together" in last.reason

        may_end.set()
        for listener in listeners[:2]:
            await listener.until(lambda listener=listener: listener.received == [part + b"MARK"])  # type: ignore[misc]
            listener.open_connection.abort()
            await listener.end()

    assert unfinished.byte_count == 0


@on_an_event_loop
async def test_of_the_second_transport_unfinished_frames_are_bounded_too() -> None:
    """Of picows nobody knows how much of a frame has come (docs/reliability.md)."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=frame(TEXT, b"x" * 2_000_000)[:-1])
        await peer.end()

    unfinished = Unfinished(1_000_000)
    listener = RecordingListener()
    async with raw_server(conversation) as server:
        transport = WebsocketsTransport(server.url, (), timeout_s=10.0, unfinished=unfinished)
        await transport.connect(ANYWHERE, listener)

        assert (await listener.end()).code == 1009

    assert unfinished.byte_count == 0


@on_an_event_loop
async def test_a_marker_in_a_ping_or_a_close_is_no_message(make_transport: MakeTransport) -> None:
    """Nobody reads what stands there; the ping is answered, and the close told."""
    pong: tuple[int, bytes] = (0, b"")

    async def conversation(peer: RawPeer) -> None:
        nonlocal pong
        await peer.upgrade(then=frame(PING, b"MARK 1") + frame(PONG, b"MARK 2"))
        pong = await peer.frame()
        peer.writer.write(close_frame(1001, "MARK 3"))
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        assert await listener.end() == Closed(1001, "MARK 3")

    assert pong == (PONG, b"MARK 1")
    assert listener.received == listener.unwanted == []
