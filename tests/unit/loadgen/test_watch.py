"""How a process keeps its books while it talks: in bites that are small, unless there is too much for them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import cast

from loadgen.engine.watch import LARGE_BITE, MANY_MESSAGES, SMALL_BITE, keep_books
from loadgen.measure.ledger import Ledger
from loadgen.measure.settling import Bite
from tests.support.event_loop import on_an_event_loop


class FillingBooks:
    """A ledger to which more comes than small bites settle."""

    def __init__(self) -> None:
        self.under_way = MANY_MESSAGES // 2
        self.bites: list[Bite] = []
        self.is_settled = asyncio.Event()

    def account(self) -> None:
        pass

    def settle(self, _now_ns: int, bite: Bite) -> bool:
        self.bites.append(bite)
        self.under_way += MANY_MESSAGES // 4 if bite == SMALL_BITE else -MANY_MESSAGES
        if self.under_way > 0:
            return True
        self.is_settled.set()
        return False


@on_an_event_loop
async def test_a_backlog_that_small_bites_do_not_settle_gets_large_ones() -> None:
    """Else open messages would pile up for as long as the load lasts, and each collection of garbage look at them."""
    books = FillingBooks()
    keeping = asyncio.create_task(keep_books(cast(Ledger, books)))
    try:
        async with asyncio.timeout(10):
            await books.is_settled.wait()
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping

    assert books.bites == [SMALL_BITE, SMALL_BITE, LARGE_BITE]
