"""Who writes, and who only reads."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from loadgen.plan.pacing import BLOCK_SIZE, Stream, block_rng, one_for_each
from loadgen.plan.plan import Plan

Int64s = npt.NDArray[np.int64]


class ActiveUsers:
    """The users who write; the others only read.

    Each draws for itself, whatever its rooms and its number are, and however many users there are: with a share of
    0.1 about one of ten is active in every room that is large enough. One at least is.
    """

    def __init__(self, seed: int, share: float, user_count: int) -> None:
        """Of ``user_count`` > 0 users about the ``share``, which is > 0; 1: all."""
        self.users: array[int] | None = None
        """Their numbers, rising; None: all."""
        if share < 1:
            drawn = one_for_each(seed, Stream.ACTIVE, user_count)
            active = np.flatnonzero(drawn < share) if drawn.min() < share else np.array([drawn.argmin()])
            self.users = array("q", active.astype(np.int64).tobytes())

    def count_of(self, user_count: int) -> int:
        """How many of the first ``user_count`` users are active."""
        return user_count if self.users is None else bisect_left(self.users, user_count)

    def first(self, user_count: int) -> Int64s:
        """The active ones of the first ``user_count`` users, rising."""
        if self.users is None:
            return np.arange(user_count, dtype=np.int64)
        return np.array(self.users[: self.count_of(user_count)], np.int64)

    def __contains__(self, user: int) -> bool:
        place = self.count_of(user)
        return place < self.count_of(user + 1)


def active_users(plan: Plan) -> ActiveUsers:
    """Those of a plan."""
    return ActiveUsers(plan.seed, plan.active_share, plan.user_count)


@dataclass(slots=True)
class Senders:
    """Who writes message ``n``: any active user, each as likely as the next, settled by the seed."""

    seed: int
    active: ActiveUsers
    _block: int = field(default=-1, init=False)
    _drawn: list[float] = field(default_factory=list, init=False)
    _of_count: int = field(default=0, init=False)
    _active_count: int = field(default=0, init=False)

    def sender_of(self, n: int, user_count: int) -> int | None:
        """The user who writes message ``n`` (from 0), of those numbered from 0 to ``user_count`` - 1.

        None where none of these is active.
        """
        block, within = divmod(n, BLOCK_SIZE)
        if block != self._block:
            self._drawn = block_rng(self.seed, Stream.SENDERS, block).random(BLOCK_SIZE).tolist()
            self._block = block
        if user_count != self._of_count:
            self._of_count, self._active_count = user_count, self.active.count_of(user_count)
        if not self._active_count:
            return None
        place = int(self._drawn[within] * self._active_count)
        # Asked for each message, by each process: 0.3 us, without a call.
        users = self.active.users
        return place if users is None else users[place]
