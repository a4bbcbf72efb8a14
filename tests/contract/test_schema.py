"""The schema of a database, in SQLite and in PostgreSQL: made, brought up to date, refused."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from target_app.database import Durability
from target_app.rooms import Message
from target_app.schema import MIGRATIONS, migrate
from target_app.store import Store, StoreError
from target_app.stores import store_from
from target_app.tables import SCHEMA_VERSION, TABLES
from tests.support.event_loop import on_an_event_loop
from tests.support.postgres_server import PostgresServer

MESSAGES = [Message("tea", 1, "ann", "hello\nworld ☕", 1_700_000_000_000), Message("coffee", 7, "bob", "", 2)]

VERSION_1 = (
    "CREATE TABLE chatbench_schema (version INTEGER NOT NULL)",
    "INSERT INTO chatbench_schema VALUES (1)",
    "CREATE TABLE messages (room TEXT NOT NULL, seq BIGINT NOT NULL, sender TEXT NOT NULL, text TEXT NOT NULL,"
    " sent_at_ms BIGINT NOT NULL, PRIMARY KEY (room, seq))",
)


@dataclass(frozen=True, slots=True)
class Database:
    """An empty one, and what a person would do with it."""

    url: str
    name: str
    """As an error names it."""
    do: Callable[..., Any]
    """Run statements."""
    looks: Callable[[], object]
    """All that is in it."""

    def store(self) -> Store:
        return store_from(self.url, Durability.ACK)


def sqlite(request: pytest.FixtureRequest) -> Database:
    folder: Path = request.getfixturevalue("tmp_path")
    path = folder / "chat.db"

    def do(*statements: str) -> None:
        with closing(sqlite3.connect(path)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()

    def looks() -> object:
        return path.read_bytes(), sorted(each.name for each in folder.iterdir())

    return Database(f"sqlite:///{path}", str(path), do, looks)


def postgres(request: pytest.FixtureRequest) -> Database:
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.new_database()

    def do(*statements: str) -> None:
        server.query(name, ";".join(statements))

    url = server.url(name)
    return Database(url, f"postgresql://chatbench@127.0.0.1:{server.port}/{name}", do, lambda: server.dump(name))


DATABASES = {"sqlite": sqlite, "postgres": postgres}


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> Database:
    return DATABASES[request.param](request)


async def opened_and_closed(store: Store) -> dict[str, int]:
    last_seqs = dict(await store.open())
    await store.close()
    return last_seqs


async def in_a_transaction(url: str, work: Callable[[Connection], Any]) -> Any:
    """Run something on SQLAlchemy's connection."""
    if url.startswith("sqlite"):
        engine = create_engine(url)
        with engine.begin() as connection:
            result = work(connection)
        engine.dispose()
        return result
    asynchronous = create_async_engine(url)
    async with asynchronous.begin() as connection:
        result = await connection.run_sync(work)
    await asynchronous.dispose()
    return result


def differences(connection: Connection) -> Sequence[Any]:
    options = {"compare_type": True, "version_table": "chatbench_version"}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), TABLES))


def test_every_version_has_its_migration() -> None:
    """One after the other, up to the version that the server knows."""
    steps = list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())

    assert [step.revision for step in steps] == [str(version) for version in range(SCHEMA_VERSION, 0, -1)]


@on_an_event_loop
async def test_migrations_end_where_a_new_database_begins(database: Database) -> None:
    """A new database is made without them, so somebody has to see that both ways lead to the same tables."""
    await in_a_transaction(database.url, migrate)
    migrated = await in_a_transaction(database.url, differences)
    # It is a database of today to the server, and to Alembic what the server has made is.
    assert await opened_and_closed(database.store()) == {}

    assert migrated == []


@on_an_event_loop
async def test_a_new_database_needs_no_migration(database: Database) -> None:
    """Alembic finds nothing to do in it."""
    await opened_and_closed(database.store())
    before = await in_a_transaction(database.url, differences)
    await in_a_transaction(database.url, migrate)

    assert before == []
    assert await opened_and_closed(database.store()) == {}


@on_an_event_loop
async def test_a_database_of_version_1_is_taken_over_with_all_that_is_in_it(database: Database) -> None:
    """Its messages are there, its rooms go on after them, and the next start finds nothing to do."""
    rows = ", ".join(f"('{m.room}', {m.seq}, '{m.sender}', '{m.text}', {m.sent_at_ms})" for m in MESSAGES)
    database.do(*VERSION_1, f"INSERT INTO messages VALUES {rows}")  # noqa: S608
    store = database.store()

    assert await store.open() == {"tea": 1, "coffee": 7}
    assert await store.newest("tea", None, 10) == MESSAGES[:1]
    assert await store.newest("coffee", None, 10) == MESSAGES[1:]
    await store.append([Message("tea", 2, "ann", "and more", 3)])
    await store.close()
    assert await in_a_transaction(database.url, differences) == []
    assert await opened_and_closed(database.store()) == {"tea": 2, "coffee": 7}


@pytest.mark.parametrize(
    ("statements", "complaint"),
    [
        (["CREATE TABLE bills (amount INTEGER)"], "holds the tables of another program; name a new database"),
        (["CREATE TABLE messages (id INTEGER)"], "holds the tables of another program; name a new database"),
        *(
            (
                [f"CREATE TABLE {table} ({column} VARCHAR(32))", *rows],
                f"has schema version {found}, and this server knows {SCHEMA_VERSION};"
                " use the server that made it, or name a new database",
            )
            for table, column, rows, found in [
                ("chatbench_schema", "version", ["INSERT INTO chatbench_schema VALUES ('1000')"], "1000"),
                ("chatbench_schema", "version", ["INSERT INTO chatbench_schema VALUES ('2')"], "2"),
                ("chatbench_schema", "version", [], "None"),
                ("chatbench_version", "version_num", ["INSERT INTO chatbench_version VALUES ('1000')"], "1000"),
                ("chatbench_version", "version_num", ["INSERT INTO chatbench_version VALUES ('0')"], "0"),
            ]
        ),
    ],
)
@on_an_event_loop
async def test_a_database_that_is_not_ours_is_refused_and_left_as_it_is(
    database: Database, statements: list[str], complaint: str
) -> None:
    """A newer one, too: what this server cannot read it must not write into."""
    database.do(*statements)
    before = database.looks()

    with pytest.raises(StoreError) as refused:
        await database.store().open()

    assert str(refused.value) == f"{database.name}: {complaint}"
    assert database.looks() == before


@pytest.mark.parametrize("statements", [(), VERSION_1], ids=["new", "of version 1"])
@on_an_event_loop
async def test_servers_may_start_on_one_database_at_the_same_time(
    database: Database, statements: tuple[str, ...]
) -> None:
    """One makes or changes the tables, the others find them; each can write."""
    database.do(*statements)
    stores = [database.store() for _ in range(4)]

    assert await asyncio.gather(*(store.open() for store in stores)) == [{}] * 4
    for n, store in enumerate(stores, start=1):
        await store.append([Message("tea", n, "ann", "hello", 0)])
    assert len(await stores[0].newest("tea", None, 10)) == 4
    for store in stores:
        await store.close()
