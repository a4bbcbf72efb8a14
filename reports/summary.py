"""What a report says, worked out once: the page, the markdown and the terminal only lay it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reports import numbers
from reports.calibration import quotation
from reports.closes import CloseRow, close_table
from reports.drift import DriftRow, drift_table
from reports.examples import ExampleRow, example_table
from reports.incidents import IncidentRow, incident_table
from reports.planned import plain_text, value_text
from reports.slices import SliceRow, slice_table
from reports.verdicts import Headline, doubt_title, headline, observed_text

QUANTILES = ("p50", "p90", "p99", "p99_9", "max")
TOO_FEW = "too few"
"""Stands for a quantile with fewer than 10 samples beyond it, of a metric that has samples."""

_TIMES = (
    # What the run was made for, what may spoil it, and how users got in: (metrics, in the order of the report).
    (
        *("delivery_time", "delivery_service_time", "first_delivery_time", "last_delivery_time", "fanout_time"),
        *("ack_time", "http_time"),
    ),
    ("send_lateness", "loop_lag", "gc_pause"),
    ("login_time", "tcp_time", "tls_time", "upgrade_time", "connect_time", "join_time", "reconnect_time"),
)
_LABELS = {
    "warmup": "warm-up",
    "measure": "measured window",
    "delivery_service_time": "service time",
    "first_delivery_time": "first delivery",
    "last_delivery_time": "last delivery",
    "fanout_time": "fan-out",
    "loop_lag": "event loop lag",
    "gc_pause": "garbage collection",
}
_LEDGER = (
    # counter, label, what it means, of which other one it is a part
    ("deliveries_expected", "expected", "each message, once for every member of its room", None),
    ("deliveries_received", "received", "arrived, late ones included", None),
    ("deliveries_late", "late", "but after the deadline", "deliveries_received"),
    ("deliveries_lost", "lost", "not there when the drain ended", None),
    ("deliveries_lost_acked", "acked", "the server had taken the message", "deliveries_lost"),
    ("deliveries_lost_unacked", "unacked", "whether it had is not known", "deliveries_lost"),
    ("deliveries_excused", "excused", "the receiver had left, or its socket was gone", None),
    ("deliveries_recovered", "recovered", "brought by history after it came back", "deliveries_excused"),
    ("deliveries_duplicated", "duplicated", "extra copies of a delivery", None),
    ("deliveries_reordered", "reordered", "after a later one of its sender, or of a numbered room", None),
    ("deliveries_unexpected", "unexpected", "read by someone it was not for", None),
)
# Anything but 0 here is the server's failure, and is shown so.
_FAULTS = frozenset({"lost", "acked", "duplicated", "reordered", "unexpected"})
_SAID_BY_THE_HEADING = frozenset({"scenario", "summary", "interrupted", "ended_early"})
_SEVERITIES = ("fatal", "warning", "note")


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the five figures that matter, with what stands beside it; ``bad`` when it tells of a failure."""

    label: str
    value: str
    note: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """One metric; ``quantiles`` in the order of QUANTILES. Rows of one ``group`` belong together."""

    group: int
    name: str
    count: str
    quantiles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One line of the books; ``share`` is of the expected deliveries, ``is_part`` of the line before."""

    name: str
    count: str
    share: str
    meaning: str
    bad: bool
    is_part: bool


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """What one process used, or others did; CPU as a share of one core. What does not apply is empty."""

    name: str
    pid: str = ""
    cpu: str = ""
    memory: str = ""
    descriptors: str = ""
    lateness: str = ""
    loop_lag: str = ""


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """``state`` is held, broken or no data."""

    expression: str
    observed: str
    state: str


@dataclass(frozen=True, slots=True)
class DoubtRow:
    """A doubt in words; ``severity`` is fatal, warning or note."""

    severity: str
    code: str
    title: str
    detail: str
    advice: str


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """What went wrong, how often, and one example in the server's or the system's own words."""

    kind: str
    phase: str
    count: str
    example: str


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """``start`` counts from the start of the run; a phase still going on has no length."""

    name: str
    start: str
    length: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A named value, and where it came from (the plan only)."""

    name: str
    value: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """All a report says.

    ``books_close`` is None when there is nothing to add up; ``cpu_of_a_delivery`` is empty when nothing was delivered,
    ``calibration`` where this machine was never calibrated.
    """

    scenario: str
    about: str
    started_at: str
    headline: Headline
    figures: tuple[Figure, ...]
    latencies: tuple[LatencyRow, ...]
    slices: tuple[SliceRow, ...]
    ledger: tuple[LedgerRow, ...]
    books_close: bool | None
    examples: tuple[ExampleRow, ...]
    messages: tuple[Fact, ...]
    processes: tuple[ProcessRow, ...]
    cpu_of_a_delivery: str
    budgets: tuple[BudgetRow, ...]
    doubts: tuple[DoubtRow, ...]
    limit: str
    calibration: str
    incidents: tuple[IncidentRow, ...]
    closes: tuple[CloseRow, ...]
    drift: tuple[DriftRow, ...]
    errors: tuple[ErrorRow, ...]
    phases: tuple[PhaseRow, ...]
    plan: tuple[Fact, ...]
    run: tuple[Fact, ...]
    environment: tuple[Fact, ...]


