"""How one metric stands in a document: in milliseconds, with the histogram that other quantiles are taken from."""

from __future__ import annotations

from typing import Any

from loadgen.measure.histogram import Histogram
from reports import hdr

NS_PER_MS = 1_000_000
_QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}


def metric_of(histogram: Histogram, *, with_hdr: bool = True) -> dict[str, Any]:
    """One metric of the document; all but the count are None where nothing was recorded."""
    count = histogram.count
    quantiles = {name: milliseconds(histogram.quantile_ns(q)) if count else None for name, q in _QUANTILES.items()}
    metric = {
        "unit": "ms",
        "count": count,
        "min": milliseconds(histogram.min_ns),
        "mean": milliseconds(histogram.mean_ns),
        **quantiles,
        "max": milliseconds(histogram.max_ns),
    }
    if with_hdr:
        metric["hdr"] = hdr.encode(histogram) if count else None
    return metric


def milliseconds(value_ns: float | None) -> float | None:
    """A duration as the document has it."""
    return None if value_ns is None else value_ns / NS_PER_MS
