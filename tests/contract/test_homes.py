"""What is never undecided between nodes: who numbers which room. `HOMES` is where another store of it joins."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from target_app.nodes import sql_homes
from target_app.nodes.homes import LEAP, LEASE_S, Claim, Homes
from target_app.rooms import Message
from target_app.store import Store
from tests.contract.test_store import STORES, NewStore
from tests.support.event_loop import on_an_event_loop
from tests.support.memory_nodes import Clock, MemoryHomes
from tests.support.memory_store import MemoryStore


@pytest.fixture(params=STORES)
def new_store(request: pytest.FixtureRequest) -> NewStore:
    return STORES[request.param](request)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Of the homes, whichever they are: it stands still until it is told to go on."""
    clock = Clock(1_700_000_000_000_000_000)
    monkeypatch.setattr(sql_homes, "_now_ms", lambda _: clock() // 1_000_000)
    return clock


@asynccontextmanager
async def opened(new_store: NewStore, clock: Clock) -> AsyncIterator[tuple[Store, Homes]]:
    store = new_store()
    await store.open()
    try:
        yield store, MemoryHomes(clock, store) if isinstance(store, MemoryStore) else sql_homes.SqlHomes(store)
    finally:
        await store.close()


def message(seq: int) -> Message:
    return Message("tea", seq, "ann", "hello", 0)


@on_an_event_loop
async def test_who_asks_first_is_the_home(new_store: NewStore, clock: Clock) -> None:
    """As often as anybody asks; a room that nobody asked for has none."""
    async with opened(new_store, clock) as (_, homes):
        assert not await homes.renew("a")
        assert not await homes.renew("b")

        assert await homes.home_of("tea") is None
        assert await homes.claim("a", "tea") == Claim("a", 0)
        assert (await homes.claim("b", "tea")).home == "a"
        assert await homes.claim("a", "tea") == Claim("a", 0)
        assert await homes.home_of("tea") == "a"
        assert await homes.claim("b", "coffee") == Claim("b", 0)


@on_an_event_loop
async def test_of_many_who_ask_at_once_one_is_the_home(new_store: NewStore, clock: Clock) -> None:
    """And all are told the same."""
    async with opened(new_store, clock) as (_, homes):
        nodes = [f"node {number}" for number in range(8)]
        for node in nodes:
            await homes.renew(node)

        claims = await asyncio.gather(*(homes.claim(node, "tea") for node in nodes))

        assert len({claim.home for claim in claims}) == 1


@on_an_event_loop
async def test_numbers_go_on_behind_what_is_stored(new_store: NewStore, clock: Clock) -> None:
    """A room of an earlier life, which no node ever numbered."""
    async with opened(new_store, clock) as (store, homes):
        await homes.renew("a")
        await store.append([message(41), message(42)])

        assert await homes.claim("a", "tea") == Claim("a", 42)


@on_an_event_loop
async def test_a_lease_that_is_renewed_lasts(new_store: NewStore, clock: Clock) -> None:
    """And one that has run out says so, to whoever renews it."""
    async with opened(new_store, clock) as (_, homes):
        await homes.renew("a")
        await homes.renew("b")
        await homes.claim("a", "tea")
        for _ in range(3):
            clock.pass_s(LEASE_S - 1)
            assert await homes.renew("a")

        assert await homes.living() == {"a"}
        assert not await homes.renew("b")
        assert (await homes.claim("b", "tea")).home == "a"


@on_an_event_loop
async def test_the_room_of_a_dead_node_is_taken_with_a_leap(new_store: NewStore, clock: Clock) -> None:
    """What it may have said and not stored any more is never numbered again."""
    async with opened(new_store, clock) as (store, homes):
        await homes.renew("a")
        await homes.claim("a", "tea")
        await store.append([message(7)])
        clock.pass_s(LEASE_S + 1)
        await homes.renew("b")

        assert await homes.home_of("tea") is None
        assert await homes.claim("b", "tea") == Claim("b", 7 + LEAP)
        # It wakes up: too late.
        assert not await homes.renew("a")
        assert (await homes.claim("a", "tea")).home == "b"


@on_an_event_loop
async def test_a_clock_that_was_set_back_keeps_no_room_for_the_dead(new_store: NewStore, clock: Clock) -> None:
    """By an hour, or by all that it had: the machine was started anew. What lives renews its lease soon enough."""
    async with opened(new_store, clock) as (_, homes):
        await homes.renew("a")
        await homes.claim("a", "tea")
        clock.pass_s(-3600)
        assert not await homes.renew("b")

        assert await homes.living() == {"b"}
        assert await homes.claim("b", "tea") == Claim("b", LEAP)
        assert not await homes.renew("a")
        assert await homes.living() == {"a", "b"}


@on_an_event_loop
async def test_a_clock_that_is_put_right_ends_no_lease(new_store: NewStore, clock: Clock) -> None:
    """By a second or two, as NTP does at times."""
    async with opened(new_store, clock) as (_, homes):
        await homes.renew("a")
        await homes.claim("a", "tea")
        clock.pass_s(-2)

        assert await homes.home_of("tea") == "a"
        assert await homes.renew("a")


@on_an_event_loop
async def test_one_that_is_buried_need_not_be_waited_for(new_store: NewStore, clock: Clock) -> None:
    """Whoever knows that it is dead says so."""
    async with opened(new_store, clock) as (_, homes):
        await homes.renew("a")
        await homes.claim("a", "tea")
        await homes.renew("b")

        await homes.bury("a")

        assert await homes.living() == {"b"}
        assert await homes.claim("b", "tea") == Claim("b", LEAP)


@on_an_event_loop
async def test_who_leaves_in_good_order_leaves_no_gap(new_store: NewStore, clock: Clock) -> None:
    """Even of what the store did not take."""
    async with opened(new_store, clock) as (_, homes):
        await homes.renew("a")
        await homes.renew("b")
        await homes.claim("a", "tea")
        await homes.claim("a", "coffee")

        await homes.release("a", {"tea": 5})
        assert await homes.claim("b", "tea") == Claim("b", 5)
        assert (await homes.claim("b", "coffee")).home == "a"

        await homes.release("a", {"coffee": 0})
        await homes.bury("a")
        assert await homes.living() == {"b"}
        assert await homes.claim("b", "coffee") == Claim("b", 0)
        # What another has taken by now is not let go.
        await homes.release("a", {"tea": 9})
        assert await homes.home_of("tea") == "b"


@on_an_event_loop
async def test_a_database_tells_the_time(new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own, as machines may differ; a file's is that of its machine, which nobody can set."""
    store = new_store()
    if isinstance(store, MemoryStore):
        pytest.skip("it has no clock")
    await store.open()
    try:
        homes = sql_homes.SqlHomes(store)
        assert not await homes.renew("a")
        assert await homes.living() == {"a"}
        in_an_hour_ns = time.time_ns() + 3600 * 10**9
        monkeypatch.setattr(time, "time_ns", lambda: in_an_hour_ns)
        monkeypatch.setattr(time, "time", lambda: in_an_hour_ns / 1e9)
        assert await homes.living() == {"a"}
        assert await homes.renew("a")
    finally:
        await store.close()