def summarise(document: dict[str, Any]) -> Summary:
    """The view model of a result document, a partial one too."""
    run, counters = document.get("run", {}), document.get("counters", {})
    return Summary(
        scenario=numbers.printable(run.get("scenario", "run")),
        about=numbers.printable(run.get("summary") or ""),
        started_at=numbers.instant(run.get("started_at") or ""),
        headline=headline(document),
        figures=_figures(document),
        latencies=tuple(_latencies(document.get("metrics", {}))),
        slices=tuple(slice_table(document)),
        ledger=tuple(_ledger(counters)),
        books_close=_books_close(counters),
        examples=tuple(example_table(document)),
        messages=tuple(
            Fact(name, numbers.count(counters.get(f"messages_{name}"))) for name in ("due", "sent", "unsent")
        ),
        processes=tuple(_processes(document)),
        cpu_of_a_delivery=_cpu_of_a_delivery(document.get("generator") or {}),
        budgets=tuple(_budgets(document.get("budgets") or [])),
        doubts=tuple(_doubts(document.get("doubts") or [])),
        limit=_limit(document.get("limit") or {}, done=not (run.get("interrupted") or run.get("ended_early"))),
        calibration=quotation(document.get("environment") or {}),
        incidents=tuple(incident_table(document)),
        closes=tuple(close_table(document)),
        drift=tuple(drift_table(document)),
        errors=tuple(_errors(document.get("errors") or [])),
        phases=tuple(_phases(document.get("phases") or [])),
        plan=tuple(
            Fact(numbers.printable(key), value_text(key, entry["value"]), entry["origin"])
            for key, entry in document.get("plan", {}).items()
        ),
        run=tuple(_facts({"run": run, "target": _target(document.get("target", {}))})),
        environment=tuple(_facts(document.get("environment", {}))),
    )


def _figures(document: dict[str, Any]) -> tuple[Figure, ...]:
    counters, metrics = document.get("counters", {}), document.get("metrics", {})
    delivery, service = metrics.get("delivery_time") or {}, metrics.get("delivery_service_time") or {}
    rates = document.get("rates", {})
    # A run in which nothing was due has lost nothing, and shown nothing either.
    expected = counters.get("deliveries_expected") or None
    lost = counters.get("deliveries_lost") if expected else None
    return (
        Figure(
            "delivery time p50",
            numbers.duration(delivery.get("p50")),
            _beside("service time", numbers.duration(service.get("p50"))),
        ),
        Figure(
            "delivery time p99",
            numbers.duration(delivery.get("p99")),
            _beside("service time", numbers.duration(service.get("p99"))),
        ),
        Figure(
            "deliveries a second",
            numbers.rate(rates.get("deliveries_received_per_s")),
            _beside("from", numbers.rate(rates.get("messages_sent_per_s")), "messages/s"),
        ),
        Figure(
            "deliveries lost",
            numbers.count(lost),
            f"of {numbers.count(expected)} expected" if expected else "none was expected",
            bad=bool(lost),
        ),
        _connected(counters),
    )


