"""Budgets and the verdict: limits on metrics, judged on a finished document. No data is never a pass.

A budget is ``METRIC: AGG OP VALUE``, or ``METRIC{KIND: NAME}: AGG OP VALUE`` on a slice of the run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from loadgen.errors import InputError
from loadgen.measure.record import EndedEarly
from loadgen.measure.tally import OF_THE_WHOLE_RUN, Count, Metric
from loadgen.plan.slices import SliceKind, kind_of
from reports import hdr
from reports.subjects import MEASURED, Resource, Subject, is_memory, parse_subject

Document = dict[str, Any]


class Verdict(StrEnum):
    """What a run comes to."""

    PASS = "pass"  # noqa: S105  # not a password
    FAIL = "fail"
    INVALID = "invalid"


class ExitCode(IntEnum):
    """What people script against: README.md says what each means."""

    PASS = 0
    BUG = 1
    INCONCLUSIVE = 96
    INVALID = 97
    REGRESSION = 98
    FAILED = 99
    BAD_INPUT = 104
    INTERRUPTED = 105
    UNREACHABLE = 106


_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_MEMORY_UNITS = {"kB/h": 1e3, "MB/h": 1e6, "GB/h": 1e9}
_DESCRIPTOR_UNITS = {"/h": 1.0}
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
}
_LIMIT = re.compile(
    r"\s*(?P<aggregate>[a-z]+|p\(\s*(?P<percent>[0-9.]+)\s*\))\s*"
    r"(?P<operator><=|>=|==|<|>)\s*(?P<number>[0-9.]+)\s*(?P<unit>[a-zA-Z%/]*)\s*"
)
_TIME_AGGREGATES = {"min": "min", "mean": "mean", "med": "p50", "max": "max"}
_COUNT_AGGREGATES = ("count", "rate")
DRIFT, GROWTH = "drift", "growth"
"""Of a long run: the p50 of its last third, as a multiple of that of the first; what a resource grows by in an hour."""
# What a document has of every time without its histogram, which snapshots leave out.
_DOCUMENTED = {50.0: "p50", 75.0: "p75", 90.0: "p90", 95.0: "p95", 99.0: "p99", 99.9: "p99_9"}
_BUDGET = re.compile(r"(?P<subject>[^:{}]*(?:\{[^{}]*\}\s*)?):(?P<limit>.*)", re.DOTALL)
_FROM_CONNECT_ON = frozenset(
    {Count.CONNECTIONS_OPENED, Count.CONNECTIONS_FAILED, Count.CONNECTIONS_DROPPED, Count.RECONNECTS}
)


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit, e.g. ``delivery_time: p(99) < 250ms``.

    ``limit`` is in ms for times, in bytes or descriptors an hour for growth, else a count, 1/s or a ratio.
    """

    metric: str
    aggregate: str
    percent: float | None
    operator: str
    limit: float
    expression: str
    slice: str | None = None
    """The slice of the run that is looked at, as in ``room: large``; None: all of it."""

    @property
    def subject(self) -> Subject:
        """What it limits: of a subject there may be several limits."""
        return Subject(self.metric, self.slice)

    @property
    def is_documented(self) -> bool:
        """Whether a document without histograms has its figure, too."""
        return self.percent is None or self.percent in _DOCUMENTED

    @property
    def is_time(self) -> bool:
        """Whether it limits a duration."""
        return self.metric in set(Metric) and self.aggregate != DRIFT

    def observe(self, document: Document) -> float | None:
        """The figure that is judged; None where there is no data."""
        if self.aggregate in (DRIFT, GROWTH):
            return self._observe_drift(document.get("drift") or {})
        figures = _figures_of(document, self)
        if figures is None:
            return None
        if self.metric in set(Count):
            count: int | None = figures["counters"].get(self.metric)
            if count is None or self.aggregate == "count":
                return count
            window_s = figures["window_s"]
            return count / window_s if window_s else None
        metric = figures["metrics"].get(self.metric)
        if metric is None or not metric["count"]:
            return None
        if self.percent is None:
            value: float | None = metric[_TIME_AGGREGATES[self.aggregate]]
            return value
        if "hdr" not in metric:
            documented: float | None = metric[_DOCUMENTED[self.percent]] if self.is_documented else None
            return documented
        value_ns = hdr.decode(metric["hdr"]).quantile_ns(self.percent / 100)
        return None if value_ns is None else value_ns / 1e6

    def _observe_drift(self, drift: dict[str, Any]) -> float | None:
        if self.aggregate == GROWTH:
            per_h: float | None = (drift.get(self.metric) or {}).get("per_h")
            return per_h
        ratio: float | None = (drift.get(f"{self.metric}_p50") or {}).get("ratio")
        return ratio

    def holds(self, observed: float) -> bool:
        """Whether the figure keeps the limit."""
        return _OPERATORS[self.operator](observed, self.limit)


