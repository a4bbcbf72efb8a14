"""Messages of other processes that have arrived here before the news of them: they count when their process tells.

Anybody who can write to a room, and the server itself, can write a sound marker: its check digits are no signature. So
what a marker says of a message that nobody has told us of is checked before it is used, and the message counts when it
is told. What never is, nobody has sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loadgen.measure.entry import Entry
from loadgen.measure.histogram import HIGHEST_NS
from loadgen.measure.marker import Stamp

# All that 50,000 messages a second bring in the 5 s after which a silent process is given up; some 100 MB.
MOST_UNTOLD = 250_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a message that is under way can say of itself; times are on our clock."""

    user_count: int
    origin_ns: int
    """No message was due before that."""
    has_direct: bool
    """Whether some are for one user."""

    def admit(self, stamp: Stamp, now_ns: int, error_ns: int) -> bool:
        """Whether a message that is here at ``now_ns`` can be that; its sender's clock may be off by ``error_ns``."""
        is_for_somebody = stamp.receiver is None or (self.has_direct and stamp.receiver < self.user_count)
        earliest_ns = max(self.origin_ns, now_ns - HIGHEST_NS) - error_ns
        in_time = earliest_ns <= stamp.due_ns <= stamp.sent_ns <= now_ns + error_ns
        return stamp.sender < self.user_count and is_for_somebody and in_time


class Hearsay:
    """The messages that are open and have not been told."""

    def __init__(self) -> None:
        self._untold: dict[int, dict[bytes, Entry]] = {}  # sender -> marker -> message
        self._count = 0

    @property
    def is_full(self) -> bool:
        """Whether there are more than a process that tells what it sends can have under way."""
        return self._count >= MOST_UNTOLD

    def add(self, entry: Entry) -> None:
        """It has arrived, and nobody has told of it."""
        self._untold.setdefault(entry.sender, {})[entry.marker] = entry
        self._count += 1

    def told(self, marker: bytes, stamp: Stamp) -> tuple[Entry | None, list[Entry]]:
        """Its process tells of a message; what it is here, if it is, and those that are thereby shown to be forged.

        A process tells of its messages in order: another one of the same number, or a lower, does not exist.
        """
        untold = self._untold.get(stamp.sender)
        if untold is None:
            return None, []
        found = untold.pop(marker, None)
        forged = [entry for entry in untold.values() if entry.sequence <= stamp.sequence]
        for entry in forged:
            del untold[entry.marker]
        if not untold:
            del self._untold[stamp.sender]
        self._count -= len(forged) + (found is not None)
        return found, forged

    def rest(self) -> Iterator[Entry]:
        """All that nobody has told of; asked once, at the end."""
        for untold in self._untold.values():
            yield from untold.values()
