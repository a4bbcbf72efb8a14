"""First and last arrival of each message, put together from processes that each know those of their own receivers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from loadgen.measure.entry import Entry
from loadgen.measure.histogram import HIGHEST_NS
from loadgen.measure.slicer import time_cells
from loadgen.measure.tally import Metric, Tally
from loadgen.plan.slices import UNSLICED, Cells, Slicing

Int64s = npt.NDArray[np.int64]

_NEVER_NS = np.iinfo(np.int64).max
# A message is known by sender and sequence, 32 bits each.
_SEQUENCE_BITS = 32
_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Spreads:
    """int64[n, 5], a row a message: its key, due_ns, first_ns, last_ns, and the cell of slices that it lies in.

    Where nobody got it, first_ns is the end of time and last_ns is -1.
    """

    rows: Int64s

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Self:
        """Those of messages nobody waits for any more."""
        rows = [
            (
                entry.sender << _SEQUENCE_BITS | entry.sequence,
                entry.stamp.due_ns,
                _NEVER_NS if entry.first_ns is None else entry.first_ns,
                -1 if entry.last_ns is None else entry.last_ns,
                entry.cell,
            )
            for entry in entries
        ]
        return cls(np.array(rows, dtype=np.int64).reshape(-1, _COLUMNS))

    @classmethod
    def joined(cls, several: Iterable[Spreads]) -> Self:
        """One after the other."""
        return cls(np.concatenate([np.empty((0, _COLUMNS), np.int64), *(spreads.rows for spreads in several)]))


def record_spreads(spreads: Spreads, tally: Tally, cells: Cells | None = None, *, is_whole: bool = True) -> None:
    """Note first and last arrivals, and how far they are apart, of messages whose receivers are all accounted for.

    Unless it is ``is_whole``: then what is known of them may be only a part.
    """
    seen_ns = np.where(spreads.rows[:, 3] < 0, -1, spreads.rows[:, 3] - tally.origin_ns)
    tally.examples.learn_last_seen(spreads.rows[:, 0], seen_ns, is_whole=is_whole)
    _, due_ns, first_ns, last_ns, cell_of = spreads.rows[spreads.rows[:, 3] >= 0].T
    # Before due is before sent: doubted where it arrives, and no time. Nor is what comes of reports that contradict.
    sound = (first_ns >= due_ns) & (last_ns - due_ns <= HIGHEST_NS)
    # Who is alone to get a message is its first receiver and its last: from one to the other is no way.
    several = sound & (last_ns > first_ns)
    for metric, lengths_ns, wanted in (
        (Metric.FIRST_DELIVERY_TIME, first_ns - due_ns, sound),
        (Metric.LAST_DELIVERY_TIME, last_ns - due_ns, sound),
        (Metric.FANOUT_TIME, last_ns - first_ns, several),
    ):
        tally.metrics[metric].record_many(lengths_ns[wanted])
        if cells is not None:
            time_cells(tally, cells, cell_of[wanted], metric, lengths_ns[wanted])


class SpreadJoin:
    """Waits until every process has said when a message arrived at its own receivers first and last."""

    def __init__(self, process_count: int, slicing: Slicing = UNSLICED) -> None:
        self._process_count = process_count
        self._cells = Cells(slicing) if slicing.tells_apart else None
        self._waiting = np.empty((0, _COLUMNS), np.int64)

    def add(self, spreads: Spreads, tally: Tally) -> None:
        """Hear one process, and note in ``tally`` what is known from all."""
        self._note(np.concatenate([self._waiting, spreads.rows]), tally, self._process_count)

    def close(self, tally: Tally) -> None:
        """No more is to come: note what is known, of messages too that a process has died with."""
        self._note(self._waiting, tally, 1)

    def _note(self, rows: Int64s, tally: Tally, enough: int) -> None:
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        _, starts, counts = np.unique(rows[:, 0], return_index=True, return_counts=True)
        known = counts >= enough
        self._waiting = rows[~np.repeat(known, counts)]
        if not known.any():
            return
        is_whole = enough == self._process_count
        firsts = np.minimum.reduceat(rows[:, 2], starts)[known]
        lasts = np.maximum.reduceat(rows[:, 3], starts)[known]
        whole = rows[starts[known]]
        whole[:, 2], whole[:, 3] = firsts, lasts
        record_spreads(Spreads(whole), tally, self._cells, is_whole=is_whole)