def _figures_of(document: Document, budget: Budget) -> dict[str, Any] | None:
    """Metrics, counters and length of what a budget looks at; None where there is nothing to look at."""
    is_of_messages = budget.metric not in OF_THE_WHOLE_RUN
    if budget.slice is None or (is_of_messages and budget.slice == MEASURED):
        return _whole(document, budget.metric)
    told: dict[str, dict[str, Any]] = {each["name"]: each for each in document.get("slices") or []}
    figures = told.get(budget.slice)
    # Where a run has one class of rooms they are not told apart: what is told of all is told of these.
    if kind_of(budget.slice) is SliceKind.ROOM and not any(kind_of(name) is SliceKind.ROOM for name in told):
        figures = _whole(document, budget.metric)
    has_none = figures is None or (is_of_messages and not _has_messages(figures["counters"]))
    return None if has_none else figures


def _whole(document: Document, metric: str) -> dict[str, Any] | None:
    if metric in set(Count) and not _was_counted(document, metric):
        return None
    sections = {name: document[name] for name in ("metrics", "counters")}
    return sections | {"window_s": document["rates"]["window_s"]}


def _has_messages(counters: dict[str, int]) -> bool:
    return bool(counters.get(Count.MESSAGES_SENT) or counters.get(Count.DELIVERIES_EXPECTED))


def _was_counted(document: Document, counter: str) -> bool:
    """Whether the run came as far as where the counter begins: before that, a count of 0 means nothing."""
    begins = ("connect", "measure") if counter in _FROM_CONNECT_ON else ("measure",)
    return any(phase["name"] in begins for phase in document["phases"])


def parse(text: str) -> Budget:
    """The budget ``METRIC: AGG OP VALUE``; InputError that says what is wrong with it."""
    found = _BUDGET.fullmatch(text)
    if found is None:
        raise InputError(f'expected "METRIC: AGG OP VALUE" like "delivery_time: p(99) < 250ms", got "{text}"')
    return parse_limit(found["subject"], found["limit"])


def parse_limit(metric: str, text: str) -> Budget:
    """The budget ``AGG OP VALUE`` of a metric or counter, or of a slice of one."""
    subject = parse_subject(metric)
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise InputError(f'expected "AGG OP VALUE" like "{_example_of(subject.metric)}", got "{text.strip()}"')
    aggregate, percent, unit = found["aggregate"], found["percent"], found["unit"]
    number = _number(found["number"], text) * _factor(subject, aggregate, found["number"], unit)
    share = None
    if percent is not None:
        share = _number(percent, text)
        if not 0 < share < 100:
            raise InputError(f'expected a percentile between 0 and 100, got "{percent}"')
        aggregate = "p"
    expression = f"{subject}: {found['aggregate']} {found['operator']} {found['number']}{unit}"
    return Budget(subject.metric, aggregate, share, found["operator"], number, expression, subject.slice)


