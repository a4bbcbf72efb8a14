"""What may be wrong with the server as a thing to measure: not alone, not the same, or not comparable. Pure."""

from __future__ import annotations

from loadgen.measure.doubts.doubt import Doubt, DoubtCode, Severity
from loadgen.measure.doubts.evidence import Evidence
from loadgen.measure.doubts.thresholds import USERS_WITHOUT_A_JOIN
from loadgen.measure.tally import Count, Note


def target_restarted(evidence: Evidence) -> Doubt | None:
    """Our own server died, and no plan wanted it to."""
    if evidence.target_died is None:
        return None
    return Doubt(
        DoubtCode.TARGET_RESTARTED,
        Severity.FATAL,
        f"the server that we started did not live to the end of the run: {evidence.target_died}",
        "see run.log in the run directory for what it said last",
    )


def foreign_traffic(evidence: Evidence) -> Doubt | None:
    """Somebody else talks on the server, or did."""
    count = evidence.tally.counts[Note.FOREIGN_MARKERS]
    if not count:
        return None
    return Doubt(
        DoubtCode.FOREIGN_TRAFFIC,
        Severity.NOTE,
        f"{count:,} frames held a message of another run",
        "another run talks to this server, or its rooms keep what an earlier one said: give each run its own server",
    )


def compression_negotiated(evidence: Evidence) -> Doubt | None:
    """The figures are those of compressed connections."""
    if evidence.extensions is None or "permessage-deflate" not in evidence.extensions:
        return None
    return Doubt(
        DoubtCode.COMPRESSION_NEGOTIATED,
        Severity.NOTE,
        f"the connections were compressed ({evidence.extensions})",
        "compare this run with compressed ones only; both sides pay for it in CPU, and made-up texts compress "
        "differently from real ones",
    )


def quadratic_joins(evidence: Evidence) -> Doubt | None:
    """Everybody shares one room from the handshake on, and may be told of everybody."""
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
