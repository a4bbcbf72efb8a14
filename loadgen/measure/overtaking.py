"""Which of some arrivals were overtaken: a comparison of messages of the same lane, and nothing kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loadgen.measure.entry import Arrivals, Entry
from loadgen.measure.highest import NOTHING, Highest

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Overtaken = list[tuple[Entry, Arrivals]]
"""Which arrivals of which messages."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A message, and what has arrived of it."""

    entry: Entry
    arrivals: Arrivals
    counts: bool = False
    """Whether it is asked which of these were overtaken; otherwise they may only have overtaken others."""
    highest: Highest | None = None
    """What the receivers had got before any of these."""

    def highest_before(self) -> Int64s:
        """Of each receiver."""
        if self.highest is None:
            return np.full(len(self.arrivals.receivers), NOTHING, np.int64)
        return self.highest.of(self.arrivals.receivers)


def overtaken_among(compared: Sequence[Compared]) -> Overtaken:
    """Which arrivals come after one of a higher number of their lane; the messages remember those.

    One sort by (lane, receiver, time), and a running maximum of the sequence within each (lane, receiver).
    """
    sizes = [len(each.arrivals.receivers) for each in compared]
    receivers = np.concatenate([each.arrivals.receivers for each in compared])
    times_ns = np.concatenate([each.arrivals.times_ns for each in compared])
    lanes = np.repeat([each.entry.lane for each in compared], sizes)
    sequences = np.repeat([each.entry.sequence for each in compared], sizes)

    order = np.lexsort((sequences, times_ns, receivers, lanes))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (receivers[order][1:] != receivers[order][:-1]) | (lanes[order][1:] != lanes[order][:-1])
    # The groups lie one after the other; an offset that rises from group to group keeps their maxima apart.
    offset = (np.cumsum(begins) - 1) * (int(sequences.max()) + 1)
    highest = np.empty(len(order), np.int64)
    highest[order] = np.maximum.accumulate(sequences[order] + offset) - offset
    highest = np.maximum(highest, np.concatenate([each.highest_before() for each in compared]))
    late = (highest > sequences) & np.repeat([each.counts for each in compared], sizes)

    overtaken: Overtaken = []
    ends = np.cumsum(sizes)
    for i in np.unique(np.repeat(np.arange(len(compared)), sizes)[late]).tolist():
        overtaken += _noted(compared[i].entry, compared[i].arrivals, late[ends[i] - sizes[i] : ends[i]])
    return overtaken


def overtaken_by(later: Arrivals, entry: Entry, arrivals: Arrivals) -> Overtaken:
    """Which arrivals of a message come after those of one later message; only those that are not known already."""
    if not len(later.receivers):
        return []
    order = np.argsort(later.receivers)
    at = np.minimum(np.searchsorted(later.receivers, arrivals.receivers, sorter=order), len(order) - 1)
    at = order[at]
    late = (later.receivers[at] == arrivals.receivers) & (later.times_ns[at] < arrivals.times_ns)
    return _noted(entry, arrivals, late & np.isin(arrivals.receivers, entry.reordered, invert=True))


def _noted(entry: Entry, arrivals: Arrivals, late: Bools) -> Overtaken:
    """Those that are late, as one or none; the message remembers them."""
    if not late.any():
        return []
    overtaken = Arrivals(arrivals.receivers[late], arrivals.times_ns[late])
    entry.note_reordered(overtaken.receivers)
    return [(entry, overtaken)]
