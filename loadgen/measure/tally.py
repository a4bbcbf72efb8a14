"""Everything that was counted and timed. A tally is merged into another in any order, with the same result."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from loadgen.errors import ErrorKind
from loadgen.measure.closes import Close, closer_of, count_close
from loadgen.measure.examples import Examples
from loadgen.measure.histogram import COARSE, Histogram
from loadgen.measure.incident_tally import IncidentTally
from loadgen.measure.slice_tally import SliceTally
from loadgen.plan.pacing import NS_PER_S


class Metric(StrEnum):
    """What is timed; docs/measuring.md says from when to when."""

    LOGIN_TIME = "login_time"
    CONNECT_TIME = "connect_time"
    JOIN_TIME = "join_time"
    ACK_TIME = "ack_time"
    HTTP_TIME = "http_time"
    DELIVERY_TIME = "delivery_time"
    DELIVERY_SERVICE_TIME = "delivery_service_time"
    FIRST_DELIVERY_TIME = "first_delivery_time"
    LAST_DELIVERY_TIME = "last_delivery_time"
    FANOUT_TIME = "fanout_time"
    SEND_LATENESS = "send_lateness"
    RECONNECT_TIME = "reconnect_time"
    LOOP_LAG = "loop_lag"
    GC_PAUSE = "gc_pause"


class Count(StrEnum):
    """What is counted for the document. Of messages: those due in the measured window; of the rest: the whole run."""

    USERS_PLANNED = "users_planned"
    CONNECTIONS_PLANNED = "connections_planned"
    CONNECTIONS_OPENED = "connections_opened"
    CONNECTIONS_FAILED = "connections_failed"
    CONNECTIONS_DROPPED = "connections_dropped"
    RECONNECTS = "reconnects"
    MESSAGES_DUE = "messages_due"
    MESSAGES_SENT = "messages_sent"
    MESSAGES_UNSENT = "messages_unsent"
    ACKS_RECEIVED = "acks_received"
    DELIVERIES_EXPECTED = "deliveries_expected"
    DELIVERIES_RECEIVED = "deliveries_received"
    DELIVERIES_LOST = "deliveries_lost"
    DELIVERIES_DUPLICATED = "deliveries_duplicated"
    DELIVERIES_REORDERED = "deliveries_reordered"
    DELIVERIES_LATE = "deliveries_late"
    DELIVERIES_UNEXPECTED = "deliveries_unexpected"
    DELIVERIES_EXCUSED = "deliveries_excused"
    DELIVERIES_RECOVERED = "deliveries_recovered"
    DELIVERIES_LOST_ACKED = "deliveries_lost_acked"
    DELIVERIES_LOST_UNACKED = "deliveries_lost_unacked"
    FRAMES_DAMAGED = "frames_damaged"
    FRAMES_SENT = "frames_sent"
    FRAMES_RECEIVED = "frames_received"
    BYTES_SENT = "bytes_sent"
    BYTES_RECEIVED = "bytes_received"


class Note(StrEnum):
    """What is counted for the doubts alone."""

    UNSENT_BY_US = "unsent_by_us"  # messages the generator did not get round to
    UNSENT_AWAY = "unsent_away"  # messages of users who are away by plan
    NEGATIVE_TIMES = "negative_times"
    FOREIGN_MARKERS = "foreign_markers"  # frames with a message of another run
    DELIVERIES_UNTIMED = "deliveries_untimed"  # from another host, whose clock is not ours


OF_THE_WHOLE_RUN = frozenset(
    {
        Count.USERS_PLANNED,
        Count.CONNECTIONS_PLANNED,
        Count.CONNECTIONS_OPENED,
        Count.CONNECTIONS_FAILED,
        Count.CONNECTIONS_DROPPED,
        Count.RECONNECTS,
        Metric.LOGIN_TIME,
        Metric.CONNECT_TIME,
        Metric.JOIN_TIME,
        Metric.RECONNECT_TIME,
    }
)
"""Counters and metrics that have nothing to do with the measured window."""

OF_A_PHASE = OF_THE_WHOLE_RUN - {Count.USERS_PLANNED, Count.CONNECTIONS_PLANNED}
"""What is also told of each phase by itself."""

OF_A_NODE = frozenset(
    {
        Count.DELIVERIES_EXPECTED,
        Count.DELIVERIES_RECEIVED,
        Count.DELIVERIES_LOST,
        Count.DELIVERIES_DUPLICATED,
        Count.DELIVERIES_REORDERED,
        Count.DELIVERIES_LATE,
        Count.DELIVERIES_UNEXPECTED,
        Count.DELIVERIES_EXCUSED,
        Metric.DELIVERY_TIME,
        Metric.DELIVERY_SERVICE_TIME,
    }
)
"""What is also told of the deliveries within a node of the server, and of those from one node to another."""

OF_A_SLICE = OF_A_NODE | {
    Count.MESSAGES_SENT,
    Count.ACKS_RECEIVED,
    Metric.ACK_TIME,
    Metric.FIRST_DELIVERY_TIME,
    Metric.LAST_DELIVERY_TIME,
    Metric.FANOUT_TIME,
}
"""What is also told of the messages to rooms of each class, and of those due in each stage and incident."""


class PerSecond(StrEnum):
    """What is counted second by second, in the second it happened."""

    LOGINS = "logins"
    CONNECTS = "connects"
    DISCONNECTS = "disconnects"
    JOINS = "joins"
    RECONNECTS = "reconnects"
    MESSAGES_DUE = "messages_due"
    MESSAGES_SENT = "messages_sent"
    DELIVERIES_RECEIVED = "deliveries_received"


PACKED_AFTER_S = 120
"""Late deliveries still find their second; few come later than that."""


@dataclass(slots=True)
class ErrorCount:
    """How often one kind of error came, and what the first one said."""

    count: int
    example: str


@dataclass(slots=True)
class Tally:
    """Metrics, counters, errors and per-second series of one process, or of several after :meth:`merge`."""

    origin_ns: int
    """Monotonic start of the run: seconds count from here."""
    counts: Counter[str] = field(default_factory=Counter)
    metrics: dict[Metric, Histogram] = field(default_factory=lambda: {metric: Histogram() for metric in Metric})
    errors: dict[tuple[ErrorKind, str], ErrorCount] = field(default_factory=dict)
    seconds: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    metric_seconds: dict[tuple[Metric, int], Histogram] = field(default_factory=dict)
    incidents: dict[int, IncidentTally] = field(default_factory=dict)
    """By the number of the incident; of the whole run."""
    slices: dict[str, SliceTally] = field(default_factory=dict)
    """By the name of the slice; what is told apart by nothing has none."""
    closes: Counter[Close] = field(default_factory=Counter)
    """How sockets ended; of the whole run."""
    examples: Examples = field(default_factory=Examples)
    """A few of the deliveries of measured messages that went wrong."""
    _packed_until: int = field(default=0, compare=False, repr=False)

    def second_of(self, at_ns: int) -> int:
        """The second of the series that a monotonic instant lies in."""
        return (at_ns - self.origin_ns) // NS_PER_S

    def by_second(self, times_ns: npt.NDArray[np.int64]) -> list[tuple[int, npt.NDArray[np.bool_]]]:
        """Each second of the series that occurs in the times, with a mask of those that lie in it."""
        seconds = (times_ns - self.origin_ns) // NS_PER_S
        if not len(seconds):
            return []
        low, high = int(seconds.min()), int(seconds.max())
        if low == high:
            return [(low, np.ones(len(seconds), np.bool_))]
        return [(int(second), seconds == second) for second in np.unique(seconds)]

    def happened(self, event: PerSecond, now_ns: int) -> None:
        """Count one event in the second of ``now_ns``."""
        self.seconds[self.second_of(now_ns)][event] += 1

    def error(self, kind: ErrorKind, phase: str, example: str) -> None:
        """Count one error; ``example`` is kept from the first of its kind and phase."""
        known = self.errors.setdefault((kind, phase), ErrorCount(0, example[:300]))
        known.count += 1

    def closed(self, code: int, phase: str, *, by_us: bool) -> None:
        """A socket has ended; ``by_us``: we had hung up, or asked for it, before."""
        count_close(self.closes, Close(code, phase, closer_of(code, by_us=by_us)))

    def of_second(self, metric: Metric, second: int) -> Histogram:
        """The metric within one second of the series, coarse: the one thing that grows with a run."""
        histogram = self.metric_seconds.get((metric, second))
        if histogram is None:
            histogram = self.metric_seconds[metric, second] = Histogram(COARSE)
        return histogram

    def of_incident(self, number: int) -> IncidentTally:
        """What became of those whom an incident has hit."""
        if number not in self.incidents:
            self.incidents[number] = IncidentTally()
        return self.incidents[number]

    def of_slice(self, name: str) -> SliceTally:
        """What became of the messages, or users, of a slice."""
        if name not in self.slices:
            self.slices[name] = SliceTally()
        return self.slices[name]

    def merge(self, other: Tally) -> None:
        """Add all that ``other`` has counted; of two examples of one error the smaller text stays."""
        self.counts.update(other.counts)
        for metric, histogram in other.metrics.items():
            self.metrics[metric].merge(histogram)
        for key, error in other.errors.items():
            known = self.errors.get(key)
            example = error.example if known is None else min(known.example, error.example)
            self.errors[key] = ErrorCount(error.count + (known.count if known else 0), example)
        for second, counts in other.seconds.items():
            self.seconds[second].update(counts)
        for (metric, second), histogram in other.metric_seconds.items():
            self.of_second(metric, second).merge(histogram)
            self._pack_until(second - PACKED_AFTER_S)
        for number, incident in other.incidents.items():
            self.of_incident(number).merge(incident)
        for name, part in other.slices.items():
            self.of_slice(name).merge(part)
        for close, count in other.closes.items():
            count_close(self.closes, close, count)
        self.examples.merge(other.examples)

    def _pack_until(self, second: int) -> None:
        """Seconds to which little is added any more take little memory; runs may last for days."""
        # After a gap of an hour, the seconds before it are left as they are.
        for each in range(max(self._packed_until, second - 3_600), second):
            for metric in Metric:
                if (metric, each) in self.metric_seconds:
                    self.metric_seconds[metric, each].pack()
        self._packed_until = max(self._packed_until, second)

    def measure_anew(self) -> None:
        """Forget all that is told of the measured window; errors and the seconds of the series stay."""
        for name in [name for name in self.counts if name not in OF_THE_WHOLE_RUN]:
            del self.counts[name]
        for metric in self.metrics.keys() - OF_THE_WHOLE_RUN:
            self.metrics[metric] = Histogram()
        for part in self.slices.values():
            part.keep(OF_THE_WHOLE_RUN)
        self.examples = Examples()

    def take(self) -> Tally:
        """Hand over everything counted so far and start again from nothing."""
        taken = Tally(
            self.origin_ns,
            self.counts,
            self.metrics,
            self.errors,
            self.seconds,
            self.metric_seconds,
            self.incidents,
            self.slices,
            self.closes,
            self.examples,
        )
        fresh = Tally(self.origin_ns)
        self.counts, self.metrics, self.errors = fresh.counts, fresh.metrics, fresh.errors
        self.seconds, self.metric_seconds = fresh.seconds, fresh.metric_seconds
        self.incidents, self.slices, self.closes = fresh.incidents, fresh.slices, fresh.closes
        self.examples = fresh.examples
        return taken
