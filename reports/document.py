"""The result document: a finished run, or one that still goes on, as plain data (schema chatbench.result/1).

Times are milliseconds as floats; what was not measured is None. Everything else in reports/ reads this and nothing
else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from loadgen.measure.doubts import Doubt
from loadgen.measure.histogram import Histogram
from loadgen.measure.record import EndedEarly, Phase, ProcessRecord, Record
from loadgen.measure.tally import Count, Metric, PerSecond, Tally
from loadgen.plan.pacing import NS_PER_S
from reports import hdr
from reports.budgets import Budget, Document, judge, verdict_of
from reports.limit import limit_of

SCHEMA = "chatbench.result/1"

NS_PER_MS = 1_000_000
_QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the engine does not know of a run."""

    id: str
    scenario: str
    summary: str
    started_at: str
    """RFC 3339."""
    command: str
    target_url: str
    target_owned: bool
    plan: dict[str, dict[str, Any]]
    """Key path -> {value, origin}."""
    environment: dict[str, Any] = field(default_factory=dict)
    finished_at: str | None = None


# Of a run that still goes on, only the end of the series is wanted: its cost must not grow with the run. The second
# before this one is not complete yet either, since messages are accounted for up to 0.1 s after they arrive.
_SNAPSHOT_SECONDS = 30
_UNFINISHED_SECONDS = 2


