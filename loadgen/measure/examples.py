"""A few deliveries that went wrong: who did not get which message of whom, and when. Merges in any order.

Of each fault two small sets are kept, whatever happens: the first messages that it befell, each with one of its
receivers, and the first receivers, each with one of its messages. Where a message is lost by a whole room, the one
shows that there are others; where one socket loses everything, the other shows that there are others. Out of both the
reader gets those that differ most.

Which receiver stands for a message is settled by a number mixed from all three, so it is another one each time, and
the same however many processes there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
_Key = TypeVar("_Key")
_Numbers = TypeVar("_Numbers", int, Int64s)

MOST = 5
"""Of each fault, for a reader; up to twice as many are kept."""

# Odd numbers, of which the products spread over 32 bits (Knuth's multiplicative hash).
_MIX = (2_654_435_761, 2_246_822_519, 3_266_489_917)
_BITS = 0xFFFFFFFF
# A marker can hold any time; beyond a century nothing was sent, and what takes 64 bits does not travel.
_FARTHEST_NS = 2**61
# A message is known by sender and sequence, 32 bits each.
_SEQUENCE_BITS = 32


class Fault(StrEnum):
    """What can be wrong with a delivery."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"
    LATE = "late"
    UNEXPECTED = "unexpected"


class Example(NamedTuple):
    """One delivery; times are ns since the origin of the tally, users and rooms are counted from 0."""

    sent_ns: int
    due_ns: int
    sender: int
    sequence: int
    """The number of the message among those of its sender, from 0."""
    receiver: int
    room: int | None
    """None: it was for one user."""
    received_ns: int | None = None
    """When it came, of those that are late or out of order."""
    acked: bool = False
    """Whether the server had taken it, of those that are lost."""
    was_seen: bool | None = None
    """Whether anybody got it, of those that are lost; None: not known."""
    seen_ns: int | None = None
    """When the last one did so."""

    @property
    def message(self) -> tuple[int, int]:
        """What the message is known by."""
        return self.sender, self.sequence

    @property
    def order(self) -> tuple[int, ...]:
        """The first ones first."""
        received_ns = -1 if self.received_ns is None else self.received_ns
        return self.sent_ns, self.sender, self.sequence, _rank(self, self.receiver), self.receiver, received_ns


class _First:
    """The first examples of one fault."""

    __slots__ = ("_by_message", "_by_receiver", "until_ns")

    def __init__(self) -> None:
        self._by_message: dict[tuple[int, int], Example] = {}
        self._by_receiver: dict[int, Example] = {}
        self.until_ns = _FARTHEST_NS
        """What was sent later is of no use."""

    def __iter__(self) -> Iterator[Example]:
        return iter(sorted({*self._by_message.values(), *self._by_receiver.values()}, key=lambda each: each.order))

    def keep(self, example: Example) -> None:
        _keep(self._by_message, example.message, example)
        _keep(self._by_receiver, example.receiver, example)
        if len(self._by_message) == len(self._by_receiver) == MOST:
            kept = (*self._by_message.values(), *self._by_receiver.values())
            self.until_ns = max(each.sent_ns for each in kept)

    def change(self, changed: Callable[[Example], Example]) -> None:
        self._by_message = {key: changed(each) for key, each in self._by_message.items()}
        self._by_receiver = {key: changed(each) for key, each in self._by_receiver.items()}


class Examples:
    """Those of all faults, as one process has seen them."""

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[Fault, _First] = {}

    def of(self, fault: Fault) -> list[Example]:
        """All that are kept, the first ones first."""
        return list(self._of.get(fault, ()))

    def wants(self, fault: Fault, sent_ns: int) -> bool:
        """Whether one of a message that was sent then would be kept; so nothing need be made of the others."""
        first = self._of.get(fault)
        return abs(sent_ns) < _FARTHEST_NS if first is None else -_FARTHEST_NS < sent_ns <= first.until_ns

    def keep(self, fault: Fault, example: Example) -> None:
        """Keep it, if it is one of the first."""
        if self.wants(fault, example.sent_ns):
            self._of.setdefault(fault, _First()).keep(example)

    def keep_each(self, fault: Fault, example: Example, receivers: Int64s, received_ns: Int64s | None = None) -> None:
        """The same of a message and many receivers: int64[n], and int64[n] or None."""
        if len(receivers) > MOST:
            places = np.lexsort((receivers, _rank(example, receivers)))[:MOST]
            receivers = receivers[places]
            received_ns = None if received_ns is None else received_ns[places]
        for i, receiver in enumerate(receivers.tolist()):
            came_ns = None if received_ns is None else int(received_ns[i])
            self.keep(fault, example._replace(receiver=receiver, received_ns=came_ns))

    def learn_last_seen(self, keys: Int64s, last_ns: Int64s, *, is_whole: bool) -> None:
        """When the last receiver got which message: int64[n] as in Spreads, times as here; below 0: nobody.

        Where it is not all that is known (``is_whole``), somebody else may have got it.
        """
        lost = self._of.get(Fault.LOST)
        if lost is None:
            return

        def learnt(example: Example) -> Example:
            at = np.flatnonzero(keys == (example.sender << _SEQUENCE_BITS | example.sequence))
            if not len(at):
                return example
            seen_ns = int(last_ns[at[0]])
            if seen_ns >= 0:
                return example._replace(was_seen=True, seen_ns=seen_ns)
            return example._replace(was_seen=False) if is_whole else example

        lost.change(learnt)

    def merge(self, other: Examples) -> None:
        """Add all that ``other`` has kept."""
        for fault, first in other._of.items():
            for example in first:
                self.keep(fault, example)


def chosen(examples: Iterable[Example], most: int = MOST) -> list[Example]:
    """Those that tell most: of other messages and other receivers than those before; the first ones first."""
    left = sorted(examples, key=lambda each: each.order)
    taken: list[Example] = []
    for wanted in (2, 1, 0):
        for example in list(left):
            is_new = (example.message not in {each.message for each in taken}) + (
                example.receiver not in {each.receiver for each in taken}
            )
            if len(taken) < most and is_new >= wanted:
                taken.append(example)
                left.remove(example)
    return sorted(taken, key=lambda each: each.order)


def _keep(found: dict[_Key, Example], key: _Key, example: Example) -> None:
    known = found.get(key)
    if known is None or example.order < known.order:
        found[key] = example
        if len(found) > MOST:
            del found[max(found, key=lambda each: found[each].order)]


def _rank(example: Example, receiver: _Numbers) -> _Numbers:
    """A number of 32 bits for a receiver of a message, or for each of int64[n]."""
    of_message = (example.sender * _MIX[0] ^ example.sequence * _MIX[1]) & _BITS
    return ((receiver ^ of_message) & _BITS) * _MIX[2] & _BITS
