"""The tables, and what is asked of them: the same in SQLite and in PostgreSQL.

They are as the latest of target_app/migrations leaves them, which a test holds them to.
"""

from typing import Any, cast

from sqlalchemy import BigInteger, Column, MetaData, Select, String, Table, Text, func, insert, select

from target_app.rooms import Message

# Raised with every change of the tables, by a migration of that number.
SCHEMA_VERSION = 3

TABLES = MetaData()

# The columns in the order of Message's fields.
MESSAGES = Table(
    "messages",
    TABLES,
    Column("room", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("sender", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("sent_at_ms", BigInteger, nullable=False),
)

# Which node numbers which room (nodes/homes.py): nobody where `home` is null. No number up to `seq` is given again.
HOMES = Table(
    "homes",
    TABLES,
    Column("room", Text, primary_key=True),
    Column("home", Text),
    Column("seq", BigInteger, nullable=False),
)

# How long each node's lease lasts, in Unix time in ms.
NODES = Table(
    "nodes",
    TABLES,
    Column("node", Text, primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
)

# Alembic's own, under a name that says whose database it is.
VERSION = Table("chatbench_version", TABLES, Column("version_num", String(32), primary_key=True))

FIELDS = tuple(column.name for column in MESSAGES.columns)
INSERT = insert(MESSAGES)
LAST_SEQS = cast(Select[Any], select(MESSAGES.c.room, func.max(MESSAGES.c.seq)).group_by(MESSAGES.c.room))


def newest(room: str, before: int | None, limit: int) -> Select[Any]:
    """The newest messages first."""
    below = _of(room) if before is None else _of(room).where(MESSAGES.c.seq < before)
    return below.order_by(MESSAGES.c.seq.desc()).limit(limit)


def after(room: str, seq: int, limit: int) -> Select[Any]:
    """The oldest messages above ``seq`` first."""
    return _of(room).where(MESSAGES.c.seq > seq).order_by(MESSAGES.c.seq).limit(limit)


def values_of(message: Message) -> tuple[str, int, str, str, int]:
    """One row."""
    return (message.room, message.seq, message.sender, message.text, message.sent_at_ms)


def _of(room: str) -> Select[Any]:
    return cast(Select[Any], select(MESSAGES).where(MESSAGES.c.room == room))
