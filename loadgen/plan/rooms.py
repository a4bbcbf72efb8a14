"""Who is in which room, and who writes next."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

import numpy as np
import numpy.typing as npt

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

    user_count: int
    seed: int
    _block: int = field(default=-1, init=False)
    _senders: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), init=False)

    def sender_of(self, n: int) -> int:
        """The user (from 0) who writes message ``n`` (from 0)."""
        block, within = divmod(n, BLOCK_SIZE)
        if block != self._block:
            rng = block_rng(self.seed, Stream.SENDERS, block)
            self._senders = rng.integers(self.user_count, size=BLOCK_SIZE)
            self._block = block
        return int(self._senders[within])
