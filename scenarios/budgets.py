"""The budgets of a run: those of its scenario, of a file for many scenarios, and of flags and variables, in this order.

For each subject, a metric or a slice of one, the last of these that says something takes the place of the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadgen.errors import InputError
from loadgen.measure.record import Phase
from loadgen.measure.tally import OF_THE_WHOLE_RUN
from loadgen.plan.plan import Plan
from loadgen.plan.slices import SliceKind
from reports.budgets import Budget, parse, parse_limit
from reports.subjects import MEASURED, Subject, parse_subject, spelled
from scenarios.layers import Layers, Origin
from scenarios.schema import Scenario
from scenarios.validation import parse_toml

_OF_SCENARIOS = "scenario"
_A_LIMIT = 'a limit like "p(99) < 250ms", or a list of them'


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget, and where it was set."""

    budget: Budget
    origin: Origin
    place: str
    """What errors call it."""


def settle_budgets(scenario: Scenario, layers: Layers, plan: Plan) -> tuple[Limit, ...]:
    """All limits that hold; InputError for one that says nothing, or is of a slice that the plan does not have."""
    of_scenario = [(f"budgets.{key}", key, limits) for key, limits in scenario.budgets.items()]
    settled = _laid_over({}, _limits(((layers.label(at), key, limits) for at, key, limits in of_scenario), Origin.FILE))
    path = budgets_path(scenario, layers)
    if path is not None:
        for table in _tables_of(path, layers):
            settled = _laid_over(settled, _limits(table, Origin.BUDGETS))
    settled = _laid_over(settled, _typed(layers))
    limits = tuple(limit for several in settled.values() for limit in several)
    for limit in limits:
        _check_slice(limit, plan)
    return limits


def budgets_path(scenario: Scenario, layers: Layers) -> Path | None:
    """The file of budgets for many scenarios; where a scenario names it, from where that stands."""
    name = scenario.run.budgets_file
    return None if name is None else layers.folder_of("run.budgets_file") / name


def rows_of(limits: Iterable[Limit]) -> dict[str, dict[str, Any]]:
    """As the document shows them: all together, and for each subject where its limits come from."""
    rows: dict[str, dict[str, Any]] = {"budgets": {"value": [], "origin": str(Origin.DEFAULT)}}
    strongest = Origin.DEFAULT
    for limit in limits:
        strongest = max(strongest, limit.origin, key=[*Origin].index)
        subject, _, rest = limit.budget.expression.rpartition(": ")
        row = rows.setdefault(f"budgets.{subject}", {"value": [], "origin": str(limit.origin)})
        row["value"].append(rest)
        rows["budgets"]["value"].append(limit.budget.expression)
    rows["budgets"]["origin"] = str(strongest)
    return rows


