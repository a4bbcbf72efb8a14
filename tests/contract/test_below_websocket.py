"""Bytes that no client would send, from below WebSocket: ended as RFC 6455 says, and nobody else notices."""

from collections.abc import Iterator
from dataclasses import dataclass

import hypothesis.strategies as st
import psutil
import pytest
from hypothesis import given

from target_app.settings import Limits
from tests.support.hunting import examples
from tests.support.raw_client import HANDSHAKE, Ending, raw_client
from tests.support.raw_websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame
from tests.support.rooms_client import RoomsClient, token_for, visitors
from tests.support.server_process import ServerProcess, server_process

pytestmark = [pytest.mark.system, pytest.mark.faults]

FRAME_BYTES = Limits().frame_bytes
# More than a busy server gains by chance, and less than what thousands of broken connections would leave behind.
GROWTH_BYTES = 24 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bystanders:
    """Two who talk to one another, whatever is done to the server meanwhile."""

    server: ServerProcess
    ann: RoomsClient
    bob: RoomsClient

    def talk(self) -> None:
        """What one says comes to the other once, and next: nothing was lost, and nothing came from elsewhere."""
        (seq,) = self.ann.say("tea", "still there?")
        frames = self.bob.hear_all()
        assert [(frame["type"], frame.get("seq")) for frame in frames] == [("message", seq)]


@pytest.fixture(scope="module")
def bystanders() -> Iterator[Bystanders]:
    # Those who talk beside it talk faster than anybody may.
    with server_process("--lift-limits") as server, visitors(server) as people:
        before = server.said()
        yield Bystanders(server, people.arrive("ann").join("tea"), people.arrive("bob").join("tea"))
        assert server.said() == before, "what strangers send fills no log"


def masked(opcode: int, payload: bytes = b"", *, fin: bool = True, reserved_bits: int = 0) -> bytes:
    """A frame as a client writes it, unless it is told to break the rules."""
    return frame(opcode, payload, fin=fin, reserved_bits=reserved_bits, masked=True)


def announcing(size: int, opcode: int = TEXT) -> bytes:
    """The head of a frame whose payload never comes."""
    return bytes([0x80 | opcode, 0x80 | 127]) + size.to_bytes(8, "big") + bytes(4)


def said_to(server: ServerProcess, data: bytes) -> Ending:
    """What comes of these bytes after a handshake; it is for the server to hang up."""
    with raw_client(server.url) as client:
        client.upgrade("/ws")
        client.send(data)
        return client.read_to_the_end()


BROKEN_FRAMES = {
    "not masked": (frame(TEXT, b"hello"), 1002),
    "reserved bit 1, compression that was not agreed on": (masked(TEXT, b"hello", reserved_bits=4), 1002),
    "reserved bit 2": (masked(TEXT, b"hello", reserved_bits=2), 1002),
    "reserved bit 3, of a ping": (masked(PING, reserved_bits=1), 1002),
    **{f"reserved opcode {opcode}": (masked(opcode), 1002) for opcode in (3, 7, 11, 15)},
    "a ping of 126 bytes": (masked(PING, b"x" * 126), 1002),
    "a pong of 64 KiB": (masked(PONG, b"x" * 65_536), 1002),
    "a close frame of 126 bytes": (masked(CLOSE, b"\x03\xe8" + b"x" * 124), 1002),
    "half a ping": (masked(PING, b"x", fin=False), 1002),
    "half a close frame": (masked(CLOSE, fin=False), 1002),
    "the end of nothing": (masked(CONTINUATION, b"x"), 1002),
    "a message within a message": (masked(TEXT, b"x", fin=False) + masked(TEXT, b"y"), 1002),
    "a close frame of one byte": (masked(CLOSE, b"\x03"), 1002),
    **{
        f"close code {code}": (masked(CLOSE, code.to_bytes(2, "big")), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)
    },
    "a close reason that is no UTF-8": (masked(CLOSE, b"\x03\xe8\xff"), 1007),
    "text that is no UTF-8": (masked(TEXT, b"caf\xe9"), 1007),
    "a surrogate": (masked(TEXT, b"\xed\xa0\x80"), 1007),
    "an overlong slash": (masked(TEXT, b"\xc0\xaf"), 1007),
    "beyond the last character": (masked(TEXT, b"\xf4\x90\x80\x80"), 1007),
    "a character that does not end": (masked(TEXT, b"\xe2\x82"), 1007),
    "a character that does not end, in parts": (masked(TEXT, b"\xe2", fin=False) + masked(CONTINUATION, b"\x82"), 1007),
    "a byte too many": (masked(TEXT, b"x" * (FRAME_BYTES + 1)), 1009),
    "a byte too many, in parts": (masked(TEXT, b"x" * FRAME_BYTES, fin=False) + masked(CONTINUATION, b"x"), 1009),
    "64 KiB and one announced": (announcing(FRAME_BYTES + 1), 1009),
    "a terabyte announced": (announcing(1 << 40), 1009),
    "as much as can be announced": (announcing((1 << 63) - 1), 1009),
}


