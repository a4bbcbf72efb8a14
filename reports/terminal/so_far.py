"""How the budgets of a run stand that goes on: nothing is settled before its end, and that must be read from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from loadgen.measure.tally import Count
from reports.budgets import Budget
from reports.terminal.progress import run_time_s
from reports.verdicts import observed_text


class State(StrEnum):
    """What can be said of one now."""

    BROKEN = "broken so far"
    NO_DATA = "no data yet"
    NOT_YET = "not yet"
    """It limits from below what still grows."""
    HELD = "held so far"


@dataclass(frozen=True, slots=True)
class BudgetNow:
    """One budget, and what was seen of it; ``seen`` is empty where nothing was."""

    expression: str
    seen: str
    state: State


def budgets_so_far(document: dict[str, Any], budgets: Iterable[Budget]) -> list[BudgetNow]:
    """Those that are in trouble first, else in their own order."""
    order = list(State)
    return sorted((_now(budget, document) for budget in budgets), key=lambda now: order.index(now.state))


def needs_histograms(budgets: Iterable[Budget]) -> bool:
    """Whether a snapshot without histograms knows nothing of one of them."""
    return any(budget.slice is not None or not budget.is_documented for budget in budgets)


def _now(budget: Budget, document: dict[str, Any]) -> BudgetNow:
    observed = budget.observe(_with_the_window_so_far(document)) if document.get("phases") else None
    if observed is None:
        return BudgetNow(budget.expression, "", State.NO_DATA)
    seen = observed_text(budget.expression, observed)
    if budget.holds(observed):
        return BudgetNow(budget.expression, seen, State.HELD)
    is_below = observed < budget.limit or (budget.operator == ">" and observed == budget.limit)
    grows = budget.metric in set(Count) and budget.aggregate == "count" and is_below
    return BudgetNow(budget.expression, seen, State.NOT_YET if grows else State.BROKEN)


def _with_the_window_so_far(document: dict[str, Any]) -> dict[str, Any]:
    """The same, with rates over what is over of the measured window instead of the whole of it."""
    starts_s = [phase["start_s"] for phase in document["phases"] if phase["name"] == "measure"]
    if not starts_s:
        return document
    whole_s = document["rates"]["window_s"]
    so_far_s = max(0.0, run_time_s(document) + 1 - starts_s[0])
    return document | {"rates": document["rates"] | {"window_s": min(whole_s, so_far_s) if whole_s else whole_s}}
