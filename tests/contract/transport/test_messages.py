"""What a server says within the rules arrives whole, once, and at the right time."""

import asyncio

import pytest

from loadgen.engine.clock import now_ns
from loadgen.engine.transport import MAX_FRAME_BYTES
from tests.support.event_loop import on_an_event_loop
from tests.support.listener import Closed, RecordingListener
from tests.support.raw_websocket import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawPeer,
    accepting,
    close_frame,
    frame,
    raw_server,
)
from tests.support.transports import ANYWHERE, MakeTransport, echo, sends
from tests.support.websocket_peer import websocket_server

pytestmark = pytest.mark.system


@on_an_event_loop
async def test_text_goes_both_ways(make_transport: MakeTransport) -> None:
    """A message that receive wants is not heard; one that it does not want is."""
    listener = RecordingListener(wanted=b"MARK")
    async with websocket_server(echo) as url:
        await make_transport(url).connect(ANYWHERE, listener)

        listener.open_connection.send("Zoë says MARK".encode())
        listener.open_connection.send(b"hello")
        await listener.until(lambda: len(listener.calls) == 3)

    assert listener.calls[:3] == ["opened", "receive", "heard"]
    assert listener.received == ["Zoë says MARK".encode()]
    assert listener.unwanted == [b"hello"]


@on_an_event_loop
async def test_it_is_open_when_connect_returns(make_transport: MakeTransport) -> None:
    """Even where the first message comes in one packet with the 101."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=frame(TEXT, b"welcome"))
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)

        assert listener.calls[0] == "opened"
        await listener.until(lambda: listener.unwanted == [b"welcome"])
        listener.open_connection.abort()


@on_an_event_loop
async def test_a_message_has_the_time_at_which_its_last_byte_came(make_transport: MakeTransport) -> None:
    """Times are of the monotonic clock, never go back, and are taken when a frame is complete."""
    first_half_is_there, last_byte_ns = asyncio.Event(), 0

    async def conversation(peer: RawPeer) -> None:
        nonlocal last_byte_ns
        await peer.upgrade()
        slow = frame(TEXT, b"slow")
        peer.writer.write(frame(TEXT, b"quick") + slow[:3])
        await first_half_is_there.wait()
        last_byte_ns = now_ns()
        peer.writer.write(slow[3:])
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        start_ns = now_ns()
        await make_transport(server.url).connect(ANYWHERE, listener)
        await listener.until(lambda: listener.unwanted == [b"quick"])
        first_half_is_there.set()
        await listener.until(lambda: listener.unwanted == [b"quick", b"slow"])
        listener.open_connection.abort()
        await listener.end()

    opened_ns, quick_ns, slow_ns, closed_ns = listener.told_ns
    assert start_ns <= opened_ns <= quick_ns < last_byte_ns <= slow_ns <= closed_ns <= now_ns()
    assert min(listener.late_ns) >= 0


@pytest.mark.parametrize("wanted", [True, False])
@on_an_event_loop
async def test_a_message_in_three_fragments_is_one_message(make_transport: MakeTransport, wanted: bool) -> None:
    """Fragments are put together before anybody sees them."""
    mark = b"MARK" if wanted else b"none"
    parts = [frame(TEXT, mark[:2], fin=False), frame(CONTINUATION, mark[2:], fin=False), frame(CONTINUATION, b"!")]
    listener = RecordingListener()
    async with raw_server(sends(*parts, frame(TEXT, b"next"))) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        await listener.until(lambda: b"next" in listener.unwanted)
        listener.open_connection.abort()

    assert listener.received == ([b"MARK!"] if wanted else [])
    assert listener.unwanted == ([b"next"] if wanted else [b"none!", b"next"])


@pytest.mark.parametrize("at", [0, 1, 2])
@on_an_event_loop
async def test_a_marker_within_one_fragment_counts_once_and_not_before_the_last(
    make_transport: MakeTransport, at: int
) -> None:
    """A message is received when all of it is there, wherever its marker stands."""
    payloads = [b"a", b"b", b"c"]
    payloads[at] = b"MARK"
    two_are_there, last_may_go = asyncio.Event(), asyncio.Event()

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade()
        peer.writer.write(frame(TEXT, payloads[0], fin=False) + frame(CONTINUATION, payloads[1], fin=False))
        peer.writer.write(frame(PING, b"are you there?"))
        assert await peer.frame() == (PONG, b"are you there?")
        two_are_there.set()
        await last_may_go.wait()
        peer.writer.write(frame(CONTINUATION, payloads[2]) + frame(TEXT, b"next"))
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        await two_are_there.wait()
        assert listener.calls == ["opened"]
        last_may_go.set()
        await listener.until(lambda: listener.unwanted == [b"next"])
        listener.open_connection.abort()

    assert listener.received == [b"".join(payloads)]


@on_an_event_loop
async def test_pings_are_answered_and_not_shown(make_transport: MakeTransport) -> None:
    """Control frames are the transport's own business, between messages and within one."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade()
        peer.writer.write(frame(PING, b"1") + frame(PONG, b"unasked"))
        peer.writer.write(frame(TEXT, b"hal", fin=False) + frame(PING) + frame(PONG, b"unasked"))
        peer.writer.write(frame(CONTINUATION, b"ves"))
        assert await peer.frame() == (PONG, b"1")
        assert await peer.frame() == (PONG, b"")
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        await listener.until(lambda: bool(listener.unwanted))
        listener.open_connection.abort()

    assert listener.calls[:2] == ["opened", "heard"]
    assert listener.unwanted == [b"halves"]


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 1_000_000])
@on_an_event_loop
async def test_a_message_of_any_length_arrives_whole(make_transport: MakeTransport, size: int) -> None:
    """The three forms of the length field, both ways; and a megabyte."""
    listener = RecordingListener()
    message = b"x" * size
    async with websocket_server(echo, max_size=None) as url:
        await make_transport(url).connect(ANYWHERE, listener)
        listener.open_connection.send(message)
        await listener.until(lambda: listener.unwanted == [message])


