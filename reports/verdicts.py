"""The sentence a run comes down to: what the verdict is, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loadgen.errors import InputError
from reports import numbers
from reports.budgets import DRIFT, GROWTH, Budget, parse
from reports.slices import of_slice
from reports.subjects import is_memory

ENDED_EARLY = {
    "login_refused": "nobody could log in",
    "no_user_ready": "no user got as far as talking",
    "all_connections_lost": "every connection was lost before the end",
    "worker_died": "a process of the generator died",
    "budget_broken": "a budget was broken, and the run was to end then",
    "out_of_memory": "the generator had no memory left",
}
"""Why a run that nobody interrupted stopped before its plan was done."""

_DOUBTS = {
    "generator_late": "the generator was late",
    "generator_cpu_bound": "the generator ran out of CPU",
    "loop_lag": "the generator's event loop stalled",
    "schedule_unmet": "the generator did not send all that was due",
    "limit_hit": "the generator hit a limit of this machine",
    "users_missing": "not all users took part",
    "worker_died": "a process of the generator died",
    "too_few_samples": "too few samples for a quantile",
    "no_deliveries": "nothing was delivered",
    "target_restarted": "the server restarted by itself",
    "mixed_hosts": "times across hosts were left out",
    "clock_backwards": "the clock ran backwards",
    "machine_busy": "other programs used this machine",
    "beyond_calibration": "more load than calibration ever reached",
    "interrupted": "the run was interrupted",
    "foreign_traffic": "another run talked to the same server",
    "gc_pause": "garbage collection paused the generator",
    "compression_negotiated": "the connections were compressed",
    "quadratic_joins": "every join is told to everybody",
}
# A headline names at most so many budgets; the table has them all.
_NAMED_BUDGETS = 2


@dataclass(frozen=True, slots=True)
class Headline:
    """``badge`` is one of PASS, FAIL, INVALID, INTERRUPTED, RUNNING; ``tone`` one of good, bad, unsure."""

    badge: str
    tone: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.badge} - {self.sentence}"


def budget_of(expression: str) -> Budget | None:
    """The budget behind a document's expression; None for a form that this version does not know."""
    try:
        return parse(expression)
    except InputError:
        return None


def headline(document: dict[str, Any]) -> Headline:
    """What became of the run, in one sentence that says why."""
    run, verdict = document.get("run", {}), document.get("verdict")
    if run.get("interrupted"):
        return Headline("INTERRUPTED", "unsure", _interrupted(document))
    if verdict is None:
        phases = document.get("phases") or [{"name": "start"}]
        return Headline("RUNNING", "unsure", f"in the phase {phases[-1]['name']}; figures are not final.")
    early = ENDED_EARLY.get(run.get("ended_early") or "")
    because = f"{early}; " if early else ""
    if verdict == "invalid":
        return Headline("INVALID", "unsure", because + _invalid(document))
    if verdict == "fail":
        return Headline("FAIL", "bad", because + _failed(document))
    return Headline("PASS", "good", because + _passed(document))


def doubt_title(code: str) -> str:
    """A doubt's code in words."""
    return _DOUBTS.get(code, numbers.printable(code).replace("_", " "))


def observed_text(expression: str, observed: float | None) -> str:
    """What a budget saw, in the unit of its limit."""
    budget = budget_of(expression)
    if observed is None or budget is None:
        return numbers.NO_DATA if observed is None else numbers.significant(observed)
    if budget.is_time:
        return numbers.duration(observed)
    if budget.aggregate == DRIFT:
        return f"{observed:.2f} times"
    if budget.aggregate == GROWTH:
        return numbers.per_hour(observed, is_memory=is_memory(budget.metric))
    return f"{numbers.rate(observed)}/s" if budget.aggregate == "rate" else numbers.count(observed)


def _interrupted(document: dict[str, Any]) -> str:
    phases = document.get("phases") or []
    if not phases:
        return "stopped before anything began."
    last = phases[-1]
    length = numbers.seconds((last.get("end_s") or last["start_s"]) - last["start_s"])
    reached = f"stopped by hand {length} into the phase {last['name']}"
    if not _count(document, "deliveries_received"):
        return f"{reached}; nothing was measured."
    return f"{reached}; the figures are of what was seen until then and prove nothing about the rest."