def _connected(counters: dict[str, Any]) -> Figure:
    """Users who got a socket; where some came back and got another, the sockets."""
    opened, planned = counters.get("connections_opened"), counters.get("connections_planned")
    users = counters.get("users_planned")
    if not planned:  # nothing began, or it is not told
        return Figure("users connected", numbers.NO_DATA, "")
    came_back = planned is not None and users is not None and planned > users
    return Figure(
        "connections opened" if came_back else "users connected",
        numbers.count(opened),
        f"of {numbers.count(planned)} planned" + (f", {numbers.count(users)} users" if came_back else ""),
        bad=opened is not None and planned is not None and opened < planned,
    )


def _beside(*words: str) -> str:
    return "" if numbers.NO_DATA in words else " ".join(words)


def _latencies(metrics: dict[str, Any]) -> Iterator[LatencyRow]:
    known = [(group, name) for group, names in enumerate(_TIMES) for name in names]
    others = [(len(_TIMES), name) for name in metrics if name not in {name for _, name in known}]
    for group, name in known + others:
        metric = metrics.get(name) or {}
        if metric.get("count"):
            values = tuple(_quantile(metric.get(quantile)) for quantile in QUANTILES)
            yield LatencyRow(group, label_of(name), numbers.count(metric["count"]), values)


def _quantile(value_ms: float | None) -> str:
    return TOO_FEW if value_ms is None else numbers.duration(value_ms)


def _ledger(counters: dict[str, Any]) -> Iterator[LedgerRow]:
    """Parts are only told of where there is something to divide."""
    expected = counters.get("deliveries_expected")
    for counter, name, meaning, whole in _LEDGER:
        value = counters.get(counter)
        if whole is not None and (value is None or not counters.get(whole)):
            continue
        share = numbers.percent(value / expected) if expected and value is not None else ""
        bad = bool(value) and name in _FAULTS
        yield LedgerRow(name, numbers.count(value), share, meaning, bad=bad, is_part=whole is not None)


def _books_close(counters: dict[str, Any]) -> bool | None:
    """Whether messages and deliveries add up (product.md); None when there were none."""
    if not counters.get("deliveries_expected") and not counters.get("messages_due"):
        return None
    due, *messages = (counters.get(f"messages_{name}", 0) for name in ("due", "sent", "unsent"))
    expected, *deliveries = (
        counters.get(f"deliveries_{name}", 0) for name in ("expected", "received", "lost", "excused")
    )
    return bool(due == sum(messages) and expected == sum(deliveries))


def _processes(document: dict[str, Any]) -> Iterator[ProcessRow]:
    """Generator, own server, and what else the machine was busy with."""
    generator, machine = document.get("generator") or {}, document.get("machine") or {}
    workers = generator.get("processes") or []
    for number, worker in enumerate(workers, start=1):
        yield _process((f"worker {number}" if len(workers) > 1 else "worker") + _place(worker), worker)
    for number, helper in enumerate(generator.get("helpers") or [], start=1):
        yield _process(f"Locust of worker {number}{_place(helper)}", helper)
    server = document.get("server") or {}
    own = server.get("processes") or ([server] if server else [])
    coordinator = generator.get("coordinator")
    for process in [] if coordinator is None else [coordinator]:
        yield _process("coordinator", process)
    for process in own:
        yield _process(numbers.printable(str(process.get("name") or "server")), process)
    others, cores = machine.get("others_cpu_ratio"), machine.get("cores")
    if others is not None and cores is not None:
        yield ProcessRow("other programs", cpu=numbers.percent(others * cores))
    if machine.get("socket_memory_bytes") is not None:
        yield ProcessRow("socket buffers", memory=numbers.size(machine["socket_memory_bytes"]))


