"""The books of deliveries within a node of the server, and of those from one node to another.

A delivery is of the node where its sender was when it sent, and of that where its receiver was then: who must get a
message is connected when it is sent, and gets it over that connection. Where either is not known (see
:mod:`loadgen.measure.nodes`) it is in neither slice; and none is, as long as one node alone is known.

In the slices a delivery is expected when it is known what became of it, so that their books close.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from loadgen.measure.marker import Stamp
from loadgen.measure.nodes import UNKNOWN, Nodes
from loadgen.measure.slicer import CellBooks
from loadgen.measure.tally import Count, Tally
from loadgen.plan.slices import OTHER_NODE, SAME_NODE

Int64s = npt.NDArray[np.int64]

_SLICES: tuple[tuple[str, ...], ...] = ((), (SAME_NODE,), (OTHER_NODE,))

_FATES = (Count.DELIVERIES_LOST, Count.DELIVERIES_EXCUSED)


class _Cells:
    def slices(self, cell: int) -> tuple[str, ...]:
        return _SLICES[cell]


class Crossings(CellBooks):
    """Of one process."""

    def __init__(self, nodes: Nodes, tally: Tally) -> None:
        super().__init__(_Cells(), tally)
        self._nodes = nodes

    @property
    def are_told(self) -> bool:
        """Whether there is more than one node."""
        return self._nodes.are_several

    def cells(self, senders: Sequence[int], sizes: Int64s, receivers: Int64s, sent_ns: Int64s) -> Int64s:
        """The cells of int64[n] deliveries: of the first ``sizes[0]`` the sender is ``senders[0]``, and so on."""
        from_nodes = self._nodes.at(np.repeat(np.array(senders, np.int64), sizes), sent_ns)
        to_nodes = self._nodes.at(receivers, sent_ns)
        cells: Int64s = np.where(from_nodes == to_nodes, 1, 2)
        cells[(from_nodes == UNKNOWN) | (to_nodes == UNKNOWN)] = 0
        return cells

    def note(self, stamp: Stamp, name: Count, receivers: Int64s, *, copies: int = 1) -> None:
        """Count what became of a message at some of its receivers."""
        if not self.are_told:
            return
        count = len(receivers)
        cells = self.cells([stamp.sender], np.array([count]), receivers, np.full(count, stamp.sent_ns))
        for cell, number in enumerate(np.bincount(cells).tolist()):
            self.count(cell, name, number * copies)
            if name in _FATES:
                self.count(cell, Count.DELIVERIES_EXPECTED, number * copies)