def _example_of(metric: str) -> str:
    if metric in set(Metric):
        return "p(99) < 250ms"
    if metric in set(Resource):
        return "growth < 10MB/h" if is_memory(metric) else "growth < 10/h"
    return "count == 0"


def _factor(subject: Subject, aggregate: str, number: str, unit: str) -> float:
    """What a number with that unit is multiplied by; InputError where the subject has no such aggregate or unit."""
    metric = subject.metric
    if metric in set(Resource):
        if aggregate != GROWTH:
            raise InputError(f'expected growth of "{metric}", got "{aggregate}"')
        units = _MEMORY_UNITS if is_memory(metric) else _DESCRIPTOR_UNITS
        if unit not in units:
            raise InputError(
                f'expected growth by the hour in {", ".join(units)}, like "{_example_of(metric)}", got "{number}{unit}"'
            )
        return units[unit]
    if metric in set(Metric) and aggregate != DRIFT:
        if not aggregate.startswith("p(") and aggregate not in _TIME_AGGREGATES:
            raise InputError(f'expected min, mean, med, max or p(N) of the time "{metric}", got "{aggregate}"')
        if unit not in _UNITS_MS:
            raise InputError(f'expected a time with us, ms or s, like "250ms", got "{number}{unit}"')
        return _UNITS_MS[unit]
    if metric in set(Metric):
        if subject != Subject(Metric.DELIVERY_TIME):
            raise InputError(f'only "{Metric.DELIVERY_TIME}" of the whole run has a drift, and not "{subject}"')
        if unit:
            raise InputError(f'expected a plain ratio like "drift < 1.2", got "{number}{unit}"')
    elif aggregate not in _COUNT_AGGREGATES:
        raise InputError(f'expected count or rate of the counter "{metric}", got "{aggregate}"')
    elif unit:
        raise InputError(f'expected a plain number for the counter "{metric}", got "{number}{unit}"')
    return 1.0


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f'expected a number, got "{text}" in "{whole.strip()}"') from None


def judge(document: Document, budgets: Iterable[Budget]) -> list[dict[str, Any]]:
    """The document's ``budgets``: what was observed, and whether the limit holds (None: no data)."""
    judged = []
    for budget in budgets:
        observed = budget.observe(document)
        ok = None if observed is None else budget.holds(observed)
        judged.append({"expression": budget.expression, "observed": observed, "ok": ok})
    return judged


_NOBODY_LEFT = (EndedEarly.NO_USER_READY, EndedEarly.ALL_CONNECTIONS_LOST)


def verdict_of(document: Document) -> Verdict:
    """Invalid where a doubt is fatal or a budget has no data, else fail where one is broken, else pass.

    A run that had nobody left to measure fails, whatever the survivors' figures say; so does one that was given up
    since a budget was broken.
    """
    if any(doubt["severity"] == "fatal" for doubt in document["doubts"]):
        return Verdict.INVALID
    if any(budget["ok"] is None for budget in document["budgets"]):
        return Verdict.INVALID
    if any(not budget["ok"] for budget in document["budgets"]):
        return Verdict.FAIL
    if document["run"]["ended_early"] in _NOBODY_LEFT or document["run"]["ended_early"] == EndedEarly.BUDGET_BROKEN:
        return Verdict.FAIL
    return Verdict.PASS


def exit_code_of(document: Document) -> ExitCode:
    """The first that applies, of 106, 105, 97 and 99; else 0."""
    if document["run"]["ended_early"] == EndedEarly.LOGIN_REFUSED:
        return ExitCode.UNREACHABLE
    if document["run"]["interrupted"]:
        return ExitCode.INTERRUPTED
    return {
        Verdict.INVALID: ExitCode.INVALID,
        Verdict.FAIL: ExitCode.FAILED,
        Verdict.PASS: ExitCode.PASS,
    }[Verdict(document["verdict"])]
