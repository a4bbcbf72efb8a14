"""Homes in the database of the store: two small tables, and a transaction for each question.

The statements are the same in SQLite and in PostgreSQL; what differs is the clock. A file is shared by processes of one
machine, which have its monotonic clock in common; PostgreSQL's own is the one that all nodes share. That is a wall
clock, and who sets it by more than LEASE_S, either way, ends all leases.
"""

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from target_app.nodes.homes import LEAP, LEASE_S, Claim
from target_app.store import Store
from target_app.tables import HOMES, MESSAGES, NODES

_LEASE_MS = round(LEASE_S * 1_000)
# Nobody can have got a lease that ends later, seen from now: it was written before the machine was started anew, and
# its clock with it, or the database's was set back. Twice as long, since that may be set by a second or two.
_LATEST_MS = 2 * _LEASE_MS


class SqlHomes:
    """Every method is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def renew(self, node: str) -> bool:
        return await self._store.run(lambda database: _renew(database, node))

    async def claim(self, node: str, room: str) -> Claim:
        return await self._store.run(lambda database: _claim(database, node, room))

    async def home_of(self, room: str) -> str | None:
        return await self._store.run(lambda database: _home_of(database, room))

    async def living(self) -> frozenset[str]:
        return await self._store.run(_living)

    async def release(self, node: str, seqs: Mapping[str, int]) -> None:
        await self._store.run(lambda database: _release(database, node, seqs))

    async def bury(self, node: str) -> None:
        await self._store.run(lambda database: _bury(database, node))


def _renew(database: Connection, node: str) -> bool:
    now_ms = _now_ms(database)
    until_ms = database.scalar(select(NODES.c.until_ms).where(NODES.c.node == node))
    if until_ms is None:
        database.execute(insert(NODES).values(node=node, until_ms=now_ms + _LEASE_MS))
    else:
        database.execute(update(NODES).where(NODES.c.node == node).values(until_ms=now_ms + _LEASE_MS))
    # Those that nobody buried: long enough after their end that nobody asks for them any more.
    is_over = or_(NODES.c.until_ms < now_ms - 60 * _LEASE_MS, NODES.c.until_ms > now_ms + _LATEST_MS)
    database.execute(delete(NODES).where(is_over))
    return _lasts(until_ms, now_ms)


def _claim(database: Connection, node: str, room: str) -> Claim:
    # Locked until the end of the transaction: of two who claim at once, one comes after the other.
    row = _locked(database, room)
    if row.home not in (None, node) and _lives(database, row.home):
        return Claim(row.home, 0)
    stored_seq = database.scalar(select(func.max(MESSAGES.c.seq)).where(MESSAGES.c.room == room)) or 0
    seq = max(row.seq, stored_seq)
    if row.home not in (None, node):
        seq += LEAP
    database.execute(update(HOMES).where(HOMES.c.room == room).values(home=node, seq=seq))
    return Claim(node, seq)


def _locked(database: Connection, room: str) -> Any:
    wanted = select(HOMES.c.home, HOMES.c.seq).where(HOMES.c.room == room).with_for_update()
    row = database.execute(wanted).one_or_none()
    if row is None:
        # Of two who make it at once, one finds that it is there.
        _make(database, room)
        row = database.execute(wanted).one()
    return row


def _make(database: Connection, room: str) -> None:
    new = postgresql.insert if database.dialect.name == "postgresql" else sqlite.insert
    database.execute(new(HOMES).values(room=room, home=None, seq=0).on_conflict_do_nothing())


def _home_of(database: Connection, room: str) -> str | None:
    home = database.scalar(select(HOMES.c.home).where(HOMES.c.room == room))
    return home if home is not None and _lives(database, home) else None


def _living(database: Connection) -> frozenset[str]:
    now_ms = _now_ms(database)
    return frozenset(node for node, until_ms in database.execute(select(NODES)) if _lasts(until_ms, now_ms))


def _release(database: Connection, node: str, seqs: Mapping[str, int]) -> None:
    for room, seq in seqs.items():
        database.execute(update(HOMES).where(HOMES.c.room == room, HOMES.c.home == node).values(home=None, seq=seq))


def _bury(database: Connection, node: str) -> None:
    database.execute(delete(NODES).where(NODES.c.node == node))


def _lives(database: Connection, node: str) -> bool:
    until_ms = database.scalar(select(NODES.c.until_ms).where(NODES.c.node == node))
    return _lasts(until_ms, _now_ms(database))


def _lasts(until_ms: int | None, now_ms: int) -> bool:
    return until_ms is not None and now_ms < until_ms <= now_ms + _LATEST_MS


def _now_ms(database: Connection) -> int:
    if database.dialect.name == "postgresql":
        # Not now(), which is that of the transaction's beginning.
        return int(database.scalar(select(func.extract("epoch", func.clock_timestamp()) * 1_000)) or 0)
    return time.monotonic_ns() // 1_000_000
