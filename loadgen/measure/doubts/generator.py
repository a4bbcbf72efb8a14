"""What may be wrong with the generator: it was late, short of CPU, or did not do all it should. Pure."""

from __future__ import annotations

from loadgen.errors import OUR_LIMITS
from loadgen.measure.doubts.doubt import Doubt, DoubtCode, Severity
from loadgen.measure.doubts.evidence import Evidence
from loadgen.measure.doubts.thresholds import (
    CORE_RATIO,
    GC_PAUSE_MS,
    LATE_MS,
    LATE_SHARE_OF_P50,
    LOOP_LAG_MS,
    UNSENT_SHARE,
    Threshold,
)
from loadgen.measure.histogram import Histogram
from loadgen.measure.record import Phase
from loadgen.measure.tally import Count, Metric, Note

NS_PER_MS = 1_000_000
# Below this share of the frames, deliveries are not what keeps a process busy.
FEW_DELIVERIES = 0.1
MANY_FRAMES = 10_000


def generator_late(evidence: Evidence) -> Doubt | None:
    """Messages left later than a share of the median delivery time allows, or a fixed time where that is longer.

    Or so few that p99 does not show it did, and a budget on a higher quantile is broken by that alone.
    """
    metrics = evidence.tally.metrics
    late_ms = _rough_ms(metrics[Metric.SEND_LATENESS], 0.99)
    if late_ms is None:
        return None
    p50_ms = _rough_ms(metrics[Metric.DELIVERY_TIME], 0.5) or 0.0
    warning = max(LATE_MS.warning, LATE_SHARE_OF_P50.warning * p50_ms)
    fatal = max(LATE_MS.fatal, LATE_SHARE_OF_P50.fatal * p50_ms)
    severity = Threshold(warning=warning, fatal=fatal).severity_of(late_ms)
    detail = (
        f"messages left {late_ms:.1f} ms after they were due (p99; more than {fatal:.1f} ms is fatal, "
        f"median delivery {p50_ms:.1f} ms)"
    )
    if severity is not Severity.FATAL and (broken := _broken_by_lateness(evidence)):
        severity, detail = Severity.FATAL, broken
    if severity is None:
        return None
    return Doubt(
        DoubtCode.GENERATOR_LATE,
        severity,
        detail,
        "give the generator a core of its own, or lower --rate or --users; lateness is part of delivery time",
    )


def _broken_by_lateness(evidence: Evidence) -> str | None:
    """A budget that would hold if messages had been sent on time: what the server has no part in is not its failure."""
    for judged in evidence.judged_quantiles:
        if judged.metric is not Metric.DELIVERY_TIME or judged.at_most_ns is None:
            continue
        felt_ns, served_ns = (
            evidence.times_of(judged.slice, metric).quantile_ns(judged.q)
            for metric in (Metric.DELIVERY_TIME, Metric.DELIVERY_SERVICE_TIME)
        )
        if felt_ns is None or served_ns is None or not served_ns <= judged.at_most_ns < felt_ns:
            continue
        if felt_ns - served_ns > max(LATE_MS.fatal * NS_PER_MS, LATE_SHARE_OF_P50.fatal * served_ns):
            return (
                f'"{judged.expression}" was broken because messages left late: that quantile is '
                f"{felt_ns / NS_PER_MS:.1f} ms from when they were due, and {served_ns / NS_PER_MS:.1f} ms from when "
                "they were sent"
            )
    return None


def generator_cpu_bound(evidence: Evidence) -> Doubt | None:
    """A worker had next to nothing of its core left."""
    if not evidence.worker_cpu_ratios:
        return None
    pid, ratio = max(evidence.worker_cpu_ratios.items(), key=lambda worker: worker[1])
    severity = CORE_RATIO.severity_of(ratio)
    if severity is None:
        return None
    return Doubt(
        DoubtCode.GENERATOR_CPU_BOUND,
        severity,
        f"worker {pid} used {ratio:.0%} of a core in the measured window (more than {CORE_RATIO.fatal:.0%} is fatal)"
        f"{_what_else_came(evidence)}",
        "spread the users over more --processes where there are cores for them, or lower --rate or --users",
    )


