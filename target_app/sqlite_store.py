"""The store in SQLite, by way of SQLAlchemy, in threads of its own.

One thread writes, with one connection; the others read, and see what was committed before they looked (WAL). Threads
and not SQLAlchemy's asyncio: there, a transaction crosses to another thread four times, here once. At 40 messages a
second, each to 500 members, storing took 6 % of what the event loop spends on the fan-out, and with aiosqlite 22 %.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Select, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnectionError

from target_app import tables
from target_app.database import Durability
from target_app.one_life import OneLifeFolder
from target_app.rooms import Message
from target_app.schema import prepare
from target_app.store import ClashError, StoreError

T = TypeVar("T")

# Each with a connection, beside the one that writes: readers never keep it waiting.
READER_COUNT = 4

# How long we wait for another program, a backup say, that has the file locked; so long, at most, it can hold up
# the end of the server.
BUSY_MS = 2_000

# Between two attempts at what SQLite does not wait for by itself.
AGAIN_AFTER_S = 0.01


class SqliteStore:
    """Messages in one table. None for a path: in a temporary folder that nobody else may look into."""

    def __init__(self, path: Path | None, durability: Durability, busy_ms: int = BUSY_MS) -> None:
        self._path = path
        self._name = "the temporary database" if path is None else str(path)
        self._durability = durability
        self._busy_ms = busy_ms
        self._folder: OneLifeFolder | None = None
        self._engine: Engine | None = None
        self._was_cut_off = False
        self._writing: Connection | None = None
        self._writer: ThreadPoolExecutor | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._others: ThreadPoolExecutor | None = None

    async def open(self) -> Mapping[str, int]:
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(READER_COUNT, "store-reader")
        self._others = ThreadPoolExecutor(1, "store-other")
        try:
            return await _in(self._writer, self._open)
        except BaseException:
            await self.close()
            raise

    @property
    def was_cut_off(self) -> bool:
        return self._was_cut_off

    async def append(self, messages: Sequence[Message]) -> None:
        await _in(self._writer, lambda: self._append(messages))

    async def newest(self, room: str, before: int | None, limit: int) -> list[Message]:
        found = await _in(self._readers, lambda: self._found(tables.newest(room, before, limit)))
        return found[::-1]

    async def after(self, room: str, after: int, limit: int) -> list[Message]:
        return await _in(self._readers, lambda: self._found(tables.after(room, after, limit)))

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await _in(self._others, lambda: self._run(work))

    async def close(self) -> None:
        # A write that has begun cannot be called off: it ends, or gives up after BUSY_MS.
        await asyncio.to_thread(self._close)

    # --- in the writer's thread

    def _open(self) -> Mapping[str, int]:
        path = self._path or self._temporary_path()
        # Who is the last to close the file removes its log; what is left of one that was killed SQLite reads by itself.
        self._was_cut_off = path.with_name(f"{path.name}-wal").exists()
        self._engine = _engine(path, self._durability, self._busy_ms)
        with self._told_as_ours():
            self._writing = self._engine.connect()
            self._prepare(self._writing)
            last_seqs = {row.room: row[1] for row in self._writing.execute(tables.LAST_SEQS)}
            self._writing.commit()
            return last_seqs

    def _append(self, messages: Sequence[Message]) -> None:
        assert self._writing is not None, "open() first"
        with self._told_as_ours(), self._writing.begin():
            self._writing.execute(tables.INSERT, [_row(message) for message in messages])

    def _temporary_path(self) -> Path:
        try:
            self._folder = OneLifeFolder()
        except OSError as error:
            raise StoreError(f"{self._name}: {error}") from error
        return self._folder.path / "chat.db"

    def _prepare(self, connection: Connection) -> None:
        # Of two servers that start on one new file, one makes the tables and the other finds them.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        prepare(connection, self._name)
        connection.commit()
        # The file remembers it. Not earlier: it would have changed a file that is not ours.
        self._write_ahead(connection)

    def _write_ahead(self, connection: Connection) -> None:
        by_s = time.monotonic() + self._busy_ms / 1_000
        while True:
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                return
            except OperationalError:
                # Another server does the same at this moment, and here SQLite itself does not wait for it.
                connection.rollback()
                if time.monotonic() >= by_s:
                    raise
                time.sleep(AGAIN_AFTER_S)

    # --- in any thread

    def _found(self, wanted: Select[Any]) -> list[Message]:
        assert self._engine is not None, "open() first"
        with self._told_as_ours(), self._engine.connect() as connection:
            return [Message(*row) for row in connection.execute(wanted)]

    def _run(self, work: Callable[[Connection], T]) -> T:
        assert self._engine is not None, "open() first"
        with self._told_as_ours(), self._engine.connect() as connection:
            # At once: a transaction that has read, and then finds that another has written, would have to begin anew.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            done = work(connection)
            connection.commit()
            return done

    def _close(self) -> None:
        for threads in (self._writer, self._readers, self._others):
            if threads is not None:
                threads.shutdown()
        self._writer = self._readers = self._others = None
        if self._writing is not None:
            self._writing.close()
            self._writing = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    @contextmanager
    def _told_as_ours(self) -> Iterator[None]:
        """Raise the database's errors as StoreError, without the statement: it holds what people wrote."""
        try:
            yield
        except IntegrityError as error:
            raise ClashError(f"{self._name}: {error.orig}") from error
        except DBAPIError as error:
            raise StoreError(f"{self._name}: {error.orig}") from error
        except NoFreeConnectionError as error:
            raise StoreError(f"{self._name}: {error}") from error


async def _in(threads: ThreadPoolExecutor | None, work: Callable[[], T]) -> T:
    assert threads is not None, "open() first"
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def _engine(path: Path, durability: Durability, busy_ms: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        pool_size=2 + READER_COUNT,
        max_overflow=0,
        connect_args={"timeout": busy_ms / 1_000, "check_same_thread": False},
    )
    # FULL waits for the disk at each commit. NORMAL does not: a power cut costs the latest commits, a crash none.
    synchronous = "FULL" if durability is Durability.ACK else "NORMAL"

    def set_up(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.close()

    event.listen(engine, "connect", set_up)
    return engine


def _row(message: Message) -> dict[str, str | int]:
    return dict(zip(tables.FIELDS, tables.values_of(message), strict=True))
