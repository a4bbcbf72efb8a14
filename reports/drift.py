"""Does it grow, does it get slower: what changed over a long measured window, from the series of its document. Pure.

Less than ten minutes tell of caches that fill and of nothing else, so of a shorter window nothing is said; of a longer
one the first third is left out.
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

LEAST_WINDOW_S = 600.0
_LEFT_OUT = 1 / 3
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
    """One thing that should stay as it is: what it was in the first third of what is looked at, and in the last."""

    name: str
    first: str
    last: str
    change: str


def figures_of(document: Document) -> dict[str, Any] | None:
    """The document's ``drift``; None where the measured window is shorter than LEAST_WINDOW_S.

    Of ``window_s``, the last two thirds of the measured window, ``first`` and ``last`` are the medians of the first and
    the last third: of the seconds' p50 in ms, with the ``ratio`` of both; of bytes and descriptors, with ``per_h``, the
    median slope of all pairs of readings (Theil and Sen) by the hour, which a few outliers do not bend. None stands for
    what was not measured.
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

    return {
        "window_s": end_s - start_s,
        "delivery_time_p50": _slowed(points("delivery_time_p50_ms")),
        **{str(resource): _grown(points(name)) for resource, name in _SERIES.items()},
    }


def growth_per_h(points: Sequence[tuple[float, float]]) -> float:
    """The Theil-Sen slope of two or more (s, value) in units an hour."""
    at_s, values = np.array(points[:: -(-len(points) // _MOST_POINTS)]).T
    first, second = np.triu_indices(len(at_s), 1)
    return float(np.median((values[second] - values[first]) / (at_s[second] - at_s[first]))) * _S_PER_H


def _slowed(points: Sequence[tuple[float, float]]) -> dict[str, float] | None:
    if len(points) < _LEAST_POINTS:
        return None
    first, last = _ends(points)
    return {"first": first, "last": last, "ratio": last / first}


def _grown(points: Sequence[tuple[float, float]]) -> dict[str, float] | None:
    if len(points) < _LEAST_POINTS:
        return None
    first, last = _ends(points)
    return {"first": first, "last": last, "per_h": growth_per_h(points)}


def _ends(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    third = len(points) // 3
    return median(value for _, value in points[:third]), median(value for _, value in points[-third:])


def drift_table(document: Document) -> Iterator[DriftRow]:
    """The drift of a document in words; nothing where nothing is said of it."""
    drift = document.get("drift") or {}
    times = drift.get("delivery_time_p50")
    if times is not None:
        first, last = numbers.duration(times["first"]), numbers.duration(times["last"])
        yield DriftRow("delivery time p50", first, last, f"{times['ratio']:.2f} times")
    for resource in Resource:
        grown = drift.get(resource)
        if grown is not None:
            form = numbers.size if is_memory(resource) else numbers.count
            change = _signed(numbers.per_hour(grown["per_h"], is_memory=is_memory(resource)))
            yield DriftRow(resource.replace("_", " "), form(grown["first"]), form(grown["last"]), change)


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"
