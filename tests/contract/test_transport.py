"""What every transport promises, kept against real servers: one that keeps the rules, and one that breaks them."""

import asyncio
import itertools
import random
import zlib
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from unittest.mock import ANY

import psutil
import pytest
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from loadgen.dialects import Opening
from loadgen.engine import clock
from loadgen.engine.clock import now_ns
from loadgen.engine.transport import MAX_FRAME_BYTES, Connection, Listener, Transport
from loadgen.engine.transport.picows_transport import PicowsTransport
from loadgen.engine.transport.websockets_transport import WebsocketsTransport
from loadgen.errors import ErrorKind, ServerError
from loadgen.plan.access import DIRECT, Access
from tests.support.certificates import self_signed
from tests.support.event_loop import on_an_event_loop, what_went_wrong
from tests.support.listener import Closed, RecordingListener
from tests.support.raw_websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Conversation,
    RawPeer,
    accepting,
    close_frame,
    frame,
    raw_server,
)
from tests.support.server_process import server_process
from tests.support.silent_port import refusing_port, silent_port
from tests.support.websocket_peer import websocket_server

pytestmark = pytest.mark.system

ANYWHERE = Opening("/chat")
# Long enough for a server in this process to answer, short enough to wait for one that does not.
SHORT_S = 0.2


class MakeTransport(Protocol):
    """Makes a transport to a base URL."""

    def __call__(
        self,
        base_url: str,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        access: Access = DIRECT,
        timeout_s: float = 10.0,
        local_address: str | None = None,
    ) -> Transport: ...


reading_together = partial(PicowsTransport, reads_together=True)


@pytest.fixture(
    params=[PicowsTransport, reading_together, WebsocketsTransport], ids=["picows", "together", "websockets"]
)
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    def make(
        base_url: str,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        access: Access = DIRECT,
        timeout_s: float = 10.0,
        local_address: str | None = None,
    ) -> Transport:
        transport: Transport = request.param(
            base_url, headers, access=access, timeout_s=timeout_s, local_address=local_address
        )
        return transport

    return make


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def stay(connection: ServerConnection) -> None:
    await connection.wait_closed()


