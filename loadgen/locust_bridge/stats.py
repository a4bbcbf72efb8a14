"""The door to Locust's statistics: what we have counted is added many at a time.

A request event for each delivery would cost tens of microseconds; a second of 300,000 deliveries is told and added in
3 ms. Listeners of Locust's ``request`` event hear nothing of it.
"""

from __future__ import annotations

from typing import cast

from locust.stats import RequestStats, StatsEntry, StatsEntryDict, StatsError

from loadgen.locust_bridge.rows import Failure, Row, Rows


def merge(stats: RequestStats, rows: Rows) -> None:
    """Add rows to Locust's own, beside whatever else is logged there.

    ``StatsEntry.extend`` keeps the copies of earlier seconds that Locust's charts are made of, where Locust keeps them:
    everywhere but on a worker.
    """
    for row in rows.entries:
        stats.entries[row.name, str(row.method)].extend(_entry(row, rows.at_s, stats))
    if rows.entries:
        stats.total.extend(_entry(rows.aggregated, rows.at_s, stats))
    for failure in rows.failures:
        _add_failure(stats, failure, rows.at_s)


def _entry(row: Row, at_s: float, stats: RequestStats) -> StatsEntry:
    # Locust's times are ints by their annotation; fractions of a ms survive all it does with them.
    return StatsEntry.unserialize(cast(StatsEntryDict, row.serialized(at_s)), stats)


def _add_failure(stats: RequestStats, failure: Failure, at_s: float) -> None:
    # By its kind: examples differ each second, and a run of hours would have thousands of lines.
    key = StatsError.create_key(failure.method, failure.name, failure.kind)
    known = stats.errors.get(key)
    if known is None:
        stats.errors[key] = StatsError(
            str(failure.method), failure.name, failure.error, failure.count, first_seen=at_s, last_seen=at_s
        )
    else:
        known.occurrences += failure.count
        known.last_seen = at_s
