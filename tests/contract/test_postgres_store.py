"""PostgreSQL below the store: what it survives, what it refuses, and what nobody can know."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from target_app.database import Durability, PostgresDatabase, database_from
from target_app.postgres_store import PostgresStore, check_server_version
from target_app.rooms import Message
from target_app.store import ClashError, StoreError
from target_app.stores import store_from
from tests.support.event_loop import on_an_event_loop
from tests.support.postgres_server import QUOTED_PASSWORD, PostgresServer, postgres_server
from tests.support.silent_port import refusing_port, silent_port

# How long an answer may take where a test waits for its coming late.
SOON_S = 0.3


def messages(first: int, count: int = 1, text: str = "hello") -> list[Message]:
    return [Message("tea", seq, "ann", text, seq) for seq in range(first, first + count)]


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """Of a new database."""
    return postgres.url(postgres.new_database())


@pytest.fixture(scope="module")
def fragile() -> Iterator[PostgresServer]:
    """A server that is killed and frozen, and runs again when a test ends."""
    with postgres_server() as server:
        yield server


def store_at(url: str, durability: Durability = Durability.ACK, answer_s: float | None = None) -> PostgresStore:
    database = database_from(url)
    assert isinstance(database, PostgresDatabase)
    return PostgresStore(database, durability) if answer_s is None else PostgresStore(database, durability, answer_s)


@asynccontextmanager
async def opened(store: PostgresStore) -> AsyncIterator[PostgresStore]:
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def kept(store: PostgresStore) -> list[Message]:
    return await store.newest("tea", None, 1_000)


# --- where it is, and whether it lets us in


@on_an_event_loop
async def test_a_unix_socket_is_a_way_as_well(postgres: PostgresServer) -> None:
    """The folder stands after the question mark, as for libpq."""
    name = postgres.new_database()
    url = f"postgresql+asyncpg://chatbench:{QUOTED_PASSWORD}@:{postgres.port}/{name}?host={postgres.folder}"
    async with opened(store_at(url)) as store:
        await store.append(messages(1))

        assert await kept(store) == messages(1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("/postgres", "/missing"), 'database "missing" does not exist'),
        ((QUOTED_PASSWORD, "hush"), 'password authentication failed for user "chatbench"'),
        (("chatbench:", "nobody:"), 'password authentication failed for user "nobody"'),
        (("127.0.0.1", "host.invalid"), "Name or service not known"),
        (("127.0.0.1", "a..b"), None),
        (("/postgres", "/postgres?ssl=require"), None),
        (("/postgres", "/postgres?ssl=perhaps"), None),
        (("@127.0.0.1", "@"), None),
    ],
)
@on_an_event_loop
async def test_what_cannot_be_reached_is_one_line_that_names_it(
    postgres: PostgresServer, change: tuple[str, str], complaint: str | None
) -> None:
    """And the reason; never the password."""
    url = postgres.url("postgres")
    assert change[0] in url
    url = url.replace(*change)
    if "@:" in url:
        url += "?host=/nowhere"
    with pytest.raises(StoreError) as refused:
        await store_at(url).open()

    name, separator, reason = str(refused.value).partition(": ")
    assert name.startswith("postgresql://")
    assert separator
    assert reason == complaint or (complaint is None and reason)
    for secret in ("hush", "let me", QUOTED_PASSWORD, "\n"):
        assert secret not in str(refused.value)


@on_an_event_loop
async def test_a_port_where_nobody_listens_is_told() -> None:
    """At the start, at once."""
    with pytest.raises(StoreError, match=r"@127\.0\.0\.1:\d+/chat: .*[Cc]onnection refused"):
        await store_at(f"postgresql+asyncpg://ann:hush@127.0.0.1:{refusing_port()}/chat").open()


@on_an_event_loop
async def test_a_port_where_nobody_answers_is_no_wait_for_ever() -> None:
    """A frozen server takes connections, too: the kernel does."""
    with silent_port() as port, pytest.raises(StoreError, match=r"/chat: no answer$"):
        await store_at(f"postgresql+asyncpg://ann@127.0.0.1:{port}/chat", answer_s=SOON_S).open()


@on_an_event_loop
async def test_one_who_may_make_no_tables_is_told(postgres: PostgresServer) -> None:
    """PostgreSQL's words say where."""
    name = postgres.new_database()
    postgres.query(name, "CREATE ROLE reader LOGIN PASSWORD 'reads'; REVOKE ALL ON SCHEMA public FROM PUBLIC")
    url = f"postgresql+asyncpg://reader:reads@127.0.0.1:{postgres.port}/{name}"

    with pytest.raises(StoreError, match=r"permission denied for schema public|no schema has been selected"):
        await store_at(url).open()