def snapshot(facts: RunFacts, record: Record) -> Document:
    """The document of a run that still goes on: no verdict, no histograms, the last seconds of the series."""
    return _base(facts, record, with_hdr=False, last_seconds=_SNAPSHOT_SECONDS) | {
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
    document["doubts"] = [asdict(doubt) for doubt in doubts]
    document["budgets"] = judge(document, budgets)
    document["limit"] = limit_of(document)
    document["verdict"] = str(verdict_of(document))
    return document


def _base(facts: RunFacts, record: Record, *, with_hdr: bool, last_seconds: int | None = None) -> Document:
    tally = record.tally
    headers = record.handshake_headers
    extensions = headers.get("sec-websocket-extensions", "")
    return {
        "schema": SCHEMA,
        "run": {
            "id": facts.id,
            "scenario": facts.scenario,
            "summary": facts.summary,
            "started_at": facts.started_at,
            "finished_at": facts.finished_at,
            "command": facts.command,
            "seed": record.plan.seed,
            "interrupted": record.ended_early is EndedEarly.INTERRUPTED,
            "ended_early": record.ended_early,
        },
        "target": {
            "url": facts.target_url,
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
        "series": _series(record, last_seconds),
        "generator": _generator(record),
        "server": _server(record),
    }


def metric_of(histogram: Histogram, *, with_hdr: bool = True) -> dict[str, Any]:
    """One metric of the document; all but the count are None where nothing was recorded."""
    count = histogram.count
    quantiles = {name: _ms(histogram.quantile_ns(q)) if count else None for name, q in _QUANTILES.items()}
    metric = {
        "unit": "ms",
        "count": count,
        "min": _ms(histogram.min_ns),
        "mean": _ms(histogram.mean_ns),
        **quantiles,
        "max": _ms(histogram.max_ns),
    }
    if with_hdr:
        metric["hdr"] = hdr.encode(histogram) if count else None
    return metric


def _rates(record: Record) -> dict[str, float | None]:
    measured = next((span for span in record.phases if span.phase is Phase.MEASURE), None)
    window_ns = record.plan.measure_ns
    if record.ended_early is EndedEarly.INTERRUPTED and measured is not None and measured.end_ns is not None:
        window_ns = min(window_ns, measured.end_ns - measured.start_ns)
    window_s = window_ns / NS_PER_S
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


def _series(record: Record, last_seconds: int | None) -> dict[str, Any]:
    """One value a second, of the whole run or its last seconds; None where there was nothing to measure."""
    tally = record.tally
    readings = [reading.at_ns for reading in record.coordinator.readings]
    last = max(
        list(tally.seconds)
        + [second for _, second in tally.metric_seconds]
        + [tally.second_of(at_ns) for at_ns in readings[-1:]],
        default=-1,
    )
    seconds = range(last + 1)
    if last_seconds is not None:
        end = max(0, last + 1 - _UNFINISHED_SECONDS)
        seconds = range(max(0, end - last_seconds), end)
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
        PerSecond.JOINS,
        PerSecond.MESSAGES_DUE,
        PerSecond.MESSAGES_SENT,
        PerSecond.DELIVERIES_RECEIVED,
    ):
        series[str(event)] = counted(event)
    for name, q in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        series[f"delivery_time_{name}_ms"] = _quantiles(tally, Metric.DELIVERY_TIME, q, seconds)
    series["delivery_time_max_ms"] = [
        _ms(tally.metric_seconds[Metric.DELIVERY_TIME, second].max_ns)
        if (Metric.DELIVERY_TIME, second) in tally.metric_seconds
        else None
        for second in seconds
    ]
    series["send_lateness_p99_ms"] = _quantiles(tally, Metric.SEND_LATENESS, 0.99, seconds, beyond=0)
    series["loop_lag_p99_ms"] = _quantiles(tally, Metric.LOOP_LAG, 0.99, seconds, beyond=0)
    series["generator_cpu_ratio"], series["generator_rss_bytes"] = _usage(record, record.workers, seconds)
    target = [] if record.target is None else [record.target]
    series["server_cpu_ratio"], series["server_rss_bytes"] = _usage(record, target, seconds)
    return series


def _quantiles(
    tally: Tally, metric: Metric, q: float, seconds: Iterable[int], *, beyond: int | None = None
) -> list[float | None]:
    values: list[float | None] = []
    for second in seconds:
        histogram = tally.metric_seconds.get((metric, second))
        if histogram is None:
            values.append(None)
        elif beyond is None:
            values.append(_ms(histogram.quantile_ns(q)))
        else:
            values.append(_ms(histogram.quantile_ns(q, beyond=beyond)))
    return values


def _usage(
    record: Record, processes: Sequence[ProcessRecord], seconds: Sequence[int]
) -> tuple[list[float | None], list[int | None]]:
    """CPU (1.0 is one core) and memory of some processes together, in each second."""
    cpu: dict[int, float] = {}
    rss: dict[int, int] = {}
    for process in processes:
        for before, after in zip(process.readings[:-1], process.readings[1:], strict=True):
            # Readings are taken at the full second, a little after it: they close the second before.
            second = record.tally.second_of((before.at_ns + after.at_ns) // 2)
            if after.at_ns > before.at_ns:
                ratio = (after.cpu_ns - before.cpu_ns) / (after.at_ns - before.at_ns)
                cpu[second] = cpu.get(second, 0.0) + ratio
            rss[second] = rss.get(second, 0) + after.rss_bytes
    return [cpu.get(second) for second in seconds], [rss.get(second) for second in seconds]


def _generator(record: Record) -> dict[str, Any]:
    tally = record.tally
    cpu_ns = [process.window_cpu_ns for process in (*record.workers, record.coordinator)]
    received = tally.counts[Count.DELIVERIES_RECEIVED]
    known = [used for used in cpu_ns if used is not None]
    complete = received > 0 and len(known) == len(cpu_ns)
    lag, late = (
        _ms(tally.metrics[metric].quantile_ns(0.99, beyond=0)) for metric in (Metric.LOOP_LAG, Metric.SEND_LATENESS)
    )
    return {
        "processes": [
            _process(process) | {"loop_lag_p99_ms": lag, "send_lateness_p99_ms": late} for process in record.workers
        ],
        "coordinator": _process(record.coordinator),
        "cpu_us_per_delivery": sum(known) / 1000 / received if complete else None,
    }


def _process(process: ProcessRecord) -> dict[str, Any]:
    return {"pid": process.pid, "cpu_ratio": process.window_cpu_ratio, "rss_bytes": process.peak_rss_bytes}


def _server(record: Record) -> dict[str, Any] | None:
    if record.target is None:
        return None
    seconds = range(len(record.target.readings))
    cpu, rss = _usage(record, [record.target], seconds)
    return {
        "cpu_ratio": record.target.window_cpu_ratio,
        "rss_bytes": record.target.peak_rss_bytes,
        "series": {"interval_s": 1.0, "t_s": [float(s) for s in seconds], "cpu_ratio": cpu, "rss_bytes": rss},
    }


def _seconds(record: Record, at_ns: int | None) -> float | None:
    return None if at_ns is None else (at_ns - record.origin_ns) / NS_PER_S


def _ms(value_ns: float | None) -> float | None:
    return None if value_ns is None else value_ns / NS_PER_MS
