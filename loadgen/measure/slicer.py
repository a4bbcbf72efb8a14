"""The books of the slices: what the ledger finds out of a message is noted in each slice that it belongs to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loadgen.measure.marker import Stamp
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.tally import Count, Tally
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import Cells, Slicing

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Slicer:
    """Of one process. Which cell a message lies in is found once a message, and noted cell by cell."""

    def __init__(self, slicing: Slicing, rooms: Rooms, tally: Tally) -> None:
        """``rooms`` are those of the users who are there, which may be more than were planned."""
        self.cells = Cells(slicing)
        self._rooms = rooms
        self._tally = tally
        self._start_ns: int | None = None

    def begin(self, start_ns: int) -> None:
        """The measured window begins then; where it begins anew, the plan goes on as it was."""
        if self._start_ns is None:
            self._start_ns = start_ns

    def cell_of(self, stamp: Stamp) -> int:
        """Where a message lies."""
        room = None if stamp.receiver is not None else self._rooms.room_of(stamp.sender, stamp.layer)
        return self.cells.of(room, stamp.due_ns - (self._start_ns or 0))

    def parts_of(self, cell: int) -> list[SliceTally]:
        """The slices that a cell is part of."""
        return [self._tally.of_slice(name) for name in self.cells.slices(cell)]

    def count(self, cell: int, name: Count, number: int) -> None:
        """Count something of a message there."""
        if number:
            for part in self.parts_of(cell):
                part.counts[name] += number

    def count_each(self, cells: Int64s, name: Count, which: Bools) -> None:
        """Count those of int64[n] cells that are meant by bool[n]."""
        for cell, number in zip(*np.unique(cells[which], return_counts=True), strict=True):
            self.count(int(cell), name, int(number))

    def time_each(self, cells: Int64s, metric: str, values_ns: Int64s) -> None:
        """Record int64[n] durations of what lies in int64[n] cells."""
        time_cells(self._tally, self.cells, cells, metric, values_ns)


def time_cells(tally: Tally, cells: Cells, cell_of: Int64s, metric: str, values_ns: Int64s) -> None:
    """Record int64[n] durations in the slices of the int64[n] cells that they are of."""
    for cell in np.unique(cell_of).tolist():
        here = values_ns[cell_of == cell]
        for name in cells.slices(cell):
            tally.of_slice(name).of(metric).record_many(here)
