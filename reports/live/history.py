"""The series of a run as its pages draw them, put together from its snapshots, each of which tells the end of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reports.budgets import Document

# The series that are drawn or shown, and whether they are times.
SERIES = {
    "delivery_time_p50_ms": True,
    "delivery_time_p90_ms": True,
    "delivery_time_p99_ms": True,
    "deliveries_received": False,
    "messages_sent": False,
    "connections": False,
}
_IS_TIME = tuple(SERIES.values())
# An hour of seconds; a longer run has as many intervals, each of two seconds, of four, and so on.
MOST_ROWS = 3600
# A second that is older than this is not told anew by any snapshot.
_SETTLED_S = 60

# The values of one interval, in the order of SERIES.
Row = tuple[float | None, ...]


class History:
    """What is known of one run so far: a row for each interval, in as many rows as an hour has seconds."""

    def __init__(self) -> None:
        self.interval_s = 1
        """How long an interval is; twice as long as soon as there would be too many of them."""
        self._rows: dict[int, Row] = {}  # of settled intervals and of those before them, by where they begin
        self._seconds: dict[int, Row] = {}  # as last told, of the intervals that may change
        self._settled_s = 0

    def add(self, document: Document) -> set[int]:
        """Take in the series of a snapshot, or of the run that is over; where those intervals begin that changed."""
        told = _seconds_of(document)
        changed = {
            self._start_of(second)
            for second, row in told.items()
            if second >= self._settled_s and self._seconds.get(second) != row
        }
        self._seconds |= {second: row for second, row in told.items() if second >= self._settled_s}
        for start in changed:
            within = range(start, start + self.interval_s)
            self._rows[start] = _folded(self._seconds[second] for second in within if second in self._seconds)
        self._settle()
        while self._rows and max(self._rows) - min(self._rows) >= MOST_ROWS * self.interval_s:
            self._thin()
            changed = set(self._rows)
        return changed

    def columns(self, starts: Iterable[int] | None = None) -> dict[str, Any]:
        """The rows that begin at ``starts``, or all, in the form of a document's series."""
        shown = sorted(self._rows if starts is None else starts)
        rows = [self._rows[start] for start in shown]
        values = {name: [row[i] for row in rows] for i, name in enumerate(SERIES)}
        return {"interval_s": self.interval_s, "t_s": shown, **values}

    @property
    def newest(self) -> int | None:
        """Where the last interval begins."""
        return max(self._rows, default=None)

    def _start_of(self, second: int) -> int:
        return second - second % self.interval_s

    def _settle(self) -> None:
        """Forget the seconds of intervals that no snapshot tells of any more."""
        end = max(self._seconds, default=0)
        self._settled_s = max(self._settled_s, self._start_of(end - _SETTLED_S))
        self._seconds = {second: row for second, row in self._seconds.items() if second >= self._settled_s}

    def _thin(self) -> None:
        """Two intervals become one."""
        self.interval_s *= 2
        pairs: dict[int, list[Row]] = {}
        for start in sorted(self._rows):
            pairs.setdefault(self._start_of(start), []).append(self._rows[start])
        self._rows = {start: _folded(pair) for start, pair in pairs.items()}
        # What begins before is no longer known second by second.
        self._settled_s = -(-self._settled_s // self.interval_s) * self.interval_s
        self._settle()


def _seconds_of(document: Document) -> dict[int, Row]:
    series = document.get("series") or {}
    starts = series.get("t_s") or []
    missing = [None] * len(starts)
    columns = [series.get(name) or missing for name in SERIES]
    return dict(zip(map(int, starts), zip(*columns, strict=True), strict=True))


def _folded(rows: Iterable[Row]) -> Row:
    """One row of several: the largest of times, since a mean of percentiles means nothing, the mean of counts."""
    columns = zip(*rows, strict=True)
    return tuple(_value_of(column, is_time=is_time) for column, is_time in zip(columns, _IS_TIME, strict=True))


def _value_of(values: tuple[float | None, ...], *, is_time: bool) -> float | None:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return known[0] if known else None
    return max(known) if is_time else sum(known) / len(known)