def loop_lag(evidence: Evidence) -> Doubt | None:
    """What had arrived waited for the event loop to look at it."""
    lag_ms = _rough_ms(evidence.tally.metrics[Metric.LOOP_LAG], 0.99)
    severity = None if lag_ms is None else LOOP_LAG_MS.severity_of(lag_ms)
    if severity is None:
        return None
    return Doubt(
        DoubtCode.LOOP_LAG,
        severity,
        f"the generator's event loop ran {lag_ms:.1f} ms late (p99; more than {LOOP_LAG_MS.fatal:g} ms is fatal): "
        f"deliveries were noticed that much too late{_what_else_came(evidence)}",
        "the generator is short of CPU: stop what else runs here, pin server and generator to cores of their own "
        "(taskset), or lower --rate or --users",
    )


def schedule_unmet(evidence: Evidence) -> Doubt | None:
    """Messages of users who were there were never sent, and by our fault."""
    counts = evidence.tally.counts
    due, unsent = counts[Count.MESSAGES_DUE] - counts[Note.UNSENT_AWAY], counts[Note.UNSENT_BY_US]
    severity = UNSENT_SHARE.severity_of(unsent / due) if due > 0 else None
    if severity is None:
        return None
    return Doubt(
        DoubtCode.SCHEDULE_UNMET,
        severity,
        f"{unsent:,} of {due:,} messages were never sent, since the generator did not get round to them",
        "lower --rate, or give the generator more CPU",
    )


def users_missing(evidence: Evidence) -> Doubt | None:
    """Users took no part, and not since the server refused them."""
    # Who stops a run in the middle of its logins knows that the rest never came.
    never_tried = 0 if evidence.interrupted else evidence.users_never_tried
    stopped = sum(
        error.count
        for (kind, phase), error in evidence.tally.errors.items()
        if kind in OUR_LIMITS and phase in (Phase.LOGIN, Phase.CONNECT)
    )
    if not never_tried + stopped:
        return None
    planned = evidence.tally.counts[Count.USERS_PLANNED]
    return Doubt(
        DoubtCode.USERS_MISSING,
        Severity.FATAL,
        f"{never_tried + stopped:,} of {planned:,} users took no part: the generator never got round to "
        f"{never_tried:,}, and {stopped:,} met a limit of this machine",
        "lower --connect-rate or --users, or give the generator more CPU; for a limit, see limit_hit",
    )


def worker_died(evidence: Evidence) -> Doubt | None:
    """A process of the generator ended before the run did."""
    if not evidence.deaths:
        return None
    named = ", ".join(f"worker {death.name or death.pid}: {death.how}" for death in evidence.deaths)
    return Doubt(
        DoubtCode.WORKER_DIED,
        Severity.FATAL,
        f"a process of the generator ended before the run was over; what it had not reported is missing ({named})",
        "see run.log in the run directory; if it shows a traceback, that is a bug of ours: please report it; "
        "a SIGKILL that nobody sent is the kernel's, out of memory (dmesg)",
    )


def gc_pause(evidence: Evidence) -> Doubt | None:
    """The garbage collector stopped a worker while it measured."""
    pauses = evidence.gc_pauses_ns
    longest_ms = 0.0 if pauses is None else (pauses.max_ns or 0) / NS_PER_MS
    severity = GC_PAUSE_MS.severity_of(longest_ms)
    if pauses is None or severity is None:
        return None
    upper_ns, counts = pauses.buckets()
    long_count = int(counts[upper_ns / NS_PER_MS > GC_PAUSE_MS.note].sum())
    return Doubt(
        DoubtCode.GC_PAUSE,
        severity,
        f"garbage collection stopped a worker {long_count:,} times for more than {GC_PAUSE_MS.note:g} ms, "
        f"{longest_ms:.1f} ms at the longest",
        "deliveries were noticed that much too late; lower --users, or spread them over more --processes",
    )


def _what_else_came(evidence: Evidence) -> str:
    """Added to a doubt where hardly anything that the target sent was a delivery; else nothing."""
    counts = evidence.tally.counts
    frames, deliveries = counts[Count.FRAMES_RECEIVED], counts[Count.DELIVERIES_RECEIVED]
    if frames < MANY_FRAMES or deliveries >= FEW_DELIVERIES * frames:
        return ""
    return f"; of {frames:,} frames that came meanwhile {deliveries:,} were deliveries"


def _rough_ms(histogram: Histogram, q: float) -> float | None:
    """A quantile in ms, of few samples too; but one hiccup, the largest of all, never makes a doubt by itself."""
    count = histogram.count
    value_ns = histogram.quantile_ns(min(q, (count - 1) / count), beyond=1) if count > 1 else None
    return None if value_ns is None else value_ns / NS_PER_MS
