"""Who is in which room, and who writes next."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

import numpy as np
import numpy.typing as npt

from loadgen.plan.pacing import BLOCK_SIZE, Stream, block_rng

Int64s = npt.NDArray[np.int64]


class RoomShape(StrEnum):
    """How users are spread over rooms."""

    SINGLE = "single"
    UNIFORM = "uniform"
    ZIPF = "zipf"
    LOGNORMAL = "lognormal"


@dataclass(frozen=True, slots=True)
class Rooms:
    """One room a user."""

    count: int
    table: array[int] | None = None
    """The room of each user, of those numbered beyond it from the start again; None: the sizes of two rooms differ by
    one at most."""

    def room_of(self, user: int) -> int:
        """The room of a user (both from 0)."""
        return user % self.count if self.table is None else self.table[user % len(self.table)]

    def members(self, user_count: int) -> RoomLists:
        """Of the first ``user_count`` users: who is in each room."""
        return RoomLists(self, user_count)


class RoomLists:
    """Finds the members of a room without looking at everybody each time."""

    def __init__(self, rooms: Rooms, user_count: int) -> None:
        self._rooms = rooms
        self._user_count = user_count
        self._in_order: Int64s | None = None  # users, room by room
        self._bounds: Int64s | None = None

    def of(self, room: int) -> Int64s:
        """Its members, rising. Not to be written to."""
        if self._rooms.table is None:
            return np.arange(room, self._user_count, self._rooms.count, dtype=np.int64)
        if self._in_order is None or self._bounds is None:
            rooms = np.resize(np.array(self._rooms.table, dtype=np.int32), self._user_count)
            self._in_order = np.argsort(rooms, kind="stable").astype(np.int64)
            self._bounds = np.searchsorted(rooms[self._in_order], np.arange(self._rooms.count + 1)).astype(np.int64)
        return self._in_order[self._bounds[room] : self._bounds[room + 1]]


@cache
def room_name(room: int) -> str:
    """What the server is told; safe in a URL, in JSON and in XML."""
    return f"room-{room + 1}"


@dataclass(slots=True)
class Senders:
    """Who writes message ``n``: any user, each as likely as the next, settled by the seed."""

    seed: int
    _block: int = field(default=-1, init=False)
    _drawn: list[float] = field(default_factory=list, init=False)

    def sender_of(self, n: int, user_count: int) -> int:
        """The user who writes message ``n`` (from 0), of those numbered from 0 to ``user_count`` - 1."""
        block, within = divmod(n, BLOCK_SIZE)
        if block != self._block:
            self._drawn = block_rng(self.seed, Stream.SENDERS, block).random(BLOCK_SIZE).tolist()
            self._block = block
        return int(self._drawn[within] * user_count)
