"""What websockets has read and not parsed: in small bites, in order, and never without bound."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

import pytest

from loadgen.engine.transport import websockets_transport
from loadgen.engine.transport.websockets_transport import (
    LONGEST_BITE_NS,
    MOST_WAITING,
    MOST_WAITING_BYTES,
    PARSED_AT_ONCE,
    PIECE_BYTES,
    Inbox,
)
from tests.support.event_loop import on_an_event_loop


class Parser:
    """Stands for a socket, and remembers what it was given to parse."""

    def __init__(self, closes: Inbox | None = None) -> None:
        self.pieces: deque[tuple[bytes, int]] | None = None
        self.taken: list[tuple[bytes, int]] = []
        self.is_held = False
        self._closes = closes

    def hold(self) -> None:
        self.is_held = True

    def go_on(self) -> None:
        self.is_held = False

    def take_in(self, data: bytes, now: int) -> None:
        self.taken.append((data, now))
        if self._closes is not None:
            self._closes.take_own(socket_of(self))

    @property
    def taken_bytes(self) -> int:
        return sum(len(data) for data, _ in self.taken)


def socket_of(parser: Parser) -> websockets_transport._Socket:
    return cast("websockets_transport._Socket", parser)


def put(inbox: Inbox, parser: Parser, count: int) -> list[tuple[bytes, int]]:
    sent = [(b"%d" % n, n) for n in range(count)]
    for data, now in sent:
        inbox.put(socket_of(parser), data, now)
    return sent


async def one_turn() -> None:
    """Let the loop read and call once: what was called before us runs before we go on."""
    await asyncio.sleep(0)


@on_an_event_loop
async def test_a_burst_is_parsed_in_bites_with_the_sockets_read_in_between() -> None:
    """Each keeps the time at which it came."""
    inbox, parser = Inbox(), Parser()
    sent = put(inbox, parser, 2 * PARSED_AT_ONCE + 1)
    counts = []

    while len(parser.taken) < len(sent):
        await one_turn()
        counts.append(len(parser.taken))

    assert counts == [PARSED_AT_ONCE, 2 * PARSED_AT_ONCE, 2 * PARSED_AT_ONCE + 1]
    assert parser.taken == sent


@on_an_event_loop
async def test_what_waits_is_bounded() -> None:
    """Past that the sockets wait, as a server that is faster than we are must notice; and nothing is lost."""
    inbox, parser = Inbox(), Parser()

    sent = put(inbox, parser, MOST_WAITING)
    assert parser.is_held
    assert not parser.taken

    while len(parser.taken) < len(sent):
        assert parser.is_held or len(sent) - len(parser.taken) <= MOST_WAITING // 2
        await one_turn()
    assert parser.taken == sent
    assert not parser.is_held


@on_an_event_loop
async def test_what_waits_is_bounded_in_bytes_too() -> None:
    """Ten thousand readings of 256 KB would be 2.6 GB: who sends so much waits until half of it is parsed."""
    inbox, parser = Inbox(), Parser()
    data = bytes(256 * 1024)
    most_count = MOST_WAITING_BYTES // len(data)

    for _ in range(most_count):
        assert not parser.is_held
        inbox.put(socket_of(parser), data, 0)
    assert parser.is_held
    assert not parser.taken

    while parser.is_held:
        assert parser.taken_bytes <= MOST_WAITING_BYTES // 2
        await one_turn()
    assert parser.taken_bytes <= MOST_WAITING_BYTES // 2 + PARSED_AT_ONCE * PIECE_BYTES


@on_an_event_loop
async def test_a_connection_that_closes_takes_all_that_came_before() -> None:
    """Also when it is found closed in the middle of a bite; what others wait for waits on."""
    inbox = Inbox()
    parser, other = Parser(closes=inbox), Parser()
    sent = put(inbox, parser, PARSED_AT_ONCE + 3)
    put(inbox, other, 1)

    await one_turn()

    assert sorted(parser.taken) == sorted(sent)
    assert not other.taken
    while not other.taken:
        await one_turn()


@on_an_event_loop
async def test_a_large_reading_is_parsed_piece_by_piece() -> None:
    """There may be 128,000 frames in it; all that came together has one time."""
    inbox, parser = Inbox(), Parser()
    data = bytes(range(256)) * (3 * PIECE_BYTES // 256) + b"end"

    inbox.put(socket_of(parser), data, 7)
    while parser.taken_bytes < len(data):
        await one_turn()

    assert b"".join(piece for piece, _ in parser.taken) == data
    assert {now for _, now in parser.taken} == {7}
    assert max(len(piece) for piece, _ in parser.taken) == PIECE_BYTES


@on_an_event_loop
async def test_a_bite_that_takes_long_is_over_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of two bytes take a thousand times as long as one of a piece: the process has other things to do."""
    clock = iter(range(0, 10**12, LONGEST_BITE_NS))
    monkeypatch.setattr(websockets_transport, "now_ns", lambda: next(clock))
    inbox, parser = Inbox(), Parser()
    put(inbox, parser, PARSED_AT_ONCE)

    await one_turn()

    assert len(parser.taken) == 1