def sends(*chunks: bytes) -> Conversation:
    """A conversation: upgrade, send each chunk, and wait until the client hangs up."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade()
        for chunk in chunks:
            peer.writer.write(chunk)
        await peer.end()

    return conversation


async def error_of(transport: Transport, listener: Listener, opening: Opening = ANYWHERE) -> ServerError:
    with pytest.raises(ServerError) as caught:
        await transport.connect(opening, listener)
    return caught.value


# --- messages


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


# --- how a connection ends


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


# --- servers that break the rules


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


# --- when the server stops reading


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


# --- handshakes


@on_an_event_loop
async def test_path_headers_and_subprotocols_are_sent(make_transport: MakeTransport) -> None:
    """The run's headers and the opening's own; the path as it was given."""
    seen: list[Request] = []

    async def look(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request)
        await connection.wait_closed()

    opening = Opening("/ws/chat?token=a%20b%2Bc", (("X-Own", "1"),), ("chat.v2", "chat.v1"))
    listener = RecordingListener()
    async with websocket_server(look, subprotocols=[Subprotocol("chat.v1")]) as url:
        await make_transport(url, (("X-Run", "2"),)).connect(opening, listener)
        listener.open_connection.close()
        await listener.end()

    (request,) = seen
    assert request.path == "/ws/chat?token=a%20b%2Bc"
    assert request.headers["X-Own"] == "1"
    assert request.headers["X-Run"] == "2"
    assert request.headers["Sec-WebSocket-Protocol"] == "chat.v2, chat.v1"
    assert request.headers["Host"] == url.removeprefix("http://")


@on_an_event_loop
async def test_headers_are_utf8_and_a_host_of_our_own_is_the_only_one(make_transport: MakeTransport) -> None:
    """As a proxy wants it that serves many names."""
    heads: list[bytes] = []

    async def conversation(peer: RawPeer) -> None:
        heads.append(await peer.request())
        peer.accept(heads[0])
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url, (("Host", "chat.example"), ("X-Who", "Zoë"))).connect(ANYWHERE, listener)
        listener.open_connection.abort()

    lines = heads[0].lower().split(b"\r\n")
    assert [line for line in lines if line.startswith(b"host:")] == [b"host: chat.example"]
    assert "x-who: zoë".encode() in lines


@on_an_event_loop
async def test_no_extension_is_offered_unless_asked_for(make_transport: MakeTransport) -> None:
    """Compression costs memory and time that a server would be charged with."""
    heads: list[bytes] = []

    async def conversation(peer: RawPeer) -> None:
        heads.append(await peer.request())

    async with raw_server(conversation) as server:
        await error_of(make_transport(server.url), RecordingListener())

    assert b"extensions" not in heads[0].lower()


@on_an_event_loop
async def test_a_token_as_a_subprotocol_lets_us_in(make_transport: MakeTransport) -> None:
    """Some servers take a token only so; the reference server does."""
    listener = RecordingListener()
    with server_process() as server:
        opening = Opening("/ws/rooms", subprotocols=(f"bearer.{server.token('user1')}",))
        await make_transport(server.url).connect(opening, listener)
        await listener.until(lambda: bool(listener.unwanted))
        assert b'"type":"welcome","user":"user1"' in listener.unwanted[0]
        listener.open_connection.close()
        assert await listener.end() == Closed(1000, "")


@on_an_event_loop
async def test_the_headers_of_the_first_handshake_are_known(make_transport: MakeTransport) -> None:
    """By lower-case names; later handshakes change nothing."""
    count = itertools.count(1)

    def number(_: ServerConnection, __: Request, response: Response) -> Response:
        response.headers["X-Number"] = str(next(count))
        return response

    async with websocket_server(stay, process_response=number, server_header="a server") as url:
        transport = make_transport(url)
        assert transport.handshake_headers == {}
        for _ in range(2):
            await transport.connect(ANYWHERE, RecordingListener())

        assert transport.handshake_headers["x-number"] == "1"
        assert transport.handshake_headers["server"] == "a server"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, ErrorKind.HTTP_4XX), (404, ErrorKind.HTTP_4XX), (503, ErrorKind.HTTP_5XX), (500, ErrorKind.HTTP_5XX)],
)
@on_an_event_loop
async def test_a_refused_upgrade_tells_the_status_and_what_the_server_says(
    make_transport: MakeTransport, status: int, kind: ErrorKind
) -> None:
    """It is data, with the body as the example; the listener is told nothing."""

    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(HTTPStatus(status), "the house is full\n")

    listener = RecordingListener()
    async with websocket_server(stay, process_request=refuse) as url:
        transport = make_transport(url)
        error = await error_of(transport, listener)

    assert error.kind is kind
    assert str(status) in str(error)
    assert "the house is full" in str(error)
    assert listener.calls == []
    assert transport.handshake_headers == {}


def answers(*chunks: bytes) -> Conversation:
    """A conversation: answer the handshake with these bytes, and hang up."""

    async def conversation(peer: RawPeer) -> None:
        await peer.request()
        for chunk in chunks:
            peer.writer.write(chunk)

    return conversation


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.0 503 Service Unavailable\r\n\r\nno backend", ErrorKind.HTTP_5XX),
        (b"HTTP/1.1 520 Web server returns an unknown error\r\n\r\n", ErrorKind.HTTP_5XX),
        (b"HTTP/1.1 499 \r\n\r\n", ErrorKind.HTTP_4XX),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ErrorKind.BAD_HANDSHAKE),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", ErrorKind.BAD_HANDSHAKE),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: wrong\r\n\r\n",
            ErrorKind.BAD_HANDSHAKE,
        ),
        (b"SSH-2.0-OpenSSH_9.7\r\n\r\n", ErrorKind.BAD_HANDSHAKE),
        (b"\xff\xfe\r\n\r\n", ErrorKind.BAD_HANDSHAKE),
        (b"x" * 70_000, ErrorKind.BAD_HANDSHAKE),
        (b"", ErrorKind.RESET),
        (b"HTTP/1.1 101 Switch", ErrorKind.RESET),
    ],
)
@on_an_event_loop
async def test_an_answer_that_is_no_101_is_data(make_transport: MakeTransport, answer: bytes, kind: ErrorKind) -> None:
    """Whatever a server says to the handshake, or leaves unsaid."""
    listener = RecordingListener()
    async with raw_server(answers(answer)) as server:
        error = await error_of(make_transport(server.url), listener)

    assert error.kind is kind
    assert str(error)
    assert listener.calls == []


@on_an_event_loop
async def test_a_handshake_that_is_reset_is_data(make_transport: MakeTransport) -> None:
    """RST instead of an answer."""

    async def conversation(peer: RawPeer) -> None:
        await peer.request()
        peer.reset()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        assert (await error_of(make_transport(server.url), listener)).kind is ErrorKind.RESET

    assert listener.calls == []


@on_an_event_loop
async def test_a_refusal_is_told_when_its_head_is_there(make_transport: MakeTransport) -> None:
    """Its body may never end."""

    async def conversation(peer: RawPeer) -> None:
        await peer.request()
        peer.writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000\r\n\r\nthe house")
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        error = await error_of(make_transport(server.url), listener)

    assert error.kind is ErrorKind.HTTP_5XX
    assert "the house" in str(error)
    assert listener.calls == []


@on_an_event_loop
async def test_redirects_are_not_followed(make_transport: MakeTransport) -> None:
    """A server must not send our load elsewhere."""
    async with raw_server(sends()) as elsewhere:

        def refer(_: ServerConnection, __: Request) -> Response:
            location = f"{elsewhere.url.replace('http', 'ws')}/chat"
            return Response(302, "Found", Headers({"Location": location, "Content-Length": "0"}))

        async with websocket_server(stay, process_request=refer) as url:
            error = await error_of(make_transport(url), RecordingListener())

    assert error.kind is ErrorKind.HTTP_3XX
    assert elsewhere.connection_count == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@on_an_event_loop
async def test_a_port_where_nobody_listens_is_refused(make_transport: MakeTransport, host: str) -> None:
    """Also where a name stands for several addresses."""
    error = await error_of(make_transport(f"http://{host}:{refusing_port()}"), RecordingListener())

    assert error.kind is ErrorKind.REFUSED


ASKS_OUTSIDE = any(
    line.startswith("nameserver") and not line.split()[1].startswith(("127.", "::1"))
    for line in Path("/etc/resolv.conf").read_text().splitlines()
)


@pytest.mark.parametrize(
    "host",
    [
        f"{'x' * 64}.invalid",
        pytest.param(
            "nowhere.invalid", marks=pytest.mark.skipif(ASKS_OUTSIDE, reason="would ask a resolver elsewhere")
        ),
    ],
)
@on_an_event_loop
async def test_a_name_that_does_not_resolve_is_dns(make_transport: MakeTransport, host: str) -> None:
    """Also one that cannot even be asked for: a label has 63 characters at most."""
    error = await error_of(make_transport(f"http://{host}:80"), RecordingListener())

    assert error.kind is ErrorKind.DNS


@pytest.mark.parametrize("scheme", ["http", "https"])
@on_an_event_loop
async def test_a_server_that_never_answers_is_a_timeout_and_leaves_no_socket_behind(
    make_transport: MakeTransport, scheme: str
) -> None:
    """The kernel accepts, nobody speaks; the file is given back."""
    with silent_port() as port:
        transport = make_transport(f"{scheme}://127.0.0.1:{port}", timeout_s=SHORT_S)
        await error_of(transport, RecordingListener())  # what is made at the first use stays open
        files_before = psutil.Process().num_fds()
        listener = RecordingListener()

        error = await error_of(transport, listener)

        while psutil.Process().num_fds() > files_before:
            await asyncio.sleep(0)
    assert error.kind is ErrorKind.TIMEOUT
    assert listener.calls == []


@on_an_event_loop
async def test_an_answer_after_we_gave_up_opens_nothing(make_transport: MakeTransport) -> None:
    """Else there would be a connection that nobody knows of."""
    asked, given_up = asyncio.Event(), asyncio.Event()
    hung_up = asyncio.Event()

    async def conversation(peer: RawPeer) -> None:
        request = await peer.request()
        asked.set()
        await given_up.wait()
        peer.accept(request)
        await peer.end()
        hung_up.set()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        connecting = asyncio.create_task(make_transport(server.url).connect(ANYWHERE, listener))
        await asked.wait()
        connecting.cancel()
        await asyncio.wait([connecting])
        given_up.set()
        await hung_up.wait()

    assert connecting.cancelled()
    assert listener.calls == []


@on_an_event_loop
async def test_it_stays_open_where_the_time_was_up_in_the_moment_it_opened(make_transport: MakeTransport) -> None:
    """A connection that the listener knows of is never reported as failed."""

    class SlowListener(RecordingListener):
        def opened(self, connection: Connection, now_ns: int) -> None:
            super().opened(connection, now_ns)
            while clock.now_ns() < now_ns + 2 * SHORT_S * 1e9:
                pass

    listener = SlowListener()
    async with websocket_server(echo) as url:
        await make_transport(url, timeout_s=SHORT_S).connect(ANYWHERE, listener)
        listener.open_connection.send(b"MARK")
        await listener.until(lambda: listener.received == [b"MARK"])


@on_an_event_loop
async def test_connections_leave_from_the_address_they_are_told_to(make_transport: MakeTransport) -> None:
    """One address has some 28,000 ports to one server; more users need more addresses."""
    seen: list[str] = []

    async def look(connection: ServerConnection) -> None:
        seen.append(connection.remote_address[0])

    listener = RecordingListener()
    async with websocket_server(look) as url:
        await make_transport(url, local_address="127.0.0.5").connect(ANYWHERE, listener)
        await listener.end()

    assert seen == ["127.0.0.5"]


@on_an_event_loop
async def test_an_address_that_this_machine_has_not_is_a_limit_of_ours(make_transport: MakeTransport) -> None:
    """RFC 5737 keeps 192.0.2.0/24 for documentation: nobody has it, and nothing is sent."""
    async with websocket_server(stay) as url:
        error = await error_of(make_transport(url, local_address="192.0.2.1"), RecordingListener())

    assert error.kind is ErrorKind.LIMIT_PORTS


@on_an_event_loop
async def test_a_thousand_connections_leave_no_descriptor_behind(make_transport: MakeTransport) -> None:
    """Whoever ends them, and however."""
    endings = itertools.cycle(["we close", "we abort", "it closes", "it resets"])

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade()
        try:
            _, said = await peer.frame()
        except asyncio.IncompleteReadError:  # we aborted
            return
        if said == b"it resets":
            peer.reset()
            return
        peer.writer.write(close_frame(1000))
        await peer.end()

    async def come_and_go(transport: Transport, ending: str) -> None:
        listener = RecordingListener()
        await transport.connect(ANYWHERE, listener)
        connection = listener.open_connection
        if ending == "we close":
            connection.close()
        elif ending == "we abort":
            connection.abort()
        else:
            connection.send(ending.encode())
        await listener.end()

    async with raw_server(conversation) as server:
        transport = make_transport(server.url)
        await come_and_go(transport, "we close")  # what is made at the first use stays open
        files_before = psutil.Process().num_fds()
        for _ in range(20):
            await asyncio.gather(*(come_and_go(transport, next(endings)) for _ in range(50)))
        while psutil.Process().num_fds() > files_before:
            await asyncio.sleep(0)


# --- compression, by the one that has it


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


# --- TLS


@on_an_event_loop
async def test_a_certificate_nobody_vouches_for_is_refused_unless_told_otherwise(
    make_transport: MakeTransport, tmp_path: Path
) -> None:
    """Verified by default; ``--insecure`` takes any."""
    async with websocket_server(echo, ssl=self_signed(tmp_path)) as url:
        assert (await error_of(make_transport(url), RecordingListener())).kind is ErrorKind.TLS

        listener = RecordingListener()
        await make_transport(url, access=Access(verify_tls=False)).connect(ANYWHERE, listener)
        listener.open_connection.send(b"MARK")
        await listener.until(lambda: listener.received == [b"MARK"])


@on_an_event_loop
async def test_a_certificate_somebody_vouches_for_must_be_the_servers_own(
    make_transport: MakeTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Good for 127.0.0.1, and for no other name of it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    listener = RecordingListener()
    message = b"MARK" + b"x" * 1_000_000
    async with websocket_server(echo, ssl=self_signed(tmp_path), max_size=None) as url:
        await make_transport(url).connect(ANYWHERE, listener)
        listener.open_connection.send(message)
        await listener.until(lambda: listener.received == [message])
        listener.open_connection.close()
        assert await listener.end() == Closed(1000, "")

        error = await error_of(make_transport(url.replace("127.0.0.1", "localhost")), RecordingListener())
        assert error.kind is ErrorKind.TLS


@pytest.mark.parametrize("how", ["close", "end", "abort"])
@on_an_event_loop
async def test_connections_end_over_tls_as_they_do_without(
    make_transport: MakeTransport, tmp_path: Path, how: str
) -> None:
    """By the server's close frame, by its hanging up, by our own abort."""

    async def conversation(peer: RawPeer) -> None:
        await peer.upgrade(then=close_frame(4001, "bye") if how == "close" else b"")
        if how != "end":
            await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation, self_signed(tmp_path)) as server:
        await make_transport(server.url, access=Access(verify_tls=False)).connect(ANYWHERE, listener)
        if how == "abort":
            listener.open_connection.abort()
        assert await listener.end() == (Closed(4001, "bye") if how == "close" else Closed(1006, ""))


