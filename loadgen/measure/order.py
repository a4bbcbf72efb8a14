"""Which deliveries came out of order: after a later message of the same sender (RFC 4737, type-P-reordered).

What a sender says to a room, to another room and to one user may go different ways in a server: each is a lane of its
own, and messages are compared with those of the same lane.

Almost always a sender has one message under way and there is nothing to compare. Otherwise a message is compared
with the later ones of its sender whose arrivals could lie before its own:

- still under way: their arrivals so far
- already accounted for: their arrivals, kept for as long as an earlier message of the sender is under way
- older than the deadline: who still misses them (arrivals from before the last settling lie before any new one)

A message that is past the deadline remembers who misses it and has got a later one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from loadgen.measure.entry import Entry

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Arrivals(NamedTuple):
    """First arrivals of one message: receivers int64[n], each once, and times_ns int64[n]."""

    receivers: Int64s
    times_ns: Int64s


@dataclass(slots=True)
class _Sender:
    under_way: dict[int, Entry] = field(default_factory=dict)  # by sequence, rising
    overdue: dict[int, Entry] = field(default_factory=dict)  # past the deadline, and somebody misses them
    kept: dict[int, tuple[Entry, Arrivals]] = field(default_factory=dict)


class Order:
    """Knows the messages of each sender that are not finished, and counts overtaken deliveries."""

    def __init__(self, arrivals_so_far: Callable[[Entry], Arrivals]) -> None:
        """``arrivals_so_far`` tells the first arrivals of a message under way."""
        self._senders: defaultdict[int, _Sender] = defaultdict(_Sender)
        self._arrivals_so_far = arrivals_so_far

    def opened(self, entry: Entry) -> None:
        """A message was sent."""
        under_way = self._senders[entry.lane].under_way
        sequence = entry.sequence
        in_order = not under_way or sequence > next(reversed(under_way))
        under_way[sequence] = entry
        if not in_order:  # another process's message that arrived here before the news of the one before it
            self._senders[entry.lane].under_way = dict(sorted(under_way.items()))

    def disowned(self, entry: Entry) -> None:
        """Nobody has sent it; another one may have its number."""
        under_way = self._senders[entry.lane].under_way
        if under_way.get(entry.sequence) is entry:
            del under_way[entry.sequence]

    def overtaken_count(self, batch: Mapping[Entry, Arrivals]) -> int:
        """How many arrivals of measured messages were overtaken by a later message of their sender.

        ``batch`` holds the new arrivals of all messages that are settled together; call it when their ``first_ns`` and
        ``last_ns`` are up to date, and before their ``missing`` is.
        """
        overdue_count = 0
        several: dict[int, _Sender] = {}
        for entry in batch:
            sender = self._senders[entry.lane]
            if entry.overdue:
                if entry.measured:
                    overdue_count += self._overtaken_past_the_deadline(entry, sender, batch)
            elif len(sender.under_way) > 1 or sender.kept or sender.overdue:
                several[entry.lane] = sender
        mixed = {number: sender for number, sender in several.items() if _may_be_mixed(sender)}
        return overdue_count + (self._overtaken_under_way(mixed, batch) if mixed else 0)

    def settled(self, entry: Entry, new: Arrivals, *, finished: bool, known_count: int) -> None:
        """``entry`` was accounted for: it is finished, or it is past the deadline and somebody misses it.

        ``known_count`` of its sender's messages are known without gaps: there may be an earlier one beyond those.
        """
        sender, sequence = self._senders[entry.lane], entry.sequence
        under_way = sender.under_way
        alone = finished and not (sender.kept or sender.overdue)
        if alone and sequence < known_count and next(iter(under_way), None) == sequence:
            # Almost always: the oldest there is, so nothing can be held against it any more.
            del under_way[sequence]
            return
        was_under_way = sender.under_way.pop(sequence, None) is not None
        if not finished:
            if was_under_way:
                sender.overdue[sequence] = entry
        else:
            if not was_under_way:
                sender.overdue.pop(sequence, None)
            sender.kept[sequence] = entry, new
        oldest = min(next(iter(sender.under_way), known_count), known_count)
        for kept_sequence in [s for s in sender.kept if s < oldest]:
            kept, _ = sender.kept.pop(kept_sequence)
            if sender.overdue:
                _note_overtaken(sender.overdue.values(), kept)

    def _overtaken_under_way(self, senders: Mapping[int, _Sender], batch: Mapping[Entry, Arrivals]) -> int:
        """Of messages within the deadline: arrivals that come after one of a higher number, all senders at once.

        One sort by (sender, receiver, time), and a running maximum of the sequence within each (sender, receiver).
        """
        told: list[tuple[Entry, Arrivals, bool]] = []
        for sender in senders.values():
            told += [(entry, arrivals, False) for entry, arrivals in sender.kept.values()]
            for entry in sender.under_way.values():
                in_batch = batch.get(entry)
                arrivals = self._arrivals_so_far(entry) if in_batch is None else in_batch
                told.append((entry, arrivals, in_batch is not None and entry.measured))
            # One past the deadline has lost its earlier arrivals; what comes now is later than any of these.
            told += [(entry, batch[entry], False) for entry in sender.overdue.values() if entry in batch]
        told = [(entry, arrivals, counts) for entry, arrivals, counts in told if len(arrivals.receivers)]
        if len(told) < 2:
            return 0
        sizes = [len(arrivals.receivers) for _, arrivals, _ in told]
        receivers = np.concatenate([arrivals.receivers for _, arrivals, _ in told])
        times_ns = np.concatenate([arrivals.times_ns for _, arrivals, _ in told])
        sender_of = np.repeat([entry.lane for entry, _, _ in told], sizes)
        sequences = np.repeat([entry.sequence for entry, _, _ in told], sizes)
        counted = np.repeat([counts for _, _, counts in told], sizes)

        order = np.lexsort((sequences, times_ns, receivers, sender_of))
        sequences, counted, receivers, sender_of = sequences[order], counted[order], receivers[order], sender_of[order]
        begins = np.empty(len(order), np.bool_)
        begins[0] = True
        begins[1:] = (receivers[1:] != receivers[:-1]) | (sender_of[1:] != sender_of[:-1])
        # The groups lie one after the other; an offset that rises from group to group keeps their maxima apart.
        offset = (np.cumsum(begins) - 1) * (int(sequences.max()) + 1)
        highest = np.maximum.accumulate(sequences + offset)
        overtaken = np.flatnonzero(counted & (highest > sequences + offset))
        if len(overtaken):
            places = np.repeat(np.arange(len(told)), sizes)[order][overtaken]
            for place in np.unique(places):
                told[place][0].note_reordered(receivers[overtaken[places == place]])
        return len(overtaken)

    def _overtaken_past_the_deadline(self, entry: Entry, sender: _Sender, batch: Mapping[Entry, Arrivals]) -> int:
        new = batch[entry]
        if not len(new.receivers):
            return 0
        mask: Bools = np.isin(new.receivers, entry.overtaken)
        for later in (*sender.under_way.values(), *sender.overdue.values()):
            if later.sequence > entry.sequence:
                mask |= _before(batch[later] if later in batch else self._arrivals_so_far(later), new)
        for later, arrivals in sender.kept.values():
            if later.sequence > entry.sequence:
                mask |= _before(arrivals, new)
        for later in sender.overdue.values():
            if later.sequence > entry.sequence:
                without = np.concatenate((later.missing, later.excused))
                mask |= np.isin(new.receivers, later.audience) & ~np.isin(new.receivers, without)
        entry.note_reordered(new.receivers[mask])
        return int(mask.sum())


def _may_be_mixed(sender: _Sender) -> bool:
    """Whether some message may have an arrival after the first one of a later message; almost always none has."""
    if sender.kept or sender.overdue:
        return True
    earliest_ns = None
    for entry in reversed(sender.under_way.values()):
        if earliest_ns is not None and entry.last_ns is not None and earliest_ns < entry.last_ns:
            return True
        first_ns = entry.first_ns if entry.first_ns is not None else entry.log[0] if entry.log else None
        if first_ns is not None and (earliest_ns is None or first_ns < earliest_ns):
            earliest_ns = first_ns
    return False


def _before(earlier: Arrivals, new: Arrivals) -> Bools:
    """For each of the new arrivals: did the other message reach the receiver before?"""
    if not len(earlier.receivers):
        return np.zeros(len(new.receivers), np.bool_)
    order = np.argsort(earlier.receivers)
    at = np.minimum(np.searchsorted(earlier.receivers, new.receivers, sorter=order), len(order) - 1)
    at = order[at]
    found: Bools = (earlier.receivers[at] == new.receivers) & (earlier.times_ns[at] < new.times_ns)
    return found


def _note_overtaken(overdue: Iterable[Entry], finished: Entry) -> None:
    """Those who got a finished message will get each earlier one out of order."""
    for earlier in overdue:
        if earlier.sequence > finished.sequence:
            continue
        others = np.setdiff1d(earlier.missing, earlier.overtaken, assume_unique=True)
        if len(others):
            late = np.setdiff1d(np.intersect1d(others, finished.audience), finished.excused)
            earlier.overtaken = np.union1d(earlier.overtaken, late)
