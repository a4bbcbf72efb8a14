"""Sorting arrivals: the first one at each receiver who waits for the message, and all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.ma  # np.unique imports it when it is first called: 8 ms in which nothing is received
import numpy.typing as npt

from loadgen.measure.entry import Arrivals, Entry, taken_arrivals
from loadgen.measure.marker import Stamp
from loadgen.measure.membership import Membership
from loadgen.measure.rules import Rules

Int64s = npt.NDArray[np.int64]


class Extra(NamedTuple):
    """Copies of a message that nobody waited for, at one user; ``at_ns`` of the first."""

    user: int
    stamp: Stamp
    at_ns: int
    copies: int


class FirstArrivals:
    """Of one process. What history has brought to somebody who was excused is among the others."""

    def __init__(self, rules: Rules, members: Membership) -> None:
        self._user_count = rules.user_count
        self._deadline_ns = rules.deadline_ns
        self._members = members

    def take(self, batch: Sequence[Entry]) -> tuple[dict[Entry, Arrivals], list[Extra]]:
        """Of each message, taken out of its log, what its receivers have got now for the first time; and the others."""
        clear: list[Entry] = []
        unclear: list[Entry] = []
        departed_ns = self._members.last_departure_ns
        for entry in batch:
            # Everybody has it, there are as many arrivals as receivers, and nobody has left since: each has it once.
            # Almost all end here.
            once = entry.complete and len(entry.log) == 2 * len(entry.missing) and departed_ns < entry.stamp.sent_ns
            (clear if once else unclear).append(entry)
        arrivals = taken_arrivals(clear)
        if not unclear:
            return arrivals, []
        others, extras = self._take_unclear(unclear)
        return arrivals | others, extras

    def so_far(self, entry: Entry) -> Arrivals:
        """Those of a message that is under way; they stay where they are."""
        arrivals = entry.arrivals_so_far()
        if self._members.last_departure_ns < entry.stamp.sent_ns:
            return arrivals
        waited_for = ~self._brought_by_history(arrivals.receivers, arrivals.times_ns, entry.stamp.sent_ns)
        return Arrivals(arrivals.receivers[waited_for], arrivals.times_ns[waited_for])

    def _take_unclear(self, batch: Sequence[Entry]) -> tuple[dict[Entry, Arrivals], list[Extra]]:
        """The same with one sort for the whole batch: a key is (place in the batch, user)."""
        users = self._user_count
        logs = np.concatenate([entry.noted() for entry in batch]).reshape(-1, 2)
        place = np.repeat(np.arange(len(batch)), [len(entry.log) // 2 for entry in batch])
        for entry in batch:
            entry.forget_log()
            entry.complete_at = 0
        keys = place * users + logs[:, 1]
        order = np.argsort(keys, kind="stable")
        keys, times_ns, place = keys[order], logs[order, 0], place[order]

        sent_ns = np.array([entry.stamp.sent_ns for entry in batch], dtype=np.int64)[place]
        wanted = self._first_at_expected(keys, batch) & ~self._brought_by_history(keys % users, times_ns, sent_ns)

        extras = []
        unwanted, unwanted_ns = keys[~wanted], times_ns[~wanted]
        for key, first, copies in zip(*np.unique(unwanted, return_index=True, return_counts=True), strict=True):
            i, user = divmod(int(key), users)
            extras.append(Extra(user, batch[i].stamp, int(unwanted_ns[first]), int(copies)))

        keys, times_ns = keys[wanted], times_ns[wanted]
        bounds = np.searchsorted(keys, np.arange(len(batch) + 1) * users)
        arrivals = {
            entry: Arrivals(keys[low:high] - i * users, times_ns[low:high])
            for i, (entry, low, high) in enumerate(zip(batch, bounds[:-1], bounds[1:], strict=True))
        }
        return arrivals, extras

    def _first_at_expected(self, keys: Int64s, batch: Sequence[Entry]) -> npt.NDArray[np.bool_]:
        """Which of the keys, rising, are the first of their kind, and of somebody who misses the message."""
        expected = np.concatenate([entry.missing + i * self._user_count for i, entry in enumerate(batch)])
        if not len(expected):
            return np.zeros(len(keys), np.bool_)
        first = np.ones(len(keys), np.bool_)
        first[1:] = keys[1:] != keys[:-1]
        at = np.minimum(np.searchsorted(expected, keys), len(expected) - 1)
        wanted: npt.NDArray[np.bool_] = first & (expected[at] == keys)
        return wanted

    def _brought_by_history(self, receivers: Int64s, times_ns: Int64s, sent_ns: int | Int64s) -> npt.NDArray[np.bool_]:
        """Which arrivals came to somebody who was excused, and has come back."""
        is_back = times_ns >= self._members.came_back_ns(receivers, sent_ns)
        brought: npt.NDArray[np.bool_] = is_back & (
            self._members.left_ns(receivers, sent_ns) < sent_ns + self._deadline_ns
        )
        return brought