def spelled_alike(budgets: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A table of budgets with each subject as we write it; InputError where one stands there twice."""
    alike: dict[str, Any] = {}
    for key, limits in budgets.items():
        subject = spelled(key)
        if subject in alike:
            raise InputError(f'{place}{key}: expected its limits in one list, got "{subject}" a second time')
        alike[subject] = limits
    return alike


_Settled = dict[Subject, list[Limit]]


def _laid_over(beneath: _Settled, above: _Settled) -> _Settled:
    return {subject: limits for subject, limits in beneath.items() if subject not in above} | above


def _limits(table: Iterable[tuple[str, str, str | list[str]]], origin: Origin) -> _Settled:
    """Of rows of (place, subject, limits); a subject without limits takes away those that it has otherwise."""
    settled: _Settled = {}
    for place, key, limits in table:
        try:
            subject = parse_subject(key)
            budgets = [parse_limit(key, text) for text in ([limits] if isinstance(limits, str) else limits)]
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        settled.setdefault(subject, []).extend(Limit(budget, origin, place) for budget in budgets)
    return settled


def _typed(layers: Layers) -> _Settled:
    settled: _Settled = {}
    for origin, place, text in layers.extra_budgets:
        try:
            budget = parse(text)
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        settled.setdefault(budget.subject, []).append(Limit(budget, origin, place))
    return settled


# --- a file for many scenarios ------------------------------------------------------------------------------------


def _tables_of(path: Path, layers: Layers) -> Iterator[list[tuple[str, str, str | list[str]]]]:
    """What the file says of this scenario: of all, of those that it extends, and of itself, each over the one before.

    All of the file is looked at, whomever it is for.
    """
    tables = _read(path, layers.label("run.budgets_file"))
    of_scenarios = tables.pop(_OF_SCENARIOS, {})
    if not isinstance(of_scenarios, dict):
        raise InputError(
            f"{path}: {_OF_SCENARIOS}: expected tables like [{_OF_SCENARIOS}.fanout], got {_written(of_scenarios)}"
        )
    of_all = _rows(tables, f"{path}: ")
    by_name = {}
    for name, table in of_scenarios.items():
        place = f"{path}: {_OF_SCENARIOS}.{name}"
        if not isinstance(table, dict):
            raise InputError(f"{place}: expected a table, got {_written(table)}")
        by_name[name] = _rows(table, f"{place}.")
    for rows in (of_all, *by_name.values()):
        _limits(rows, Origin.BUDGETS)
    meant = [of_all, *(by_name[name] for name in reversed(layers.names) if name in by_name)]
    if not any(meant):
        raise InputError(
            f'{path}: expected budgets for all scenarios, or for "{layers.names[0]}" in '
            f"[{_OF_SCENARIOS}.{layers.names[0]}], got {_found(by_name)}"
        )
    yield from meant


def _found(by_name: Mapping[str, object]) -> str:
    return f"some for {', '.join(by_name)} alone" if by_name else "none"


def _read(path: Path, label: str) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{label}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{label}: cannot read {path}: it is not UTF-8 text") from None
    return parse_toml(text, str(path))


def _rows(table: Mapping[str, Any], place: str) -> list[tuple[str, str, str | list[str]]]:
    rows = []
    for key, limits in spelled_alike(table, place).items():
        is_list = isinstance(limits, list) and all(isinstance(each, str) for each in limits)
        if not isinstance(limits, str) and not is_list:
            try:
                parse_subject(key)
            except InputError as error:
                raise InputError(f"{place}{key}: {error}") from None
            raise InputError(f"{place}{key}: expected {_A_LIMIT}, got {_written(limits)}")
        rows.append((f"{place}{key}", key, limits))
    return rows


def _written(value: object) -> str:
    return "a table" if isinstance(value, dict) else json.dumps(value, default=str)


# --- slices -------------------------------------------------------------------------------------------------------


def _check_slice(limit: Limit, plan: Plan) -> None:
    """InputError where the plan has no such slice: it would have no data, and one would know only at the end."""
    budget, slicing = limit.budget, plan.slicing
    if budget.slice is None or (budget.slice == MEASURED and budget.metric not in OF_THE_WHOLE_RUN):
        return
    kind = SliceKind(budget.slice.partition(": ")[0])
    there = [*slicing.names, *([] if slicing.whole is None else [slicing.whole])]
    if kind is SliceKind.PHASE:
        there = [kind.named(phase) for phase in phases_of(plan)]
    names, (found,) = kind.names_in(there), kind.names_in([budget.slice])
    if found in names:
        return
    place = limit.place if str(budget.subject) in limit.place else f"{limit.place}: {budget.subject}"
    if not names:
        raise InputError(f"{place}: expected no {kind}, {_why_none(kind, plan)}, got {found}")
    raise InputError(f"{place}: expected one of the {kind}s of this scenario ({', '.join(names)}), got {found}")


def _why_none(kind: SliceKind, plan: Plan) -> str:
    if not plan.slicing.room_classes:
        return "since no messages are sent"
    if kind is SliceKind.STAGE and plan.stages and plan.rate_stages:
        return "since users and the rate have stages of their own here"
    if kind is SliceKind.NODE:
        return "since the server has one (two --target, target.nodes or the dialect's connect.node make several)"
    return f"since the scenario has no {kind}s"


def phases_of(plan: Plan) -> list[Phase]:
    """Those that a run of the plan comes to, and stays in for a while."""
    entrance = [] if plan.begins_empty else [Phase.LOGIN, Phase.CONNECT, Phase.JOIN]
    if plan.dialect.login is None or plan.tokens:
        entrance = [phase for phase in entrance if phase is not Phase.LOGIN]
    talk = ((Phase.WARMUP, plan.warmup_ns), (Phase.MEASURE, plan.measure_ns), (Phase.DRAIN, plan.drain_ns))
    return [*entrance, *(phase for phase, length_ns in talk if length_ns)]
