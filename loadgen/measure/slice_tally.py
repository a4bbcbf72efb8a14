"""What was counted and timed of one slice of a run; merges in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field

from loadgen.measure.histogram import Histogram


@dataclass(slots=True)
class SliceTally:
    """Counters and metrics by their names, as in the tally of the whole run; only those that something came of."""

    counts: Counter[str] = field(default_factory=Counter)
    metrics: dict[str, Histogram] = field(default_factory=dict)

    def of(self, metric: str) -> Histogram:
        """The metric within the slice."""
        if metric not in self.metrics:
            self.metrics[metric] = Histogram()
        return self.metrics[metric]

    def merge(self, other: SliceTally) -> None:
        """Add all that ``other`` has counted."""
        self.counts.update(other.counts)
        for metric, histogram in other.metrics.items():
            self.of(metric).merge(histogram)

    def keep(self, names: Container[str]) -> None:
        """Forget what has another name than these."""
        self.counts = Counter({name: count for name, count in self.counts.items() if name in names})
        self.metrics = {name: histogram for name, histogram in self.metrics.items() if name in names}