def _invalid(document: dict[str, Any]) -> str:
    fatal = [doubt for doubt in document.get("doubts") or [] if doubt["severity"] == "fatal"]
    if fatal:
        first = fatal[0]
        more = f" {_more(len(fatal) - 1, 'doubt')}" if len(fatal) > 1 else ""
        return f"{doubt_title(first['code'])}: {numbers.printable(first['detail']).rstrip('.')}.{more}"
    silent = [b for b in document.get("budgets") or [] if b["ok"] is None]
    if silent:
        more = f" {_more(len(silent) - 1, 'budget')}" if len(silent) > 1 else ""
        return f"no data for the budget {numbers.printable(silent[0]['expression'])}.{more}"
    return "the measurement cannot be believed."


def _failed(document: dict[str, Any]) -> str:
    missed = [budget for budget in document.get("budgets") or [] if budget["ok"] is False]
    if not missed:
        return "the run did not do what was asked."
    sentence = "; ".join(_clause(document, budget) for budget in missed[:_NAMED_BUDGETS])
    more = f" {_more(len(missed) - _NAMED_BUDGETS, 'budget')}" if len(missed) > _NAMED_BUDGETS else ""
    return f"{sentence}.{more}"


def _passed(document: dict[str, Any]) -> str:
    budgets = document.get("budgets") or []
    lost = _lost_clause(document)
    if not budgets:
        p99 = (document.get("metrics", {}).get("delivery_time") or {}).get("p99")
        return f"no budget was set; delivery time p99 was {numbers.duration(p99)}; {lost}."
    # Times are worth reading in a pass; counts that are as they should be are not.
    named = [b for b in budgets if (known := budget_of(b["expression"])) and known.is_time][:_NAMED_BUDGETS]
    clauses = [_clause(document, budget) for budget in named]
    return f"every budget held: {'; '.join([*clauses, lost])}."


def _clause(document: dict[str, Any], judged: dict[str, Any]) -> str:
    expression, observed = numbers.printable(judged["expression"]), judged["observed"]
    budget, seen = budget_of(expression), observed_text(expression, observed)
    if budget is None:
        return f"{expression} (seen: {seen})"
    if budget.metric == "deliveries_lost" and budget.aggregate == "count" and budget.slice is None:
        return _lost_clause(document)
    what, bound = _what(budget), _bound_text(budget)
    if budget.operator not in ("<", "<="):
        return f"{what} was {seen}, wanted {budget.operator} {bound}"
    return f"{what} was {seen} of {bound} allowed" if judged["ok"] else f"{what} was {seen}, {bound} allowed"


def _what(budget: Budget) -> str:
    what = _figure(budget)
    return what if budget.slice is None else f"{what} {of_slice(budget.slice)}"


def _figure(budget: Budget) -> str:
    name = budget.metric.replace("_", " ")
    if budget.aggregate in (DRIFT, GROWTH):
        return f"{budget.aggregate} of {name}"
    if not budget.is_time:
        return name
    aggregate = "median" if budget.aggregate == "med" else budget.aggregate
    aggregate = aggregate if budget.percent is None else f"p{budget.percent:g}"
    return aggregate if budget.metric == "delivery_time" else f"{name} {aggregate}"


def _lost_clause(document: dict[str, Any]) -> str:
    lost, expected = _count(document, "deliveries_lost"), _count(document, "deliveries_expected")
    if lost is None or not expected:
        return "no delivery was expected"
    of = f"of {numbers.count(expected)} deliveries"
    if lost == 0:
        return f"none {of} was lost"
    clause = f"{numbers.count(lost)} {of} {'was' if lost == 1 else 'were'} lost"
    # What the server never said it had taken it owes nobody.
    return f"{clause}, none of an acknowledged message" if _count(document, "deliveries_lost_acked") == 0 else clause


def _bound_text(budget: Budget) -> str:
    if budget.is_time:
        return numbers.round_duration(budget.limit)
    if budget.aggregate == GROWTH:
        return numbers.per_hour(budget.limit, is_memory=is_memory(budget.metric))
    return f"{budget.limit:,g}" + ("/s" if budget.aggregate == "rate" else "")


def _more(count: int, word: str) -> str:
    return f"({count} more {word}{'' if count == 1 else 's'} below.)"


def _count(document: dict[str, Any], name: str) -> int | None:
    value = document.get("counters", {}).get(name)
    return None if value is None else int(value)
