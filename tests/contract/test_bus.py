"""What every bus does between nodes; `BUSES` is where another one joins. And what Redis does to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from target_app.nodes.bus import Bus, BusError
from target_app.nodes.messages import ALL, Announced, Arrived, Beat, Message
from target_app.nodes.redis_bus import RedisBus
from tests.support.event_loop import on_an_event_loop
from tests.support.memory_nodes import MemoryBus, Wire
from tests.support.patience import PATIENCE_S
from tests.support.redis_server import RedisServer, redis_server
from tests.support.silent_port import refusing_port

# A node's end of the bus, by the node's name.
NewBus = Callable[[str], Bus]


class Listener:
    """Remembers what it hears."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[tuple[str, Message]] = asyncio.Queue()
        self.ups: asyncio.Queue[bool] = asyncio.Queue()

    def heard(self, sender: str, message: Message) -> None:
        if not isinstance(message, Beat):
            self.said.put_nowait((sender, message))

    def joined_bus(self) -> None:
        self.ups.put_nowait(True)

    def left_bus(self) -> None:
        self.ups.put_nowait(False)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def new_bus(request: pytest.FixtureRequest) -> NewBus:
    if request.param == "memory":
        wire = Wire()
        return lambda node: MemoryBus(wire, node)
    server: RedisServer = request.getfixturevalue("redis")
    return lambda node: RedisBus(server.url, node)


@asynccontextmanager
async def joined(new_bus: NewBus, *nodes: str) -> AsyncIterator[list[tuple[Bus, Listener]]]:
    ends = [(new_bus(node), Listener()) for node in nodes]
    try:
        for bus, listener in ends:
            await bus.open(listener)
            assert await listener.ups.get()
        yield ends
    finally:
        for bus, _ in ends:
            await bus.close()


@on_an_event_loop
async def test_one_hears_what_another_says_in_its_order(new_bus: NewBus) -> None:
    """Many at once, too: no two are swapped."""
    async with joined(new_bus, "a", "b") as ((a, _), (_, hears)):
        for number in range(500):
            a.send("b", Arrived(f"user {number}"))

        said = [await hears.said.get() for _ in range(500)]

        assert said == [("a", Arrived(f"user {number}")) for number in range(500)]


@on_an_event_loop
async def test_all_hear_what_is_said_to_all_but_the_one_who_said_it(new_bus: NewBus) -> None:
    """And what is said to one, no other hears."""
    async with joined(new_bus, "a", "b", "c") as ((a, by_a), (b, by_b), (_, by_c)):
        a.send(ALL, Announced("Straße ☕", "ann", 1))
        a.send("b", Arrived("ann"))
        b.send("a", Arrived("bob"))
        b.send("c", Arrived("bob"))

        assert [await by_b.said.get() for _ in range(2)] == [
            ("a", Announced("Straße ☕", "ann", 1)),
            ("a", Arrived("ann")),
        ]
        assert await by_a.said.get() == ("b", Arrived("bob"))
        assert {await by_c.said.get() for _ in range(2)} == {
            ("a", Announced("Straße ☕", "ann", 1)),
            ("b", Arrived("bob")),
        }


@on_an_event_loop
async def test_several_hear_the_same(new_bus: NewBus) -> None:
    """And nobody else; in order with what each is told alone."""
    async with joined(new_bus, "a", "b", "c", "d") as ((a, _), (_, by_b), (_, by_c), (_, by_d)):
        a.send("b", Arrived("ann"))
        a.send_each(["b", "c"], Arrived("bob"))
        a.send("d", Arrived("ann"))

        assert [await by_b.said.get() for _ in range(2)] == [("a", Arrived("ann")), ("a", Arrived("bob"))]
        assert await by_c.said.get() == ("a", Arrived("bob"))
        assert await by_d.said.get() == ("a", Arrived("ann"))


@on_an_event_loop
async def test_what_is_said_last_is_said_before_the_end(new_bus: NewBus) -> None:
    """A node that ends says so; to end twice is to end once."""
    async with joined(new_bus, "a", "b") as ((a, _), (_, hears)):
        a.send("b", Arrived("the last"))
        await a.close()
        await a.close()

        assert await hears.said.get() == ("a", Arrived("the last"))
        assert not a.is_up


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """One that a test may do anything to."""
    with redis_server() as server:
        yield server


@on_an_event_loop
async def test_a_cancellation_that_is_lost_does_not_keep_a_bus_from_its_end(own_redis: RedisServer) -> None:
    """As asyncio.wait_for of Python 3.11 loses one now and then, with which redis-py waits."""

    async def loses_the_first() -> None:
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    async with joined(lambda node: RedisBus(own_redis.url, node), "a") as ((bus, _),):
        assert isinstance(bus, RedisBus)
        bus._tasks.append(asyncio.create_task(loses_the_first()))
        await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_S):
            await bus.close()


@on_an_event_loop
async def test_a_redis_that_dies_and_comes_back_is_noticed_both_times(own_redis: RedisServer) -> None:
    """At once, and by everybody: what was said meanwhile is lost, and the other side of the bus must know."""
    async with joined(lambda node: RedisBus(own_redis.url, node), "a", "b") as ((a, by_a), (_, by_b)):
        own_redis.kill()
        assert not await by_a.ups.get()
        assert not await by_b.ups.get()
        assert not a.is_up
        a.send("b", Arrived("in vain"))

        own_redis.start()
        assert await by_a.ups.get()
        assert await by_b.ups.get()
        a.send("b", Arrived("heard"))

        assert await by_b.said.get() == ("a", Arrived("heard"))


@on_an_event_loop
async def test_a_redis_that_freezes_is_away_until_it_goes_on(own_redis: RedisServer) -> None:
    """It takes everything and answers nothing: nobody's own beat comes back."""
    async with joined(lambda node: RedisBus(own_redis.url, node), "a", "b") as ((a, by_a), (_, by_b)):
        own_redis.freeze()
        try:
            assert not await by_a.ups.get()
            assert not await by_b.ups.get()
        finally:
            own_redis.thaw()
        assert await by_a.ups.get()
        assert await by_b.ups.get()
        a.send("b", Arrived("heard"))

        assert await by_b.said.get() == ("a", Arrived("heard"))


@on_an_event_loop
async def test_no_redis_is_one_clear_line() -> None:
    """At the start, and without the password."""
    url = f"redis://:a-password@127.0.0.1:{refusing_port()}/0"
    bus = RedisBus(url, "a")

    with pytest.raises(BusError) as failure:
        await bus.open(Listener())

    assert str(failure.value).startswith("Redis: ")
    assert "refused" in str(failure.value)
    assert "a-password" not in str(failure.value)
    assert "\n" not in str(failure.value)


@on_an_event_loop
async def test_an_address_that_cannot_be_read_is_not_repeated() -> None:
    """What stands where the port should may be half a password."""
    with pytest.raises(BusError) as failure:
        await RedisBus("redis://:half/a-password@127.0.0.1", "a").open(Listener())

    assert str(failure.value).startswith("Redis: the address cannot be read")
    assert "half" not in str(failure.value)
