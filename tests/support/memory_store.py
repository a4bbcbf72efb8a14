"""A store without a database, and with a door that can be shut."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from target_app.rooms import Message
from target_app.store import ClashError

T = TypeVar("T")


@dataclass(slots=True)
class MemoryStore:
    """Keeps messages in ``kept``; hand the same dict to another one to open it again."""

    kept: dict[tuple[str, int], Message] = field(default_factory=dict)
    # What each append was asked to keep, whatever came of it.
    groups: list[list[Message]] = field(default_factory=list)
    # Raised by each append while it is set.
    broken: Exception | None = None
    # While it is cleared, an append has begun and does not end.
    let_through: asyncio.Event = field(default_factory=asyncio.Event)
    # Whether whoever kept them before was killed.
    was_cut_off: bool = False

    def __post_init__(self) -> None:
        """Let everything through until told otherwise."""
        self.let_through.set()

    async def open(self) -> Mapping[str, int]:
        return {room: max(seq for of, seq in self.kept if of == room) for room, _ in self.kept}

    async def append(self, messages: Sequence[Message]) -> None:
        self.groups.append(list(messages))
        await self.let_through.wait()
        if self.broken is not None:
            raise self.broken
        new = {(message.room, message.seq): message for message in messages}
        if len(new) < len(messages) or new.keys() & self.kept.keys():
            raise ClashError("memory: a message under that number is there already")
        self.kept |= new

    async def newest(self, room: str, before: int | None, limit: int) -> list[Message]:
        return [message for message in self._of(room) if before is None or message.seq < before][-limit:]

    async def after(self, room: str, after: int, limit: int) -> list[Message]:
        return [message for message in self._of(room) if message.seq > after][:limit]

    async def close(self) -> None:
        """Nothing to let go of."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError("there is no database")

    def _of(self, room: str) -> list[Message]:
        return sorted((message for message in self.kept.values() if message.room == room), key=lambda each: each.seq)
