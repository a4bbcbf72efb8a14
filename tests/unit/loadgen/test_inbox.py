"""What websockets has read and not parsed: in small bites, in order, and never without bound."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from loadgen.engine.transport import websockets_transport
from loadgen.engine.transport.websockets_transport import (
    MOST_WAITING,
    MOST_WAITING_BYTES,
    PARSED_AT_ONCE,
    Inbox,
)
from tests.support.event_loop import on_an_event_loop


class Parser:
    """Stands for a socket, and remembers what it was given to parse."""

    def __init__(self, closes: Inbox | None = None) -> None:
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
            self._closes.take_all()


def put(inbox: Inbox, parser: Parser, count: int) -> list[tuple[bytes, int]]:
    sent = [(b"%d" % n, n) for n in range(count)]
    for data, now in sent:
        inbox.put(cast("websockets_transport._Socket", parser), data, now)
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
    """Past that the sockets wait, as a server that is faster than we are must notice."""
    inbox, parser = Inbox(), Parser()

    sent = put(inbox, parser, MOST_WAITING)

    assert parser.taken == sent


@on_an_event_loop
async def test_what_waits_is_bounded_in_bytes_too() -> None:
    """Ten thousand readings of 256 KB would be 2.6 GB: who sends so much waits until half of it is parsed."""
    inbox, parser = Inbox(), Parser()
    data = bytes(256 * 1024)
    most_count = MOST_WAITING_BYTES // len(data)

    for _ in range(most_count):
        assert not parser.is_held
        inbox.put(cast("websockets_transport._Socket", parser), data, 0)
    assert parser.is_held
    assert not parser.taken

    while parser.is_held:
        assert len(parser.taken) <= most_count // 2
        await one_turn()
    assert len(parser.taken) <= most_count // 2 + PARSED_AT_ONCE


@on_an_event_loop
async def test_a_connection_that_closes_takes_all_that_came_before() -> None:
    """Also when it is found closed in the middle of a bite."""
    inbox = Inbox()
    parser: Any = Parser(closes=inbox)
    sent = put(inbox, parser, PARSED_AT_ONCE + 3)

    await one_turn()

    assert sorted(parser.taken) == sorted(sent)
