"""What the doubts about a run are drawn from: its record, its plan, and the machine it ran on."""

from __future__ import annotations

from loadgen.measure.doubts import Doubt, DoubtCode, Evidence, JudgedQuantile, doubts_about
from loadgen.measure.record import EndedEarly, Phase, Record
from loadgen.measure.tally import OF_THE_WHOLE_RUN, Count, Metric, Note
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Plan
from reports.budgets import Budget
from reports.figures import NS_PER_MS
from reports.subjects import MEASURED
from scenarios.machine import this_machine
from scenarios.settle import Settled

# Said of a run that goes on, these would be a false alarm: what they miss may yet come.
_ONLY_AT_THE_END = frozenset({DoubtCode.TOO_FEW_SAMPLES, DoubtCode.USERS_MISSING, DoubtCode.NO_DELIVERIES})


def doubts_so_far(settled: Settled, record: Record, target_died: str | None) -> list[Doubt]:
    """Those about a run that goes on."""
    doubts = doubts_about(evidence_of(settled, record, target_died, None))
    return [doubt for doubt in doubts if doubt.code not in _ONLY_AT_THE_END]


def evidence_of(
    settled: Settled, record: Record, target_died: str | None, calibrated_deliveries_per_s: float | None
) -> Evidence:
    """What the doubts are drawn from; the last of a process, where this machine was calibrated."""
    plan, counts = record.plan, record.tally.counts
    machine, process_count = this_machine(), max(settled.process_count, len(record.workers))
    host_count = max(1, len({worker.host for worker in record.workers}))
    untried = counts[Count.CONNECTIONS_PLANNED] - counts[Count.CONNECTIONS_OPENED] - counts[Count.CONNECTIONS_FAILED]
    return Evidence(
        tally=record.tally,
        sockets_per_process=machine.sockets_per_process,
        process_count=process_count,
        ports_per_address=machine.ephemeral_port_count,
        address_pair_count=host_count * max(1, len(plan.source_addresses)) * max(1, len(set(plan.base_urls))),
        users_never_tried=0 if record.ended_early else max(0, untried),
        worker_cpu_ratios={
            worker.pid: worker.window_cpu_ratio for worker in record.workers if worker.window_cpu_ratio is not None
        },
        others_cpu_ratio=record.others_cpu_ratio,
        interrupted=record.ended_early is EndedEarly.INTERRUPTED,
        deaths=tuple(record.deaths),
        target_died=target_died,
        judged_quantiles=tuple(
            JudgedQuantile(
                budget.expression,
                Metric(budget.metric),
                (budget.percent or 50.0) / 100,
                _told_apart(budget, plan),
                budget.limit * NS_PER_MS if budget.operator in ("<", "<=") else None,
            )
            for budget in settled.budgets
            if budget.metric in set(Metric) and budget.aggregate in ("p", "med")
        ),
        deliveries_untimed=counts[Note.DELIVERIES_UNTIMED],
        gc_pauses_ns=record.tally.metrics[Metric.GC_PAUSE],
        deliveries_per_s=_deliveries_per_s(record, process_count),
        calibrated_deliveries_per_s=calibrated_deliveries_per_s,
        extensions=record.handshake_headers.get("sec-websocket-extensions"),
        dialect_has_join=plan.dialect.has_rooms,
    )


def _told_apart(budget: Budget, plan: Plan) -> str | None:
    """The slice that a budget judges; None where that is all there is."""
    is_measured = budget.slice == MEASURED and budget.metric not in OF_THE_WHOLE_RUN
    return None if is_measured or budget.slice == plan.slicing.whole else budget.slice


def _deliveries_per_s(record: Record, process_count: int) -> float | None:
    """Of each process on average, in the measured window as far as the run came."""
    for span in record.phases:
        if span.phase is Phase.MEASURE and span.end_ns is not None and span.end_ns > span.start_ns:
            received = record.tally.counts[Count.DELIVERIES_RECEIVED]
            return received * NS_PER_S / (span.end_ns - span.start_ns) / process_count
    return None
