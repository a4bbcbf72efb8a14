"""The result document: a finished run, or one that still goes on, as plain data (schema chatbench.result/1).

Times are milliseconds as floats; what was not measured is None. Everything else in reports/ reads this and nothing
else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

from loadgen.measure.doubts import Doubt
from loadgen.measure.record import (
    EndedEarly,
    MachineReading,
    Phase,
    PhaseSpan,
    ProcessRecord,
    Reading,
    Record,
    busy_cpu_ratio,
    others_cpu_ratio,
)
from loadgen.measure.tally import Count, Metric, PerSecond, Tally
from loadgen.plan.access import without_passwords
from loadgen.plan.pacing import NS_PER_S
from reports import closes, drift, example_figures, slice_figures
from reports.budgets import Budget, Document, judge, verdict_of
from reports.figures import metric_of, milliseconds
from reports.incident_figures import figures_of
from reports.limit import limit_of

SCHEMA = "chatbench.result/1"

_AnyReading = TypeVar("_AnyReading", Reading, MachineReading)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the engine does not know of a run."""

    id: str
    scenario: str
    summary: str
    started_at: str
    """RFC 3339."""
    command: str
    target_urls: tuple[str, ...]
    """The nodes of the server."""
    target_owned: bool
    plan: dict[str, dict[str, Any]]
    """Key path -> {value, origin}."""
    environment: dict[str, Any] = field(default_factory=dict)
    finished_at: str | None = None


# Of a run that still goes on, only the end of the series is wanted: its cost must not grow with the run. The second
# before this one is not complete yet either, since messages are accounted for up to 0.1 s after they arrive.
SNAPSHOT_SECONDS = 30
_UNFINISHED_SECONDS = 2


def snapshot(
    facts: RunFacts, record: Record, *, with_hdr: bool = False, last_seconds: int = SNAPSHOT_SECONDS
) -> Document:
    """The document of a run that still goes on: no verdict, histograms if asked, the last seconds of the series."""
    return _base(facts, record, with_hdr=with_hdr, last_seconds=last_seconds) | {
        "environment": facts.environment,
        "budgets": [],
        "doubts": [],
        "limit": None,
        "verdict": None,
    }


def build(facts: RunFacts, record: Record, doubts: Sequence[Doubt], budgets: Iterable[Budget]) -> Document:
    """The document of a run that is over, judged."""
    document = _base(facts, record, with_hdr=True)
    document["environment"] = facts.environment
    document["drift"] = drift.figures_of(document)
    document["examples"] = example_figures.figures_of(record)
    document["doubts"] = [asdict(doubt) for doubt in doubts]
    document["budgets"] = judge(document, budgets)
    document["limit"] = limit_of(document)
    document["verdict"] = str(verdict_of(document))
    return document


def _base(facts: RunFacts, record: Record, *, with_hdr: bool, last_seconds: int | None = None) -> Document:
    tally = record.tally
    headers = record.handshake_headers
    extensions = headers.get("sec-websocket-extensions", "")
    seconds = _seconds_of(record, last_seconds)
    return {
        "schema": SCHEMA,
        "run": {
            "id": facts.id,
            "scenario": facts.scenario,
            "summary": facts.summary,
            "started_at": facts.started_at,
            "finished_at": facts.finished_at,
            "command": without_passwords(facts.command),
            "seed": record.plan.seed,
            "interrupted": record.ended_early is EndedEarly.INTERRUPTED,
            "ended_early": record.ended_early,
        },
        "target": {
            "url": without_passwords(facts.target_urls[0]) if facts.target_urls else "",
            "urls": [without_passwords(url) for url in facts.target_urls],
            "dialect": record.plan.dialect.name,
            "owned": facts.target_owned,
            "extensions": [name.strip() for name in extensions.split(",") if name.strip()],
            "server_header": headers.get("server"),
        },
        "plan": facts.plan,
        "phases": [
            {
                "name": str(span.phase),
                "start_s": _seconds(record, span.start_ns),
                "end_s": _seconds(record, span.end_ns),
            }
            for span in record.phases
        ],
        "metrics": {
            str(metric): metric_of(histogram, with_hdr=with_hdr) for metric, histogram in tally.metrics.items()
        },
        "counters": {str(count): tally.counts[count] for count in Count},
        "rates": _rates(record),
        "errors": [
            {"kind": str(kind), "phase": phase, "count": error.count, "example": error.example}
            for (kind, phase), error in sorted(tally.errors.items())
        ],
        "closes": closes.figures_of(tally.closes),
        "incidents": figures_of(record),
        # A snapshot has them where somebody judges it: they cost as much as all the rest.
        "slices": slice_figures.figures_of(record, _window_ns(record)) if with_hdr else [],
        "series": _series(record, seconds),
        "generator": _generator(record, is_live=last_seconds is not None),
        "server": _server(record, seconds, is_live=last_seconds is not None),
        "machine": {
            "cpu_ratio": record.machine.window_cpu_ratio,
            "others_cpu_ratio": record.others_cpu_ratio,
            "socket_memory_bytes": record.machine.peak_socket_memory_bytes,
            "cores": record.machine.core_count,
        },
    }


