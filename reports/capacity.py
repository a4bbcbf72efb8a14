"""The document of a capacity search (schema chatbench.capacity/1): every load that was tried, and the answer. Pure.

search    id, scenario, command, started_at, finished_at, of (users | rate | room), ended, seconds
answer    held, broke (the interval; null where there is no such end), confirmed, limit {side, reason}, broken_budget
probes    [{load, outcome, confirms, verdict, p50_ms, p99_ms, deliveries_per_s, limit, broken, run, hdr (its
          histogram of delivery times, as in a result document)}]  in order
environment, target   as in a result document, of the first probe
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from reports import numbers
from reports.budgets import Document

SCHEMA = "chatbench.capacity/1"


class Axis(StrEnum):
    """What grows."""

    USERS = "users"
    RATE = "rate"
    ROOM = "room"


WORDS = {
    "held": "held",
    "broke": "did not hold",
    "unbelievable": "unbelievable",
    "too_few_samples": "too few samples",
}
UNITS = {Axis.USERS: "users", Axis.RATE: "messages/s", Axis.ROOM: "members"}


class Ended(StrEnum):
    """Why no more was tried."""

    FOUND = "found"
    NOTHING_HELD = "nothing_held"
    BOUND = "bound"  # more cannot be offered here
    MAX_TIME = "max_time"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Probe:
    """One load, and what became of it."""

    load: int
    outcome: str
    """held, broke, unbelievable or too_few_samples."""
    confirms: bool
    verdict: str | None
    p50_ms: float | None
    p99_ms: float | None
    deliveries_per_s: float | None
    limit: dict[str, str] | None
    broken: tuple[str, ...]
    """The budgets that did not hold."""
    run: str
    """Its run directory."""
    hdr: str | None = None
    """Its histogram of delivery times, as in a result document."""

    @classmethod
    def of(cls, document: Document, load: int, outcome: str, run: str, *, confirms: bool) -> Probe:
        """That of a result document."""
        delivery = document["metrics"]["delivery_time"]
        return cls(
            load,
            outcome,
            confirms,
            document["verdict"],
            delivery["p50"],
            delivery["p99"],
            document["rates"]["deliveries_received_per_s"],
            document["limit"],
            tuple(budget["expression"] for budget in document["budgets"] if budget["ok"] is False),
            run,
            delivery.get("hdr"),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The interval in which the capacity lies."""

    held: int | None
    broke: int | None
    confirmed: bool


def build(
    facts: dict[str, Any], of: Axis, probes: list[Probe], answer: Answer, ended: Ended, why: str | None
) -> Document:
    """The document; ``facts`` are the search's own, ``why`` says what kept us from offering more."""
    decisive = _decisive(probes, answer)
    return {
        "schema": SCHEMA,
        "search": facts | {"of": str(of), "unit": UNITS[of], "ended": str(ended), "why": why},
        "answer": asdict(answer)
        | {
            "limit": None if decisive is None else decisive.limit,
            "broken_budget": decisive.broken[0] if decisive is not None and decisive.broken else None,
        },
        "probes": [asdict(probe) | {"broken": list(probe.broken)} for probe in probes],
    }


def _decisive(probes: list[Probe], answer: Answer) -> Probe | None:
    """The probe that the upper end of the answer comes from."""
    return next((probe for probe in reversed(probes) if probe.load == answer.broke and probe.outcome != "held"), None)


def _most_with_too_few_samples(document: Document) -> int | None:
    return max((probe["load"] for probe in document["probes"] if probe["outcome"] == "too_few_samples"), default=None)


def badge(document: Document) -> str:
    """The answer in two words."""
    answer = document["answer"]
    if answer["held"] is None:
        return "NONE"
    is_the_servers = answer["broke"] is not None and (answer["limit"] or {}).get("side") not in ("generator", "machine")
    return f"{'ABOUT' if is_the_servers else 'AT LEAST'} {answer['held']:,}"


def headline(document: Document) -> str:
    """The answer in a sentence."""
    search, answer = document["search"], document["answer"]
    unit, held, broke = search["unit"], answer["held"], answer["broke"]
    if held is None and broke is not None:
        return f"Not even {broke:,} {unit} held."
    if held is None:
        sparse = _most_with_too_few_samples(document)
        if sparse is None:
            return "Nothing was measured."
        return f"At {sparse:,} {unit} there were still too few samples to judge by: measure longer (--duration)."
    sure = "" if answer["confirmed"] else " (not confirmed by a longer run)"
    side = (answer["limit"] or {}).get("side")
    if broke is None:
        return f"At least {held:,} {unit} held{sure}; no more were tried."
    if side in ("generator", "machine"):
        return f"At least {held:,} {unit} held{sure}: at {broke:,} the {side} was at its limit, and not the server."
    return f"{held:,} {unit} held{sure}, {broke:,} did not."


def reasons(document: Document) -> list[str]:
    """Why the answer is not more, and why no more was tried."""
    search, answer = document["search"], document["answer"]
    lines = []
    if answer["broken_budget"] is not None:
        lines.append(f"What broke first: {answer['broken_budget']}")
    if answer["limit"] is not None and answer["limit"]["side"] != "none":
        lines.append(f"The limit: {answer['limit']['side']} ({answer['limit']['reason']})")
    endings = {
        Ended.MAX_TIME: "The time was over before the answer was narrowed down.",
        Ended.INTERRUPTED: "Stopped by hand before the answer was narrowed down.",
        Ended.BOUND: f"More cannot be offered here: {search['why']}",
    }
    ended = Ended(search["ended"])
    return [*lines, endings[ended]] if ended in endings else lines


def lines_of(document: Document) -> list[str]:
    """The answer and what it rests on, for a terminal."""
    probes = sorted(document["probes"], key=lambda each: (each["load"], each["confirms"]))
    head = f"{document['search']['unit']:>12}  {'outcome':<20} {'delivery p50':>12}  {'p99':>10}  {'deliveries/s':>12}"
    table = ["", head, *(probe_line(probe) for probe in probes)] if probes else []
    return [headline(document), *reasons(document), *table]


def unit_of(of: Axis) -> str:
    """What is counted where this grows."""
    return UNITS[of]


def known_text(held: int | None, broke: int | None) -> str:
    """What a search knows by now, in a few words; empty before its first outcome."""
    told = (f"{held:,} held" if held is not None else "", f"{broke:,} did not" if broke is not None else "")
    return ", ".join(text for text in told if text)


def probe_line(probe: dict[str, Any]) -> str:
    """One load in a line."""
    per_s = probe["deliveries_per_s"]
    figures = (numbers.duration(probe["p50_ms"]), numbers.duration(probe["p99_ms"]))
    words = WORDS[probe["outcome"]] + (", longer" if probe["confirms"] else "")
    told = "no data" if per_s is None else f"{per_s:,.0f}"
    return f"{probe['load']:>12,}  {words:<20} {figures[0]:>12}  {figures[1]:>10}  {told:>12}"