def test_a_server_that_is_too_old_is_told() -> None:
    """With what it is and what it should be."""
    check_server_version("db", (12, 0))
    with pytest.raises(StoreError, match=r"^db: expected PostgreSQL 12 or newer, found 11\.22$"):
        check_server_version("db", (11, 22))


def test_a_missing_package_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    for module in ("postgres_store", "postgres_errors"):
        monkeypatch.delitem(sys.modules, f"target_app.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "asyncpg", None)

    with pytest.raises(
        StoreError, match=r"^postgresql://db:5432/chat: needs asyncpg; pip install 'chatbench\[postgres\]'$"
    ):
        store_from("postgresql+asyncpg://db/chat", Durability.ACK)


# --- what it keeps


@pytest.mark.parametrize(("durability", "expected"), [(Durability.ACK, "on"), (Durability.ASYNC, "off")])
@on_an_event_loop
async def test_an_ack_waits_for_the_disk_unless_told_otherwise(url: str, durability: Durability, expected: str) -> None:
    """No test can cut the power; PostgreSQL's documentation says what survives it."""
    async with opened(store_at(url, durability)) as store:
        await store.append(messages(1))

        assert await store._driver.fetchval("SHOW synchronous_commit") == expected


@on_an_event_loop
async def test_two_servers_may_share_a_database(url: str) -> None:
    """Each finds what the other wrote; a number that both gave out is kept for the first."""
    async with opened(store_at(url)) as one, opened(store_at(url)) as other:
        await one.append(messages(1, 2))
        await other.append(messages(3, 2))
        with pytest.raises(ClashError):
            await one.append(messages(4, 2, text="another"))

        assert await kept(one) == await kept(other) == messages(1, 4)


# --- connections that end


@on_an_event_loop
async def test_connections_that_ended_while_nobody_used_them_cost_nothing(postgres: PostgresServer) -> None:
    """A firewall and an administrator end those that are idle: the next message is stored, the next reader reads."""
    name = postgres.new_database()
    async with opened(store_at(postgres.url(name))) as store:
        await store.append(messages(1))
        await asyncio.gather(*(kept(store) for _ in range(10)))
        driver = store._driver
        postgres.query(
            "postgres",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",  # noqa: S608
        )
        await asyncio.gather(*(kept(store) for _ in range(10)))
        await store.append(messages(2))

        assert store._driver is not driver
        assert await kept(store) == messages(1, 2)


CLOSED = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
# uvloop's, where the other end has hung up and asyncpg has not been told yet.
NOT_TOLD_YET = RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")


class Broken:
    """A connection that breaks in the next write, before it is done or after."""

    def __init__(
        self, driver: Any, meanwhile: Callable[[Sequence[Any]], Awaitable[None]], error: Exception = CLOSED
    ) -> None:
        self._driver = driver
        self._meanwhile = meanwhile
        self._error = error

    async def executemany(self, _statement: str, rows: Sequence[Any]) -> None:
        await self._meanwhile(rows)
        if self._error is CLOSED:
            self._driver.terminate()
        raise self._error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)


@pytest.mark.parametrize("error", [CLOSED, NOT_TOLD_YET], ids=["told", "not told"])
@pytest.mark.parametrize("done", [0, 1, 3], ids=["nothing", "a part", "all"])
@on_an_event_loop
async def test_a_write_whose_end_nobody_saw_is_made_sure_of(url: str, done: int, error: Exception) -> None:
    """Committed or not, the messages are there once and are acknowledged: the second try adds what is missing."""
    async with opened(store_at(url)) as store, opened(store_at(url)) as other:
        await store.append(messages(1))

        async def meanwhile(_rows: Sequence[Any]) -> None:
            if done:
                await other.append(messages(2, done))

        store._driver = Broken(store._driver, meanwhile, error)
        await store.append(messages(2, 3))

        assert await kept(store) == messages(1, 4)


