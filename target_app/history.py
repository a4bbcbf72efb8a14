"""What was said in a room: from memory where the room still has it, from the store where not.

A page is bounded in messages and in bytes, and says whether there is more on the side where it was cut.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from target_app.outbox import Outbox
from target_app.rooms import Message, Rooms
from target_app.settings import Limits
from target_app.store import Store
from target_app.writer import Writer


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages of a room, in the order of their numbers."""

    messages: Sequence[Message]
    more: bool


class History:
    """Reads what was said, in this life or an earlier one. Methods raise StoreError."""

    def __init__(self, rooms: Rooms[Outbox], store: Store, writer: Writer, limits: Limits) -> None:
        self._rooms = rooms
        self._store = store
        self._writer = writer
        self._bytes_max = limits.history_bytes

    async def newest(self, room: str, before: int | None, limit: int) -> Page:
        """Return the newest messages with a seq below ``before`` (None: of all), older ones being cut."""
        recent = self._recent(room)
        wanted = [each for each in reversed(recent) if before is None or each.seq < before][: limit + 1]
        if len(wanted) <= limit and not _reaches_the_first(recent):
            await self._writer.settled()
            wanted = (await self._store.newest(room, before, limit + 1))[::-1]
        kept = self._fitting(wanted[:limit])
        return Page(kept[::-1], more=len(kept) < len(wanted))

    async def between(self, room: str, after: int, to: int, limit: int) -> Page:
        """Return the oldest messages with ``after`` < seq <= ``to``, newer ones being cut."""
        if after >= to:
            return Page((), more=False)
        recent = self._recent(room)
        if recent and recent[0].seq <= after + 1:
            wanted = list(islice((each for each in recent if after < each.seq <= to), limit + 1))
        else:
            await self._writer.settled()
            wanted = [each for each in await self._store.after(room, after, limit + 1) if each.seq <= to]
        kept = self._fitting(wanted[:limit])
        return Page(kept, more=len(kept) < len(wanted))

    def _recent(self, name: str) -> Sequence[Message]:
        room = self._rooms.find(name)
        return () if room is None else room.recent

    def _fitting(self, messages: Iterable[Message]) -> list[Message]:
        """Return the first messages up to the limit in bytes; one at least, since a reader has to get on."""
        kept: list[Message] = []
        left_bytes = self._bytes_max
        for message in messages:
            left_bytes -= len(message.text.encode())
            if kept and left_bytes < 0:
                break
            kept.append(message)
        return kept


def _reaches_the_first(recent: Sequence[Message]) -> bool:
    return bool(recent) and recent[0].seq == 1
