"""Servers that break the rules of WebSocket are ended by them, and what they said before counts."""

import random
from unittest.mock import ANY

import pytest

from loadgen.engine.transport import MAX_FRAME_BYTES
from tests.support.event_loop import on_an_event_loop
from tests.support.listener import Closed, RecordingListener
from tests.support.raw_websocket import CLOSE, CONTINUATION, PING, TEXT, RawPeer, close_frame, frame, raw_server
from tests.support.transports import ANYWHERE, MakeTransport, sends

pytestmark = pytest.mark.system

BROKEN = {
    "a masked frame": frame(TEXT, b"hello", masked=True),
    "an unknown opcode": frame(0x3, b"hello"),
    "an unknown control opcode": frame(0xB, b"hello"),
    "the first reserved bit": frame(TEXT, b"hello", reserved_bits=4),
    "the second reserved bit": frame(TEXT, b"hello", reserved_bits=2),
    "the third reserved bit": frame(TEXT, b"hello", reserved_bits=1),
    "a continuation of nothing": frame(CONTINUATION, b"hello"),
    "a fragment of nothing": frame(CONTINUATION, b"hello", fin=False),
    "a new message within one": frame(TEXT, b"hel", fin=False) + frame(TEXT, b"lo"),
    "new fragments within a message": frame(TEXT, b"hel", fin=False) + frame(TEXT, b"lo", fin=False),
    "a ping in fragments": frame(PING, b"hello", fin=False),
    "a ping too long": frame(PING, b"x" * 126),
    "a close of one byte": frame(CLOSE, b"x"),
    "a close with code 0": close_frame(0),
    "a close with code 999": close_frame(999),
    "a close with code 1004": close_frame(1004),
    "a close with code 1005": close_frame(1005),
    "a close with code 1006": close_frame(1006),
    "a close with code 1015": close_frame(1015),
    "a close with code 2999": close_frame(2999),
    "a close with code 5000": close_frame(5000),
    "a close with code 65535": close_frame(65535),
}


@pytest.mark.parametrize("what", BROKEN)
@on_an_event_loop
async def test_what_breaks_the_protocol_ends_the_connection(make_transport: MakeTransport, what: str) -> None:
    """The server is told 1002, our listener the same with what was wrong, and nobody crashes."""
    answers: list[tuple[int, bytes]] = []

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=BROKEN[what])
        answers.append(await peer.frame())
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        end = await listener.end()

    assert end.code == 1002
    assert end.reason
    assert [(opcode, payload[:2]) for opcode, payload in answers] == [(CLOSE, b"\x03\xea")]
    assert listener.received == listener.unwanted == []


@pytest.mark.parametrize("what", BROKEN)
@on_an_event_loop
async def test_messages_before_a_fault_are_shown(make_transport: MakeTransport, what: str) -> None:
    """They were whole, though they came in one packet with what was not."""
    listener = RecordingListener()
    async with raw_server(sends(frame(TEXT, b"first") + frame(TEXT, b"MARK") + BROKEN[what])) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        assert (await listener.end()).code == 1002

    assert listener.calls == ["opened", "heard", "receive", "closed"]


@on_an_event_loop
async def test_messages_behind_a_fault_are_not_shown(make_transport: MakeTransport) -> None:
    """However long the connection takes to end."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=close_frame(999))
        assert await peer.frame() == (CLOSE, ANY)
        peer.writer.write(frame(TEXT, b"MARK") + frame(TEXT, b"more"))
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        assert (await listener.end()).code == 1002

    assert listener.calls == ["opened", "closed"]


@pytest.mark.parametrize("seed", range(20))
@on_an_event_loop
async def test_garbage_ends_the_connection(make_transport: MakeTransport, seed: int) -> None:
    """With our verdict where the rules are broken, with 1006 where the server stops within a frame."""
    garbage = random.Random(seed).randbytes(4096)

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=garbage)

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        assert (await listener.end()).code in (1002, 1006, 1007, 1009)

    assert listener.received == []


@pytest.mark.parametrize("size", [5, 500, 70_000])
@on_an_event_loop
async def test_half_a_frame_is_none(make_transport: MakeTransport, size: int) -> None:
    """Cut anywhere: within the head, its length field or the payload, of any of the three forms."""
    whole = frame(TEXT, b"MARK" + b"x" * (size - 4))
    cuts = [cut for cut in (1, 2, 3, 5, 9, len(whole) - 1) if cut < len(whole)]
    left = iter(cuts)

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=whole[: next(left)])

    async with raw_server(conversation) as server:
        transport = make_transport(server.url)
        for _ in cuts:
            listener = RecordingListener()
            await transport.connect(ANYWHERE, listener)
            assert await listener.end() == Closed(1006, "")
            assert listener.calls == ["opened", "closed"]


@pytest.mark.parametrize(
    ("announced_bytes", "codes"),
    [(100_000_000, [1009]), (2**62, [1009]), (2**63, [1002, 1009]), (2**64 - 1, [1002, 1009])],
)
@on_an_event_loop
async def test_a_frame_that_is_announced_too_big_is_not_waited_for(
    make_transport: MakeTransport, announced_bytes: int, codes: list[int]
) -> None:
    """Its head is enough; the first bit of the length must not be set (RFC 6455, 5.2)."""
    listener = RecordingListener()
    async with raw_server(sends(b"\x81\x7f" + announced_bytes.to_bytes(8, "big"))) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        assert (await listener.end()).code in codes


@on_an_event_loop
async def test_a_close_reason_that_is_no_text_is_1007(make_transport: MakeTransport) -> None:
    """RFC 6455, 5.5.1: a reason is UTF-8."""
    listener = RecordingListener()
    async with raw_server(sends(frame(CLOSE, b"\x03\xe8\xff\xfe"))) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        assert (await listener.end()).code == 1007


@pytest.mark.parametrize("fragmented", [False, True])
@on_an_event_loop
async def test_a_message_over_the_limit_ends_the_connection(make_transport: MakeTransport, fragmented: bool) -> None:
    """1009: a server cannot fill our memory, neither with a frame nor with fragments."""
    eighth = b"x" * (MAX_FRAME_BYTES // 8)
    start = frame(TEXT, b"x", fin=False)
    parts = [start, *[frame(CONTINUATION, eighth, fin=False)] * 8] if fragmented else [frame(TEXT, eighth * 8 + b"x")]
    listener = RecordingListener()
    async with raw_server(sends(*parts)) as server:
        await make_transport(server.url).connect(ANYWHERE, listener)
        end = await listener.end()

    assert end.code == 1009
    assert end.reason
    assert listener.received == listener.unwanted == []
