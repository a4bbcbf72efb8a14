"""Which deliveries came out of the order that the server itself has numbered the messages of a room in.

Where a dialect tells the number (its acknowledgement holds ``{seq}``), every receiver must get a room's messages by
rising number. Arrivals are judged when all that came before them is known, a deadline later: until then a message may
be under way that had reached somebody first. Messages whose arrivals do not overlap, and that come by rising number,
are compared as a whole; only where some are entangled are their receivers looked at one by one.

What was overtaken by a message of its own sender is left out: :mod:`loadgen.measure.order` counts it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loadgen.measure.entry import NOBODY, Entry
from loadgen.measure.order import Arrivals

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
    arrived: list[_Arrived] = field(default_factory=list)
    highest: int = -1  # the highest number of those that have been judged
    sender: int = -1  # who sent it
    receivers: Int64s = field(default_factory=lambda: NOBODY)  # who got it


class RoomOrder:
    """Waits with arrivals until they can be judged; memory is bounded by a deadline's worth of deliveries."""

    def __init__(self) -> None:
        self._rooms: defaultdict[int, _Room] = defaultdict(_Room)

    def note(self, room: int, entry: Entry, arrivals: Arrivals) -> None:
        """First arrivals of a message; its number may become known until they are judged."""
        if len(arrivals.receivers):
            times_ns = arrivals.times_ns
            self._rooms[room].arrived.append(_Arrived(entry, arrivals, int(times_ns.min()), int(times_ns.max())))

    def overtaken_count(self, until_ns: int) -> int:
        """How many arrivals of measured messages up to ``until_ns``, not judged before, came after a higher number."""
        return sum(_judge(room, until_ns) for room in self._rooms.values() if room.arrived)


def _judge(room: _Room, until_ns: int) -> int:
    ripe = [each for each in room.arrived if each.last_ns <= until_ns]
    room.arrived = [each for each in room.arrived if each.last_ns > until_ns]
    numbered = sorted((each for each in ripe if each.entry.room_sequence is not None), key=lambda each: each.first_ns)
    count = 0
    for together in _entangled(numbered):
        count += _overtaken(room, together)
        top = max(together, key=lambda each: each.number)
        if top.number > room.highest:
            room.highest, room.sender, room.receivers = top.number, top.entry.sender, top.arrivals.receivers
    return count


def _entangled(in_time: Sequence[_Arrived]) -> list[Sequence[_Arrived]]:
    """Messages cut apart wherever all before lie before all after, by their times and by their numbers."""
    if not in_time:
        return []
    last_ns = np.maximum.accumulate([each.last_ns for each in in_time])
    highest = np.maximum.accumulate([each.number for each in in_time])
    lowest = np.minimum.accumulate([each.number for each in reversed(in_time)])[::-1]
    first_ns = np.array([each.first_ns for each in in_time])
    cuts = np.flatnonzero((last_ns[:-1] < first_ns[1:]) & (highest[:-1] < lowest[1:])) + 1
    bounds = [0, *cuts.tolist(), len(in_time)]
    return [in_time[low:high] for low, high in pairwise(bounds)]


def _overtaken(room: _Room, together: Sequence[_Arrived]) -> int:
    if len(together) == 1 and together[0].number > room.highest:
        return 0
    sizes = [len(each.arrivals.receivers) for each in together]
    receivers = np.concatenate([each.arrivals.receivers for each in together])
    times_ns = np.concatenate([each.arrivals.times_ns for each in together])
    number = np.repeat([each.number for each in together], sizes)
    sender = np.repeat([each.entry.sender for each in together], sizes)
    measured = np.repeat([each.entry.measured for each in together], sizes)

    before = np.where(np.isin(receivers, room.receivers) & (sender != room.sender), room.highest, -1)
    of_room = np.maximum(_highest_so_far((receivers,), number, times_ns), before)
    of_sender = _highest_so_far((receivers, sender), number, times_ns)
    return int(np.count_nonzero(measured & (of_room > number) & (of_sender <= number)))


def _highest_so_far(groups: tuple[Int64s, ...], number: Int64s, times_ns: Int64s) -> Int64s:
    """For each arrival, the highest number that had come in its group by then, its own included."""
    order = np.lexsort((number, times_ns, *groups))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = np.any([group[order][1:] != group[order][:-1] for group in groups], axis=0)
    # The groups lie one after the other; an offset that rises from group to group keeps their maxima apart.
    offset = (np.cumsum(begins) - 1) * (int(number.max()) + 1)
    highest = np.empty(len(order), np.int64)
    highest[order] = np.maximum.accumulate(number[order] + offset) - offset
    return highest
