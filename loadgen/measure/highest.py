"""The highest number that each of some receivers has got; only those count who were watched by then."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

NOTHING = -1
"""Stands for no number."""


class Highest:
    """Memory is bounded by how many are watched."""

    __slots__ = ("_numbers", "_users")

    def __init__(self) -> None:
        self._users: Int64s = np.empty(0, np.int64)  # rising
        self._numbers: Int64s = np.empty(0, np.int64)

    def watch(self, users: Int64s) -> None:
        """From now on, know it of these users as well; rising."""
        if len(self._users) and self._find(users)[1].all():
            return
        together = np.union1d(self._users, users)
        numbers = np.full(len(together), NOTHING, np.int64)
        numbers[np.searchsorted(together, self._users)] = self._numbers
        self._users, self._numbers = together, numbers

    def note(self, users: Int64s, number: int) -> None:
        """They have got the message of that number."""
        if len(self._users):
            at, watched = self._find(users)
            here = at[watched]
            self._numbers[here] = np.maximum(self._numbers[here], number)

    def of(self, users: Int64s) -> Int64s:
        """What is known of each: NOTHING where that is nothing."""
        if not len(self._users):
            return np.full(len(users), NOTHING, np.int64)
        at, watched = self._find(users)
        numbers: Int64s = np.where(watched, self._numbers[at], NOTHING)
        return numbers

    def _find(self, users: Int64s) -> tuple[Int64s, npt.NDArray[np.bool_]]:
        """Where each stands, and whether it is he; np.isin would take 15 us, and this 4."""
        at = np.minimum(self._users.searchsorted(users), len(self._users) - 1)
        return at, self._users[at] == users
