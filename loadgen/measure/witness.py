"""What the ledger calls lost, late or wrong, noted as examples: when a message is settled, never as it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from loadgen.measure.examples import Example, Fault
from loadgen.measure.marker import Stamp
from loadgen.measure.tally import Tally

if TYPE_CHECKING:
    from loadgen.measure.entry import Entry
    from loadgen.measure.order import Arrivals

Int64s = npt.NDArray[np.int64]


class Witness:
    """Notes examples of measured messages in the tally of a ledger."""

    __slots__ = ("_room_of", "_tally")

    def __init__(self, tally: Tally, room_of: Callable[[Stamp], int]) -> None:
        self._tally = tally
        self._room_of = room_of

    def lost(self, entries: Iterable[Entry]) -> None:
        """What they miss did not come."""
        for entry in entries:
            if len(entry.missing) and self._wants(Fault.LOST, entry.stamp):
                example = self._example(entry.stamp)._replace(acked=entry.acked)
                self._tally.examples.keep_each(Fault.LOST, example, entry.missing)

    def not_brought(self, stamp: Stamp, receivers: Int64s) -> None:
        """What was acknowledged did not come to those who had been away."""
        if self._wants(Fault.LOST, stamp):
            self._tally.examples.keep_each(Fault.LOST, self._example(stamp)._replace(acked=True), receivers)

    def late(self, arrivals: Mapping[Entry, Arrivals], deadline_ns: int) -> None:
        """Some of them came after the deadline."""
        for entry, new in arrivals.items():
            if entry.measured and self._wants(Fault.LATE, entry.stamp):
                self._note(Fault.LATE, entry, new, new.times_ns > entry.stamp.sent_ns + deadline_ns)

    def reordered(self, arrivals: Mapping[Entry, Arrivals]) -> None:
        """Some of them came after a later message of their sender."""
        for entry, new in arrivals.items():
            if entry.measured and len(entry.reordered) and self._wants(Fault.REORDERED, entry.stamp):
                self._note(Fault.REORDERED, entry, new, np.isin(new.receivers, entry.reordered))

    def reordered_in_room(self, entry: Entry, receivers: Int64s, times_ns: Int64s) -> None:
        """They got it then, after one that has a higher number in the room."""
        if self._wants(Fault.REORDERED, entry.stamp):
            received_ns = times_ns - self._tally.origin_ns
            self._tally.examples.keep_each(Fault.REORDERED, self._example(entry.stamp), receivers, received_ns)

    def one_too_many(self, fault: Fault, stamp: Stamp, receiver: int) -> None:
        """It got another copy, or what was not for it."""
        if self._wants(fault, stamp):
            self._tally.examples.keep(fault, self._example(stamp)._replace(receiver=receiver))

    def _wants(self, fault: Fault, stamp: Stamp) -> bool:
        return self._tally.examples.wants(fault, stamp.sent_ns - self._tally.origin_ns)

    def _note(self, fault: Fault, entry: Entry, new: Arrivals, which: npt.NDArray[np.bool_]) -> None:
        if which.any():
            received_ns = new.times_ns[which] - self._tally.origin_ns
            self._tally.examples.keep_each(fault, self._example(entry.stamp), new.receivers[which], received_ns)

    def _example(self, stamp: Stamp) -> Example:
        """Of a message; its receiver is still to be said."""
        origin_ns = self._tally.origin_ns
        room = None if stamp.receiver is not None else self._room_of(stamp)
        return Example(stamp.sent_ns - origin_ns, stamp.due_ns - origin_ns, stamp.sender, stamp.sequence, -1, room)
