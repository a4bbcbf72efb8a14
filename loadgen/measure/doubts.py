"""Why a run's figures may be wrong: a closed list, each with the figure that raised it and advice.

Doubts are about us and the measurement; what a server refuses, drops or loses is data. Only a fatal one makes a run
invalid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from loadgen.errors import OUR_LIMITS, ErrorKind
from loadgen.measure.histogram import MIN_SAMPLES_BEYOND, Histogram
from loadgen.measure.record import Death, Phase
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
    GENERATOR_CPU_BOUND = "generator_cpu_bound"
    LOOP_LAG = "loop_lag"
    SCHEDULE_UNMET = "schedule_unmet"
    LIMIT_HIT = "limit_hit"
    USERS_MISSING = "users_missing"
    WORKER_DIED = "worker_died"
    TOO_FEW_SAMPLES = "too_few_samples"
    NO_DELIVERIES = "no_deliveries"
    TARGET_RESTARTED = "target_restarted"
    MIXED_HOSTS = "mixed_hosts"
    CLOCK_BACKWARDS = "clock_backwards"
    MACHINE_BUSY = "machine_busy"
    INTERRUPTED = "interrupted"
    FOREIGN_TRAFFIC = "foreign_traffic"
    GC_PAUSE = "gc_pause"
    COMPRESSION_NEGOTIATED = "compression_negotiated"
    QUADRATIC_JOINS = "quadratic_joins"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason not to believe a figure, or to read it with care."""

    code: DoubtCode
    severity: Severity
    detail: str
    advice: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """Above what a figure is doubted, and how much; infinite where it never weighs so much."""

    note: float = math.inf
    warning: float = math.inf
    fatal: float = math.inf

    def severity_of(self, value: float) -> Severity | None:
        """How much the figure is doubted; None where it is in order."""
        if value > self.fatal:
            return Severity.FATAL
        if value > self.warning:
            return Severity.WARNING
        return Severity.NOTE if value > self.note else None


# The table of all thresholds; what is not in it is doubted whenever it happens.
#
# Of generator_late, the larger of a fixed time and a share of the median delivery time counts: to be 3 ms late
# spoils a figure of 1 ms, not one of 300 ms.
LATE_MS = Threshold(warning=2, fatal=10)
LATE_SHARE_OF_P50 = Threshold(warning=1 / 10, fatal=1 / 4)
CORE_RATIO = Threshold(warning=0.80, fatal=0.95)
LOOP_LAG_MS = Threshold(warning=5, fatal=20)
UNSENT_SHARE = Threshold(note=0, warning=0.005, fatal=0.02)
LIMIT_SHARE = Threshold(warning=0.90)
OTHERS_CPU_RATIO = Threshold(warning=0.10)
GC_PAUSE_MS = Threshold(note=5)
# Everybody told of everybody: 2,000 users cost 4 million frames, a few seconds of a fast server.
USERS_WITHOUT_A_JOIN = Threshold(note=2_000)


@dataclass(frozen=True, slots=True)
class JudgedQuantile:
    """A budget that judges the quantile ``q``, in (0, 1), of a metric."""

    expression: str
    metric: Metric
    q: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a run when it is over; what is left out was not looked at."""

    tally: Tally
    sockets_per_process: int | None = None
    """How many sockets a process could hold."""
    process_count: int = 1
    """Over how many processes the users were spread."""
    ports_per_address: int | None = None
    """How many ephemeral ports there are from one source address to one node of the server."""
    address_pair_count: int = 1
    """Over how many pairs of a source address and a node the connections were spread."""
    users_never_tried: int = 0
    """Users whose login or connection the generator never got round to."""
    worker_cpu_ratios: Mapping[int, float] = field(default_factory=dict)
    """pid -> share of one core that the worker used in the measured window."""
    others_cpu_ratio: float | None = None
    """Share of all cores together that neither we nor our own target used in the measured window, but somebody did."""
    interrupted: bool = False
    deaths: tuple[Death, ...] = ()
    """Workers that did not live to the end."""
    target_died: str | None = None
    """How our own target ended, where it did so before we ended it and no plan wanted it to."""
    judged_quantiles: tuple[JudgedQuantile, ...] = ()
    deliveries_untimed: int = 0
    """Deliveries from another host, whose clock's offset is not known."""
    gc_pauses_ns: Histogram | None = None
    """The pauses of the workers' garbage collectors in the measured window, short ones too."""
    extensions: str | None = None
    """The Sec-WebSocket-Extensions that the server agreed to."""
    dialect_has_join: bool = True


def doubts_about(evidence: Evidence) -> list[Doubt]:
    """All doubts, the fatal ones first."""
    found = (
        _generator_late(evidence),
        _generator_cpu_bound(evidence),
        _loop_lag(evidence),
        _schedule_unmet(evidence),
        _limit_hit(evidence),
        _users_missing(evidence),
        _no_deliveries(evidence),
        _worker_died(evidence),
        _too_few_samples(evidence),
        _target_restarted(evidence),
        _mixed_hosts(evidence),
        _clock_backwards(evidence),
        _machine_busy(evidence),
        _interrupted(evidence),
        _foreign_traffic(evidence),
        _gc_pause(evidence),
        _compression_negotiated(evidence),
        _quadratic_joins(evidence),
    )
    order = [Severity.FATAL, Severity.WARNING, Severity.NOTE]
    return sorted((doubt for doubt in found if doubt is not None), key=lambda doubt: order.index(doubt.severity))


