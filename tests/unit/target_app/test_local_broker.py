"""The local broker: what is sent to whom, frame by frame."""

import pytest

from target_app.database import Durability
from target_app.local_broker import LocalBroker
from target_app.outbox import SERVICE_RESTART, Outbox, Outboxes, deliver
from target_app.people import People
from target_app.rooms import Rooms
from target_app.rooms_protocol import Publish
from target_app.settings import Limits
from target_app.writer import Writer
from tests.support.event_loop import on_an_event_loop
from tests.support.lines import FakeLine
from tests.support.memory_store import MemoryStore

LIMITS = Limits()


class World:
    """A broker and some connections."""

    def __init__(self) -> None:
        self.rooms: Rooms[Outbox] = Rooms(LIMITS)
        self.store = MemoryStore()
        self.broker = LocalBroker(self.rooms, People(), deliver, Writer(self.store, LIMITS), Durability.ASYNC)
        self._outboxes = Outboxes(LIMITS)

    async def arrive(self, user: str, room: str | None = None, presence: bool = False) -> tuple[Outbox, FakeLine]:
        line = FakeLine()
        outbox = Outbox(line, self._outboxes)
        await self.broker.arrive(outbox, user)
        if room is not None:
            await self.broker.join(outbox, user, room, presence)
        return outbox, line

    async def say(self, outbox: Outbox, room: str) -> int:
        """Say something, and return its number."""
        seqs: list[int | None] = []
        await self.broker.publish(outbox, Publish(room, "hello", None), lambda seq, _: seqs.append(seq))
        (seq,) = seqs
        assert seq is not None
        return seq


@pytest.fixture
def world() -> World:
    return World()


@on_an_event_loop
async def test_a_message_is_encoded_once_for_the_whole_room(world: World) -> None:
    """The same bytes go to everybody."""
    ann, anns_line = await world.arrive("ann", "tea")
    _, bobs_line = await world.arrive("bob", "tea")

    await world.say(ann, "tea")

    assert anns_line.written[0] is bobs_line.written[0]


@on_an_event_loop
async def test_presence_is_encoded_once_for_all_who_watch(world: World) -> None:
    """In a large room it is most of what is sent."""
    _, anns_line = await world.arrive("ann", "tea", presence=True)
    _, bobs_line = await world.arrive("bob", "tea", presence=True)

    await world.arrive("cat", "tea")

    assert anns_line.written[-1] is bobs_line.written[-1]


@on_an_event_loop
async def test_one_who_is_behind_is_not_told_of_typing(world: World) -> None:
    """What can be left out must not be what a slow reader is given up for."""
    ann, _ = await world.arrive("ann", "tea")
    bob, bobs_line = await world.arrive("bob", "tea")
    bob.pause()

    for _ in range(LIMITS.outbox_frames + 1):
        await world.broker.typing(ann, "tea")
    await world.say(ann, "tea")
    bob.resume()

    assert [frame["type"] for frame in bobs_line.heard()] == ["message"]


@on_an_event_loop
async def test_nobody_is_told_who_leaves_when_the_server_stops(world: World) -> None:
    """2,000 times 2,000 frames that nobody would read."""
    ann, _ = await world.arrive("ann", "tea")
    bob, _ = await world.arrive("bob", "tea")
    _, cats_line = await world.arrive("cat", "tea", presence=True)

    ann.close(SERVICE_RESTART, "")
    await world.broker.depart(ann, "ann")
    assert cats_line.heard() == []

    await world.broker.depart(bob, "bob")
    assert [frame["user"] for frame in cats_line.heard()] == ["bob"]


@on_an_event_loop
async def test_who_has_left_is_nowhere_to_be_found(world: World) -> None:
    """Neither online nor in a room; the room that nobody spoke in is gone, too."""
    ann, _ = await world.arrive("ann", "tea")
    bob, _ = await world.arrive("bob", "coffee")
    await world.say(bob, "coffee")
    assert await world.broker.online() == ["ann", "bob"]
    assert await world.broker.users_in("tea") == ["ann"]

    await world.broker.depart(ann, "ann")
    await world.broker.depart(bob, "bob")

    assert await world.broker.online() == []
    assert await world.broker.users_in("tea") is None
    assert await world.broker.users_in("coffee") == []
    assert await world.broker.largest_rooms(10, lambda _: True) == [("coffee", 0)]
    assert not await world.broker.is_in("bob", "coffee")


@on_an_event_loop
async def test_numbers_go_on_where_the_store_ends(world: World) -> None:
    """A room of an earlier life is there before anybody is in it."""
    await world.broker.open({"tea": 41})
    assert await world.broker.users_in("tea") == []

    ann, _ = await world.arrive("ann", "tea")

    assert await world.say(ann, "tea") == 42
