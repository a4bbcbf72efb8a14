"""Histograms of given values, and what two of them are compared by."""

from __future__ import annotations

import numpy as np

from loadgen.measure.histogram import FINE, Histogram


def histogram_of(values: list[int], bits: int = FINE) -> Histogram:
    """A histogram that has seen ``values``."""
    histogram = Histogram(bits)
    histogram.record_many(np.array(values, dtype=np.int64))
    return histogram


def contents(histogram: Histogram) -> tuple[object, ...]:
    """All that can be seen of it."""
    upper_ns, counts = histogram.buckets()
    return (
        histogram.count,
        histogram.min_ns,
        histogram.max_ns,
        histogram.mean_ns,
        upper_ns.tolist(),
        counts.tolist(),
        str(counts.dtype),
    )
