"""Which deliveries came out of order: after a later message of the same sender (RFC 4737, type-P-reordered).

Almost always a sender has one message under way and there is nothing to compare. Otherwise a message is compared
with the later ones of its sender whose arrivals could lie before its own:

- still under way: their arrivals so far
- already accounted for: their arrivals, kept for as long as an earlier message of the sender is under way
- older than the deadline: who still misses them (arrivals from before the last settling lie before any new one)

A message that is past the deadline remembers who misses it and has got a later one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from loadgen.measure.entry import Entry

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """First arrivals of one message: receivers int64[n], each once, and times_ns int64[n]."""

    receivers: Int64s
    times_ns: Int64s

    def before(self, receivers: Int64s, times_ns: Int64s) -> Bools:
        """For each (receiver, time): did this message reach the receiver before that time?"""
        if not len(self.receivers):
            return np.zeros(len(receivers), np.bool_)
        order = np.argsort(self.receivers)
        at = np.minimum(np.searchsorted(self.receivers, receivers, sorter=order), len(order) - 1)
        at = order[at]
        found: Bools = (self.receivers[at] == receivers) & (self.times_ns[at] < times_ns)
        return found


@dataclass(slots=True)
class _Sender:
    under_way: dict[int, Entry] = field(default_factory=dict)  # by sequence, rising
    overdue: dict[int, Entry] = field(default_factory=dict)  # past the deadline, and somebody misses them
    kept: dict[int, tuple[Entry, Arrivals]] = field(default_factory=dict)


class Order:
    """Knows the messages of each sender that are not finished, and counts overtaken deliveries."""

    def __init__(self) -> None:
        self._senders: defaultdict[int, _Sender] = defaultdict(_Sender)

    def opened(self, entry: Entry) -> None:
        """A message was sent."""
        sender = self._senders[entry.sender]
        in_order = entry.sequence > next(reversed(sender.under_way), -1)
        sender.under_way[entry.sequence] = entry
        if not in_order:  # another process's message that arrived here before the news of the one before it
            sender.under_way = dict(sorted(sender.under_way.items()))

    def overtaken(self, batch: Mapping[Entry, Arrivals]) -> dict[Entry, int]:
        """How many of each message's arrivals were overtaken by a later message of its sender.

        ``batch`` holds the new arrivals of all messages that are settled together; call it before their
        ``missing`` is updated.
        """
        return {entry: count for entry in batch if (count := self._overtaken(entry, batch))}

    def _overtaken(self, entry: Entry, batch: Mapping[Entry, Arrivals]) -> int:
        new = batch[entry]
        sender = self._senders[entry.sender]
        alone = len(sender.under_way) + len(sender.overdue) == 1 and not sender.kept
        overdue = entry.sequence in sender.overdue
        if not len(new.receivers) or (alone and not overdue):
            return 0
        mask = np.isin(new.receivers, entry.overtaken) if overdue else np.zeros(len(new.receivers), np.bool_)
        for sequence, (_, arrivals) in sender.kept.items():
            if sequence > entry.sequence:
                mask |= arrivals.before(new.receivers, new.times_ns)
        for later in _later(sender.under_way, entry.sequence):
            arrivals = batch[later] if later in batch else later.arrivals_so_far()
            mask |= arrivals.before(new.receivers, new.times_ns)
        for later in [other for sequence, other in sender.overdue.items() if sequence > entry.sequence]:
            if later in batch:
                mask |= batch[later].before(new.receivers, new.times_ns)
            without = np.concatenate((later.missing, later.excused))
            had_it = np.isin(new.receivers, later.audience) & ~np.isin(new.receivers, without)
            mask |= had_it
        return int(mask.sum())

    def settled(self, entry: Entry, new: Arrivals, *, finished: bool, known_count: int) -> None:
        """``entry`` was accounted for: it is finished, or it is past the deadline and somebody misses it.

        ``known_count`` of its sender's messages are known without gaps: there may be an earlier one beyond those.
        """
        sender = self._senders[entry.sender]
        if finished:
            sender.under_way.pop(entry.sequence, None)
            sender.overdue.pop(entry.sequence, None)
            sender.kept[entry.sequence] = entry, new
        elif entry.sequence in sender.under_way:
            sender.overdue[entry.sequence] = sender.under_way.pop(entry.sequence)
        oldest = min(next(iter(sender.under_way), known_count), known_count)
        for sequence in [s for s in sender.kept if s < oldest]:
            finished_entry, _ = sender.kept.pop(sequence)
            _note_overtaken(sender.overdue.values(), finished_entry)


def _note_overtaken(overdue: Iterable[Entry], finished: Entry) -> None:
    """Those who got a finished message will get each earlier one out of order."""
    for earlier in overdue:
        if earlier.sequence > finished.sequence:
            continue
        others = np.setdiff1d(earlier.missing, earlier.overtaken, assume_unique=True)
        if len(others):
            late = np.setdiff1d(np.intersect1d(others, finished.audience), finished.excused)
            earlier.overtaken = np.union1d(earlier.overtaken, late)


def _later(entries: dict[int, Entry], sequence: int) -> list[Entry]:
    later = []
    for known in reversed(entries):
        if known <= sequence:
            break
        later.append(entries[known])
    return later
