"""The books of the slices: what the ledger finds out of a message is noted in each slice that it belongs to."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from loadgen.measure.marker import Stamp
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.tally import Count, Tally
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import Cells, Slicing

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class HasSlices(Protocol):
    """What knows the slices of a cell."""

    def slices(self, cell: int) -> tuple[str, ...]:
        """Those that it is part of."""
        ...


class CellBooks:
    """Of one process: what lies in a cell is noted in each slice that the cell is part of."""

    def __init__(self, cells: HasSlices, tally: Tally) -> None:
        self._cells = cells
        self._tally = tally

    def parts_of(self, cell: int) -> list[SliceTally]:
        """The slices that a cell is part of."""
        return [self._tally.of_slice(name) for name in self._cells.slices(cell)]

    def count(self, cell: int, name: Count, number: int) -> None:
        """Count something of a message there."""
        if number:
            for part in self.parts_of(cell):
                part.counts[name] += number

    def count_each(self, cells: Int64s, name: Count, which: Bools) -> None:
        """Count those of int64[n] cells that are meant by bool[n]."""
        for cell, number in enumerate(np.bincount(cells[which]).tolist()):
            self.count(cell, name, number)

    def time_each(self, cells: Int64s, metric: str, values_ns: Int64s) -> None:
        """Record int64[n] durations of what lies in int64[n] cells."""
        time_cells(self._tally, self._cells, cells, metric, values_ns)


class Slicer(CellBooks):
    """Which cell a message lies in is found once a message."""

    def __init__(self, slicing: Slicing, rooms: Rooms, tally: Tally) -> None:
        """``rooms`` are those of the users who are there, which may be more than were planned."""
        self.cells = Cells(slicing)
        super().__init__(self.cells, tally)
        self._rooms = rooms
        self._start_ns: int | None = None

    def begin(self, start_ns: int) -> None:
        """The measured window begins then; where it begins anew, the plan goes on as it was."""
        if self._start_ns is None:
            self._start_ns = start_ns

    def cell_of(self, stamp: Stamp) -> int:
        """Where a message lies."""
        room = None if stamp.receiver is not None else self._rooms.room_of(stamp.sender, stamp.layer)
        return self.cells.of(room, stamp.due_ns - (self._start_ns or 0))


def time_cells(tally: Tally, cells: HasSlices, cell_of: Int64s, metric: str, values_ns: Int64s) -> None:
    """Record int64[n] durations in the slices of the int64[n] cells that they are of."""
    for cell in np.flatnonzero(np.bincount(cell_of)).tolist():  # as np.unique, without a sort
        here = values_ns[cell_of == cell]
        for name in cells.slices(cell):
            tally.of_slice(name).of(metric).record_many(here)
