"""Which deliveries came out of order: after a later message of the same sender (RFC 4737, type-P-reordered).

What a sender says to a room, to another room and to one user may go different ways in a server: each is a lane of its
own, and messages are compared with those of the same lane.

Almost always a lane has one message under way and there is nothing to compare. Otherwise a message is compared with
the later ones of its lane whose arrivals could lie before its own:

- still under way, or past the deadline: their arrivals since they were last settled
- already accounted for: their arrivals, kept for as long as an earlier message of the lane is under way

What was accounted for longer ago can only have overtaken a message that is past the deadline, whose new arrivals lie
behind it: of who misses such a message, the highest number that was got is known.

A message of another process may be here before its process tells of it, and what anybody can write must not make a
true message look late. So it counts when it is told: what was settled meanwhile is compared with it then.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count

from loadgen.measure.entry import Arrivals, Entry
from loadgen.measure.highest import Highest
from loadgen.measure.overtaking import Compared, Overtaken, overtaken_among, overtaken_by

_NEVER_NS = 2**63 - 1


@dataclass(slots=True)
class _Lane:
    under_way: dict[int, Entry] = field(default_factory=dict)  # by sequence, rising; told
    overdue: dict[int, Entry] = field(default_factory=dict)  # past the deadline, and somebody misses them
    # A heap by sequence; the second number keeps equal ones apart.
    kept: list[tuple[int, int, Entry, Arrivals]] = field(default_factory=list)
    highest: Highest = field(default_factory=Highest)  # of who misses one that is overdue
    orderly_until_ns: int = 0  # what arrived before then, of those under way, came in the order of the messages
    untold_count: int = 0
    settled: deque[tuple[int, Entry, Arrivals]] = field(default_factory=deque)  # when, while some were untold


class Order:
    """Knows the messages of each sender that are not finished, and finds overtaken deliveries."""

    def __init__(self, arrivals_so_far: Callable[[Entry], Arrivals]) -> None:
        """``arrivals_so_far`` tells the first arrivals of a message under way."""
        self._lanes: defaultdict[int, _Lane] = defaultdict(_Lane)
        self._arrivals_so_far = arrivals_so_far
        self._numbers = count()
        self._unsure: set[int] = set()  # lanes with something settled that an untold message may have overtaken

    # --- which messages there are ---------------------------------------------------------------------------

    def opened(self, entry: Entry) -> None:
        """A message was sent, after all others of its sender; or is here, and its process has not told of it."""
        lane = self._lanes[entry.lane]
        if entry.told:
            lane.under_way[entry.sequence] = entry
        else:
            lane.untold_count += 1

    def told(self, entry: Entry) -> Overtaken:
        """Its process has told of one that was here before; which arrivals of which messages it had overtaken.

        Only of those that were settled since it came: all others will be compared with it when they are.
        """
        lane = self._lanes[entry.lane]
        lane.under_way[entry.sequence] = entry
        lane.orderly_until_ns = 0  # it has arrivals that were not looked at
        overtaken: Overtaken = []
        if lane.settled and entry.log:
            arrived, first_ns = self._arrivals_so_far(entry), entry.log[0]
            for settled_ns, earlier, new in reversed(lane.settled):
                if settled_ns <= first_ns:
                    break
                overtaken += overtaken_by(arrived, earlier, new)
        self._one_less_untold(entry.lane, lane)
        return overtaken

    def disowned(self, entry: Entry) -> None:
        """Nobody has sent it."""
        self._one_less_untold(entry.lane, self._lanes[entry.lane])

    def forget_unsure(self, before_ns: int) -> None:
        """What was settled before then, no message that is still untold has overtaken: it would have been told."""
        for number in tuple(self._unsure):
            settled = self._lanes[number].settled
            while settled and settled[0][0] < before_ns:
                settled.popleft()
            if not settled:
                self._unsure.discard(number)

    def _one_less_untold(self, number: int, lane: _Lane) -> None:
        lane.untold_count -= 1
        if not lane.untold_count:
            lane.settled.clear()
            self._unsure.discard(number)

    # --- what becomes of them -------------------------------------------------------------------------------

    def overtaken(self, batch: Mapping[Entry, Arrivals]) -> Overtaken:
        """Which arrivals of which measured messages were overtaken by a later message of their sender.

        ``batch`` holds the new arrivals of all messages that are settled together; call it when their ``first_ns`` and
        ``last_ns`` are up to date, and before their ``missing`` is.
        """
        several: defaultdict[int, list[Entry]] = defaultdict(list)
        for entry in batch:
            lane = self._lanes[entry.lane]
            if len(lane.under_way) > 1 or lane.kept or lane.overdue:
                several[entry.lane].append(entry)
        compared: list[Compared] = []
        for number, entries in several.items():
            lane = self._lanes[number]
            if _may_be_mixed(lane, entries):
                compared += self._side_by_side(lane, entries, batch)
        return overtaken_among(compared) if compared else []

    def settled(self, entry: Entry, new: Arrivals, now_ns: int, *, finished: bool) -> None:
        """``entry`` was accounted for: it is finished, or it is past the deadline and somebody misses it."""
        lane, sequence = self._lanes[entry.lane], entry.sequence
        if lane.untold_count and entry.measured and len(new.receivers):
            lane.settled.append((now_ns, entry, new))
            self._unsure.add(entry.lane)
        under_way = lane.under_way
        if finished and not (lane.kept or lane.overdue) and next(iter(under_way), None) == sequence:
            # Almost always: the oldest there is, so nothing can be held against it any more.
            del under_way[sequence]
            return
        was_under_way = under_way.pop(sequence, None) is not None
        if finished:
            lane.overdue.pop(sequence, None)
        elif was_under_way:
            lane.overdue[sequence] = entry
            lane.highest.watch(entry.missing)
        heapq.heappush(lane.kept, (sequence, next(self._numbers), entry, new))
        oldest = next(iter(under_way), None)
        while lane.kept and (oldest is None or lane.kept[0][0] < oldest):
            kept_sequence, _, _, arrivals = heapq.heappop(lane.kept)
            lane.highest.note(arrivals.receivers, kept_sequence)
        if not lane.overdue:
            lane.highest = Highest()

    def _side_by_side(
        self, lane: _Lane, entries: Sequence[Entry], batch: Mapping[Entry, Arrivals]
    ) -> Sequence[Compared]:
        """The new arrivals of some messages of a lane, and those of later ones that may have overtaken them."""
        new = [entry for entry in entries if len(batch[entry].receivers)]
        if not any(entry.measured for entry in new):
            return ()
        lowest = min(entry.sequence for entry in new)
        last_ns = max(_first_and_last_ns(entry)[1] for entry in new)
        # With thousands under way, those that came before the last of the new arrivals are few.
        later = [
            Compared(entry, self._arrivals_so_far(entry))
            for entry in chain(lane.under_way.values(), lane.overdue.values())
            if entry.log and entry.log[0] < last_ns and entry.sequence > lowest
        ]
        later += [
            Compared(entry, arrivals)
            for sequence, _, entry, arrivals in lane.kept
            if sequence > lowest and entry.first_ns is not None and entry.first_ns < last_ns
        ]
        if not later and _came_one_after_the_other(new):
            return ()
        return later + [
            Compared(entry, batch[entry], entry.measured, lane.highest if entry.overdue else None) for entry in new
        ]


def _may_be_mixed(lane: _Lane, entries: Iterable[Entry]) -> bool:
    """Whether one of the entries may have an arrival after the first one of a later message; almost always none has.

    With thousands under way, to look through them for each bite of what is settled would take most of the time. So it
    is remembered how far all is in order: what arrives later can only be later.
    """
    if lane.kept or lane.overdue:
        return True
    last_ns = max(0 if entry.last_ns is None else entry.last_ns for entry in entries)
    if last_ns < lane.orderly_until_ns:
        return False
    lane.orderly_until_ns = _orderly_until_ns(lane.under_way)
    return last_ns > lane.orderly_until_ns


def _orderly_until_ns(under_way: dict[int, Entry]) -> int:
    """No arrival up to then came after the first one of a later message; the latest arrival where all is in order.

    ``under_way`` are the messages of a lane by sequence, rising, none of which was settled before.
    """
    latest_ns, earliest_ns, until_ns = 0, _NEVER_NS, _NEVER_NS
    for entry in reversed(under_way.values()):
        log = entry.log
        if log:
            first_ns, last_ns = log[0], log[-2]
        elif entry.first_ns is not None and entry.last_ns is not None:
            first_ns, last_ns = entry.first_ns, entry.last_ns
        else:
            continue
        if last_ns > latest_ns:
            latest_ns = last_ns
        if last_ns > earliest_ns:
            until_ns = earliest_ns  # the earliest only falls
        if first_ns < earliest_ns:
            earliest_ns = first_ns
    return min(until_ns, latest_ns)


def _came_one_after_the_other(entries: Iterable[Entry]) -> bool:
    """Whether each was at all its receivers before the next was at any; almost always it is so."""
    before_ns = 0
    for entry in sorted(entries, key=lambda entry: entry.sequence):
        first_ns, last_ns = _first_and_last_ns(entry)
        if entry.overdue or first_ns < before_ns:
            return False
        before_ns = max(before_ns, last_ns)
    return True


def _first_and_last_ns(entry: Entry) -> tuple[int, int]:
    assert entry.first_ns is not None, "somebody has got it"
    assert entry.last_ns is not None, "somebody has got it"
    return entry.first_ns, entry.last_ns
