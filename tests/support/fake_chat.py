"""What the small chat servers of these tests have in common: each speaks a protocol as its specification says."""

from __future__ import annotations

import asyncio
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.support.patience import PATIENCE_S
from tests.support.waiting import Bell
from tests.support.websocket_peer import websocket_server


class Client:
    """One connection, and what the server knows of it."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.rooms: dict[str, str] = {}
        """Room -> what the client called it, or its being there."""
        self.is_let_in = False
        self.has_spoken = False
        """Since the last beat."""
        self.outbox: list[str] = []


class FakeChat(ABC):
    """A chat server whose time passes only when the test says so: see :meth:`beat`."""

    PATH: ClassVar[str]
    SUBPROTOCOLS: ClassVar[tuple[str, ...]] = ()
    SEPARATOR: ClassVar[str | None] = None
    """Between messages that go out in one frame; None: each has a frame of its own."""

    def __init__(self, *, closed_rooms: Collection[str] = (), read_only_rooms: Collection[str] = ()) -> None:
        self.closed_rooms = closed_rooms
        """Nobody is let into them."""
        self.read_only_rooms = read_only_rooms
        """Nobody may write there; only where the protocol can say so."""
        self.clients: list[Client] = []
        self.left: list[str] = []
        """Rooms that somebody has said good-bye to."""
        self._bell = Bell()
        self._is_holding = False

    # --- what each protocol has of its own

    def refusal(self, headers: dict[str, str], query: dict[str, str]) -> HTTPStatus | None:
        """How a handshake is refused; names of headers in lower case."""
        return None

    async def greet(self, client: Client) -> None:
        """Somebody has connected."""
        client.is_let_in = True

    @abstractmethod
    async def heard(self, client: Client, frame: str) -> None:
        """Somebody has sent a frame."""

    @abstractmethod
    async def beat(self) -> None:
        """One interval of the server's own keep-alive has passed."""

    # --- what they say

    def tell(self, client: Client, message: Any) -> None:
        """Send a message as JSON without spaces, when what goes on now is done."""
        client.outbox.append(json.dumps(message, separators=(",", ":"), ensure_ascii=False))

    def members_of(self, room: str) -> list[Client]:
        """Who is in a room."""
        return [client for client in self.clients if room in client.rooms]

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Send nothing within the block, and all of it at its end."""
        self._is_holding = True
        try:
            yield
        finally:
            self._is_holding = False
            self._send_all()

    def _send_all(self) -> None:
        if self._is_holding:
            return
        for client in self.clients:
            waiting, client.outbox = client.outbox, []
            frames = waiting if self.SEPARATOR is None or not waiting else [self.SEPARATOR.join(waiting)]
            for frame in frames:
                broadcast([client.connection], frame)

    async def hang_up(self, client: Client, code: int, reason: str = "") -> None:
        """Say what there is to say, and close the connection."""
        self._send_all()
        await client.connection.close(code, reason)

    # --- how they are served

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait until it has heard enough."""
        await self._bell.until(is_true)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Take connections on a free port; the base URL, as ``--target`` takes it."""
        protocols = [Subprotocol(name) for name in self.SUBPROTOCOLS] or None
        async with websocket_server(self._attend, subprotocols=protocols, process_request=self._let_in) as url:
            yield url

    @contextmanager
    def serve_from_a_thread(self, beat_every_s: float | None) -> Iterator[str]:
        """The same for a client that is a process; with None, its time stands still."""
        ready: Future[tuple[str, Callable[[], object]]] = Future()

        async def serve_until_told() -> None:
            loop, end = asyncio.get_running_loop(), asyncio.Event()
            async with self.serve() as url:
                ready.set_result((url, lambda: loop.call_soon_threadsafe(end.set)))
                while not end.is_set():
                    try:
                        await asyncio.wait_for(end.wait(), beat_every_s)
                    except TimeoutError:
                        await self.beat()
                        self._send_all()

        thread = threading.Thread(target=lambda: asyncio.run(serve_until_told()))
        thread.start()
        url, stop = ready.result(PATIENCE_S)
        try:
            yield url
        finally:
            stop()
            thread.join(PATIENCE_S)

    def _let_in(self, connection: ServerConnection, request: Request) -> Response | None:
        address = urlsplit(request.path)
        if address.path != self.PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, "no socket here\n")
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        query = {name: values[-1] for name, values in parse_qs(address.query, keep_blank_values=True).items()}
        status = self.refusal(headers, query)
        return None if status is None else connection.respond(status, "not like that\n")

    async def _attend(self, connection: ServerConnection) -> None:
        client = Client(connection)
        self.clients.append(client)
        with suppress(ConnectionClosed):
            await self.greet(client)
            self._send_all()
            async for frame in connection:
                assert isinstance(frame, str), "these protocols speak text"
                client.has_spoken = True
                await self.heard(client, frame)
                self._send_all()
                self._bell.ring()
        self.clients.remove(client)
        self._bell.ring()
