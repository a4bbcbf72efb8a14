"""Clocks of several hosts: how a message that was stamped by another clock is read on ours."""

from __future__ import annotations

from dataclasses import dataclass

from loadgen.measure.marker import Stamp


@dataclass(frozen=True, slots=True)
class Clock:
    """How another host's monotonic clock stands to ours."""

    shift_ns: int
    """What is added to its times to get ours."""
    error_ns: int
    """How far off that may be, either way."""

    def ours(self, stamp: Stamp) -> Stamp:
        """The stamp with its times on our clock."""
        return stamp._replace(due_ns=stamp.due_ns + self.shift_ns, sent_ns=stamp.sent_ns + self.shift_ns)

    def extremes(self, stamp: Stamp) -> tuple[Stamp, Stamp]:
        """A stamp on our clock as it would be, had it been sent as early and as late as the error allows."""
        return (
            stamp._replace(sent_ns=stamp.sent_ns - self.error_ns),
            stamp._replace(sent_ns=stamp.sent_ns + self.error_ns),
        )
