"""How a connection ends, by either side, and what is told of it."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.support.event_loop import on_an_event_loop
from tests.support.listener import Closed, RecordingListener
from tests.support.raw_websocket import CLOSE, TEXT, RawPeer, close_frame, frame, raw_server
from tests.support.transports import ANYWHERE, MakeTransport, sends
from tests.support.websocket_peer import websocket_server

pytestmark = pytest.mark.system


@pytest.mark.parametrize("code", [*range(1000, 1004), *range(1007, 1015), 3000, 4401, 4999])
@on_an_event_loop
async def test_the_servers_close_code_and_reason_are_told(make_transport: MakeTransport, code: int) -> None:
    """And the server gets its code back, as RFC 6455, 5.5.1 has it."""
    answers: list[int | None] = []

    async def close(connection: ServerConnection) -> None:
        await connection.close(code, "Zoë said so")
        answers.append(connection.protocol.close_rcvd.code if connection.protocol.close_rcvd else None)

    listener = RecordingListener()
    async with websocket_server(close) as url:
        await make_transport(url).connect(ANYWHERE, listener)
        assert await listener.end() == Closed(code, "Zoë said so")

    assert answers == [code]
    assert listener.calls == ["opened", "closed"]


@on_an_event_loop
async def test_a_close_without_a_code_is_1005(make_transport: MakeTransport) -> None:
    """1005 stands for "none"; it is never sent, so the answer holds no code either."""
    answers: list[tuple[int, bytes]] = []

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=frame(CLOSE))
        answers.append(await peer.frame())

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        assert await listener.end() == Closed(1005, "")

    assert answers in ([(CLOSE, b"")], [(CLOSE, b"\x03\xe8")])


@pytest.mark.parametrize("how", ["end", "reset"])
@on_an_event_loop
async def test_a_connection_that_is_cut_is_1006(make_transport: MakeTransport, how: str) -> None:
    """1006 stands for "no close frame came"."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=frame(TEXT, b"half a", fin=False))
        await peer.frame()
        if how == "reset":
            peer.reset()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        listener.open_connection.send(b"cut me")
        assert await listener.end() == Closed(1006, "")


@on_an_event_loop
async def test_close_says_1000_to_the_server(make_transport: MakeTransport) -> None:
    """And our own listener is told when the server has answered."""
    seen: asyncio.Queue[int | None] = asyncio.Queue()

    async def wait(connection: ServerConnection) -> None:
        await connection.wait_closed()
        seen.put_nowait(connection.close_code)

    listener = RecordingListener()
    async with websocket_server(wait) as url:
        await make_transport(url).connect(ANYWHERE, listener)
        listener.open_connection.close()
        assert await seen.get() == 1000
        assert await listener.end() == Closed(1000, "")


@on_an_event_loop
async def test_after_close_nothing_is_sent_any_more(make_transport: MakeTransport) -> None:
    """Not before the server has answered, and not when the socket is gone; nor is it counted."""
    seen: list[tuple[int, bytes]] = []

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade()
        seen.append(await peer.frame())
        peer.writer.write(close_frame(1000))
        assert await peer.end() == b""

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        transport = make_transport(server.url)
        await transport.connect(ANYWHERE, listener)
        connection = listener.open_connection
        connection.close()
        connection.send(b"too late")
        connection.close()
        await listener.end()
        connection.send(b"much too late")
        connection.close()
        connection.abort()

    assert seen == [(CLOSE, b"\x03\xe8")]
    assert transport.traffic.frames_sent == transport.traffic.bytes_sent == 0
    assert len(listener.ends) == 1


@on_an_event_loop
async def test_what_the_server_still_says_before_it_answers_our_close_is_shown(make_transport: MakeTransport) -> None:
    """It was under way when we closed; the books decide what it is worth."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade()
        assert await peer.frame() == (CLOSE, b"\x03\xe8")
        peer.writer.write(frame(TEXT, b"MARK") + close_frame(1000))
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        listener.open_connection.close()
        assert await listener.end() == Closed(1000, "")

    assert listener.calls == ["opened", "receive", "closed"]


@on_an_event_loop
async def test_abort_cuts_without_a_word(make_transport: MakeTransport) -> None:
    """No close frame; our own listener sees 1006."""
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade()
        seen.put_nowait(await peer.end())

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        listener.open_connection.abort()
        assert await listener.end() == Closed(1006, "")
        assert await seen.get() == b""


@on_an_event_loop
async def test_messages_behind_a_close_frame_are_not_shown(make_transport: MakeTransport) -> None:
    """RFC 6455, 5.5.1: after a close frame there is no more data."""
    listener = RecordingListener()
    async with raw_server(sends(close_frame(1001) + frame(TEXT, b"MARK") + frame(TEXT, b"more"))) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        assert await listener.end() == Closed(1001, "")

    assert listener.calls == ["opened", "closed"]


@on_an_event_loop
async def test_a_close_within_a_message_is_the_servers_word(make_transport: MakeTransport) -> None:
    """RFC 6455, 5.4: control frames may stand between fragments; the message is never complete."""
    listener = RecordingListener()
    async with raw_server(sends(frame(TEXT, b"MARK", fin=False) + close_frame(1012, "restart"))) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        assert await listener.end() == Closed(1012, "restart")

    assert listener.calls == ["opened", "closed"]
