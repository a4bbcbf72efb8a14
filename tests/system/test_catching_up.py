"""Readers come and go while everybody talks: each hears everything, once, in order."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support.event_loop import on_an_event_loop
from tests.support.forgetful_server import FORGETFUL
from tests.support.rooms_client import token_for
from tests.support.server_process import COMMAND, server_process

pytestmark = pytest.mark.system

SENDERS = 4
MESSAGES_EACH = 150
READERS = 6
# Heard live at most, before a reader leaves without a word.
STAY_MAX = 40


async def arrive(url: str, user: str) -> ClientConnection:
    connection = await connect(f"{url}?token={token_for(user)}", proxy=None, compression=None)
    await say(connection, type="join", room="tea")
    await hear(connection, "joined")
    return connection


async def say(connection: ClientConnection, **fields: object) -> None:
    await connection.send(json.dumps(fields))


async def hear(connection: ClientConnection, *kinds: str) -> dict[str, Any]:
    """The next frame of these kinds; what else comes is not of interest."""
    while True:
        frame: dict[str, Any] = json.loads(await connection.recv())
        assert frame["type"] != "error", frame
        if frame["type"] in kinds:
            return frame


async def talk(url: str, user: str) -> None:
    """Say one thing after the other, each when the one before is stored."""
    async with await arrive(url, user) as connection:
        for number in range(MESSAGES_EACH):
            await say(connection, type="message", room="tea", text=f"{user} {number}", id=number)
            await hear(connection, "ack")


@dataclass(slots=True)
class Reader:
    """One who comes back again and again, and asks for what it missed."""

    number: int
    heard: list[int] = field(default_factory=list)

    async def read(self, url: str, until: int) -> None:
        """Stay for a while, each time, until the message of that number is heard."""
        rng = Random(self.number)
        while self._last() < until:
            connection = await arrive(url, f"reader {self.number}")
            await self._stay(connection, until, rng)
            connection.transport.abort()

    async def _stay(self, connection: ClientConnection, until: int, rng: Random) -> None:
        live: list[int] = []
        more = True
        while more:
            await say(connection, type="history", room="tea", after=self._last(), limit=rng.choice([3, 100]))
            while (frame := await hear(connection, "message", "history"))["type"] == "message":
                live.append(frame["seq"])
            self.heard += [message["seq"] for message in frame["messages"]]
            more = frame["more"]
        self.heard += live
        for _ in range(rng.randrange(STAY_MAX)):
            if self._last() >= until:
                return
            self.heard.append((await hear(connection, "message"))["seq"])

    def _last(self) -> int:
        return self.heard[-1] if self.heard else 0


@pytest.mark.parametrize("command", [COMMAND, FORGETFUL], ids=["memory", "store"])
@on_an_event_loop
async def test_who_comes_and_goes_hears_everything_once(command: Sequence[str]) -> None:
    """What history brings ends where live begins, whatever is said meanwhile, and wherever it is read from."""
    readers = [Reader(number) for number in range(READERS)]
    with server_process("--lift-limits", command=command) as server:
        url = server.url.replace("http", "ws", 1) + "/ws/rooms"
        async with asyncio.TaskGroup() as group:
            for reader in readers:
                group.create_task(reader.read(url, SENDERS * MESSAGES_EACH))
            for number in range(SENDERS):
                group.create_task(talk(url, f"sender {number}"))

    everything = list(range(1, SENDERS * MESSAGES_EACH + 1))
    assert [reader.heard for reader in readers] == [everything] * READERS
