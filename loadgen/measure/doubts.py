"""Why a run's figures may be wrong: a closed list, each with the figure that raised it and advice.

Doubts are about us and the measurement; what a server refuses, drops or loses is data. Only a fatal one makes a run
invalid.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from loadgen.errors import OUR_LIMITS
from loadgen.measure.histogram import Histogram
from loadgen.measure.tally import Count, Metric, Note, Tally

NS_PER_MS = 1_000_000


class Severity(StrEnum):
    """How much a doubt weighs."""

    NOTE = "note"
    WARNING = "warning"
    FATAL = "fatal"


class DoubtCode(StrEnum):
    """What can be doubted."""

    GENERATOR_LATE = "generator_late"
    LOOP_LAG = "loop_lag"
    SCHEDULE_UNMET = "schedule_unmet"
    LIMIT_HIT = "limit_hit"
    NO_DELIVERIES = "no_deliveries"
    WORKER_DIED = "worker_died"
    TARGET_RESTARTED = "target_restarted"
    CLOCK_BACKWARDS = "clock_backwards"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason not to believe a figure, or to read it with care."""

    code: DoubtCode
    severity: Severity
    detail: str
    advice: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """From where on a figure is doubted."""

    warning: float
    fatal: float


# Of generator_late, the larger of a fixed time and a share of the median delivery time counts: to be 3 ms late
# spoils a figure of 1 ms, not one of 300 ms.
LATE_MS = Threshold(warning=2, fatal=10)
LATE_SHARE_OF_P50 = Threshold(warning=1 / 10, fatal=1 / 4)
LOOP_LAG_MS = Threshold(warning=5, fatal=20)
SENT_SHARE = Threshold(warning=0.995, fatal=0.98)
LIMIT_SHARE = Threshold(warning=0.9, fatal=1.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a run when it is over."""

    tally: Tally
    sockets_per_process: int | None = None
    """How many sockets a process could hold."""
    interrupted: bool = False
    worker_died: bool = False
    target_died: str | None = None
    """How our own target ended, where it did so before we ended it."""


def doubts_about(evidence: Evidence) -> list[Doubt]:
    """All doubts, the fatal ones first."""
    found = (
        _generator_late(evidence),
        _loop_lag(evidence),
        _schedule_unmet(evidence),
        _limit_hit(evidence),
        _no_deliveries(evidence),
        _worker_died(evidence),
        _target_restarted(evidence),
        _clock_backwards(evidence),
        _interrupted(evidence),
    )
    order = [Severity.FATAL, Severity.WARNING, Severity.NOTE]
    return sorted((doubt for doubt in found if doubt is not None), key=lambda doubt: order.index(doubt.severity))


def _generator_late(evidence: Evidence) -> Doubt | None:
    metrics = evidence.tally.metrics
    late_ms = _rough_ms(metrics[Metric.SEND_LATENESS], 0.99)
    if late_ms is None:
        return None
    p50_ms = _rough_ms(metrics[Metric.DELIVERY_TIME], 0.5) or 0.0
    warning = max(LATE_MS.warning, LATE_SHARE_OF_P50.warning * p50_ms)
    fatal = max(LATE_MS.fatal, LATE_SHARE_OF_P50.fatal * p50_ms)
    severity = _above(late_ms, Threshold(warning, fatal))
    if severity is None:
        return None
    return Doubt(
        DoubtCode.GENERATOR_LATE,
        severity,
        f"messages left {late_ms:.1f} ms after they were due (p99; more than {fatal:.1f} ms is fatal, "
        f"median delivery {p50_ms:.1f} ms)",
        "give the generator a core of its own, or lower --rate or --users; lateness is part of delivery time",
    )


def _loop_lag(evidence: Evidence) -> Doubt | None:
    lag_ms = _rough_ms(evidence.tally.metrics[Metric.LOOP_LAG], 0.99)
    severity = None if lag_ms is None else _above(lag_ms, LOOP_LAG_MS)
    if severity is None:
        return None
    return Doubt(
        DoubtCode.LOOP_LAG,
        severity,
        f"the generator's event loop ran {lag_ms:.1f} ms late (p99; more than {LOOP_LAG_MS.fatal:g} ms is fatal): "
        "deliveries were noticed that much too late",
        "the generator is short of CPU: stop what else runs here, pin server and generator to cores of their own "
        "(taskset), or lower --rate or --users",
    )


def _schedule_unmet(evidence: Evidence) -> Doubt | None:
    counts = evidence.tally.counts
    due, unsent = counts[Count.MESSAGES_DUE], counts[Note.UNSENT_BY_US]
    if not due or not unsent:
        return None
    share = 1 - unsent / due
    severity = (
        Severity.FATAL
        if share < SENT_SHARE.fatal
        else Severity.WARNING
        if share < SENT_SHARE.warning
        else Severity.NOTE
    )
    return Doubt(
        DoubtCode.SCHEDULE_UNMET,
        severity,
        f"{unsent} of {due} messages were never sent, since the generator did not get round to them",
        "lower --rate, or give the generator more CPU",
    )


def _limit_hit(evidence: Evidence) -> Doubt | None:
    hits = {key: error for key, error in evidence.tally.errors.items() if key[0] in OUR_LIMITS}
    advice = "raise the limit (ulimit -n), or use fewer users"
    if hits:
        (kind, phase), error = next(iter(hits.items()))
        detail = f"{kind} {sum(e.count for e in hits.values())} times, first in {phase}: {error.example}"
        return Doubt(DoubtCode.LIMIT_HIT, Severity.FATAL, detail, advice)
    sockets, limit = evidence.tally.counts[Count.CONNECTIONS_PLANNED], evidence.sockets_per_process
    if limit is not None and sockets > LIMIT_SHARE.warning * limit:
        detail = f"{sockets} sockets of the {limit} that one process may open here"
        return Doubt(DoubtCode.LIMIT_HIT, Severity.WARNING, detail, advice)
    return None


def _no_deliveries(evidence: Evidence) -> Doubt | None:
    counts = evidence.tally.counts
    refused = bool(evidence.tally.errors) or counts[Count.CONNECTIONS_DROPPED] > 0
    if not counts[Count.DELIVERIES_EXPECTED] or counts[Count.DELIVERIES_RECEIVED] or refused:
        return None
    damaged = counts[Count.FRAMES_DAMAGED]
    seen = f"{counts[Count.FRAMES_RECEIVED]} frames came, none with a sound marker ({damaged} damaged)"
    return Doubt(
        DoubtCode.NO_DELIVERIES,
        Severity.FATAL,
        f"{counts[Count.MESSAGES_SENT]} messages were sent and no delivery was recognised; {seen}",
        "check publish.send and join of the dialect, and whether the server shortens or rewrites texts",
    )


def _worker_died(evidence: Evidence) -> Doubt | None:
    if not evidence.worker_died:
        return None
    return Doubt(
        DoubtCode.WORKER_DIED,
        Severity.FATAL,
        "a process of the generator ended before the run was over; what it had not reported is missing",
        "see run.log in the run directory; if it shows a traceback, that is a bug of ours: please report it",
    )


def _target_restarted(evidence: Evidence) -> Doubt | None:
    if evidence.target_died is None:
        return None
    return Doubt(
        DoubtCode.TARGET_RESTARTED,
        Severity.FATAL,
        f"the server that we started did not live to the end of the run: {evidence.target_died}",
        "see run.log in the run directory for what it said last",
    )


def _clock_backwards(evidence: Evidence) -> Doubt | None:
    count = evidence.tally.counts[Note.NEGATIVE_TIMES]
    if not count:
        return None
    return Doubt(
        DoubtCode.CLOCK_BACKWARDS,
        Severity.FATAL,
        f"{count} deliveries seem to have arrived before they were sent; they are counted but not timed",
        "check the machine's clock source; on a virtual machine, its host",
    )


def _interrupted(evidence: Evidence) -> Doubt | None:
    if not evidence.interrupted:
        return None
    return Doubt(
        DoubtCode.INTERRUPTED,
        Severity.NOTE,
        "the run was interrupted; the figures cover what was measured until then",
        "run it again to the end before you compare it with another",
    )


def _above(value: float, threshold: Threshold) -> Severity | None:
    if value > threshold.fatal:
        return Severity.FATAL
    return Severity.WARNING if value > threshold.warning else None


def _rough_ms(histogram: Histogram, q: float) -> float | None:
    """A quantile in ms, of few samples too; but one hiccup, the largest of all, never makes a doubt by itself."""
    count = histogram.count
    value_ns = histogram.quantile_ns(min(q, (count - 1) / count), beyond=1) if count > 1 else None
    return None if value_ns is None else value_ns / NS_PER_MS
