"""Who is in which room, and who writes next."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from loadgen.plan.pacing import BLOCK_SIZE, Stream, block_rng


class RoomShape(StrEnum):
    """How users are spread over rooms."""

    SINGLE = "single"
    UNIFORM = "uniform"


@dataclass(frozen=True, slots=True)
class Rooms:
    """One room a user; the sizes of two rooms differ by one at most."""

    count: int

    def room_of(self, user: int) -> int:
        """The room of a user (both from 0)."""
        return user % self.count


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
