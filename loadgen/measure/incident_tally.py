"""What became of those whom an incident of the plan hit, as one process has seen it; merges in any order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from loadgen.measure.histogram import Histogram

NO_CLOSE_FRAME = 1006
"""Stands for a connection that ended without a close frame (RFC 6455, 7.1.5)."""


@dataclass(slots=True)
class IncidentTally:
    """Times count from the instant at which the incident began by plan."""

    hit_count: int = 0
    """Users; of an announcement, those who answered."""
    back: Histogram = field(default_factory=Histogram)
    """When each of them was (again) in its rooms."""
    closed: Histogram = field(default_factory=Histogram)
    """When the server closed, or had given up, the socket of one of them."""
    closes: Counter[int] = field(default_factory=Counter)
    """How it did so: by close code."""
    missed_count: int = 0
    """Deliveries of messages that were sent while their receivers were away."""
    recovered_count: int = 0
    """Of these, what they read in the history afterwards."""

    def merge(self, other: IncidentTally) -> None:
        """Add all that ``other`` has counted."""
        self.hit_count += other.hit_count
        self.back.merge(other.back)
        self.closed.merge(other.closed)
        self.closes.update(other.closes)
        self.missed_count += other.missed_count
        self.recovered_count += other.recovered_count
