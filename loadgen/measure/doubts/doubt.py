"""The closed list of what can be doubted, and how much a doubt weighs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    BEYOND_CALIBRATION = "beyond_calibration"
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