# Of these, what was still due is not counted; of other early ends it is, as unsent.
_CUT_SHORT = (
    EndedEarly.INTERRUPTED,
    EndedEarly.BUDGET_BROKEN,
    EndedEarly.WORKER_DIED,
    EndedEarly.OUT_OF_MEMORY,
)


def _measured(record: Record) -> PhaseSpan | None:
    return next((span for span in record.phases if span.phase is Phase.MEASURE), None)


def _window_ns(record: Record) -> int:
    """How long the measured window was, or is to be."""
    measured = _measured(record)
    if record.ended_early in _CUT_SHORT and measured is not None and measured.end_ns is not None:
        return min(record.plan.measure_ns, measured.end_ns - measured.start_ns)
    return record.plan.measure_ns


def _rates(record: Record) -> dict[str, float | None]:
    measured, window_s = _measured(record), _window_ns(record) / NS_PER_S
    counts = record.tally.counts
    names = (
        Count.MESSAGES_DUE,
        Count.MESSAGES_SENT,
        Count.DELIVERIES_EXPECTED,
        Count.DELIVERIES_RECEIVED,
        Count.FRAMES_RECEIVED,
        Count.BYTES_RECEIVED,
    )
    rates = {f"{name}_per_s": counts[name] / window_s if measured and window_s else None for name in names}
    return {"window_s": window_s, **rates}


def _seconds_of(record: Record, last_seconds: int | None) -> range:
    """The seconds of the series: the whole run, or its last ones as far as they are complete."""
    tally = record.tally
    readings = [reading.at_ns for reading in record.coordinator.readings[-1:]]
    last = max(
        list(tally.seconds)
        + [second for _, second in tally.metric_seconds]
        + [tally.second_of(at_ns) for at_ns in readings],
        default=-1,
    )
    if last_seconds is None:
        return range(last + 1)
    end = max(0, last + 1 - _UNFINISHED_SECONDS)
    return range(max(0, end - last_seconds), end)


def _series(record: Record, seconds: range) -> dict[str, Any]:
    """One value for each of the seconds; None where there was nothing to measure."""
    tally = record.tally
    series: dict[str, Any] = {"interval_s": 1.0, "t_s": [float(second) for second in seconds]}

    def counted(event: PerSecond) -> list[int]:
        return [tally.seconds[second][event] if second in tally.seconds else 0 for second in seconds]

    opened, closed = counted(PerSecond.CONNECTS), counted(PerSecond.DISCONNECTS)
    open_now, connections = 0, []
    for second, counts in tally.seconds.items():
        if second < seconds.start:
            open_now += counts[PerSecond.CONNECTS] - counts[PerSecond.DISCONNECTS]
    for came, went in zip(opened, closed, strict=True):
        open_now += came - went
        connections.append(open_now)
    series["connections"] = connections
    for event in (
        PerSecond.LOGINS,
        PerSecond.CONNECTS,
        PerSecond.DISCONNECTS,
        PerSecond.RECONNECTS,
        PerSecond.JOINS,
        PerSecond.MESSAGES_DUE,
        PerSecond.MESSAGES_SENT,
        PerSecond.DELIVERIES_RECEIVED,
    ):
        series[str(event)] = counted(event)
    for name, q in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        series[f"delivery_time_{name}_ms"] = _quantiles(tally, Metric.DELIVERY_TIME, q, seconds)
    series["delivery_time_max_ms"] = [
        milliseconds(tally.metric_seconds[Metric.DELIVERY_TIME, second].max_ns)
        if (Metric.DELIVERY_TIME, second) in tally.metric_seconds
        else None
        for second in seconds
    ]
    series["send_lateness_p99_ms"] = _quantiles(tally, Metric.SEND_LATENESS, 0.99, seconds, beyond=0)
    series["loop_lag_p99_ms"] = _quantiles(tally, Metric.LOOP_LAG, 0.99, seconds, beyond=0)
    for side, processes in (("generator", record.workers), ("server", record.of_target)):
        series |= {f"{side}_{name}": values for name, values in _usage(record, processes, seconds).items()}
    series["coordinator_rss_bytes"] = _usage(record, [record.coordinator], seconds)["rss_bytes"]
    return series | _machine_usage(record, seconds)


def _quantiles(
    tally: Tally, metric: Metric, q: float, seconds: Iterable[int], *, beyond: int | None = None
) -> list[float | None]:
    values: list[float | None] = []
    for second in seconds:
        histogram = tally.metric_seconds.get((metric, second))
        if histogram is None:
            values.append(None)
        elif beyond is None:
            values.append(milliseconds(histogram.quantile_ns(q)))
        else:
            values.append(milliseconds(histogram.quantile_ns(q, beyond=beyond)))
    return values


# The kernel counts CPU time in ticks of 10 ms: over a shorter time than this, one tick would be more than 5 %.
_SHORTEST_INTERVAL_NS = NS_PER_S // 5


