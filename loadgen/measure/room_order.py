"""Which deliveries came out of the order that the server itself has numbered the messages of a room in.

Where a dialect tells the number (its acknowledgement holds ``{seq}``), every receiver must get a room's messages by
rising number. Arrivals are judged when all that came before them is known, a deadline later: until then a message may
be under way that had reached somebody first. Messages whose arrivals do not overlap, and that come by rising number,
are compared as a whole; only where some are entangled are their receivers looked at one by one. Of a message that is
still arriving, what has come is judged with what came then, and the rest later.

What was overtaken by a message of its own sender is left out: :mod:`loadgen.measure.order` has counted it.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loadgen.measure.entry import NOBODY, Arrivals, Entry

Int64s = npt.NDArray[np.int64]


class _Arrived(NamedTuple):
    """First arrivals of one message, and the time from the first to the last of them."""

    entry: Entry
    arrivals: Arrivals
    first_ns: int
    last_ns: int

    @property
    def number(self) -> int:
        number = self.entry.room_sequence
        assert number is not None, "only messages with a number are judged"
        return number


@dataclass(slots=True)
class _Room:
    top: int = -1  # the highest number of those that have been judged
    highest: Int64s = field(default_factory=lambda: NOBODY)  # the same for each receiver


class RoomOrder:
    """Waits with arrivals until they can be judged; memory is bounded by a deadline's worth of deliveries."""

    def __init__(self) -> None:
        self._rooms: defaultdict[int, _Room] = defaultdict(_Room)
        # Of all rooms, by their first arrival: (first_ns, count, room, message); the count keeps equal ones apart.
        self._waiting: list[tuple[int, int, int, _Arrived]] = []
        self._count = 0

    def note(self, room: int, entry: Entry, arrivals: Arrivals) -> None:
        """First arrivals of a message; its number may become known until they are judged."""
        if len(arrivals.receivers):
            self._await(room, _arrived(entry, arrivals))

    def is_ripe(self, until_ns: int) -> bool:
        """Whether there are arrivals up to ``until_ns`` that were not judged before."""
        return bool(self._waiting) and self._waiting[0][0] <= until_ns

    def overtaken(self, until_ns: int, at_most: int | None = None) -> list[tuple[Entry, Arrivals]]:
        """Which arrivals of which measured messages, up to ``until_ns``, came after a higher number.

        What was judged before is not told again.

        With ``at_most``, only of so many messages that came first; the others are left for the next time.
        """
        ripe: list[tuple[int, _Arrived]] = []
        while self.is_ripe(until_ns):
            first_ns, _, room, arrived = heapq.heappop(self._waiting)
            ripe.append((room, arrived))
            if at_most is not None and len(ripe) >= at_most:
                until_ns = first_ns  # and what arrived with it
        together: defaultdict[int, list[_Arrived]] = defaultdict(list)
        for room, arrived in ripe:
            part = arrived
            if arrived.last_ns > until_ns:
                receivers, times_ns = arrived.arrivals
                by_then = times_ns <= until_ns
                part = _arrived(arrived.entry, Arrivals(receivers[by_then], times_ns[by_then]))
                self._await(room, _arrived(arrived.entry, Arrivals(receivers[~by_then], times_ns[~by_then])))
            together[room].append(part)
        return [each for room, several in together.items() for each in _judge(self._rooms[room], several)]

    def _await(self, room: int, arrived: _Arrived) -> None:
        self._count += 1
        heapq.heappush(self._waiting, (arrived.first_ns, self._count, room, arrived))


def _arrived(entry: Entry, arrivals: Arrivals) -> _Arrived:
    return _Arrived(entry, arrivals, int(arrivals.times_ns.min()), int(arrivals.times_ns.max()))


