"""The rooms protocol at work without sockets: real conversations, of one broker or over several nodes."""

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from target_app.broker import Broker
from target_app.database import Durability
from target_app.history import History
from target_app.local_broker import LocalBroker
from target_app.outbox import Outbox, Outboxes, deliver
from target_app.people import People
from target_app.rooms import Rooms
from target_app.rooms_session import RoomsSession
from target_app.services import Services
from target_app.settings import Settings
from target_app.tokens import Identity
from target_app.writer import Writer
from tests.support.lines import FakeLine
from tests.support.memory_nodes import Chat, settle
from tests.support.memory_store import MemoryStore

SETTINGS = Settings(instance="here")


@dataclass(frozen=True, slots=True)
class Place:
    """One process, as far as a conversation needs it: the part of `Services` that it asks for."""

    broker: Broker
    rooms: Rooms[Outbox]
    history: History
    settings: Settings = SETTINGS


class Chatter:
    """One connection, and what it was sent."""

    def __init__(self, user: str, role: str, place: Place) -> None:
        self.user = user
        self._line = FakeLine()
        self.outbox = Outbox(self._line, Outboxes(SETTINGS.limits))
        self.session = RoomsSession(Identity(user, (role,), 2**40), self.outbox, cast(Services, place))

    async def ask(self, frame: Mapping[str, Any]) -> None:
        await self.session.answer(json.dumps(frame))

    def take(self) -> list[dict[str, Any]]:
        """Return what came since the last time, without what no model knows: when it was, and in which words."""
        frames = self._line.heard()
        self._line.written.clear()
        for frame in frames:
            for part in [frame, *frame.get("messages", ())]:
                part.pop("ts", None)
            frame.pop("detail", None)
        return frames


class Company(Protocol):
    """Where chatters meet."""

    places: list[Place]

    async def __aenter__(self) -> "Company": ...

    async def __aexit__(self, *_: object) -> None: ...


@dataclass
class OneBroker:
    """A server that is one process."""

    places: list[Place] = field(default_factory=list)
    store: MemoryStore = field(default_factory=MemoryStore)

    async def __aenter__(self) -> "OneBroker":
        limits = SETTINGS.limits
        rooms: Rooms[Outbox] = Rooms(limits)
        self._writer = Writer(self.store, limits)
        self._writer.start()
        broker = LocalBroker(rooms, People(), deliver, self._writer, Durability.ACK)
        self.places.append(Place(broker, rooms, History(rooms, self.store, self._writer, limits)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._writer.drain(1)


@dataclass
class TwoNodes:
    """Two servers that are one chat."""

    places: list[Place] = field(default_factory=list)
    running: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> "TwoNodes":
        chat = await self.running.enter_async_context(Chat("one", "two"))
        members = chat.members.values()
        self.places += [Place(member.node.broker, member.rooms, member.history) for member in members]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.running.aclose()


async def all_done() -> None:
    """Let everything happen that follows from what was asked."""
    await settle()
