"""Calibration documents as ``chatbench calibrate`` would have written them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reports.calibration import build
from reports.calibration_findings import (
    Accuracy,
    Blamed,
    Burst,
    Ceiling,
    Counted,
    Fault,
    Findings,
    Floor,
    Frozen,
    Jitter,
    Load,
)

MACHINE = {
    "host": "bench-1",
    "cpu": "EPYC",
    "cores": 2,
    "kernel": "Linux 6.1",
    "python": "3.11",
    "packages": {"numpy": "2"},
}
RUNS = ("no delay, 1 process, picows", "lognormal 10 ms, 2 processes, websockets")


def an_accuracy(run: str, quantile: str, *, injected_ms: float, error_us: float, within: bool = True) -> Accuracy:
    """One row of a run of 4,000 deliveries a second."""
    return Accuracy(
        run=run,
        delay=run.partition(",")[0],
        processes=1,
        transport="picows",
        deliveries_per_s=4_000.0,
        ceiling_ratio=None,
        quantile=quantile,
        injected_ms=injected_ms,
        measured_ms=injected_ms + error_us / 1000,
        error_us=error_us,
        error_ratio=error_us / 1000 / injected_ms,
        floor_us=30.0,
        allowed_us=max(100.0, 10 * injected_ms) + 30.0,
        within=within,
    )


def a_count(fault: Fault, *, injected: int = 60, counted: int = 60) -> Counted:
    """One kind of fault in a run."""
    return Counted("counts, 1 process, picows", 1, "picows", fault, injected, counted, injected == counted)


FINDINGS = Findings(
    created_at="2026-02-03T10:20:30+00:00",
    quick=False,
    machine=MACHINE,
    ceiling=Ceiling(
        deliveries_per_s_per_process=150_000.0,
        messages_per_s_per_process=1_500.0,
        connects_per_s=3_900.0,
        sockets_per_process=10_000,
        target_deliveries_per_s=40_000.0,
        curve=(
            Load(500.0, 50_000.0, 0.6, 0.9, 0.38, carried=True),
            Load(1_500.0, 150_000.0, 3.9, 4.0, 0.82, carried=True),
            Load(2_000.0, 190_000.0, 52.0, 41.0, 0.97, carried=False),
        ),
    ),
    jitter=Jitter(750.0, 0.8, 1.2, clock_read_ns=55.0),
    accuracy=tuple(
        an_accuracy(run, quantile, injected_ms=scale * ms, error_us=error_us)
        for run, scale in zip(RUNS, (1.0, 10.0), strict=True)
        for quantile, ms, error_us in (("p50", 1, 41), ("p90", 2, 52), ("p99", 3.3, -63.4), ("p99_9", 4.7, 81))
    ),
    counts=tuple(a_count(fault) for fault in Fault),
    floors=(Floor(1, 400.0, 28.0, 41.0, 110.0, None), Floor(2, 400.0, 29.0, 55.0, 160.0, None)),
    bursts=(Burst("picows", 500, 240.0, 900.0),),
    blamed=(
        Blamed("twice the generator's ceiling", "invalid, generator", "invalid, generator", held=True),
        Blamed("twice what the target carries", "valid, server", "valid, server", held=True),
    ),
    freeze=Frozen(1_000.4, 10.0, delivery_p95_ms=514.0, service_p95_ms=1.9, lost=0, held=True),
    others_cpu_ratio=0.02,
)
"""All is well on a quiet machine."""


def a_calibration(**changes: Any) -> dict[str, Any]:
    """The document of FINDINGS, some of which are changed."""
    return build(replace(FINDINGS, **changes))
