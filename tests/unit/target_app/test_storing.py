"""The life of the store: what is there when the server begins, and what when it ends."""

import asyncio

import pytest

from target_app.nodes.homes import LEAP
from target_app.outbox import Outbox, Outboxes
from target_app.rooms import Message
from target_app.services import Services, make_services
from target_app.settings import Limits, Settings
from target_app.store import StoreError
from target_app.storing import open_store, storing
from target_app.writer import Writer
from tests.support.event_loop import on_an_event_loop
from tests.support.lines import FakeLine
from tests.support.memory_store import MemoryStore

HELLO = Message("tea", 8, "ann", "hello", 0)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore({("tea", 7): Message("tea", 7, "ann", "of an earlier life", 0)})


@pytest.fixture
def services(store: MemoryStore) -> Services:
    """All there is, with a store that a test can hold up."""
    services = make_services(Settings())
    services.store = store
    services.writer = Writer(store, services.settings.limits)
    return services


@on_an_event_loop
async def test_the_rooms_of_an_earlier_life_are_there_from_the_start(services: Services) -> None:
    """Before anybody is let in: a number that was given is not given again."""
    await open_store(services)
    async with storing(services):
        assert await services.broker.users_in("tea") == []


@on_an_event_loop
async def test_the_end_waits_for_what_is_not_stored_yet(services: Services, store: MemoryStore) -> None:
    """Where an ack does not wait for the store, this is what keeps its promise."""
    await open_store(services)
    async with storing(services):
        store.let_through.clear()
        services.writer.put(HELLO, lambda _: None)
        asyncio.get_running_loop().call_later(0.01, store.let_through.set)

    assert store.kept["tea", 8] == HELLO


@on_an_event_loop
async def test_a_store_that_cannot_be_opened_ends_the_start() -> None:
    """A server that would keep nothing does not begin to serve."""

    class Closed(MemoryStore):
        async def open(self) -> dict[str, int]:
            raise StoreError("no such folder")

    services = make_services(Settings())
    services.store = Closed()
    with pytest.raises(StoreError, match="no such folder"):
        await open_store(services)


@pytest.mark.parametrize(("was_cut_off", "last_seq"), [(False, 7), (True, 7 + LEAP)])
@on_an_event_loop
async def test_after_a_kill_no_number_is_given_that_somebody_may_have_heard(
    services: Services, store: MemoryStore, was_cut_off: bool, last_seq: int
) -> None:
    """What a killed server sent and did not store had numbers, too; one that ended in good order leaves no gap."""
    store.was_cut_off = was_cut_off
    await open_store(services)
    async with storing(services):
        assert (
            await services.broker.join(Outbox(FakeLine(), Outboxes(Limits())), "bob", "tea", presence=False)
        ).seq == last_seq