def _intervals(
    record: Record, readings: Sequence[_AnyReading], seconds: range
) -> Iterator[tuple[int, _AnyReading, _AnyReading]]:
    """The second between two readings, and both, for the newest of the readings and at least for ``seconds``."""
    for before, after in pairwise(readings[-(len(seconds) + _UNFINISHED_SECONDS + 2) :]):
        if after.at_ns - before.at_ns >= _SHORTEST_INTERVAL_NS:
            # Readings are taken at the full second, a little after it: they close the second before.
            yield record.tally.second_of((before.at_ns + after.at_ns) // 2), before, after


def _usage(record: Record, processes: Sequence[ProcessRecord], seconds: range) -> dict[str, list[float | None]]:
    """CPU (1.0 is one core), memory and descriptors of some processes together, in each second."""
    used: dict[str, dict[int, float]] = {"cpu_ratio": {}, "rss_bytes": {}, "descriptors": {}}
    for process in processes:
        for second, before, after in _intervals(record, process.readings, seconds):
            for name, value in (
                ("cpu_ratio", _cpu_ratio(before, after)),
                ("rss_bytes", after.rss_bytes),
                ("descriptors", after.descriptor_count),
            ):
                if value is not None:
                    used[name][second] = used[name].get(second, 0) + value
    return {name: [values.get(second) for second in seconds] for name, values in used.items()}


def _machine_usage(record: Record, seconds: range) -> dict[str, list[float | None]]:
    """What the whole machine used in each second, and what of it was neither generator nor own target."""
    ours = [
        {second: _cpu_ratio(before, after) for second, before, after in _intervals(record, process.readings, seconds)}
        for process in record.processes
        if process.host is None
    ]
    machine: dict[int, float] = {}
    others: dict[int, float] = {}
    memory: dict[int, int] = {}
    for second, before, after in _intervals(record, record.machine.readings, seconds):
        machine[second] = busy_cpu_ratio(before, after)
        if after.socket_memory_bytes is not None:
            memory[second] = after.socket_memory_bytes
        # In a second in which one of ours began or ended, its part is not known.
        if all(second in ratios for ratios in ours):
            ours_ns = sum(ratios[second] for ratios in ours) * (after.at_ns - before.at_ns)
            others[second] = others_cpu_ratio(before, after, ours_ns)
    return {
        "machine_cpu_ratio": [machine.get(second) for second in seconds],
        "others_cpu_ratio": [others.get(second) for second in seconds],
        "socket_memory_bytes": [memory.get(second) for second in seconds],
    }


def _cpu_ratio(before: Reading, after: Reading) -> float:
    return (after.cpu_ns - before.cpu_ns) / (after.at_ns - before.at_ns)


def _generator(record: Record, *, is_live: bool) -> dict[str, Any]:
    cpu_ns = [process.window_cpu_ns for process in (*record.workers, *record.helpers, record.coordinator)]
    received = record.tally.counts[Count.DELIVERIES_RECEIVED]
    known = [used for used in cpu_ns if used is not None]
    complete = received > 0 and len(known) == len(cpu_ns)
    return {
        "processes": [
            _process(worker, is_live=is_live)
            | {
                "loop_lag_p99_ms": milliseconds(worker.loop_lag.quantile_ns(0.99, beyond=0)),
                "send_lateness_p99_ms": milliseconds(worker.send_lateness.quantile_ns(0.99, beyond=0)),
            }
            for worker in record.workers
        ],
        "helpers": [_process(helper, is_live=is_live) for helper in record.helpers],
        "coordinator": _process(record.coordinator, is_live=is_live),
        "cpu_us_per_delivery": sum(known) / 1000 / received if complete else None,
    }


def _process(process: ProcessRecord, *, is_live: bool) -> dict[str, Any]:
    names = {"name": process.name, "host": process.host}
    return (
        {"pid": process.pid}
        | {key: name for key, name in names.items() if name is not None}
        | _used_by(process, is_live=is_live)
    )


def _used_by(process: ProcessRecord, *, is_live: bool) -> dict[str, Any]:
    """Of a run that goes on, the CPU is that of the window so far, or of the last second before it opens."""
    return {
        "cpu_ratio": process.recent_cpu_ratio if is_live and len(process.window) < 2 else process.window_cpu_ratio,
        "rss_bytes": process.peak_rss_bytes,
        "descriptors": process.peak_descriptor_count,
    }


def _server(record: Record, seconds: range, *, is_live: bool) -> dict[str, Any] | None:
    own = record.of_target
    if not own:
        return None
    series = {"interval_s": 1.0, "t_s": [float(second) for second in seconds]}
    used = [_process(process, is_live=is_live) for process in own]
    return (
        {name: _total([each[name] for each in used]) for name in ("cpu_ratio", "rss_bytes", "descriptors")}
        | {"series": series | _usage(record, own, seconds)}
        | ({"processes": used} if len(used) > 1 else {})
    )


def _total(values: Sequence[float | None]) -> float | None:
    """Of all together; None where one of them is not known."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _seconds(record: Record, at_ns: int | None) -> float | None:
    return None if at_ns is None else (at_ns - record.origin_ns) / NS_PER_S
