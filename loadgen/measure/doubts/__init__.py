"""Why a run's figures may be wrong: a closed list, each with the figure that raised it and advice.

Doubts are about us and the measurement; what a server refuses, drops or loses is data. Only a fatal one makes a run
invalid. The rules stand in a module for each thing they are about: generator, machine, measurement, target.
"""

from __future__ import annotations

from loadgen.measure.doubts import generator, machine, measurement, target
from loadgen.measure.doubts.doubt import Doubt, DoubtCode, Severity
from loadgen.measure.doubts.evidence import Evidence, JudgedQuantile
from loadgen.measure.doubts.thresholds import OTHERS_CPU_RATIO

__all__ = [
    "OTHERS_CPU_RATIO",
    "Doubt",
    "DoubtCode",
    "Evidence",
    "JudgedQuantile",
    "Severity",
    "doubts_about",
]

# In the order in which they are told, among those that weigh the same.
_RULES = (
    generator.generator_late,
    generator.generator_cpu_bound,
    generator.loop_lag,
    generator.schedule_unmet,
    machine.limit_hit,
    generator.users_missing,
    measurement.no_deliveries,
    generator.worker_died,
    measurement.too_few_samples,
    target.target_restarted,
    measurement.mixed_hosts,
    measurement.clock_backwards,
    machine.machine_busy,
    machine.beyond_calibration,
    measurement.interrupted,
    target.foreign_traffic,
    generator.gc_pause,
    target.compression_negotiated,
    target.quadratic_joins,
)
_FATAL_FIRST = (Severity.FATAL, Severity.WARNING, Severity.NOTE)


def doubts_about(evidence: Evidence) -> list[Doubt]:
    """All doubts, the fatal ones first."""
    found = (rule(evidence) for rule in _RULES)
    return sorted((doubt for doubt in found if doubt is not None), key=lambda doubt: _FATAL_FIRST.index(doubt.severity))