@on_an_event_loop
async def test_a_binary_message_is_a_message(make_transport: MakeTransport) -> None:
    """Some servers answer in binary frames; their markers count all the same."""
    listener = RecordingListener()
    async with raw_server(sends(frame(BINARY, b"\xffMARK"))) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        await listener.until(lambda: listener.received == [b"\xffMARK"])
        listener.open_connection.abort()


@on_an_event_loop
async def test_text_that_is_no_utf8_counts_all_the_same(make_transport: MakeTransport) -> None:
    """Whether a marker came through is the question here; nobody decodes what stands around it."""
    listener = RecordingListener()
    async with raw_server(sends(frame(TEXT, b"\xff\xfeMARK") + frame(TEXT, b"\xc3"))) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        await listener.until(lambda: listener.unwanted == [b"\xc3"])
        listener.open_connection.abort()

    assert listener.received == [b"\xff\xfeMARK"]


@on_an_event_loop
async def test_a_message_at_the_limit_arrives_whole(make_transport: MakeTransport) -> None:
    """The limit is inclusive, for one frame and for fragments together."""
    whole = frame(TEXT, b"x" * MAX_FRAME_BYTES)
    halves = [frame(TEXT, b"x" * (MAX_FRAME_BYTES - 1), fin=False), frame(CONTINUATION, b"x")]
    listener = RecordingListener()
    async with raw_server(sends(whole, *halves)) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        await listener.until(lambda: len(listener.unwanted) == 2)
        listener.open_connection.abort()

    assert [len(message) for message in listener.unwanted] == [MAX_FRAME_BYTES] * 2


@on_an_event_loop
async def test_a_message_that_comes_byte_by_byte_arrives_whole(make_transport: MakeTransport) -> None:
    """And so do the 101 before it and the close frame behind it."""

    async def conversation(peer: RawPeer) -> None:
        request = await peer.request()
        for byte in accepting(request) + frame(TEXT, b"slow MARK" + b"x" * 200) + close_frame(1001, "bye"):
            peer.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        assert await listener.end() == Closed(1001, "bye")

    assert listener.received == [b"slow MARK" + b"x" * 200]


@on_an_event_loop
async def test_traffic_counts_frames_as_they_come(make_transport: MakeTransport) -> None:
    """Each fragment is one; a ping and what answers it are the transport's own business."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=frame(TEXT, b"123", fin=False) + frame(PING, b"ping") + frame(CONTINUATION, b"4"))
        assert await peer.frame() == (PONG, b"ping")
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        transport = make_transport(server.url)
        await transport.connect(ANYWHERE, listener)
        await listener.until(lambda: listener.unwanted == [b"1234"])
        listener.open_connection.abort()

    traffic = transport.traffic
    assert (traffic.frames_received, traffic.bytes_received) == (2, 4)
    assert (traffic.frames_sent, traffic.bytes_sent) == (0, 0)


@on_an_event_loop
async def test_traffic_counts_messages_and_their_bytes(make_transport: MakeTransport) -> None:
    """Of all connections of the transport together; payloads only."""
    listeners = RecordingListener(user=0), RecordingListener(user=1)
    async with websocket_server(echo) as url:
        transport = make_transport(url)
        for listener in listeners:
            await transport.connect(ANYWHERE, listener)
            listener.open_connection.send(b"12345")
            listener.open_connection.send("ë".encode())
            await listener.until(lambda: len(listener.unwanted) == 2)  # noqa: B023 - awaited at once

        traffic = transport.traffic
        assert (traffic.frames_sent, traffic.bytes_sent) == (4, 14)
        assert (traffic.frames_received, traffic.bytes_received) == (4, 14)