@on_an_event_loop
async def test_a_server_without_tls_is_a_tls_error(make_transport: MakeTransport) -> None:
    """https:// to a port that speaks HTTP."""

    async def conversation(peer: RawPeer) -> None:
        peer.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.end()

    async with raw_server(conversation) as server:
        url = server.url.replace("http", "https")
        assert (await error_of(make_transport(url), RecordingListener())).kind is ErrorKind.TLS


# --- our own bugs


class BuggyListener(RecordingListener):
    """Has a bug in one of its methods."""

    def __init__(self, bug: str) -> None:
        super().__init__()
        self._bug = bug

    def receive(self, user: int, payload: bytes, now_ns: int) -> bool:
        self._fail_in("receive")
        return super().receive(user, payload, now_ns)

    def opened(self, connection: object, now_ns: int) -> None:
        self._fail_in("opened")

    def heard(self, payload: bytes, now_ns: int) -> None:
        self._fail_in("heard")

    def closed(self, code: int, reason: str, now_ns: int) -> None:
        self._fail_in("closed")

    def _fail_in(self, method: str) -> None:
        if self._bug == method:
            raise ZeroDivisionError(f"a bug in {method}")


@pytest.mark.parametrize("method", ["opened", "receive", "heard", "closed"])
@on_an_event_loop
async def test_a_bug_of_ours_does_not_vanish(make_transport: MakeTransport, method: str) -> None:
    """What our own listener raises reaches the loop's exception handler: it ends the run."""
    faults = what_went_wrong()

    async def talk(connection: ServerConnection) -> None:
        try:
            await connection.send("hello")
        except ConnectionClosed:
            return

    async with websocket_server(talk) as url:
        await make_transport(url).connect(ANYWHERE, BuggyListener(method))
        error = await faults.get()

    assert isinstance(error, ZeroDivisionError)
    assert str(error) == f"a bug in {method}"
