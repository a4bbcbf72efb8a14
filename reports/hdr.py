"""A histogram as HdrHistogram V2 text and back: what other tools read, and what a document holds."""

from __future__ import annotations

import numpy as np
from hdrh.histogram import HdrHistogram

from loadgen.measure.histogram import HIGHEST_NS, SIGNIFICANT_DIGITS, Histogram


def encode(histogram: Histogram) -> str:
    """HdrHistogram V2, compressed, base64; one count is one nanosecond."""
    out = HdrHistogram(1, HIGHEST_NS, SIGNIFICANT_DIGITS)
    for upper_ns, count in zip(*(array.tolist() for array in histogram.buckets()), strict=True):
        # It answers False for a value out of range, and callers forget.
        if not out.record_value(min(upper_ns, HIGHEST_NS), count):
            raise ValueError(f"{upper_ns} ns does not fit into the HdrHistogram")
    return str(out.encode().decode("ascii"))


def decode(text: str) -> Histogram:
    """The histogram behind ``text``; each value moves to the top of its bucket (at most 0.1 % up)."""
    items = [
        (item.value_iterated_to, item.count_added_in_this_iter_step)
        for item in HdrHistogram.decode(text).get_recorded_iterator()
    ]
    values, counts = np.array(items, dtype=np.int64).reshape(-1, 2).T
    histogram = Histogram()
    histogram.record_counts(np.minimum(values, HIGHEST_NS), counts)
    return histogram
