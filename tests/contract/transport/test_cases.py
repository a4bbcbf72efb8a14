"""What a server may do within the rules, and just beyond them, after the cases of the Autobahn test suite.

What its neighbours have is not repeated: lengths, opcodes and reserved bits, close codes, garbage, the limit. Whether
text is UTF-8 is not looked at (section 6 of the suite): a marker counts wherever it stands.
"""

import asyncio
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from loadgen.dialects import Opening
from loadgen.engine.transport.picows_transport import PicowsTransport
from loadgen.engine.transport.websockets_transport import WebsocketsTransport
from tests.support.event_loop import on_an_event_loop
from tests.support.listener import RecordingListener
from tests.support.raw_websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawPeer,
    close_frame,
    frame,
    raw_server,
)

pytestmark = pytest.mark.system

BYE = close_frame(1000, "bye")
NOT_TEXT = bytes(range(0x80, 0x80 + 125))


@dataclass(frozen=True, slots=True)
class Case:
    """What the server sends, in this order; what the listener hears of it, what is answered, and how it ends."""

    sends: Sequence[bytes]
    messages: Sequence[bytes] = ()
    pongs: Sequence[bytes] = ()
    # Of the close frame that the listener is told of.
    code: int = 1000


def parts(opcode: int, payload: bytes, size: int, between: bytes = b"") -> list[bytes]:
    """One message in fragments of so many bytes, with other frames between them."""
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    last = len(pieces) - 1
    return [
        frame(CONTINUATION if n else opcode, piece, fin=n == last) + (b"" if n == last else between)
        for n, piece in enumerate(pieces)
    ]


# After the name, the number of the case in the suite.
CASES = {
    "a ping of as many bytes as it may have, none of them text (2.3, 2.4)": Case(
        [frame(PING, NOT_TEXT), BYE], pongs=[NOT_TEXT]
    ),
    "ten pings, each answered in its turn (2.10)": Case(
        [*(frame(PING, b"%d" % n) for n in range(10)), BYE], pongs=[b"%d" % n for n in range(10)]
    ),
    "pongs that nobody asked for, before and behind pings (2.7 to 2.9)": Case(
        [frame(PONG), frame(PONG, b"x"), frame(PING, b"1"), frame(PONG, b"1"), frame(PING, b"2"), BYE],
        pongs=[b"1", b"2"],
    ),
    "opcodes that are not given out (4.1, 4.2)": Case([frame(0x7, b"x")], code=1002),
    "control opcodes that are not given out (4.2)": Case([frame(0xF, b"x")], code=1002),
    "a pong in fragments (5.2)": Case([frame(PONG, b"x", fin=False), frame(CONTINUATION, b"y")], code=1002),
    "a ping between two fragments (5.6)": Case([*parts(TEXT, b"abcd", 2, frame(PING, b"p")), BYE], [b"abcd"], [b"p"]),
    "a ping between each two of a hundred fragments (5.19)": Case(
        [*parts(BINARY, b"x" * 100, 1, frame(PING)), BYE], [b"x" * 100], [b""] * 99
    ),
    "fragments without a byte (6.1.2, 6.1.3)": Case(
        [frame(TEXT, fin=False), frame(CONTINUATION, b"mid", fin=False), frame(CONTINUATION), BYE], [b"mid"]
    ),
    "a message of fragments that are all empty (6.1.2)": Case(
        [frame(TEXT, fin=False), frame(CONTINUATION, fin=False), frame(CONTINUATION), BYE], [b""]
    ),
    "what continues a message that is over (5.9 to 5.14)": Case(
        [*parts(TEXT, b"abcd", 2), frame(CONTINUATION, b"e")], [b"abcd"], code=1002
    ),
    "a whole message within one in fragments (5.18)": Case(
        [frame(TEXT, b"x", fin=False), frame(BINARY, b"y")], code=1002
    ),
    "a hundred messages, as text and as binary in turn (1.1, 1.2)": Case(
        [*(frame(BINARY if n % 2 else TEXT, b"%d" % n) for n in range(100)), BYE], [b"%d" % n for n in range(100)]
    ),
    "a second close frame, and a ping behind the first (7.1.2, 7.1.3)": Case(
        [BYE, frame(PING, b"x"), close_frame(1001)]
    ),
    "a close reason of as many bytes as it may have (7.3.5)": Case([close_frame(1000, "x" * 123)]),
    "a close reason of one byte more (7.3.6)": Case([close_frame(1000, "x" * 124)], code=1002),
    "a close frame in fragments (5.1)": Case([frame(CLOSE, b"\x03\xe8", fin=False), frame(CONTINUATION)], code=1002),
    "64 KiB in fragments of 64 bytes (9.3)": Case([*parts(TEXT, b"x" * 65_536, 64), BYE], [b"x" * 65_536]),
    "a megabyte in fragments of 4 KiB (9.3)": Case([*parts(BINARY, b"x" * (1 << 20), 4_096), BYE], [b"x" * (1 << 20)]),
}
TRANSPORTS = {
    "picows": PicowsTransport,
    "together": partial(PicowsTransport, reads_together=True),
    "websockets": WebsocketsTransport,
}


