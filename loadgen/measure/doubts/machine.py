"""What may be wrong with the machine under the generator: limits, other programs, more work than before. Pure."""

from __future__ import annotations

import math

from loadgen.errors import OUR_LIMITS, ErrorKind
from loadgen.measure.doubts.doubt import Doubt, DoubtCode, Severity
from loadgen.measure.doubts.evidence import Evidence
from loadgen.measure.doubts.thresholds import LIMIT_SHARE, OTHERS_CPU_RATIO
from loadgen.measure.tally import Count


def limit_hit(evidence: Evidence) -> Doubt | None:
    """A limit of this machine was hit, or is near."""
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


def machine_busy(evidence: Evidence) -> Doubt | None:
    """Other programs used the machine meanwhile."""
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


def beyond_calibration(evidence: Evidence) -> Doubt | None:
    """A process had more to do than it has shown that it can."""
    seen, calibrated = evidence.deliveries_per_s, evidence.calibrated_deliveries_per_s
    if seen is None or calibrated is None or seen <= calibrated:
        return None
    return Doubt(
        DoubtCode.BEYOND_CALIBRATION,
        Severity.WARNING,
        f"a process had {seen:,.0f} deliveries a second, more than the {calibrated:,.0f} that it carried when this "
        "machine was calibrated",
        "spread the users over more --processes, or calibrate again where the machine was busy then "
        "(chatbench calibrate)",
    )