def _judge(room: _Room, ripe: Iterable[_Arrived]) -> list[tuple[Entry, Arrivals]]:
    numbered = sorted((each for each in ripe if each.entry.room_sequence is not None), key=lambda each: each.first_ns)
    if not numbered:
        return []
    if len(numbered) == 1 and numbered[0].number > room.top:  # in a small room almost always
        room.top = numbered[0].number
        _learn(room, numbered)
        return []
    overtaken: list[tuple[Entry, Arrivals]] = []
    in_order: list[_Arrived] = []
    for together in _entangled(numbered):
        if len(together) == 1 and together[0].number > room.top:
            in_order.append(together[0])
        else:
            _learn(room, in_order)
            in_order = []
            overtaken += _overtaken(room, together)
            _learn(room, sorted(together, key=lambda each: each.number))
        room.top = max(room.top, *(each.number for each in together))
    _learn(room, in_order)
    return overtaken


def _learn(room: _Room, rising: Sequence[_Arrived]) -> None:
    """Note the highest number of each receiver; the messages come by rising number."""
    if not rising:
        return
    number: Int64s | int
    if len(rising) == 1:
        receivers, number = rising[0].arrivals.receivers, rising[0].number
    else:
        receivers = np.concatenate([each.arrivals.receivers for each in rising])
        number = np.repeat([each.number for each in rising], [len(each.arrivals.receivers) for each in rising])
    missing = int(receivers.max()) + 1 - len(room.highest)
    if missing > 0:
        room.highest = np.concatenate((room.highest, np.full(missing, -1)))
    # Of several for one receiver the last, which is the highest, stays.
    room.highest[receivers] = np.maximum(room.highest[receivers], number)


def _entangled(in_time: Sequence[_Arrived]) -> list[Sequence[_Arrived]]:
    """Messages cut apart wherever all before lie before all after, by their times and by their numbers."""
    last_ns = np.maximum.accumulate([each.last_ns for each in in_time])
    highest = np.maximum.accumulate([each.number for each in in_time])
    lowest = np.minimum.accumulate([each.number for each in reversed(in_time)])[::-1]
    first_ns = np.array([each.first_ns for each in in_time])
    cuts = np.flatnonzero((last_ns[:-1] < first_ns[1:]) & (highest[:-1] < lowest[1:])) + 1
    bounds = [0, *cuts.tolist(), len(in_time)]
    return [in_time[low:high] for low, high in pairwise(bounds)]


def _overtaken(room: _Room, together: Sequence[_Arrived]) -> list[tuple[Entry, Arrivals]]:
    sizes = [len(each.arrivals.receivers) for each in together]
    receivers = np.concatenate([each.arrivals.receivers for each in together])
    times_ns = np.concatenate([each.arrivals.times_ns for each in together])
    number = np.repeat([each.number for each in together], sizes)
    counts = np.concatenate(
        [np.isin(each.arrivals.receivers, each.entry.reordered, invert=True) & each.entry.measured for each in together]
    )
    known = np.concatenate((room.highest, np.full(max(0, int(receivers.max()) + 1 - len(room.highest)), -1)))
    highest = np.maximum(_highest_so_far(receivers, number, times_ns), known[receivers])
    late = counts & (highest > number)
    which = np.repeat(np.arange(len(together)), sizes)[late]
    return [
        (together[i].entry, Arrivals(receivers[late][which == i], times_ns[late][which == i]))
        for i in np.unique(which).tolist()
    ]


def _highest_so_far(receivers: Int64s, number: Int64s, times_ns: Int64s) -> Int64s:
    """For each arrival, the highest number that its receiver had got by then, its own included."""
    order = np.lexsort((number, times_ns, receivers))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = receivers[order][1:] != receivers[order][:-1]
    # The receivers lie one after the other; an offset that rises from one to the next keeps their maxima apart. Of
    # the numbers only their order counts: with a server's own, which may be as large as it likes, it would overflow.
    numbers, rank = np.unique(number, return_inverse=True)
    offset = (np.cumsum(begins) - 1) * len(numbers)
    highest = np.empty(len(order), np.int64)
    highest[order] = numbers[np.maximum.accumulate(rank[order] + offset) - offset]
    return highest
