"""What the ledger calls lost, late or wrong, noted as examples: when a message is settled, never as it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from loadgen.measure.entry import Arrivals, Entry
from loadgen.measure.examples import Example, Fault
from loadgen.measure.marker import Stamp
from loadgen.measure.tally import Tally

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
                late = new.times_ns > entry.stamp.sent_ns + deadline_ns
                self._note(Fault.LATE, entry, Arrivals(new.receivers[late], new.times_ns[late]))

    def overtaken(self, entry: Entry, late: Arrivals) -> None:
        """They came after a later message of the sender, or after one that has a higher number in the room."""
        if self._wants(Fault.REORDERED, entry.stamp):
            self._note(Fault.REORDERED, entry, late)

    def one_too_many(self, fault: Fault, stamp: Stamp, receiver: int) -> None:
        """It got another copy, or what was not for it."""
        if self._wants(fault, stamp):
            self._tally.examples.keep(fault, self._example(stamp)._replace(receiver=receiver))

    def _wants(self, fault: Fault, stamp: Stamp) -> bool:
        return self._tally.examples.wants(fault, stamp.sent_ns - self._tally.origin_ns)

    def _note(self, fault: Fault, entry: Entry, wrong: Arrivals) -> None:
        if len(wrong.receivers):
            received_ns = wrong.times_ns - self._tally.origin_ns
            self._tally.examples.keep_each(fault, self._example(entry.stamp), wrong.receivers, received_ns)

    def _example(self, stamp: Stamp) -> Example:
        """Of a message; its receiver is still to be said."""
        origin_ns = self._tally.origin_ns
        room = None if stamp.receiver is not None else self._room_of(stamp)
        return Example(stamp.sent_ns - origin_ns, stamp.due_ns - origin_ns, stamp.sender, stamp.sequence, -1, room)
