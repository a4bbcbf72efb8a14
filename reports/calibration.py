"""The calibration document (schema chatbench.calibration/1): how far our figures are from the truth. Pure.

What is in it is found by :mod:`reports.calibration_truth`, a run at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from loadgen.measure.doubts import OTHERS_CPU_RATIO
from reports import numbers
from reports.budgets import Document, Verdict
from reports.calibration_findings import QUANTILES, Findings, label_of
from reports.calibration_truth import ALLOWED_RATIO, ALLOWED_US, FROZEN_P95_MS

SCHEMA = "chatbench.calibration/1"

# At half of what the generator can carry.
LATENESS_P99_MS = 1.0


def build(findings: Findings) -> Document:
    """The document, judged."""
    failures, doubts = list(_failures(findings)), list(_doubts(findings))
    verdict = Verdict.INVALID if doubts else Verdict.FAIL if failures else Verdict.PASS
    sections = asdict(findings)
    return {
        "schema": SCHEMA,
        "created_at": sections["created_at"],
        "quick": sections["quick"],
        "machine": sections["machine"],
        "ceiling": sections["ceiling"] | {"curve": [asdict(load) for load in findings.ceiling.curve]},
        "jitter": sections["jitter"],
        "floors": [asdict(floor) for floor in findings.floors],
        "accuracy": [asdict(row) for row in findings.accuracy],
        "bursts": [asdict(row) for row in findings.bursts],
        "counts": [asdict(row) for row in findings.counts],
        "freeze": sections["freeze"],
        "blamed": [asdict(row) for row in findings.blamed],
        "machine_busy_ratio": findings.others_cpu_ratio,
        "verdict": str(verdict),
        "reasons": [*doubts, *failures],
    }


def _doubts(findings: Findings) -> Iterable[str]:
    """Why its figures cannot be believed."""
    busy = findings.others_cpu_ratio
    if busy is not None and OTHERS_CPU_RATIO.severity_of(busy) is not None:
        yield (
            f"other programs used {numbers.percent(busy)} of this machine's CPU meanwhile (more than "
            f"{numbers.percent(OTHERS_CPU_RATIO.warning)} is too much); stop them, and calibrate again"
        )
    yield from findings.troubles
    if not findings.accuracy or not findings.counts or findings.freeze is None:
        yield "not everything was measured"
    if findings.ceiling.deliveries_per_s_per_process is None:
        yield "the generator's ceiling was not found"


def _failures(findings: Findings) -> Iterable[str]:
    wrong = [row for row in findings.accuracy if not row.within]
    if wrong:
        worst = max(wrong, key=lambda row: abs(row.error_us) / row.allowed_us)
        yield (
            f"{len(wrong)} of {len(findings.accuracy)} quantiles are further off than "
            f"{100 * ALLOWED_RATIO:g} % or {ALLOWED_US:g} us, and the way itself; the worst: {worst.run}, "
            f"{label_of(worst.quantile)}, {worst.error_us:+,.0f} us of {worst.allowed_us:,.0f} allowed"
        )
    for row in findings.counts:
        if not row.exact:
            yield f"{row.run}: {row.injected:,} deliveries were {row.fault}, and {row.counted:,} were counted"
    freeze = findings.freeze
    if freeze is not None and not freeze.held:
        yield (
            f"a stall of {freeze.frozen_ms:,.0f} ms: delivery time p95 was {numbers.duration(freeze.delivery_p95_ms)} "
            f"(more than {FROZEN_P95_MS:g} ms expected), and {freeze.lost:,} deliveries were lost"
        )
    for blamed in findings.blamed:
        if not blamed.held:
            yield f"{blamed.run}: expected to be {blamed.expected}, and it was {blamed.found}"
    late_ms = findings.jitter.send_lateness_p99_ms
    if late_ms is not None and late_ms >= LATENESS_P99_MS:
        yield (
            f"at half of its ceiling the generator sent {numbers.duration(late_ms)} late (p99; less than "
            f"{LATENESS_P99_MS:g} ms expected)"
        )


def carried_per_s(calibration: Document | None) -> float | None:
    """Deliveries a second that a process carried; None where that is not known, or cannot be believed."""
    if calibration is None or calibration["verdict"] == Verdict.INVALID:
        return None
    ceiling: float | None = calibration["ceiling"]["deliveries_per_s_per_process"]
    return ceiling


def quoted(calibration: Document) -> dict[str, Any]:
    """What the documents of later runs on the same machine keep of a calibration."""
    worst: dict[str, float | None] = dict.fromkeys(f"error_{name}_us" for name in QUANTILES)
    for row in calibration["accuracy"]:
        key = f"error_{row['quantile']}_us"
        worst[key] = max(worst[key] or 0.0, abs(row["error_us"]))
    return {
        "created_at": calibration["created_at"],
        "verdict": calibration["verdict"],
        "deliveries_per_s_per_process": calibration["ceiling"]["deliveries_per_s_per_process"],
        **worst,
    }


def quotation(environment: dict[str, Any]) -> str:
    """What a run's environment says of the machine's calibration, in a sentence; empty where there was none."""
    calibration = environment.get("calibration")
    if not calibration:
        return ""
    day = numbers.printable(calibration["created_at"])[:10]
    if calibration["verdict"] == Verdict.INVALID:
        return f"This machine was calibrated on {day}, but too much was going on to believe it."
    errors_us = [calibration[f"error_{name}_us"] for name in QUANTILES]
    known = [error_us for error_us in errors_us if error_us is not None]
    within = (
        f"quantiles were within {numbers.duration(max(known) / 1000)} of the truth" if known else "nothing was timed"
    )
    ceiling = calibration["deliveries_per_s_per_process"]
    carried = "" if ceiling is None else f", up to {numbers.rate(ceiling)} deliveries/s a process"
    failed = " The calibration did not pass." if calibration["verdict"] == Verdict.FAIL else ""
    return f"On this machine {within}{carried} (calibrated {day}).{failed}"
