"""What Locust's tables are told of about a second of ours.

Locust knows nothing but requests, so everything is told as one: timed or not, failed or not. In its Aggregated row only
deliveries are timed; the rest is counted there. Its percentiles, and the charts, which Locust draws from that row, are
those of deliveries, and not of logins and deliveries thrown together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from loadgen.measure.histogram import Histogram
from loadgen.measure.tally import Count, Metric, Note, Tally

NS_PER_MS = 10**6
NS_PER_TENTH_OF_MS = 10**5

# Tenths of a ms up to here, where the budgets of a chat lie; above it 128 keys for each power of two, so a key is at
# most 0.5 % off. Fewer than 5,000 keys are left of a day: Locust copies and sorts all of them, several times a second.
TENTHS_UP_TO_NS = 250 * NS_PER_MS
BITS_ABOVE = 8


class Name(StrEnum):
    """Rows of ours, in the order of a user's life."""

    LOGIN = "login"
    CONNECT = "connect"
    JOIN = "join"
    SEND = "send"
    ACK = "ack"
    DELIVERY = "delivery"
    CONNECTION = "connection"  # what befell users who were in


class Method(StrEnum):
    """The column Type of Locust's tables."""

    HTTP = "HTTP"
    WS = "WS"
    ALL = ""  # of the Aggregated row


_TIMED = {
    Name.LOGIN: Metric.LOGIN_TIME,
    Name.CONNECT: Metric.CONNECT_TIME,
    Name.JOIN: Metric.JOIN_TIME,
    Name.ACK: Metric.ACK_TIME,
    Name.DELIVERY: Metric.DELIVERY_TIME,
}
_WAY_IN = {str(name): name for name in (Name.LOGIN, Name.CONNECT, Name.JOIN)}

# Failures that are a request of their own.
_FAILED_REQUESTS = {
    Count.MESSAGES_UNSENT: (Name.SEND, "unsent"),
    Count.DELIVERIES_LOST: (Name.DELIVERY, "lost"),
    Count.DELIVERIES_DUPLICATED: (Name.DELIVERY, "duplicated"),
    Count.DELIVERIES_UNEXPECTED: (Name.DELIVERY, "unexpected"),
    Count.FRAMES_DAMAGED: (Name.DELIVERY, "damaged"),
}
# Failures of deliveries that were received, and are counted as such.
_FLAWS = {
    Count.DELIVERIES_LATE: (Name.DELIVERY, "late"),
    Count.DELIVERIES_REORDERED: (Name.DELIVERY, "out of order"),
}


