"""The accounts: what became of deliveries, noted in the tally and in each slice that they are part of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from loadgen.measure.crossings import Crossings
from loadgen.measure.debts import Debt
from loadgen.measure.entry import Arrivals, Entry
from loadgen.measure.examples import Fault
from loadgen.measure.marker import Stamp
from loadgen.measure.nodes import Nodes
from loadgen.measure.rules import Rules
from loadgen.measure.sends import Sends
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.slicer import Slicer
from loadgen.measure.spread import Spreads, record_spreads
from loadgen.measure.tally import Count, Tally
from loadgen.measure.witness import Witness

Int64s = npt.NDArray[np.int64]

_NEVER_NS = np.iinfo(np.int64).max
_NO_WINDOW_NS = (_NEVER_NS, _NEVER_NS)


class Accounts:
    """Of one process; only what was due in the measured window counts. Times are monotonic ns."""

    def __init__(self, rules: Rules, tally: Tally, nodes: Nodes | None) -> None:
        """``nodes`` are those of the server, where deliveries are told apart by them."""
        self.tally = tally
        self.witness = Witness(tally, rules.room_of)
        self.slicer = Slicer(rules.slicing, rules.rooms, tally) if rules.slicing.tells_apart else None
        self.crossings = None if nodes is None else Crossings(nodes, tally)
        self._window_ns = _NO_WINDOW_NS
        self._sends = Sends()
        self._expected_count = 0  # not in the tally yet
        # Who was first and last to get a message takes all processes that have receivers of it, and one clock.
        self._spreads_are_told = rules.crosses_processes
        self._spreads_are_known = not (rules.crosses_processes and rules.other_clocks)
        self._finished: list[Entry] = []  # measured messages whose spreads are not in the tally yet
        self._spreads: list[Spreads] = []

    # --- what is measured -----------------------------------------------------------------------------------

    def measure(self, start_ns: int, end_ns: int) -> None:
        """Messages due in [start_ns, end_ns) are measured; before this is said, none is."""
        self._window_ns = (start_ns, end_ns)
        if self.slicer is not None:
            self.slicer.begin(start_ns)

    def measure_nothing(self) -> None:
        """From here on no message counts, and none that is not in the tally yet."""
        self._window_ns = _NO_WINDOW_NS
        self._sends.account(self.tally, _NO_WINDOW_NS)
        self._expected_count = 0
        self._finished.clear()
        self._spreads.clear()

    def close(self) -> None:
        """All is in the tally; what comes from here on does not count."""
        self._window_ns = _NO_WINDOW_NS

    def is_measured(self, due_ns: int) -> bool:
        """Whether a message due then counts."""
        return self._window_ns[0] <= due_ns < self._window_ns[1]

    def cell_of(self, stamp: Stamp) -> int:
        """Of which slices a message is part; 0 where nothing is told apart."""
        return 0 if self.slicer is None else self.slicer.cell_of(stamp)

    def slices_of(self, stamp: Stamp) -> Sequence[SliceTally]:
        """The same slices, to note in them what becomes of it besides."""
        return () if self.slicer is None else self.slicer.parts_of(self.slicer.cell_of(stamp))

    # --- messages -------------------------------------------------------------------------------------------

    def sent(self, entry: Entry) -> None:
        """One of our users has sent it."""
        self._sends.note((entry.stamp.due_ns, entry.stamp.sent_ns))
        if self.slicer is not None and entry.measured:
            self.slicer.count(entry.cell, Count.MESSAGES_SENT, 1)

    def expected(self, entry: Entry) -> None:
        """The server is held to it: all of its audience must get it."""
        if entry.measured:
            self._expected_count += len(entry.audience)
            if self.slicer is not None:
                self.slicer.count(entry.cell, Count.DELIVERIES_EXPECTED, len(entry.audience))

    def account_sends(self) -> None:
        """Count in the tally what was sent."""
        self._sends.account(self.tally, self._window_ns)
        if self._expected_count:
            self.tally.counts[Count.DELIVERIES_EXPECTED] += self._expected_count
            self._expected_count = 0

    def finished(self, entries: Sequence[Entry]) -> None:
        """Nobody here waits for these any more: first and last arrivals are known, as far as they lie with us."""
        if self._spreads_are_known:
            self._finished += [entry for entry in entries if entry.measured]

    def account_finished(self) -> None:
        """Note in the tally, or for the other processes, when those came first and last."""
        if not self._finished:
            return
        spreads = Spreads.of(self._finished)
        self._finished.clear()
        if self._spreads_are_told:
            self._spreads.append(spreads)
        else:
            record_spreads(spreads, self.tally, None if self.slicer is None else self.slicer.cells)

    def take_spreads(self) -> Spreads:
        """First and last arrivals here, for whoever knows those of all processes; since this was asked last."""
        taken, self._spreads = self._spreads, []
        return Spreads.joined(taken)

    # --- deliveries -----------------------------------------------------------------------------------------

    def count(self, entry: Entry, name: Count, receivers: Int64s) -> None:
        """Count what became of a message at some of its receivers."""
        self.tally.counts[name] += len(receivers)
        if self.slicer is not None:
            self.slicer.count(entry.cell, name, len(receivers))
        if self.crossings is not None:
            self.crossings.note(entry.stamp, name, receivers)

    def overtaken(self, entry: Entry, late: Arrivals) -> None:
        """These arrivals of a measured message came after one that stands behind it."""
        self.count(entry, Count.DELIVERIES_REORDERED, late.receivers)
        self.witness.overtaken(entry, late)

    def one_too_many(self, fault: Fault, stamp: Stamp, receiver: int, copies: int = 1) -> None:
        """Copies that were duplicates, or not for their receiver, of a message that may not be open."""
        name = Count.DELIVERIES_DUPLICATED if fault is Fault.DUPLICATED else Count.DELIVERIES_UNEXPECTED
        self.tally.counts[name] += copies
        if self.slicer is not None:
            self.slicer.count(self.slicer.cell_of(stamp), name, copies)
        if self.crossings is not None:
            self.crossings.note(stamp, name, np.array([receiver]), copies=copies)
        self.witness.one_too_many(fault, stamp, receiver)

    def lost(self, entries: Sequence[Entry]) -> None:
        """The drain has ended, and they are still waited for."""
        for entry in entries:
            self.count(entry, Count.DELIVERIES_LOST, entry.missing)
            split = Count.DELIVERIES_LOST_ACKED if entry.acked else Count.DELIVERIES_LOST_UNACKED
            self.tally.counts[split] += len(entry.missing)
        self.witness.lost(entries)

    def not_brought(self, debt: Debt, excused: Int64s, away: Int64s) -> None:
        """It was acknowledged, and history owed it to these: who was excused, and who was away and not expected."""
        counts, lost = self.tally.counts, np.concatenate((excused, away))
        for name, number in (
            (Count.DELIVERIES_EXCUSED, -len(excused)),
            (Count.DELIVERIES_EXPECTED, len(away)),
            (Count.DELIVERIES_LOST, len(lost)),
        ):
            counts[name] += number
            if self.slicer is not None:
                self.slicer.count(debt.cell, name, number)
        if self.crossings is not None:
            self.crossings.note(debt.stamp, Count.DELIVERIES_EXCUSED, excused, copies=-1)
            self.crossings.note(debt.stamp, Count.DELIVERIES_LOST, lost)
        counts[Count.DELIVERIES_LOST_ACKED] += len(lost)
        self.witness.not_brought(debt.stamp, lost)
