"""The reference server is stopped while everybody talks: what was acknowledged is there afterwards."""

import asyncio
import itertools
import json
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.event_loop import on_an_event_loop
from tests.support.rooms_client import token_for
from tests.support.server_process import ServerProcess, server_process

pytestmark = pytest.mark.system

SENDERS = 10
ROOMS = 3
# Of each sender, before the server is told to stop in the middle of more.
ACKED_FIRST = 30
# Not acknowledged yet, of each sender at any time: there is always something under way.
WINDOW = 20


@dataclass(slots=True)
class Sender:
    """One who talks without a pause, and remembers what was acknowledged."""

    name: str
    room: str
    # By the id of the message, its number in the room.
    acked: dict[str, int] = field(default_factory=dict)
    has_enough: asyncio.Event = field(default_factory=asyncio.Event)

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

    async def _send(self, connection: ClientConnection, free: asyncio.Semaphore) -> None:
        for number in itertools.count():
            await free.acquire()
            text = f"{self.name} says {number}"
            try:
                await connection.send(json.dumps({"type": "message", "room": self.room, "text": text, "id": text}))
            except ConnectionClosed:
                return

    def _hear(self, frame: dict[str, Any], free: asyncio.Semaphore) -> None:
        assert frame["type"] != "error", frame
        if frame["type"] == "ack":
            self.acked[frame["id"]] = frame["seq"]
            free.release()
            if len(self.acked) >= ACKED_FIRST:
                self.has_enough.set()


async def stop_in_the_middle(server: ServerProcess, senders: Sequence[Sender], how: signal.Signals) -> None:
    """Let everybody talk, stop the server when each has been heard for a while, and wait until all is quiet."""
    url = server.url.replace("http", "ws", 1) + "/ws/rooms"
    async with asyncio.TaskGroup() as talking:
        for sender in senders:
            talking.create_task(sender.talk(url))
        for sender in senders:
            await sender.has_enough.wait()
        server.process.send_signal(how)


@pytest.mark.parametrize(
    ("durability", "how"), [("ack", signal.SIGTERM), ("ack", signal.SIGKILL), ("async", signal.SIGTERM)]
)
@on_an_event_loop
async def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path, durability: str, how: signal.Signals) -> None:
    """Each ack names a message that the database has, as it was sent.

    Whether the server ends in order or is killed; where acks do not wait for the database, an end in order does.
    """
    path = tmp_path / "chat.db"
    senders = [Sender(f"ann-{number}", f"room {number % ROOMS}") for number in range(SENDERS)]
    with server_process("--lift-limits", "--durability", durability, "--db", f"sqlite:///{path}") as server:
        await stop_in_the_middle(server, senders, how)
        code = await asyncio.to_thread(server.process.wait)

    assert code == (0 if how is signal.SIGTERM else -signal.SIGKILL)
    with closing(sqlite3.connect(path)) as database:
        stored = {(room, seq): text for room, seq, text in database.execute("SELECT room, seq, text FROM messages")}
    acked = {(sender.room, seq): text for sender in senders for text, seq in sender.acked.items()}
    assert len(acked) >= SENDERS * ACKED_FIRST
    assert {key: stored.get(key) for key in acked} == acked
