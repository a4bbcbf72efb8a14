"""What a calibration says, worked out once: the page and the terminal only lay it out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from reports import numbers
from reports.budgets import Document, Verdict
from reports.calibration_findings import QUANTILES, label_of
from reports.calibration_truth import FROZEN_P95_MS
from reports.planned import plain_text
from reports.summary import Fact, Figure
from reports.verdicts import Headline

_WIDTH = 80
# Of the names of runs and limits beside what is said of them.
_NAMES = 42
_BADGES = {Verdict.PASS: ("PASS", "good"), Verdict.FAIL: ("FAIL", "bad"), Verdict.INVALID: ("INVALID", "unsure")}


@dataclass(frozen=True, slots=True)
class QuantileRow:
    """One quantile of one run; ``run`` and ``load`` are empty where they are those of the row before."""

    run: str
    load: str
    quantile: str
    injected: str
    measured: str
    error: str
    percent: str
    allowed: str
    within: bool


@dataclass(frozen=True, slots=True)
class CountRow:
    """One kind of fault in one run; ``run`` as above."""

    run: str
    fault: str
    injected: str
    counted: str
    exact: bool


@dataclass(frozen=True, slots=True)
class BurstRow:
    """How much later a room has what it is told at once."""

    receivers: str
    transport: str
    p50: str
    p99: str


@dataclass(frozen=True, slots=True)
class BlamedRow:
    """A run that was too much for one side."""

    run: str
    expected: str
    found: str
    held: bool


@dataclass(frozen=True, slots=True)
class LoadRow:
    """One step of the search for the ceiling."""

    deliveries: str
    lateness: str
    loop_lag: str
    cpu: str
    carried: bool


@dataclass(frozen=True, slots=True)
class CalibrationSummary:
    """All a calibration says; ``freeze`` is empty where no stall was looked at, ``extent`` where all was."""

    created_at: str
    extent: str
    headline: Headline
    figures: tuple[Figure, ...]
    reasons: tuple[str, ...]
    quantiles: tuple[QuantileRow, ...]
    counts: tuple[CountRow, ...]
    freeze: str
    bursts: tuple[BurstRow, ...]
    blamed: tuple[BlamedRow, ...]
    loads: tuple[LoadRow, ...]
    ceiling: tuple[Fact, ...]
    machine: tuple[Fact, ...]


def summarise(document: Document) -> CalibrationSummary:
    """The view model of a calibration document."""
    reasons = tuple(numbers.printable(reason) for reason in document["reasons"])
    return CalibrationSummary(
        created_at=numbers.printable(document["created_at"]).replace("T", " ").replace("+00:00", " UTC"),
        extent="A quick look: the most telling runs only." if document["quick"] else "",
        headline=_headline(document, reasons),
        figures=_figures(document),
        reasons=reasons,
        quantiles=tuple(_quantiles(document["accuracy"])),
        counts=tuple(_counts(document["counts"])),
        freeze=_freeze(document["freeze"]),
        bursts=tuple(_bursts(document["bursts"])),
        blamed=tuple(
            BlamedRow(numbers.printable(row["run"]), row["expected"], row["found"], row["held"])
            for row in document["blamed"]
        ),
        loads=tuple(_loads(document["ceiling"]["curve"])),
        ceiling=_ceiling(document),
        machine=tuple(Fact(name, plain_text(value)) for name, value in document["machine"].items()),
    )


def lines_of(document: Document) -> Iterator[str]:
    """The summary as lines of a terminal, of 80 characters at most."""
    summary = summarise(document)
    if summary.quantiles:
        yield f"{'':<12}{'injected':>14}{'measured':>14}{'error':>13}"
    for row in summary.quantiles:
        if row.run:
            yield row.run
        mark = "" if row.within else "  TOO FAR OFF"
        yield f"  {row.quantile:<10}{row.injected:>14}{row.measured:>14}{row.error:>13}{row.percent:>10}{mark}"
    yield ""
    if summary.counts:
        yield f"{'':<14}{'injected':>12}{'counted':>14}"
    for count in summary.counts:
        if count.run:
            yield count.run
        mark = "exact" if count.exact else "NOT EXACT"
        yield f"  {count.fault:<12}{count.injected:>12}{count.counted:>14}{mark:>13}"
    yield ""
    if summary.freeze:
        yield from textwrap.wrap(summary.freeze, _WIDTH)
    for burst in summary.bursts:
        name = f"{burst.receivers} receivers told at once, {burst.transport}"
        yield from _named(name, f"p50 {burst.p50} late, p99 {burst.p99}")
    for blamed in summary.blamed:
        mark = "" if blamed.held else f"  WRONG: {blamed.expected} expected"
        yield from _named(blamed.run, f"{blamed.found}{mark}")
    for fact in summary.ceiling:
        yield from _named(fact.name, fact.value)
    yield ""
    yield from textwrap.wrap(str(summary.headline), _WIDTH)
    for reason in summary.reasons[1:]:
        yield from textwrap.wrap(reason, _WIDTH, initial_indent="    ", subsequent_indent="    ")


def _named(name: str, text: str) -> list[str]:
    """A name and what is said of it beside it, or below it where there is no room beside it."""
    line = f"{name:<{_NAMES}}{text}"
    if len(name) < _NAMES and len(line) <= _WIDTH:
        return [line]
    return [name, *textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")]


def _headline(document: Document, reasons: tuple[str, ...]) -> Headline:
    badge, tone = _BADGES[Verdict(document["verdict"])]
    if reasons:
        more = f" ({len(reasons) - 1} more below.)" if len(reasons) > 1 else ""
        return Headline(badge, tone, f"{reasons[0]}.{more}")
    worst_us = max(abs(row["error_us"]) for row in document["accuracy"])
    return Headline(
        badge,
        tone,
        f"every quantile was as near to the truth as it must be, {numbers.duration(worst_us / 1000)} off at the most, "
        f"and every lost, duplicated and reordered delivery was counted.",
    )


def _figures(document: Document) -> tuple[Figure, ...]:
    accuracy, counts, ceiling = document["accuracy"], document["counts"], document["ceiling"]
    late_ms = document["jitter"]["send_lateness_p99_ms"]
    exact = sum(row["exact"] for row in counts)
    return (
        *(_worst(accuracy, name) for name in ("p50", "p99")),
        Figure(
            "counts that are exact",
            f"{exact} of {len(counts)}" if counts else numbers.NO_DATA,
            "lost, duplicated, reordered",
            bad=exact < len(counts),
        ),
        Figure(
            "deliveries a second",
            numbers.rate(ceiling["deliveries_per_s_per_process"]),
            "one process can carry here",
        ),
        Figure("sent late, p99", numbers.duration(late_ms), "at half of that"),
    )


def _worst(accuracy: list[dict[str, Any]], quantile: str) -> Figure:
    rows = [row for row in accuracy if row["quantile"] == quantile]
    if not rows:
        return Figure(f"{label_of(quantile)} off by", numbers.NO_DATA, "")
    worst = max(rows, key=lambda row: abs(row["error_us"]))
    bad = not all(row["within"] for row in rows)
    error = numbers.duration(abs(worst["error_us"]) / 1000)
    return Figure(f"{label_of(quantile)} off by", error, f"at the most, of {_ms(worst['injected_ms'])}", bad=bad)


def _quantiles(accuracy: list[dict[str, Any]]) -> Iterator[QuantileRow]:
    for run, rows in groupby(accuracy, key=lambda row: row["run"]):
        for number, row in enumerate(rows):
            yield QuantileRow(
                run="" if number else numbers.printable(run),
                load="" if number else f"{numbers.rate(row['deliveries_per_s'])}/s",
                quantile=label_of(row["quantile"]),
                injected=_ms(row["injected_ms"]),
                measured=_ms(row["measured_ms"]),
                error=f"{row['error_us']:+,.0f} us",
                percent=f"{100 * row['error_ratio']:+.2f} %",
                allowed=f"{row['allowed_us']:,.0f} us",
                within=row["within"],
            )


def _ms(value_ms: float) -> str:
    # More digits than elsewhere: what is compared lies close together.
    return f"{value_ms:,.3f} ms"


def _counts(counts: list[dict[str, Any]]) -> Iterator[CountRow]:
    for run, rows in groupby(counts, key=lambda row: row["run"]):
        for number, row in enumerate(rows):
            yield CountRow(
                run="" if number else numbers.printable(run),
                fault=row["fault"],
                injected=numbers.count(row["injected"]),
                counted=numbers.count(row["counted"]),
                exact=row["exact"],
            )


def _freeze(freeze: dict[str, Any] | None) -> str:
    if freeze is None:
        return ""
    return (
        f"The target stood still for {numbers.duration(freeze['frozen_ms'])} of {numbers.seconds(freeze['window_s'])}: "
        f"delivery time p95 was {numbers.duration(freeze['delivery_p95_ms'])} (more than "
        f"{numbers.round_duration(FROZEN_P95_MS)} expected), {numbers.count(freeze['lost'])} deliveries were lost."
    )


def _bursts(bursts: list[dict[str, Any]]) -> Iterator[BurstRow]:
    for row in bursts:
        p50, p99 = (numbers.NO_DATA if us is None else _us(us) for us in (row["error_p50_us"], row["error_p99_us"]))
        yield BurstRow(numbers.count(row["receivers"]), row["transport"], p50, p99)


def _us(value_us: float) -> str:
    return f"{value_us:,.0f} us"


def _loads(curve: list[dict[str, Any]]) -> Iterator[LoadRow]:
    for load in curve:
        yield LoadRow(
            deliveries=numbers.rate(load["deliveries_per_s"]),
            lateness=numbers.duration(load["send_lateness_p99_ms"]),
            loop_lag=numbers.duration(load["loop_lag_p99_ms"]),
            cpu=numbers.percent(load["cpu_ratio"]),
            carried=load["carried"],
        )


def _floors(document: Document) -> Iterator[Fact]:
    for floor in document["floors"]:
        known = [(label_of(name), floor[f"{name}_us"]) for name in QUANTILES if floor[f"{name}_us"] is not None]
        if known:
            who = "1 process" if floor["processes"] == 1 else f"{floor['processes']} processes"
            quantiles, values = zip(*known, strict=True)
            load = f"{numbers.rate(floor['messages_per_s'])} messages/s"
            times = " / ".join(numbers.duration(us / 1000) for us in values)
            yield Fact(f"the way itself, {who}, {load}, {' / '.join(quantiles)}", times)


def _ceiling(document: Document) -> tuple[Fact, ...]:
    ceiling, jitter = document["ceiling"], document["jitter"]
    return (
        Fact("deliveries/s, one process", numbers.rate(ceiling["deliveries_per_s_per_process"])),
        Fact("connections/s, one process", numbers.rate(ceiling["connects_per_s"])),
        Fact("sockets opened by one process", numbers.count(ceiling["sockets_per_process"])),
        Fact("deliveries/s, the faulty target", numbers.rate(ceiling["target_deliveries_per_s"])),
        Fact("sent late at half of the ceiling, p99", numbers.duration(jitter["send_lateness_p99_ms"])),
        Fact("event loop lag at half of it, p99", numbers.duration(jitter["loop_lag_p99_ms"])),
        *_floors(document),
        Fact("reading the clock", f"{jitter['clock_read_ns']:.0f} ns"),
        Fact("CPU used by others meanwhile", numbers.percent(document["machine_busy_ratio"])),
    )
