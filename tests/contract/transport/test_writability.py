"""Servers that stop reading: what we have to say waits, in bounded memory."""

import asyncio

import pytest

from tests.support.event_loop import on_an_event_loop
from tests.support.listener import RecordingListener
from tests.support.raw_websocket import CLOSE, PING, PONG, TEXT, RawPeer, frame, raw_server
from tests.support.transports import ANYWHERE, MakeTransport

pytestmark = pytest.mark.system


@on_an_event_loop
async def test_it_is_not_writable_while_the_server_does_not_read(make_transport: MakeTransport) -> None:
    """What piles up with us is seen, and seen to go away."""
    may_read = asyncio.Event()

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade()
        await may_read.wait()
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        transport = make_transport(server.url)
        await transport.connect(ANYWHERE, listener)
        connection = listener.open_connection
        assert connection.writable
        for _ in range(1_000):
            if not connection.writable:
                break
            connection.send(b"x" * 65_536)
            await asyncio.sleep(0)
        assert not connection.writable

        may_read.set()
        while not connection.writable:
            await asyncio.sleep(0)
        connection.abort()


@on_an_event_loop
async def test_of_pings_that_pile_up_the_latest_is_answered(make_transport: MakeTransport) -> None:
    """A server that pings and does not read cannot fill our memory with answers."""
    pings = [b"%d" % n for n in range(1000)]
    may_ping = asyncio.Event()
    has_pinged = asyncio.Event()
    pongs: list[bytes] = []

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade()
        await may_ping.wait()
        peer.writer.write(b"".join(frame(PING, ping) for ping in pings) + frame(TEXT, b"that was all"))
        await has_pinged.wait()
        while True:
            opcode, payload = await peer.frame()
            if opcode == PONG:
                pongs.append(payload)
            if opcode == CLOSE:
                return

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        transport = make_transport(server.url)
        await transport.connect(ANYWHERE, listener)
        connection = listener.open_connection
        while connection.writable:
            connection.send(b"x" * 65_536)
            await asyncio.sleep(0)
        may_ping.set()
        await listener.until(lambda: bool(listener.unwanted))
        has_pinged.set()
        while not connection.writable:
            await asyncio.sleep(0)
        connection.close()
        await listener.until(lambda: "closed" in listener.calls)

    assert pongs == [pings[-1]]
    assert transport.traffic.frames_received == 1