@on_an_event_loop
async def test_a_second_try_is_not_taken_in_by_the_message_of_another(url: str) -> None:
    """Who has the number has to have the same text, sender and time; the rest of the group is not there then."""
    async with opened(store_at(url)) as store, opened(store_at(url)) as other:
        await store.append(messages(1))
        store._driver = Broken(store._driver, lambda _: other.append(messages(3, text="another")))
        with pytest.raises(ClashError, match="another message has that number"):
            await store.append(messages(2, 3))
        assert await kept(store) == [*messages(1), *messages(3, text="another")]

        await store.append(messages(4))
        assert (await kept(store))[-1:] == messages(4)


async def stored_at_last(store: PostgresStore, group: Sequence[Message]) -> None:
    """Try until it is, since a server that was not there is not looked for all the time."""
    while True:
        try:
            await store.append(group)
        except StoreError:
            await asyncio.sleep(0)
        else:
            return


@on_an_event_loop
async def test_a_killed_server_refuses_messages_and_is_found_again(fragile: PostgresServer) -> None:
    """Each write says why; what was kept is there afterwards, and all goes on without a restart of ours."""
    async with opened(store_at(fragile.url(fragile.new_database()))) as store:
        await store.append(messages(1, 20))
        await kept(store)
        for how in (signal.SIGKILL, signal.SIGQUIT, signal.SIGINT):
            await asyncio.to_thread(fragile.stop, how)
            for _ in range(2):
                with pytest.raises(StoreError, match=r"^postgresql://chatbench@127.*: [^\n]+$"):
                    await store.append(messages(1_000))
                with pytest.raises(StoreError):
                    await kept(store)
            await asyncio.to_thread(fragile.start)
            before = await kept(store)
            await stored_at_last(store, messages(len(before) + 1))

        assert await kept(store) == messages(1, 23)


@on_an_event_loop
async def test_a_frozen_server_is_an_error_in_time_and_not_a_wait_for_ever(fragile: PostgresServer) -> None:
    """For those who write, who read, who begin and who end; afterwards all goes on."""
    url = fragile.url(fragile.new_database())
    async with opened(store_at(url, answer_s=SOON_S)) as store, opened(store_at(url, answer_s=SOON_S)) as ending:
        await store.append(messages(1))
        await asyncio.gather(*(kept(store) for _ in range(4)))
        await ending.append(messages(2))
        fragile.freeze()
        try:
            for attempt in (store.append(messages(3)), kept(store), store.append(messages(4)), kept(store)):
                with pytest.raises(StoreError, match=r": no answer$"):
                    await attempt
            with pytest.raises(StoreError, match=r": no answer$"):
                await store_at(url, answer_s=SOON_S).open()
            await ending.close()
        finally:
            fragile.thaw()
        await store.append(messages(5))

        # The third may have been under way, and nobody said that it is kept.
        assert [message for message in await kept(store) if message.seq not in (3, 4)] == [
            *messages(1, 2),
            *messages(5),
        ]


@on_an_event_loop
async def test_a_write_that_is_given_up_leaves_a_store_that_works(fragile: PostgresServer) -> None:
    """The end of a server does not wait for PostgreSQL any longer than it wants."""
    async with opened(store_at(fragile.url(fragile.new_database()))) as store:
        await store.append(messages(1))
        fragile.freeze()
        try:
            writing = asyncio.create_task(store.append(messages(2)))
            reading = asyncio.create_task(kept(store))
            for _ in range(100):
                await asyncio.sleep(0)
            for task in (writing, reading):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
        finally:
            fragile.thaw()
        await store.append(messages(3))

        assert [message for message in await kept(store) if message.seq != 2] == [*messages(1), *messages(3)]