@pytest.mark.parametrize("name", BROKEN_FRAMES)
def test_a_broken_frame_is_closed_with_its_code(bystanders: Bystanders, name: str) -> None:
    """At once, and nothing behind it is looked at."""
    data, code = BROKEN_FRAMES[name]

    ending = said_to(bystanders.server, data + masked(TEXT, b"and then"))

    assert ending.close_code == code
    assert TEXT not in [opcode for opcode, _ in ending.frames]
    bystanders.talk()


UNUSUAL_FRAMES = {
    "nothing": (masked(TEXT), b""),
    "in parts, one of them empty": (
        masked(TEXT, b"a", fin=False) + masked(CONTINUATION, fin=False) + masked(CONTINUATION, b"b"),
        b"ab",
    ),
    "a character cut in two": (masked(TEXT, b"\xe2", fin=False) + masked(CONTINUATION, b"\x82\xac"), "€".encode()),
    "a ping within a message": (masked(TEXT, b"a", fin=False) + masked(PING, b"x") + masked(CONTINUATION, b"b"), b"ab"),
    "a pong that nobody asked for": (masked(PONG, b"x" * 125) + masked(TEXT, b"ab"), b"ab"),
    "the last character, and one that is none": (
        masked(TEXT, "\U0010ffff\uffff".encode()),
        "\U0010ffff\uffff".encode(),
    ),
    "as much as may be": (masked(TEXT, b"x" * FRAME_BYTES), b"x" * FRAME_BYTES),
    "a length that could be shorter": (bytes([0x81, 0xFE, 0, 2]) + bytes(4) + b"ab", b"ab"),
}


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("name", UNUSUAL_FRAMES)
def test_an_unusual_frame_is_one_all_the_same(bystanders: Bystanders, name: str, at_once: bool) -> None:
    """What the rules allow is answered, and the close frame with its own code."""
    data, text = UNUSUAL_FRAMES[name]
    with raw_client(bystanders.server.url) as client:
        client.upgrade("/ws")
        for chunk in [data] if at_once or len(data) > 1_000 else [data[i : i + 1] for i in range(len(data))]:
            client.send(chunk)
        client.read_until(b"Message text was: " + text)
        client.send(masked(CLOSE, close_frame(4001, "bye")[2:]))
        ending = client.read_to_the_end()

    assert [payload for opcode, payload in ending.frames if opcode == TEXT] == [b"Message text was: " + text]
    assert ending.close_code == 4001