async def play(case: Case, make_transport: Any, *, chop_bytes: int | None, headers: bytes = b"") -> None:
    """Send it, in one write or chopped, and see that both sides have what they should."""
    pongs: list[bytes] = []

    async def conversation(peer: RawPeer) -> None:
        peer.accept(await peer.request(), headers=headers)
        data = b"".join(case.sends)
        for at in range(0, len(data), chop_bytes or len(data)):
            # A client that has heard enough may be gone before the rest is sent.
            if peer.writer.transport.is_closing():
                return
            peer.writer.write(data[at : at + (chop_bytes or len(data))])
            await asyncio.sleep(0)
        # Until the client has closed, or hung up.
        with suppress(asyncio.IncompleteReadError, ConnectionResetError):
            while (received := await peer.frame())[0] != CLOSE:
                assert received[0] == PONG
                pongs.append(received[1])
        await peer.end()

    listener = RecordingListener()
    async with raw_server(conversation) as server:
        await make_transport(server.url, (), timeout_s=10.0).connect(Opening("/chat"), listener)
        end = await listener.end()

    assert end.code == case.code
    assert listener.unwanted == list(case.messages)
    assert pongs == list(case.pongs)


# Large ones are chopped into larger pieces.
CHOPPED = [
    (name, chop_bytes)
    for name, case in CASES.items()
    for chop_bytes in (None, 1 if sum(map(len, case.sends)) < 10_000 else 997)
]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("name", "chop_bytes"), CHOPPED)
@on_an_event_loop
async def test_a_server_is_followed_as_far_as_the_rules_go(name: str, chop_bytes: int | None, transport: str) -> None:
    """Each message once and in order, each ping answered with its own bytes, the end told with its code."""
    await play(CASES[name], TRANSPORTS[transport], chop_bytes=chop_bytes)


def packed(*texts: bytes) -> list[bytes]:
    """Messages as permessage-deflate has them, each packed with the memory of those before (RFC 7692, 7.2.1)."""
    packer = zlib.compressobj(wbits=-15)
    return [(packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4] for text in texts]


TALK = b"the same words again, "
SHORT, LONG = packed(TALK, TALK * 100)
# Sections 12 and 13 of the suite.
PACKED = {
    "messages that refer to those before": Case(
        [frame(TEXT, SHORT, reserved_bits=4), frame(TEXT, LONG, reserved_bits=4), BYE], [TALK, TALK * 100]
    ),
    "a packed message in fragments": Case(
        [
            frame(TEXT, SHORT[:5], reserved_bits=4, fin=False),
            frame(PING, b"p"),
            frame(CONTINUATION, SHORT[5:]),
            BYE,
        ],
        [TALK],
        [b"p"],
    ),
    "one that is not packed among those that are": Case(
        [frame(TEXT, SHORT, reserved_bits=4), frame(TEXT, b"as it is"), frame(TEXT, LONG, reserved_bits=4), BYE],
        [TALK, b"as it is", TALK * 100],
    ),
    "nothing, packed": Case([frame(TEXT, b"\x00", reserved_bits=4), BYE], [b""]),
    "a fragment that says once more that it is packed": Case(
        [frame(TEXT, SHORT[:5], reserved_bits=4, fin=False), frame(CONTINUATION, SHORT[5:], reserved_bits=4)], code=1002
    ),
    "a packed ping": Case([frame(PING, SHORT, reserved_bits=4)], code=1002),
}


@pytest.mark.parametrize("chop_bytes", [None, 1], ids=["in one write", "byte by byte"])
@pytest.mark.parametrize("name", PACKED)
@on_an_event_loop
async def test_packed_messages_are_unpacked_as_they_come(name: str, chop_bytes: int | None) -> None:
    """By the transport that can; what is packed where it may not be ends the connection."""
    make = partial(WebsocketsTransport, compression=True)

    await play(PACKED[name], make, chop_bytes=chop_bytes, headers=b"Sec-WebSocket-Extensions: permessage-deflate\r\n")


@on_an_event_loop
async def test_what_cannot_be_unpacked_ends_the_connection() -> None:
    """It is the server's fault, told with a code like any other."""
    broken = Case([frame(TEXT, b"\xff" * 20, reserved_bits=4)], code=1002)

    await play(
        broken,
        partial(WebsocketsTransport, compression=True),
        chop_bytes=None,
        headers=b"Sec-WebSocket-Extensions: permessage-deflate\r\n",
    )
