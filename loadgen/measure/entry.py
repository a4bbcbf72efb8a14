"""One message that is not finished: who must get it, and who has got it so far."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from loadgen.measure.marker import Stamp
from loadgen.measure.order import Arrivals

Int64s = npt.NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Entry:
    """One message that is not finished."""

    marker: bytes
    stamp: Stamp
    measured: bool
    """Whether it was due in the measured window."""
    audience: Int64s
    """Who must get it: users, rising."""
    missing: Int64s
    """Who had not got it when it was last settled: users, rising."""
    excused: Int64s = field(default_factory=lambda: np.empty(0, np.int64))
    """Who was to get it, has not, and is not waited for any more."""
    overtaken: Int64s = field(default_factory=lambda: np.empty(0, np.int64))
    """Who misses it past the deadline, and has got a later, finished message of its sender."""
    log: array[int] = field(default_factory=lambda: array("q"))
    """Arrivals since then, in order: time_ns, user, time_ns, user, ..."""
    complete_at: int = 0
    """The length of the log from which on it is worth a look."""
    complete: bool = False
    """Whether everybody in ``missing`` is in the log."""
    acked: bool = False
    overdue: bool = False
    first_ns: int | None = None
    """When the first of its receivers got it, and when the last one so far; None before it is settled."""
    last_ns: int | None = None

    @property
    def sender(self) -> int:
        return self.stamp.sender

    @property
    def sequence(self) -> int:
        return self.stamp.sequence

    def arrivals_so_far(self) -> Arrivals:
        """The first arrivals in the log."""
        times_ns, users = np.array(self.log, dtype=np.int64).reshape(-1, 2).T
        receivers, first = np.unique(users, return_index=True)
        return Arrivals(receivers, times_ns[first])

    def note_arrivals(self, first_ns: int, last_ns: int) -> None:
        """Some more of its receivers have it: when the first and the last of these got it."""
        self.first_ns = first_ns if self.first_ns is None else min(self.first_ns, first_ns)
        self.last_ns = last_ns if self.last_ns is None else max(self.last_ns, last_ns)

    def look(self) -> bool:
        """Find out whether it is complete, and if not, how long the log must be before it can be."""
        if len(self.log) < self.complete_at:
            return False
        users = np.array(self.log, dtype=np.int64)[1::2]
        has_it = np.zeros(max(int(users.max(initial=0)), int(self.missing.max(initial=0))) + 1, np.bool_)
        has_it[users] = True
        absent = int(np.count_nonzero(~has_it[self.missing]))
        self.complete_at = len(self.log) + 2 * absent
        self.complete = absent == 0
        return self.complete
