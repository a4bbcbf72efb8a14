"""What every store keeps to; `STORES` is where another one joins."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from target_app.database import Durability
from target_app.rooms import Message
from target_app.sqlite_store import SqliteStore
from target_app.store import ClashError, Store, StoreError
from target_app.stores import store_from
from tests.support.event_loop import on_an_event_loop
from tests.support.memory_store import MemoryStore
from tests.support.postgres_server import PostgresServer

# Called again, it gives a store that has what the one before it kept.
NewStore = Callable[[], Store]


def sqlite(request: pytest.FixtureRequest) -> NewStore:
    folder: Path = request.getfixturevalue("tmp_path")
    return lambda: SqliteStore(folder / "chat.db", Durability.ACK)


def postgres(request: pytest.FixtureRequest) -> NewStore:
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.url(server.new_database())
    return lambda: store_from(url, Durability.ACK)


def memory(_request: pytest.FixtureRequest) -> NewStore:
    kept: dict[tuple[str, int], Message] = {}
    return lambda: MemoryStore(kept)


STORES = {"sqlite": sqlite, "postgres": postgres, "memory": memory}


@pytest.fixture(params=STORES)
def new_store(request: pytest.FixtureRequest) -> NewStore:
    return STORES[request.param](request)


@asynccontextmanager
async def opened(new_store: NewStore) -> AsyncIterator[Store]:
    store = new_store()
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def message(seq: int, room: str = "tea", sender: str = "ann", text: str = "hello") -> Message:
    return Message(room, seq, sender, text, sent_at_ms=1_700_000_000_000 + seq)


def messages(seqs: Iterable[int], room: str = "tea") -> list[Message]:
    return [message(seq, room) for seq in seqs]


@on_an_event_loop
async def test_a_message_comes_back_as_it_was_put(new_store: NewStore) -> None:
    """Room, number, sender, text and time."""
    async with opened(new_store) as store:
        await store.append([message(1)])

        assert await store.newest("tea", None, 10) == [message(1)]


@on_an_event_loop
async def test_the_newest_are_given_in_rising_order(new_store: NewStore) -> None:
    """As a page shows them; whatever the order in which they came, numbers count as numbers."""
    async with opened(new_store) as store:
        await store.append(messages([9, 100, 11]))
        await store.append(messages([10]))

        assert await store.newest("tea", None, 3) == messages([10, 11, 100])
        assert await store.newest("tea", None, 10) == messages([9, 10, 11, 100])


@on_an_event_loop
async def test_scrolling_up_goes_on_before_what_is_there(new_store: NewStore) -> None:
    """The newest below a number, which itself is left out; below the first there is nothing."""
    async with opened(new_store) as store:
        await store.append(messages(range(1, 10)))

        assert await store.newest("tea", 5, 3) == messages([2, 3, 4])
        assert await store.newest("tea", 1, 3) == []
        assert await store.newest("tea", 1_000, 2) == messages([8, 9])


@on_an_event_loop
async def test_catching_up_begins_after_what_was_seen(new_store: NewStore) -> None:
    """The oldest above a number, which itself is left out: nothing is skipped between two pages."""
    async with opened(new_store) as store:
        await store.append(messages(range(1, 10)))

        assert await store.after("tea", 0, 3) == messages([1, 2, 3])
        assert await store.after("tea", 3, 3) == messages([4, 5, 6])
        assert await store.after("tea", 8, 3) == messages([9])
        assert await store.after("tea", 9, 3) == []


@on_an_event_loop
async def test_a_gap_is_no_end(new_store: NewStore) -> None:
    """A message that could not be stored had its number already."""
    async with opened(new_store) as store:
        await store.append(messages([1, 2, 7, 8]))

        assert await store.after("tea", 2, 10) == messages([7, 8])
        assert await store.newest("tea", 7, 1) == messages([2])


@on_an_event_loop
async def test_a_room_that_nobody_wrote_in_is_empty(new_store: NewStore) -> None:
    """And no error: it may be full of people."""
    async with opened(new_store) as store:
        assert await store.newest("tea", None, 10) == []
        assert await store.after("tea", 0, 10) == []


@pytest.mark.parametrize("other", ["Tea", "tea ", " tea", "te", "tea%", "t_a", "téa", "te\u0301a", "'", "tea\u00a0"])
@on_an_event_loop
async def test_rooms_with_like_names_are_not_mixed_up(new_store: NewStore, other: str) -> None:
    """Case, spaces, accents and wildcards count; each room has its own numbers."""
    async with opened(new_store) as store:
        await store.append([message(1), message(1, other), message(2, other)])

        assert await store.newest("tea", None, 10) == [message(1)]
        assert await store.after(other, 0, 10) == messages([1, 2], other)
    again = new_store()
    assert await again.open() == {"tea": 1, other: 2}
    await again.close()


@pytest.mark.parametrize(
    "text",
    [
        "'); DROP TABLE messages; --",
        'Robert"); DELETE FROM messages WHERE ("1"="1',
        "<script>alert(1)</script> &amp; <b>",
        "日本語 עברית عربى 👩‍👩‍👧‍👦 e\u0301 \u202etxet",
        "a\x00b\r\n\ttab \u2028 \ufeff",
        "%s {text} :room ?1 $1 \\",
        " spaces ",
        "12",
        "x" * 56 * 1024,
        "👍" * 56 * 1024,
    ],
)
@on_an_event_loop
async def test_whatever_people_write_comes_back_untouched(new_store: NewStore, text: str) -> None:
    """A text, a name and a room are data: never SQL, never HTML, never cut, never trimmed."""
    wild = message(1, room=text[:64], sender=text[:64], text=text)
    async with opened(new_store) as store:
        await store.append([wild, message(1, "another room")])

        assert await store.newest(text[:64], None, 10) == [wild]
        assert await store.newest("another room", None, 10) == [message(1, "another room")]


@on_an_event_loop
async def test_a_group_with_one_that_is_refused_leaves_nothing(new_store: NewStore) -> None:
    """All or none: no ack has to be taken back, and the next group is stored as if nothing had been."""
    async with opened(new_store) as store:
        await store.append(messages([3]))
        with pytest.raises(ClashError):
            await store.append([*messages([1, 2, 3]), message(1, "coffee")])

        assert await store.newest("tea", None, 10) == messages([3])
        assert await store.newest("coffee", None, 10) == []
        await store.append(messages([1, 2]))
        assert await store.newest("tea", None, 10) == messages([1, 2, 3])


@on_an_event_loop
async def test_what_people_wrote_is_not_in_the_error(new_store: NewStore) -> None:
    """Errors end up in logs."""
    async with opened(new_store) as store:
        await store.append([message(1)])
        with pytest.raises(StoreError) as refused:
            await store.append([message(1, text="a secret")])

    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@on_an_event_loop
async def test_a_store_that_is_opened_again_goes_on(new_store: NewStore) -> None:
    """It has the messages, and the last number of each room, after which the next is given."""
    async with opened(new_store) as store:
        await store.append([*messages([1, 2, 12]), *messages([1, 9], "coffee")])
    store = new_store()

    assert await store.open() == {"tea": 12, "coffee": 9}
    assert await store.newest("tea", None, 10) == messages([1, 2, 12])
    await store.append(messages([13]))
    assert await store.after("tea", 2, 10) == messages([12, 13])
    await store.close()


@on_an_event_loop
async def test_a_new_store_knows_no_room(new_store: NewStore) -> None:
    """Every room begins at 1."""
    store = new_store()

    assert await store.open() == {}
    await store.close()


@on_an_event_loop
async def test_closing_twice_is_closing_once(new_store: NewStore) -> None:
    """Whoever cleans up need not know what was cleaned up already."""
    store = new_store()
    await store.open()

    await store.close()
    await store.close()


@on_an_event_loop
async def test_ten_thousand_messages_are_all_there(new_store: NewStore) -> None:
    """In one room and ten others, in groups of 500, read in pages of 100."""
    async with opened(new_store) as store:
        for first in range(1, 10_001, 500):
            await store.append(messages(range(first, first + 500)))
            await store.append([message(first, f"room {n}") for n in range(10)])

        read: list[Message] = []
        while page := await store.after("tea", len(read), 100):
            read += page
        assert read == messages(range(1, 10_001))
        assert await store.newest("tea", None, 2) == messages([9_999, 10_000])


@on_an_event_loop
async def test_what_is_stored_can_be_read_at_once_while_more_is_written(new_store: NewStore) -> None:
    """Many readers and a writer at the same time: each reads a beginning of what was written, and none fails."""
    async with opened(new_store) as store:

        async def write() -> None:
            for seq in range(1, 101):
                await store.append([message(seq)])
                assert await store.newest("tea", None, 1) == [message(seq)]

        async def read() -> None:
            for _ in range(20):
                found = await store.after("tea", 0, 1_000)
                assert found == messages(range(1, len(found) + 1))

        await asyncio.gather(write(), *(read() for _ in range(12)))


@on_an_event_loop
async def test_many_appends_at_once_stay_apart(new_store: NewStore) -> None:
    """One that is refused takes nothing of another along, and leaves nothing of its own."""
    async with opened(new_store) as store:
        await store.append([message(1, "coffee")])
        good = [store.append([message(n)]) for n in range(1, 20, 2)]
        bad = [store.append([message(n), message(1, "coffee")]) for n in range(2, 20, 2)]
        outcomes = await asyncio.gather(*good, *bad, return_exceptions=True)

        assert outcomes[: len(good)] == [None] * len(good)
        assert {type(outcome) for outcome in outcomes[len(good) :]} == {ClashError}
        assert await store.after("tea", 0, 100) == messages(range(1, 20, 2))