HEADS = {
    "binary": (bytes(range(256)), 400),
    "a TLS hello": (bytes.fromhex("16030100c8010000c40303") + bytes(190), 400),
    "a version that is none": (b"GET / HTTP/9.9\r\nHost: test\r\n\r\n", 400),
    "a method that is none": (b"G=T / HTTP/1.1\r\nHost: test\r\n\r\n", 400),
    "HTTP/2 without asking": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "NUL in a header": (b"GET / HTTP/1.1\r\nHost: te\0st\r\n\r\n", 400),
    "two lengths": (b"POST /submit HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "a length below nothing": (b"POST /submit HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n", 400),
    "a length that is no number": (b"POST /submit HTTP/1.1\r\nHost: t\r\nContent-Length: 1e3\r\n\r\n", 400),
    "a length beyond all numbers": (
        b"POST /submit HTTP/1.1\r\nHost: t\r\nContent-Length: 9%s\r\n\r\n" % (b"9" * 40),
        400,
    ),
    "a length and chunks": (
        b"POST /submit HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        b"GET / HTTP/1.1\r\nHost: t\r\n\r\n",
        400,
    ),
    "a chunk of a size that is none": (
        b"POST /submit HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        400,
    ),
    "a handshake without a key": (HANDSHAKE.replace(b"Sec-WebSocket-Key", b"X") % b"/ws", 400),
    "a handshake of version 12": (HANDSHAKE.replace(b": 13", b": 12") % b"/ws", 400),
    "a handshake that is a POST": (HANDSHAKE.replace(b"GET", b"POST") % b"/ws", 405),
    "a handshake with two keys": (
        HANDSHAKE.replace(b"Sec-WebSocket-V", b"Sec-WebSocket-Key: x\r\nSec-WebSocket-V") % b"/ws",
        400,
    ),
    "a handshake to nowhere": (HANDSHAKE % b"/nowhere", 404),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_broken_head_has_a_status(bystanders: Bystanders, name: str) -> None:
    """And one only: nothing behind it is taken for another request."""
    data, status = HEADS[name]
    with raw_client(bystanders.server.url) as client:
        client.send(data)
        client.end()
        ending = client.read_to_the_end()

    assert ending.status == status
    bystanders.talk()


PIECES = st.one_of(
    st.builds(
        masked,
        st.sampled_from([CONTINUATION, TEXT, BINARY, 3, CLOSE, PING, PONG, 11]),
        st.binary(max_size=200) | st.text(max_size=50).map(str.encode) | st.just(b"x" * 70_000),
        fin=st.booleans(),
        reserved_bits=st.sampled_from([0, 0, 0, 0, 4, 1]),
    ),
    st.builds(announcing, st.integers(0, (1 << 64) - 1), st.sampled_from([TEXT, PING])),
    st.sampled_from([*(data for data, _ in BROKEN_FRAMES.values()), *(data for data, _ in UNUSUAL_FRAMES.values())]),
    st.sampled_from(['{"type":"join","room":"noise"}', '{"type":"message","room":"noise","text":"!"}']).map(
        lambda text: masked(TEXT, text.encode())
    ),
    st.binary(max_size=40),
)
# Codes that a server may close with, or None where it hangs up on a client that did.
CODES = {None, 1000, 1001, 1002, 1003, 1007, 1008, 1009, *range(3000, 5000)}


@pytest.mark.hunt
@examples(150)
@given(
    pieces=st.lists(PIECES, max_size=6),
    path=st.sampled_from(["/ws", "/ws/rooms", "/ws/chat"]),
    handshake=st.sampled_from(["answered", "not waited for", "none"]),
)
def test_whatever_comes_ends_in_order(bystanders: Bystanders, pieces: list[bytes], path: str, handshake: str) -> None:
    """By a code or a status that RFC 6455 knows for it, never by a fault of ours; and the others talk on."""
    server, user = bystanders.server, "noise"
    with raw_client(server.url) as client:
        target = f"{path}?token={token_for(user)}"
        if handshake == "answered":
            client.upgrade(target)
        head = HANDSHAKE % target.encode() if handshake == "not waited for" else b""
        client.send(head + b"".join(pieces))
        client.end()
        ending = client.read_to_the_end()

    # Who hangs up before it has its answer may get none.
    statuses: dict[str, set[int | None]] = {"answered": {101}, "not waited for": {None, 101}, "none": {None, 400, 431}}
    assert ending.status in statuses[handshake]
    assert ending.close_code in CODES
    bystanders.talk()


def test_nothing_is_left_of_broken_connections(bystanders: Bystanders) -> None:
    """Neither their memory nor their descriptors."""
    server = bystanders.server
    process = psutil.Process(server.process.pid)
    broken = [data for data, _ in BROKEN_FRAMES.values()]

    def break_all(times: int) -> None:
        for _ in range(times):
            for data in broken:
                said_to(server, data)

    # What the first of each leaves in caches and arenas stays.
    break_all(2)
    before_bytes, before_count = process.memory_info().rss, len(server.peer_ports())
    break_all(20)
    bystanders.talk()

    assert process.memory_info().rss - before_bytes < GROWTH_BYTES
    assert len(server.peer_ports()) <= before_count