# --- the generator --------------------------------------------------------------------------------------------


def _generator_late(evidence: Evidence) -> Doubt | None:
    metrics = evidence.tally.metrics
    late_ms = _rough_ms(metrics[Metric.SEND_LATENESS], 0.99)
    if late_ms is None:
        return None
    p50_ms = _rough_ms(metrics[Metric.DELIVERY_TIME], 0.5) or 0.0
    warning = max(LATE_MS.warning, LATE_SHARE_OF_P50.warning * p50_ms)
    fatal = max(LATE_MS.fatal, LATE_SHARE_OF_P50.fatal * p50_ms)
    severity = Threshold(warning=warning, fatal=fatal).severity_of(late_ms)
    if severity is None:
        return None
    return Doubt(
        DoubtCode.GENERATOR_LATE,
        severity,
        f"messages left {late_ms:.1f} ms after they were due (p99; more than {fatal:.1f} ms is fatal, "
        f"median delivery {p50_ms:.1f} ms)",
        "give the generator a core of its own, or lower --rate or --users; lateness is part of delivery time",
    )


def _generator_cpu_bound(evidence: Evidence) -> Doubt | None:
    if not evidence.worker_cpu_ratios:
        return None
    pid, ratio = max(evidence.worker_cpu_ratios.items(), key=lambda worker: worker[1])
    severity = CORE_RATIO.severity_of(ratio)
    if severity is None:
        return None
    return Doubt(
        DoubtCode.GENERATOR_CPU_BOUND,
        severity,
        f"worker {pid} used {ratio:.0%} of a core in the measured window (more than {CORE_RATIO.fatal:.0%} is fatal)",
        "spread the users over more --processes where there are cores for them, or lower --rate or --users",
    )


def _loop_lag(evidence: Evidence) -> Doubt | None:
    lag_ms = _rough_ms(evidence.tally.metrics[Metric.LOOP_LAG], 0.99)
    severity = None if lag_ms is None else LOOP_LAG_MS.severity_of(lag_ms)
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


def _limit_hit(evidence: Evidence) -> Doubt | None:
    hits = {key: error for key, error in evidence.tally.errors.items() if key[0] in OUR_LIMITS}
    if hits:
        (kind, phase), error = next(iter(hits.items()))
        times = sum(error.count for error in hits.values())
        detail = f"{kind} {times:,} times, first in {phase}: {error.example}"
        return Doubt(DoubtCode.LIMIT_HIT, Severity.FATAL, detail, _limit_advice(kind))
    planned = evidence.tally.counts[Count.CONNECTIONS_PLANNED]
    for kind, sockets, limit, bound in (
        (
            ErrorKind.LIMIT_DESCRIPTORS,
            math.ceil(planned / evidence.process_count),
            evidence.sockets_per_process,
            "that one process may open here",
        ),
        (
            ErrorKind.LIMIT_PORTS,
            math.ceil(planned / evidence.address_pair_count),
            evidence.ports_per_address,
            "for which one source address has ports to one node",
        ),
    ):
        severity = None if limit is None else LIMIT_SHARE.severity_of(sockets / max(1, limit))
        if severity is not None:
            detail = f"{sockets:,} sockets of the {limit:,} {bound}"
            return Doubt(DoubtCode.LIMIT_HIT, severity, detail, _limit_advice(kind))
    return None


def _limit_advice(kind: ErrorKind) -> str:
    if kind is ErrorKind.LIMIT_DESCRIPTORS:
        return "raise the limit (ulimit -n), or use fewer users"
    if kind is ErrorKind.LIMIT_PORTS:
        return "widen net.ipv4.ip_local_port_range, connect from more source addresses, or use fewer users"
    return "give the machine more memory (net.ipv4.tcp_mem for sockets), or use fewer users"


def _users_missing(evidence: Evidence) -> Doubt | None:
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


def _worker_died(evidence: Evidence) -> Doubt | None:
    if not evidence.deaths:
        return None
    named = ", ".join(f"worker {death.pid}: {death.how}" for death in evidence.deaths)
    return Doubt(
        DoubtCode.WORKER_DIED,
        Severity.FATAL,
        f"a process of the generator ended before the run was over; what it had not reported is missing ({named})",
        "see run.log in the run directory; if it shows a traceback, that is a bug of ours: please report it; "
        "a SIGKILL that nobody sent is the kernel's, out of memory (dmesg)",
    )


def _gc_pause(evidence: Evidence) -> Doubt | None:
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


# --- the measurement ------------------------------------------------------------------------------------------


