"""The schema of a database: made where it is empty, brought up to date where it is older, and else left alone."""

import logging
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Connection, column, insert, select, table
from sqlalchemy import inspect as look_into

from target_app.store import StoreError
from target_app.tables import SCHEMA_VERSION, TABLES, VERSION

MIGRATIONS = Path(__file__).with_name("migrations")

# There version 1 noted its number.
_OF_VERSION_1 = "chatbench_schema"

log = logging.getLogger(__name__)


def prepare(connection: Connection, name: str) -> None:
    """Have the tables of today in a database that people know by ``name``.

    Within the transaction that is open, and which no other server can be in at the same time; it is for the caller to
    commit. Raises StoreError for a database of another program, and of a newer server; nothing is changed then.
    """
    tables = look_into(connection).get_table_names()
    if not tables:
        # Migrations would do the same, and to import Alembic takes a fifth of the time of all other imports of the
        # server, which every run of chatbench starts.
        TABLES.create_all(connection)
        _note_version(connection, SCHEMA_VERSION)
        return
    version = _version(connection, tables, name)
    if version == SCHEMA_VERSION:
        return
    if VERSION.name not in tables:
        VERSION.create(connection)
        _note_version(connection, version)
    migrate(connection)
    log.info("%s: brought from schema version %d to %d", name, version, SCHEMA_VERSION)


def migrate(connection: Connection, to: str = "head") -> None:
    """Go through the migrations from the version that is noted, up to another one."""
    # Not before it is needed: see `prepare`.
    from alembic import command
    from alembic.config import Config

    # It would tell of its ways.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, to)


def _version(connection: Connection, tables: Collection[str], name: str) -> int:
    """Return a version that we know; StoreError for all else."""
    if VERSION.name in tables:
        noted, known = connection.scalar(select(VERSION.c.version_num)), range(1, SCHEMA_VERSION + 1)
    elif _OF_VERSION_1 in tables:
        noted, known = connection.scalar(select(column("version")).select_from(table(_OF_VERSION_1))), range(1, 2)
    else:
        raise StoreError(f"{name}: holds the tables of another program; name a new database")
    for version in known:
        if str(noted) == str(version):
            return version
    raise StoreError(
        f"{name}: has schema version {noted}, and this server knows {SCHEMA_VERSION};"
        " use the server that made it, or name a new database"
    )


def _note_version(connection: Connection, version: int) -> None:
    connection.execute(insert(VERSION), {"version_num": str(version)})
