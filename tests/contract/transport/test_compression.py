"""Compressed messages, by the transport that has them."""

import zlib

import pytest
from websockets.asyncio.server import ServerConnection

from loadgen.engine.transport import MAX_FRAME_BYTES
from loadgen.engine.transport.websockets_transport import WebsocketsTransport
from tests.support.event_loop import on_an_event_loop
from tests.support.listener import RecordingListener
from tests.support.raw_websocket import TEXT, RawPeer, frame, raw_server
from tests.support.transports import ANYWHERE, echo
from tests.support.websocket_peer import websocket_server

pytestmark = pytest.mark.system


@on_an_event_loop
async def test_compressed_messages_arrive_as_they_were_and_count_as_they_were() -> None:
    """What was negotiated is known; traffic counts payloads before compression."""
    seen: list[str] = []

    async def echo_and_note(connection: ServerConnection) -> None:
        seen.extend(extension.name for extension in connection.protocol.extensions)
        await echo(connection)

    listener = RecordingListener()
    message = b"MARK and again " * 1000
    async with websocket_server(echo_and_note, compression="deflate") as url:
        transport = WebsocketsTransport(url, (), timeout_s=10.0, compression=True)
        await transport.connect(ANYWHERE, listener)
        for _ in range(2):
            listener.open_connection.send(message)
        await listener.until(lambda: listener.received == [message, message])

        assert seen == ["permessage-deflate"]
        assert transport.handshake_headers["sec-websocket-extensions"].startswith("permessage-deflate")
        assert transport.traffic.bytes_sent == transport.traffic.bytes_received == 2 * len(message)


@on_an_event_loop
async def test_a_server_that_does_not_compress_need_not() -> None:
    """It was only an offer."""
    listener = RecordingListener()
    async with websocket_server(echo, compression=None) as url:
        transport = WebsocketsTransport(url, (), timeout_s=10.0, compression=True)
        await transport.connect(ANYWHERE, listener)
        listener.open_connection.send(b"MARK")
        await listener.until(lambda: listener.received == [b"MARK"])

    assert "sec-websocket-extensions" not in transport.handshake_headers


@on_an_event_loop
async def test_a_small_frame_that_unpacks_to_a_big_message_ends_the_connection() -> None:
    """The limit is of the message, not of what it was packed into."""
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(b"x" * (MAX_FRAME_BYTES + 1)) + packer.flush(zlib.Z_SYNC_FLUSH)

    async def conversation(peer: RawPeer) -> None:
        agreed = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
        peer.accept(await peer.request(), headers=agreed, then=frame(TEXT, bomb[:-4], reserved_bits=4))
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        transport = WebsocketsTransport(server.url, (), timeout_s=10.0, compression=True)
        await transport.connect(ANYWHERE, listener)
        assert (await listener.end()).code == 1009

    assert listener.calls == ["opened", "closed"]
