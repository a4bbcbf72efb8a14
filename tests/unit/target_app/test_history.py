"""History: where memory and the store meet."""

import asyncio

import pytest

from target_app.history import History, Page
from target_app.outbox import Outbox, Outboxes
from target_app.rooms import Room, Rooms
from target_app.settings import Limits
from target_app.store import StoreError
from target_app.writer import Writer
from tests.support.event_loop import on_an_event_loop
from tests.support.memory_store import MemoryStore

LIMITS = Limits(recent_per_room=3)


class FakeLine:
    """A socket that nobody writes to."""

    def write(self, data: bytes, /) -> None:
        raise AssertionError("history is read, not sent")

    def is_closing(self) -> bool:
        return False

    def begin_close(self, _code: int, _reason: str) -> bytes:
        return b""


class World:
    """One room with its store; enter to have the writer running."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.writer = Writer(self.store, LIMITS)
        self.rooms: Rooms[Outbox] = Rooms(LIMITS)
        self.history = History(self.rooms, self.store, self.writer, LIMITS)
        self.ann = Outbox(FakeLine(), Outboxes(LIMITS))
        self.tea: Room[Outbox] = self.rooms.join("tea", self.ann, "ann")

    async def __aenter__(self) -> "World":
        self.writer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.store.let_through.set()
        await self.writer.drain(1)

    def say(self, count: int) -> None:
        for _ in range(count):
            self.writer.put(self.tea.publish("ann", "hello", 0), lambda _: None)


def seqs(page: Page) -> list[int]:
    return [message.seq for message in page.messages]


@on_an_event_loop
async def test_what_the_room_still_has_is_not_asked_of_the_store() -> None:
    """A store that hangs or fails holds up nobody who missed little."""
    async with World() as world:
        world.store.let_through.clear()
        world.say(5)

        assert seqs(await world.history.between("tea", after=2, to=5, limit=9)) == [3, 4, 5]
        assert seqs(await world.history.between("tea", after=3, to=4, limit=9)) == [4]
        assert seqs(await world.history.newest("tea", None, limit=2)) == [4, 5]


@on_an_event_loop
async def test_what_is_read_from_the_store_is_written_first() -> None:
    """Between what is stored and what the room remembers there may be more that waits for the store."""
    async with World() as world:
        world.store.let_through.clear()
        world.say(7)
        missed = asyncio.create_task(world.history.between("tea", after=0, to=7, limit=9))
        newest = asyncio.create_task(world.history.newest("tea", None, limit=9))
        early, _ = await asyncio.wait([missed, newest], timeout=0)
        assert not early
        world.store.let_through.set()

        assert seqs(await missed) == seqs(await newest) == [1, 2, 3, 4, 5, 6, 7]


@on_an_event_loop
async def test_what_could_not_be_stored_holds_nobody_up() -> None:
    """It is settled all the same: the history has a gap there."""
    async with World() as world:
        world.store.broken = StoreError("disk full")
        world.say(5)
        await world.writer.settled()
        world.store.broken = None
        world.say(1)

        assert seqs(await world.history.between("tea", after=0, to=6, limit=9)) == [6]


@on_an_event_loop
async def test_nothing_to_wait_for_is_waited_for() -> None:
    """The writer of a quiet server is settled."""
    async with World() as world:
        await world.writer.settled()
        assert seqs(await world.history.newest("tea", None, limit=9)) == []


@pytest.mark.parametrize("after", [7, 8])
@on_an_event_loop
async def test_who_missed_nothing_asks_the_store_for_nothing(after: int) -> None:
    """A client that comes back after a moment does not wait for the disk."""
    async with World() as world:
        world.store.let_through.clear()
        world.say(1)

        assert await world.history.between("a room without memory", after, to=7, limit=9) == Page((), more=False)
