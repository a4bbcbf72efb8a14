"""What a report says of the slices of a run: how fast for whom. Phases are left to the budgets that name them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from loadgen.errors import InputError
from loadgen.plan.slices import MOST_MEMBERS, NO_INCIDENT, OTHER_NODE, SAME_NODE, RoomClass, SliceKind, kind_of
from reports import numbers
from reports.budgets import parse
from reports.planned import kind_of as incident_kind_of

_QUANTILES = ("p50", "p95", "p99")
_TOO_FEW = "too few"
_MEANINGS = {
    NO_INCIDENT: "due while there was no incident",
    SAME_NODE: "from one user to another of the same node",
    OTHER_NODE: "from a user of one node to one of another",
}
_WHERE = {
    SliceKind.ROOM.named(RoomClass.DIRECT): "of direct messages",
    NO_INCIDENT: "without an incident",
    SAME_NODE: "within a node",
    OTHER_NODE: "from node to node",
}


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One slice; ``quantiles`` are p50, p95 and p99 of the delivery time. Rows of one ``group`` belong together."""

    group: str
    name: str
    """As a budget names it."""
    meaning: str
    count: str
    """Deliveries received."""
    quantiles: tuple[str, ...]
    lost: str
    bad: bool
    is_judged: bool
    """Whether a budget names it."""


def slice_table(document: dict[str, Any]) -> Iterator[SliceRow]:
    """The slices of a document that messages have; none in those of versions that did not tell."""
    judged = _judged(document)
    for told in document.get("slices") or []:
        name = str(told["name"])
        kind = kind_of(name)
        if kind is None or kind is SliceKind.PHASE:
            continue
        counters, times = told.get("counters") or {}, (told.get("metrics") or {}).get("delivery_time") or {}
        expected = counters.get("deliveries_expected")
        lost = counters.get("deliveries_lost") if expected else None
        yield SliceRow(
            str(kind),
            numbers.printable(name),
            meaning_of(name, document),
            numbers.count(counters.get("deliveries_received")),
            tuple(_quantile(times, quantile) for quantile in _QUANTILES),
            numbers.count(lost),
            bad=bool(lost),
            is_judged=name in judged,
        )


def meaning_of(name: str, document: dict[str, Any]) -> str:
    """What is in a slice, in words."""
    kind, what = kind_of(name), numbers.printable(name.partition(": ")[2])
    if name in _MEANINGS:
        return _MEANINGS[name]
    if kind is SliceKind.ROOM and what in set(RoomClass):
        return _room(RoomClass(what))
    if kind is SliceKind.INCIDENT and (told := _incident(document, what)) is not None:
        return f"due during the {incident_kind_of(told)}"
    return f"due in {kind} {what}"


def of_slice(name: str) -> str:
    """Words that follow those for a figure: "p99 in large rooms"."""
    kind, what = kind_of(name), name.partition(": ")[2]
    if name in _WHERE:
        return _WHERE[name]
    if kind is SliceKind.ROOM:
        return f"in {'rooms of two' if what == RoomClass.PAIR else f'{what} rooms'}"
    return f"in {'the phase ' if kind is SliceKind.PHASE else f'{kind} '}{what}"


def _room(size: RoomClass) -> str:
    if size is RoomClass.DIRECT:
        return "to one user"
    sizes = [*MOST_MEMBERS]
    if size is RoomClass.HUGE:
        return f"to rooms of more than {numbers.count(MOST_MEMBERS[sizes[-1]])}"
    most = numbers.count(MOST_MEMBERS[size])
    place = sizes.index(size)
    return (
        f"to rooms of {numbers.count(MOST_MEMBERS[sizes[place - 1]] + 1)} to {most}"
        if place
        else f"to rooms of up to {most}"
    )


def _incident(document: dict[str, Any], number: str) -> dict[str, Any] | None:
    """The incident of that number, from 1, in the order of the file."""
    planned = ((document.get("plan") or {}).get("incident") or {}).get("value") or []
    return next((row for place, row in enumerate(planned, start=1) if str(place) == number), None)


def _quantile(times: dict[str, Any], quantile: str) -> str:
    value_ms = times.get(quantile)
    return _TOO_FEW if value_ms is None and times.get("count") else numbers.duration(value_ms)


def _judged(document: dict[str, Any]) -> set[str]:
    """The slices that budgets name."""
    found = set()
    for budget in document.get("budgets") or []:
        with contextlib.suppress(InputError):  # of a form that this version does not know
            found.add(parse(budget["expression"]).slice or "")
    return found