def _place(process: dict[str, Any]) -> str:
    return f" on {process['host']}" if process.get("host") else ""


def _process(name: str, process: dict[str, Any]) -> ProcessRow:
    def late(metric: str) -> str:
        return numbers.duration(process[metric]) if metric in process else ""

    return ProcessRow(
        name,
        pid=str(process.get("pid") or ""),
        cpu=numbers.percent(process.get("cpu_ratio")),
        memory=numbers.size(process.get("rss_bytes")),
        descriptors=numbers.count(process.get("descriptors")),
        lateness=late("send_lateness_p99_ms"),
        loop_lag=late("loop_lag_p99_ms"),
    )


def _cpu_of_a_delivery(generator: dict[str, Any]) -> str:
    used_us = generator.get("cpu_us_per_delivery")
    return "" if used_us is None else numbers.duration(used_us / 1000)


def _target(target: dict[str, Any]) -> dict[str, Any]:
    """One address, or all of them."""
    several = len(target.get("urls") or []) > 1
    return {key: value for key, value in target.items() if key != ("url" if several else "urls")}


def _budgets(budgets: list[dict[str, Any]]) -> Iterator[BudgetRow]:
    states = {True: "held", False: "broken", None: numbers.NO_DATA}
    for budget in budgets:
        expression = numbers.printable(budget["expression"])
        yield BudgetRow(expression, observed_text(expression, budget["observed"]), states[budget["ok"]])


def _doubts(doubts: list[dict[str, Any]]) -> Iterator[DoubtRow]:
    """Worst first, otherwise as they came."""
    for doubt in sorted(doubts, key=lambda doubt: _SEVERITIES.index(doubt["severity"])):
        yield DoubtRow(
            severity=doubt["severity"],
            code=numbers.printable(doubt["code"]),
            title=doubt_title(doubt["code"]),
            detail=numbers.printable(doubt["detail"]),
            advice=numbers.printable(doubt.get("advice") or ""),
        )


def _limit(limit: dict[str, Any], *, done: bool) -> str:
    side, reason = limit.get("side"), numbers.printable(limit.get("reason") or "")
    if side is None or (side == "none" and not done):
        return ""
    start = "Nothing held the run back" if side == "none" else f"What held the run back: the {side}"
    return f"{start} ({reason})." if reason else f"{start}."


def _errors(errors: list[dict[str, Any]]) -> Iterator[ErrorRow]:
    for error in sorted(errors, key=lambda error: -error["count"]):
        yield ErrorRow(
            kind=numbers.printable(error["kind"]),
            phase=numbers.printable(error["phase"]),
            count=numbers.count(error["count"]),
            example=numbers.printable(error.get("example") or ""),
        )


def _phases(phases: list[dict[str, Any]]) -> Iterator[PhaseRow]:
    for phase in phases:
        start_s, end_s = phase["start_s"], phase.get("end_s")
        length = "going on" if end_s is None else numbers.seconds(end_s - start_s)
        yield PhaseRow(label_of(phase["name"]), numbers.seconds(start_s), length)


def label_of(name: str) -> str:
    """A name of the document in the words of the report."""
    return _LABELS.get(name, numbers.printable(name).replace("_", " "))


def _facts(section: dict[str, Any], prefix: str = "") -> Iterator[Fact]:
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _facts(value, f"{prefix}{key}.")
        elif prefix != "run." or key not in _SAID_BY_THE_HEADING:
            yield Fact(numbers.printable(f"{prefix}{key}"), plain_text(value))