def _too_few_samples(evidence: Evidence) -> Doubt | None:
    short = []
    for judged in evidence.judged_quantiles:
        histogram = evidence.tally.metrics[judged.metric]
        if histogram.count and histogram.quantile_ns(judged.q) is None:
            # Rounded first: in floating point 10 / (1 - 0.9) is a little more than 100.
            needed = math.ceil(round(MIN_SAMPLES_BEYOND / (1 - judged.q), 6))
            short.append(f'"{judged.expression}" has {histogram.count:,} samples and needs {needed:,}')
    if not short:
        return None
    return Doubt(
        DoubtCode.TOO_FEW_SAMPLES,
        Severity.FATAL,
        f"fewer than {MIN_SAMPLES_BEYOND} samples lie beyond a quantile that is judged: {', '.join(short)}",
        "measure longer (--duration), raise --rate or --users, or judge a lower quantile",
    )


def _no_deliveries(evidence: Evidence) -> Doubt | None:
    counts = evidence.tally.counts
    refused = bool(evidence.tally.errors) or counts[Count.CONNECTIONS_DROPPED] > 0
    if not counts[Count.DELIVERIES_EXPECTED] or counts[Count.DELIVERIES_RECEIVED] or refused:
        return None
    damaged = counts[Count.FRAMES_DAMAGED]
    seen = f"{counts[Count.FRAMES_RECEIVED]:,} frames came, none with a sound marker ({damaged:,} damaged)"
    return Doubt(
        DoubtCode.NO_DELIVERIES,
        Severity.FATAL,
        f"{counts[Count.MESSAGES_SENT]:,} messages were sent and no delivery was recognised; {seen}",
        "check publish.send and join of the dialect, and whether the server shortens or rewrites texts",
    )


def _clock_backwards(evidence: Evidence) -> Doubt | None:
    count = evidence.tally.counts[Note.NEGATIVE_TIMES]
    if not count:
        return None
    return Doubt(
        DoubtCode.CLOCK_BACKWARDS,
        Severity.FATAL,
        f"{count:,} deliveries seem to have arrived before they were sent; they are counted but not timed",
        "check the machine's clock source; on a virtual machine, its host",
    )


def _mixed_hosts(evidence: Evidence) -> Doubt | None:
    if not evidence.deliveries_untimed:
        return None
    return Doubt(
        DoubtCode.MIXED_HOSTS,
        Severity.WARNING,
        f"{evidence.deliveries_untimed:,} deliveries went from one host of the generator to another, "
        "and are counted but not timed",
        "the times are of deliveries within one host; to time them all, run the generator on one host",
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


# --- the surroundings -----------------------------------------------------------------------------------------


def _target_restarted(evidence: Evidence) -> Doubt | None:
    if evidence.target_died is None:
        return None
    return Doubt(
        DoubtCode.TARGET_RESTARTED,
        Severity.FATAL,
        f"the server that we started did not live to the end of the run: {evidence.target_died}",
        "see run.log in the run directory for what it said last",
    )


def _machine_busy(evidence: Evidence) -> Doubt | None:
    ratio = evidence.others_cpu_ratio
    severity = None if ratio is None else OTHERS_CPU_RATIO.severity_of(ratio)
    if severity is None:
        return None
    return Doubt(
        DoubtCode.MACHINE_BUSY,
        severity,
        f"other programs used {ratio:.0%} of this machine's CPU in the measured window "
        f"(more than {OTHERS_CPU_RATIO.warning:.0%} is doubted)",
        "stop them, or measure on a machine of its own",
    )


def _foreign_traffic(evidence: Evidence) -> Doubt | None:
    count = evidence.tally.counts[Note.FOREIGN_MARKERS]
    if not count:
        return None
    return Doubt(
        DoubtCode.FOREIGN_TRAFFIC,
        Severity.NOTE,
        f"{count:,} frames held a message of another run",
        "another run talks to this server, or its rooms keep what an earlier one said: give each run its own server",
    )


def _compression_negotiated(evidence: Evidence) -> Doubt | None:
    if evidence.extensions is None or "permessage-deflate" not in evidence.extensions:
        return None
    return Doubt(
        DoubtCode.COMPRESSION_NEGOTIATED,
        Severity.NOTE,
        f"the connections were compressed ({evidence.extensions})",
        "compare this run with compressed ones only; both sides pay for it in CPU, and made-up texts compress "
        "differently from real ones",
    )


def _quadratic_joins(evidence: Evidence) -> Doubt | None:
    users = evidence.tally.counts[Count.USERS_PLANNED]
    severity = None if evidence.dialect_has_join else USERS_WITHOUT_A_JOIN.severity_of(users)
    if severity is None:
        return None
    return Doubt(
        DoubtCode.QUADRATIC_JOINS,
        severity,
        f"all {users:,} users share one room from the handshake on; a server that tells everybody about every join "
        f"and leave sends {users * users:,} frames for that alone",
        "lower --connect-rate so that this is over before the measured window, or use fewer users",
    )


# --- figures --------------------------------------------------------------------------------------------------


def _rough_ms(histogram: Histogram, q: float) -> float | None:
    """A quantile in ms, of few samples too; but one hiccup, the largest of all, never makes a doubt by itself."""
    count = histogram.count
    value_ns = histogram.quantile_ns(min(q, (count - 1) / count), beyond=1) if count > 1 else None
    return None if value_ns is None else value_ns / NS_PER_MS
