"""What may be wrong with the figures: too few, none, impossible, or cut short. Pure."""

from __future__ import annotations

import math

from loadgen.errors import ErrorKind
from loadgen.measure.doubts.doubt import Doubt, DoubtCode, Severity
from loadgen.measure.doubts.evidence import Evidence
from loadgen.measure.histogram import MIN_SAMPLES_BEYOND
from loadgen.measure.tally import Count, Note


def too_few_samples(evidence: Evidence) -> Doubt | None:
    """A budget judges a quantile of which the samples do not tell."""
    short = []
    for judged in evidence.judged_quantiles:
        histogram = evidence.times_of(judged.slice, judged.metric)
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


def no_deliveries(evidence: Evidence) -> Doubt | None:
    """None of what should come was recognised, and the server gave no sign of refusing it."""
    counts = evidence.tally.counts
    refusals = [kind for kind, _ in evidence.tally.errors if kind is not ErrorKind.TEXT_CHANGED]
    refused = bool(refusals) or counts[Count.CONNECTIONS_DROPPED] > 0
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


def clock_backwards(evidence: Evidence) -> Doubt | None:
    """Deliveries arrived before they were sent."""
    count = evidence.tally.counts[Note.NEGATIVE_TIMES]
    if not count:
        return None
    return Doubt(
        DoubtCode.CLOCK_BACKWARDS,
        Severity.FATAL,
        f"{count:,} deliveries seem to have arrived before they were sent; they are counted but not timed",
        "check the machine's clock source; on a virtual machine, its host",
    )


def mixed_hosts(evidence: Evidence) -> Doubt | None:
    """Deliveries went between hosts whose clocks differ by nobody knows how much."""
    if not evidence.deliveries_untimed:
        return None
    return Doubt(
        DoubtCode.MIXED_HOSTS,
        Severity.WARNING,
        f"{evidence.deliveries_untimed:,} deliveries went from one host of the generator to another, "
        "and are counted but not timed",
        "the times are of deliveries within one host; to time them all, run the generator on one host",
    )


def interrupted(evidence: Evidence) -> Doubt | None:
    """The run was ended before its time."""
    if not evidence.interrupted:
        return None
    return Doubt(
        DoubtCode.INTERRUPTED,
        Severity.NOTE,
        "the figures cover what was measured until then",
        "run it again to the end before you compare it with another",
    )