@dataclass(frozen=True, slots=True)
class Times:
    """How long the timed requests of a row took."""

    counts: Mapping[float, int]
    """How many took about so many ms: to a tenth up to 250 ms, above that within 0.5 %."""
    total_ms: float
    min_ms: float
    max_ms: float

    @classmethod
    def of(cls, histogram: Histogram) -> Self | None:
        """None when nothing was recorded."""
        mean_ns, min_ns, max_ns = histogram.mean_ns, histogram.min_ns, histogram.max_ns
        if mean_ns is None or min_ns is None or max_ns is None:
            return None
        counts: dict[float, int] = {}
        upper_ns, bucket_counts = histogram.buckets()
        for value_ns, count in zip(upper_ns.tolist(), bucket_counts.tolist(), strict=True):
            key_ms = _key_ms(value_ns)
            counts[key_ms] = counts.get(key_ms, 0) + count
        total_ns = round(mean_ns * histogram.count)
        return cls(counts, total_ns / NS_PER_MS, min_ns / NS_PER_MS, max_ns / NS_PER_MS)

    @property
    def count(self) -> int:
        """How many requests were timed."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Row:
    """What is added to one row of Locust's statistics."""

    method: Method
    name: str
    times: Times | None
    """None where no request was timed."""
    untimed_count: int
    failure_count: int
    """May exceed the requests: of a delivery that was counted before it is told later that it was out of order."""

    @property
    def request_count(self) -> int:
        """All requests, timed or not."""
        return self.untimed_count + (self.times.count if self.times is not None else 0)

    def serialized(self, at_s: float) -> dict[str, object]:
        """As ``StatsEntry.unserialize`` of locust.stats takes it, of the second that ends at ``at_s`` (Unix time)."""
        times = self.times
        return {
            "method": str(self.method),
            "name": self.name,
            "start_time": at_s,
            "last_request_timestamp": at_s,
            "num_requests": self.request_count,
            "num_none_requests": self.untimed_count,
            "num_failures": self.failure_count,
            "total_response_time": times.total_ms if times is not None else 0,
            "min_response_time": times.min_ms if times is not None else None,
            "max_response_time": times.max_ms if times is not None else 0,
            "total_content_length": 0,
            "response_times": dict(times.counts) if times is not None else {},
            "num_reqs_per_sec": _by_second(self.request_count, at_s),
            "num_fail_per_sec": _by_second(self.failure_count, at_s),
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """What is added to one line of Locust's failures."""

    method: Method
    name: str
    kind: str
    """What makes a line: of one kind and row there is one, whatever its example."""
    error: str
    count: int


@dataclass(frozen=True, slots=True)
class Rows:
    """What is added to Locust's tables; rows to which there is nothing to add are left out."""

    at_s: float
    """When the second that they tell of was over: Unix time, as Locust has it."""
    entries: tuple[Row, ...]
    failures: tuple[Failure, ...]

    @property
    def aggregated(self) -> Row:
        """What is added to the row over all, in which only deliveries are timed."""
        times = next((row.times for row in self.entries if row.name == Name.DELIVERY), None)
        request_count = sum(row.request_count for row in self.entries)
        return Row(
            Method.ALL,
            "Aggregated",
            times,
            untimed_count=request_count - (times.count if times is not None else 0),
            failure_count=sum(row.failure_count for row in self.entries),
        )


def rows_of(tally: Tally, at_s: float) -> Rows:
    """What is told of a tally that holds what was counted in about the second before ``at_s`` (Unix time)."""
    failed_requests = [*_errors(tally), *_failures(tally, _FAILED_REQUESTS)]
    failures = [*failed_requests, *_failures(tally, _FLAWS)]
    times = {name: Times.of(tally.metrics[metric]) for name, metric in _TIMED.items()}

    untimed = _count_by_name(failed_requests)
    untimed[Name.SEND] += tally.counts[Count.MESSAGES_SENT]
    # Times are taken on one clock: those from another host are counted.
    untimed[Name.DELIVERY] += tally.counts[Count.DELIVERIES_RECEIVED] - tally.metrics[Metric.DELIVERY_TIME].count
    failed = _count_by_name(failures)
    rows = (Row(_method_of(name), str(name), times.get(name), untimed[name], failed[name]) for name in Name)
    return Rows(at_s, tuple(row for row in rows if row.request_count or row.failure_count), tuple(failures))


def _method_of(name: Name) -> Method:
    return Method.HTTP if name is Name.LOGIN else Method.WS


def _errors(tally: Tally) -> Iterator[Failure]:
    """Those on the way in under the step that failed, the others as one; of two examples of a kind the smaller."""
    found: dict[tuple[Name, str], tuple[str, int]] = {}
    for (kind, phase), error in tally.errors.items():
        key = _WAY_IN.get(phase, Name.CONNECTION), str(kind)
        example, count = found.get(key, (error.example, 0))
        found[key] = min(example, error.example), count + error.count
    for (name, what), (example, count) in found.items():
        yield Failure(_method_of(name), str(name), what, f"{what}: {example}", count)


def _failures(tally: Tally, kinds: Mapping[Count, tuple[Name, str]]) -> Iterator[Failure]:
    for counter, (name, kind) in kinds.items():
        # Who is away by plan has not failed to send.
        by_plan = tally.counts[Note.UNSENT_AWAY] if counter is Count.MESSAGES_UNSENT else 0
        if (count := tally.counts[counter] - by_plan) > 0:
            yield Failure(_method_of(name), str(name), kind, kind, count)


def _count_by_name(failures: Iterable[Failure]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for failure in failures:
        counts[failure.name] += failure.count
    return counts


def _key_ms(value_ns: int) -> float:
    if value_ns > TENTHS_UP_TO_NS:
        shift = value_ns.bit_length() - BITS_ABOVE
        value_ns = (value_ns >> shift << shift) + (1 << shift >> 1)
    return (value_ns + NS_PER_TENTH_OF_MS // 2) // NS_PER_TENTH_OF_MS / 10


def _by_second(count: int, at_s: float) -> dict[int, int]:
    """Over the two seconds of the clock that ours lies in: put into one, a rate would jump as reports drift."""
    second = int(at_s)
    count_in_it = round(count * (at_s - second))
    return {second - 1: count - count_in_it, second: count_in_it}
