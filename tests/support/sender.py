"""One who talks in a room without a pause, and remembers what became of each message."""

import asyncio
import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.rooms_client import token_for
from tests.support.waiting import Bell

# Not answered yet, of each sender at any time: there is always something under way.
WINDOW = 20


@dataclass(slots=True)
class Sender:
    """Each text says who says it, and how many came before; it is the id of its message as well."""

    name: str
    room: str
    # By the id of the message, its number in the room.
    acked: dict[str, int] = field(default_factory=dict)
    # By the id of the message, the code of the error.
    refused: dict[str, str] = field(default_factory=dict)
    # Messages of the room, those of others included.
    heard_count: int = 0
    bell: Bell = field(default_factory=Bell)

    async def talk(self, url: str) -> None:
        """Talk until the server goes away."""
        async with connect(f"{url}?token={token_for(self.name)}", proxy=None, compression=None) as connection:
            await connection.send(json.dumps({"type": "join", "room": self.room}))
            free = asyncio.Semaphore(WINDOW)
            sending = asyncio.create_task(self._send(connection, free))
            try:
                with suppress(ConnectionClosed):
                    async for raw in connection:
                        self._hear(json.loads(raw), free)
            finally:
                sending.cancel()
                await asyncio.wait([sending])

    async def until(self, is_true: Callable[["Sender"], bool]) -> None:
        """Wait for something to be true of this one."""
        await self.bell.until(lambda: is_true(self))

    async def _send(self, connection: ClientConnection, free: asyncio.Semaphore) -> None:
        for number in itertools.count():
            await free.acquire()
            text = f"{self.name} says {number}"
            try:
                await connection.send(json.dumps({"type": "message", "room": self.room, "text": text, "id": text}))
            except ConnectionClosed:
                return

    def _hear(self, frame: dict[str, Any], free: asyncio.Semaphore) -> None:
        match frame["type"]:
            case "message":
                self.heard_count += 1
            case "ack":
                self.acked[frame["id"]] = frame["seq"]
                free.release()
            case "error":
                self.refused[frame["id"]] = frame["code"]
                free.release()
        self.bell.ring()
