"""Does it grow, does it get slower: what changed over a long measured window, from the series of its document. Pure.

Less than five minutes tell of caches that fill and of nothing else, so of a shorter window nothing is said; of a longer
one the first tenth is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from loadgen.measure.record import Phase
from reports import numbers
from reports.budgets import Document
from reports.subjects import Resource, is_memory

LEAST_WINDOW_S = 300.0
_LEFT_OUT = 0.1
# Of an hour a slope of 600 readings is the same as one of all; all pairs of a day's would not fit into memory.
_MOST_POINTS = 600
_LEAST_POINTS = 30
_S_PER_H = 3_600.0

_SERIES = {
    Resource.SERVER_MEMORY: "server_rss_bytes",
    Resource.GENERATOR_MEMORY: "generator_rss_bytes",
    Resource.COORDINATOR_MEMORY: "coordinator_rss_bytes",
    Resource.SERVER_DESCRIPTORS: "server_descriptors",
    Resource.GENERATOR_DESCRIPTORS: "generator_descriptors",
}


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One thing that should stay as it is."""

    name: str
    change: str
    meaning: str


def figures_of(document: Document) -> dict[str, Any] | None:
    """The document's ``drift``; None where the measured window is shorter than LEAST_WINDOW_S.

    ``delivery_time_p50``: medians of the seconds' p50 in the first and the last third (ms), and their ratio. Of what
    may grow, ``*_per_h``: the median slope of all pairs of readings (Theil and Sen), in bytes or descriptors an hour,
    which a few outliers do not bend. None stands for what was not measured.
    """
    window = next((each for each in document["phases"] if each["name"] == Phase.MEASURE), None)
    if window is None or window["end_s"] is None or window["end_s"] - window["start_s"] < LEAST_WINDOW_S:
        return None
    series, end_s = document["series"], window["end_s"]
    start_s = window["start_s"] + _LEFT_OUT * (end_s - window["start_s"])
    inside = [index for index, at_s in enumerate(series["t_s"]) if start_s <= at_s and at_s + 1 <= end_s]

    def points(name: str) -> list[tuple[float, float]]:
        values = series.get(name) or []
        known = ((series["t_s"][at], values[at]) for at in inside if at < len(values))
        return [(at_s, value) for at_s, value in known if value is not None]

    growth = {f"{name}_per_h": growth_per_h(points(of)) for name, of in _SERIES.items()}
    times = [value for _, value in points("delivery_time_p50_ms")]
    return {"window_s": end_s - start_s, "delivery_time_p50": _thirds(times), **growth}


def growth_per_h(points: Sequence[tuple[float, float]]) -> float | None:
    """The Theil-Sen slope of (s, value) in units an hour; None of fewer than 30 points."""
    if len(points) < _LEAST_POINTS:
        return None
    at_s, values = np.array(points[:: -(-len(points) // _MOST_POINTS)]).T
    first, second = np.triu_indices(len(at_s), 1)
    return float(np.median((values[second] - values[first]) / (at_s[second] - at_s[first]))) * _S_PER_H


def _thirds(values: Sequence[float]) -> dict[str, float] | None:
    third = len(values) // 3
    if third < _LEAST_POINTS // 3:
        return None
    first, last = median(values[:third]), median(values[-third:])
    return {"first_ms": first, "last_ms": last, "ratio": last / first}


def drift_table(document: Document) -> Iterator[DriftRow]:
    """The drift of a document in words; nothing where nothing is said of it."""
    drift = document.get("drift")
    if not drift:
        return
    times = drift["delivery_time_p50"]
    if times is not None:
        first, last = numbers.duration(times["first_ms"]), numbers.duration(times["last_ms"])
        way = f"{first} in the first third, {last} in the last"
        yield DriftRow("delivery time p50", f"{times['ratio']:.2f} times", way)
    for name in Resource:
        per_h = drift[f"{name}_per_h"]
        if per_h is not None:
            meaning = "the median slope of all pairs of readings"
            yield DriftRow(name.replace("_", " "), _signed(name, per_h), meaning)


def _signed(name: str, per_h: float) -> str:
    text = numbers.per_hour(per_h, is_memory=is_memory(name))
    return text if per_h < 0 else f"+{text}"
