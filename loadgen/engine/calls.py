"""HTTP requests of users who talk: timed, and no more at a time than a server that never answers may hold up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from loadgen.engine.clock import now_ns
from loadgen.engine.swarm import LOGINS_AT_ONCE
from loadgen.errors import ErrorKind, ServerError
from loadgen.measure.tally import Metric

if TYPE_CHECKING:
    from loadgen.dialects import HttpRequest
    from loadgen.engine.books import Books
    from loadgen.engine.http import HttpClient

# Of one process. Each has a socket of its own, so none waits for another and has that counted as the server's time.
CALLS_AT_ONCE = 500
CONNECTIONS = LOGINS_AT_ONCE + CALLS_AT_ONCE
"""What a client needs whose users log in and talk at the same time."""


class Calls:
    """The requests under way of one process."""

    def __init__(self, books: Books, clients: Sequence[HttpClient]) -> None:
        """One client for each node; users take them in turn."""
        self._books = books
        self._clients = clients
        self._under_way: set[asyncio.Task[None]] = set()

    def refused(self) -> bool:
        """Whether one more must not be made, which is counted: too many have no answer yet."""
        if len(self._under_way) < CALLS_AT_ONCE:
            return False
        self._count(ErrorKind.UNANSWERED, f"not asked, since {CALLS_AT_ONCE} requests had no answer yet")
        return True

    def make(self, user: int, request: HttpRequest, due_ns: int, token: str = "") -> None:
        """Send it for a user, whose token is not shown whatever comes of it; it is measured by when it was due."""
        client = self._clients[user % len(self._clients)]
        is_measured = self._books.ledger.is_measured(due_ns)
        task = asyncio.create_task(self._make(client, request, user, token, is_measured=is_measured))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _make(
        self, client: HttpClient, request: HttpRequest, user: int, token: str, *, is_measured: bool
    ) -> None:
        books, sent_ns = self._books, now_ns()
        try:
            answer = await client.request(request)
        except ServerError as error:
            self._count(error.kind, str(error), user, token)
            return
        if is_measured:
            books.tally.metrics[Metric.HTTP_TIME].record(now_ns() - sent_ns)
        books.answered(answer, user, token)

    def close(self) -> None:
        """Give up those under way: what the drain has not brought is counted."""
        for task in self._under_way:
            if not task.done():
                self._count(ErrorKind.TIMEOUT, "no answer when the drain ended")
                task.cancel()

    def _count(self, kind: ErrorKind, example: str, user: int | None = None, token: str = "") -> None:
        self._books.error(kind, self._books.phase, example, user, token)
