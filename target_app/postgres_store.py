"""The store in PostgreSQL: SQLAlchemy's asyncio reads, asyncpg beneath it writes.

A group goes as one `executemany` of asyncpg: one transaction, one way there and back. Of the event loop that takes
74 us for a message alone and 2.9 us for each of 500; by way of SQLAlchemy 455 and 7.2, and SQLite's thread 51 and 0.3.
So there is no thread here.

A connection that gives no answer in time is cut: to end it in order would be to wait once more.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast
from weakref import WeakSet

from sqlalchemy import URL, Connection, Select, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from target_app import tables
from target_app.database import Durability, PostgresDatabase
from target_app.postgres_errors import FAILURES, is_lost, told_as_ours
from target_app.postgres_text import storable, stored
from target_app.rooms import Message
from target_app.schema import prepare
from target_app.store import ClashError, StoreError

T = TypeVar("T")

# Each with a connection, beside the one that writes: readers never keep it waiting.
READER_COUNT = 4

# How long a write or a read waits for PostgreSQL: a checkpoint on a slow disk takes a second or two.
ANSWER_S = 5.0
# The start reads the last number of each room, and perhaps changes a table of millions of messages.
OPEN_S = 60.0
# Where nothing listens, every group of messages would try again, a thousand times a second.
RECONNECT_AFTER_S = 0.2
# What is left to say in order at the end.
CLOSE_S = 1.0

# Older ones are not tried; their makers gave up 11 in 2023.
SERVER_VERSION_MIN = 12

# "chatb" in ASCII: nobody else's, and the same in every server of ours.
START_LOCK = 0x6368617462

_COLUMNS = ", ".join(tables.FIELDS)
_INSERT = f"INSERT INTO messages ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5)"  # noqa: S608 - names of columns
_INSERT_MISSING = f"{_INSERT} ON CONFLICT DO NOTHING"
# How many of the rows are there, the same in every column.
_COUNT_SAME = (
    f"SELECT count(*) FROM messages NATURAL JOIN unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[])"  # noqa: S608
    f" AS wanted ({_COLUMNS})"
)

Row = tuple[str, int, str, str, int]


class PostgresStore:
    """Messages in one table, which other servers may share."""

    def __init__(self, database: PostgresDatabase, durability: Durability, answer_s: float = ANSWER_S) -> None:
        self._name = str(database)
        self._answer_s = answer_s
        self._engine = _engine(database, durability, answer_s)
        # Each statement by itself: nothing has to be begun and ended around it.
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._writing: AsyncConnection | None = None
        # asyncpg's connection below each of SQLAlchemy's, and the one below `_writing`.
        self._drivers: WeakSet[Any] = WeakSet()
        self._driver: Any = None
        event.listen(self._engine.sync_engine, "connect", lambda made, _: self._drivers.add(made.driver_connection))
        # One group after the other, as there is one connection.
        self._turn = asyncio.Lock()
        # Why there was no way to the database, and until when that is believed, in s of the event loop.
        self._no_way = ""
        self._no_way_until_s = 0.0

    async def open(self) -> Mapping[str, int]:
        try:
            with told_as_ours(self._name):
                async with self._connected(self._engine, OPEN_S) as connection:
                    check_server_version(self._name, connection.dialect.server_version_info or ())
                    # Of two servers that start on one new database, one makes the tables and the other finds them.
                    await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({START_LOCK})")
                    await connection.run_sync(prepare, self._name)
                    await connection.commit()
                    return {stored(room): seq for room, seq in await connection.execute(tables.LAST_SEQS)}
        except BaseException:
            await self.close()
            raise

    @property
    def was_cut_off(self) -> bool:
        return False

    async def append(self, messages: Sequence[Message]) -> None:
        rows = [_row(message) for message in messages]
        async with self._turn:
            loop = asyncio.get_running_loop()
            by_s = loop.time() + self._answer_s
            late = loop.call_at(by_s, self._cut)
            try:
                with told_as_ours(self._name):
                    await self._append(rows, by_s)
            except asyncio.CancelledError:
                self._cut()
                raise
            finally:
                late.cancel()

    async def newest(self, room: str, before: int | None, limit: int) -> list[Message]:
        return (await self._found(tables.newest(storable(room), before, limit)))[::-1]

    async def after(self, room: str, after: int, limit: int) -> list[Message]:
        return await self._found(tables.after(storable(room), after, limit))

    async def run(self, work: Callable[[Connection], T]) -> T:
        with told_as_ours(self._name):
            async with self._connected(self._engine, self._answer_s) as connection:
                done = await connection.run_sync(work)
                await connection.commit()
                return done

    async def close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._let_go()
                await self._engine.dispose()
        except TimeoutError:
            for driver in list(self._drivers):
                driver.terminate()

    async def _append(self, rows: Sequence[Row], by_s: float) -> None:
        # One that was lost while nobody wrote: nothing is under way on it.
        if self._driver is None or self._driver.is_closed():
            await self._connect(by_s)
        try:
            await self._driver.executemany(_INSERT, rows)
        except FAILURES as error:
            if not is_lost(self._driver, error):
                raise
            self._cut()
            # Nobody can say whether they are kept. To try again does no harm: they have their rooms and numbers.
            await self._connect(by_s)
            await self._append_missing(rows)

    async def _append_missing(self, rows: Sequence[Row]) -> None:
        """Have all of these kept, some or all of which may be."""
        async with self._driver.transaction():
            await self._driver.executemany(_INSERT_MISSING, rows)
            if await self._driver.fetchval(_COUNT_SAME, *map(list, zip(*rows, strict=True))) != len(rows):
                raise ClashError(f"{self._name}: another message has that number")

    async def _connect(self, by_s: float) -> None:
        """Have a new connection to write with."""
        await self._let_go()
        loop = asyncio.get_running_loop()
        if loop.time() < self._no_way_until_s:
            raise StoreError(self._no_way)
        try:
            with told_as_ours(self._name):
                # A connection that is there already takes no time, and would be taken when there is none left.
                if loop.time() >= by_s:
                    raise TimeoutError
                async with asyncio.timeout_at(by_s):
                    self._writing = await self._engine.connect()
                    self._driver = (await self._writing.get_raw_connection()).driver_connection
        except StoreError as error:
            self._no_way, self._no_way_until_s = str(error), loop.time() + RECONNECT_AFTER_S
            raise

    async def _let_go(self) -> None:
        if self._writing is not None:
            if self._driver is None or self._driver.is_closed():
                await self._writing.invalidate()
            await self._writing.close()
        self._writing = self._driver = None

    def _cut(self) -> None:
        if self._driver is not None:
            self._driver.terminate()

    async def _found(self, wanted: Select[Any]) -> list[Message]:
        with told_as_ours(self._name):
            try:
                rows = await self._rows(wanted)
            except (DBAPIError, RuntimeError) as error:
                if isinstance(error, DBAPIError) and not error.connection_invalidated:
                    raise
                # It had ended, and we did not know yet; SQLAlchemy has let go of the others that are as old.
                rows = await self._rows(wanted)
        return [
            Message(stored(room), seq, stored(sender), stored(text), sent_at_ms)
            for room, seq, sender, text, sent_at_ms in rows
        ]

    async def _rows(self, wanted: Select[Any]) -> Sequence[Any]:
        async with self._connected(self._reading, self._answer_s) as connection:
            return cast(Sequence[Any], (await connection.execute(wanted)).all())

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine, limit_s: float) -> AsyncIterator[AsyncConnection]:
        """Lend a connection until the block ends; after ``limit_s`` it is cut, and a TimeoutError raised."""
        loop = asyncio.get_running_loop()
        by_s = loop.time() + limit_s
        connection = engine.connect()
        async with asyncio.timeout_at(min(by_s, loop.time() + self._answer_s)):
            await connection.start()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        late = loop.call_at(by_s, driver.terminate)
        try:
            yield connection
        except DBAPIError as error:
            if loop.time() >= by_s:
                raise TimeoutError from error
            raise
        except asyncio.CancelledError:
            driver.terminate()
            raise
        finally:
            # The end of it may be waited for as well.
            await asyncio.shield(connection.close())
            late.cancel()


def check_server_version(name: str, version: tuple[int | str, ...]) -> None:
    """StoreError for a server that is too old."""
    if version < (SERVER_VERSION_MIN,):
        shown = ".".join(map(str, version))
        raise StoreError(f"{name}: expected PostgreSQL {SERVER_VERSION_MIN} or newer, found {shown}")


def _engine(database: PostgresDatabase, durability: Durability, answer_s: float) -> AsyncEngine:
    engine = create_async_engine(
        URL.create(
            "postgresql+asyncpg", database.user, database.password, database.host, database.port, database.database
        ),
        pool_size=2 + READER_COUNT,
        max_overflow=0,
        pool_timeout=answer_s,
        connect_args={
            "timeout": answer_s,
            "server_settings": {
                "application_name": "chatbench",
                # Off does not wait for the disk: if PostgreSQL itself is killed, it costs the last half second.
                "synchronous_commit": "on" if durability is Durability.ACK else "off",
            },
            **({} if database.ssl is None else {"ssl": database.ssl}),
        },
    )

    def check(connection: Any, _record: object, _proxy: object) -> None:
        # Sees an end that PostgreSQL told of, and asks it nothing.
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    event.listen(engine.sync_engine, "checkout", check)
    return engine


def _row(message: Message) -> Row:
    room, seq, sender, text, sent_at_ms = tables.values_of(message)
    return storable(room), seq, storable(sender), storable(text), sent_at_ms
