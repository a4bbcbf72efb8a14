"""One message that is not finished: who must get it, and who has got it so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loadgen.measure.marker import Stamp

Int64s = npt.NDArray[np.int64]

NOBODY: Int64s = np.empty(0, np.int64)

# Up to so many receivers Python is faster than numpy's first call.
_FEW = 16
# Senders have 32 bits; above them stands which of their rooms, or one user, a message is for.
_DIRECT = 1 << 32
_LAYER_BITS = 33


class Arrivals(NamedTuple):
    """First arrivals of one message: receivers int64[n], each once, and times_ns int64[n]."""

    receivers: Int64s
    times_ns: Int64s


class Entry:
    """A message, its receivers and their arrivals. One is made for each message, so it is made cheaply."""

    __slots__ = (
        "_noted",
        "acked",
        "audience",
        "cell",
        "complete",
        "complete_at",
        "first_ns",
        "lane",
        "last_ns",
        "log",
        "marker",
        "measured",
        "missing",
        "overdue",
        "read_by",
        "reordered",
        "room_sequence",
        "sender",
        "sequence",
        "stamp",
        "timed",
        "told",
    )

    def __init__(
        self, marker: bytes, stamp: Stamp, audience: Int64s, *, measured: bool, timed: bool = True, told: bool = True
    ) -> None:
        self.marker = marker
        self.stamp = stamp
        self.sender = stamp.sender
        self.sequence = stamp.sequence
        place = stamp.layer << _LAYER_BITS if stamp.receiver is None else _DIRECT
        self.lane = stamp.sender | place
        """The messages of one sender whose order counts."""
        self.measured = measured
        """Whether it was due in the measured window."""
        self.cell = 0
        """Of which slices it is a part, where the plan has some."""
        self.timed = timed
        """Whether its sender and we go by one clock."""
        self.audience = audience
        """Who must get it: users, rising."""
        self.missing = audience
        """Who had not got it when it was last settled: users, rising."""
        self.read_by: set[int] | None = None
        """Who was away when it came, and has read it in the history since."""
        self.reordered = NOBODY
        """Who got it after a later one of its sender, and is counted."""
        self.log: list[int] = []
        """Arrivals since it was last settled, in order: time_ns, user, time_ns, user, ..."""
        self._noted = NOBODY  # the same as an array, as long as it was when it was last asked for
        self.complete_at = 2 * len(audience)
        """The length of the log from which on it is worth a look."""
        self.complete = False
        """Whether everybody in ``missing`` is in the log."""
        self.acked = False
        self.room_sequence: int | None = None
        """Its number in the room, where the server has told it."""
        self.overdue = False
        self.told = told
        """Whether it is known from the process that sent it, and not from its own marker alone."""
        self.first_ns: int | None = None
        """When the first of its receivers got it, and when the last one so far; None before it is settled."""
        self.last_ns: int | None = None

    def noted(self) -> Int64s:
        """The log as an array; made once for all who look at it, since that takes 0.05 us a delivery."""
        if len(self._noted) != len(self.log):
            self._noted = np.array(self.log, dtype=np.int64)
        return self._noted

    def forget_log(self) -> None:
        """It was accounted for."""
        del self.log[:]  # the receive path goes on noting in the same list
        self._noted = NOBODY

    def arrivals_so_far(self) -> Arrivals:
        """The first arrivals in the log."""
        if len(self.log) <= 2 * _FEW:
            first_of: dict[int, int] = {}
            for time_ns, user in zip(self.log[::2], self.log[1::2], strict=True):
                first_of.setdefault(user, time_ns)
            return Arrivals(np.array(list(first_of), np.int64), np.array(list(first_of.values()), np.int64))
        times_ns, users = self.noted().reshape(-1, 2).T
        receivers, first = np.unique(users, return_index=True)
        return Arrivals(receivers, times_ns[first])

    def strike_out(self, receivers: Int64s) -> None:
        """They have got it: some of those in ``missing``."""
        if len(receivers) == len(self.missing):
            self.missing = NOBODY
        elif len(receivers):
            self.missing = np.setdiff1d(self.missing, receivers, assume_unique=True)

    def note_reordered(self, receivers: Int64s) -> None:
        """They got it after a later one of its sender."""
        self.reordered = np.concatenate((self.reordered, receivers))

    def look(self) -> bool:
        """Find out whether it is complete, and if not, how long the log must be before it can be.

        Only worth it once the log is ``complete_at`` long.
        """
        if len(self.log) == 2 and len(self.missing) == 1:
            absent = int(self.log[1] != self.missing.item())
            self.complete_at = 2 + 2 * absent
            self.complete = not absent
            return self.complete
        if len(self.log) <= 2 * _FEW:
            absent = len(set(self.missing.tolist()).difference(self.log[1::2]))
            self.complete_at = len(self.log) + 2 * absent
            self.complete = not absent
            return self.complete
        users = self.noted()[1::2]
        has_it = np.zeros(max(int(users.max(initial=0)), int(self.missing.max(initial=0))) + 1, np.bool_)
        has_it[users] = True
        absent = int(np.count_nonzero(~has_it[self.missing]))
        self.complete_at = len(self.log) + 2 * absent
        self.complete = absent == 0
        return self.complete


def taken_arrivals(entries: Sequence[Entry]) -> dict[Entry, Arrivals]:
    """What has arrived of each, taken out of the logs; of the short ones as one array, since making one costs 2 us."""
    together: list[int] = []
    for entry in entries:
        if len(entry.log) <= 2 * _FEW:
            together += entry.log
    short_times_ns, short_receivers = np.array(together, dtype=np.int64).reshape(-1, 2).T
    arrivals, low = {}, 0
    for entry in entries:
        if len(entry.log) <= 2 * _FEW:
            high = low + len(entry.log) // 2
            arrivals[entry] = Arrivals(short_receivers[low:high], short_times_ns[low:high])
            low = high
        else:
            times_ns, receivers = entry.noted().reshape(-1, 2).T
            arrivals[entry] = Arrivals(receivers, times_ns)
        entry.forget_log()
    return arrivals
