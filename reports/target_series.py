"""The server's own figures in a document: what was scraped of it each second, on the time axis of the run.

``target_series`` is {interval_s, t_s, series: [{name, unit, values}]}, with None where a scrape failed or had no such
figure; ``target_metrics`` is {url, scrapes, failed, error}. Neither is there where nobody asked for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from loadgen.plan.access import without_passwords
from reports import numbers
from reports.budgets import Document

EMBEDDED = "auto"
"""Stands for the address at which the embedded server tells of itself."""
# As many panels as a picture has room for.
MOST_SERIES = 12

_RATE = re.compile(r"rate\(\s*(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*\)")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A figure of the server: the sum of all samples of a name, or how fast that sum grows."""

    name: str
    is_rate: bool = False

    def __str__(self) -> str:
        return f"rate({self.name})" if self.is_rate else self.name

    @property
    def unit(self) -> str:
        """By the conventions for names: bytes, s, bytes/s, 1/s; "ratio" for seconds a second; "number" for the rest."""
        root = self.name.removesuffix("_total")
        for ending, unit, rate in (("_bytes", "bytes", "bytes/s"), ("_seconds", "s", "ratio")):
            if root.endswith(ending):
                return rate if self.is_rate else unit
        return "1/s" if self.is_rate else "number"


def parse_wanted(text: str) -> Wanted:
    """What ``name`` or ``rate(name)`` asks for; ValueError for anything else."""
    found = _RATE.fullmatch(text.strip())
    if found is not None:
        return Wanted(found["name"], is_rate=True)
    if _NAME.fullmatch(text.strip()) is None:
        raise ValueError("neither a name nor rate(name)")
    return Wanted(text.strip())


@dataclass(frozen=True, slots=True)
class Scrape:
    """What the server told at an instant; ``at_s`` counts from the start of the run."""

    at_s: float
    values: Mapping[str, float] | None
    """By name, the samples of one name added up; None where it told nothing."""
    error: str | None = None


def target_sections(
    url: str, wanted: Sequence[Wanted], scrapes: Sequence[Scrape], t_s: Sequence[float]
) -> dict[str, Any]:
    """The two sections of a document whose series have the seconds ``t_s``."""
    failed = [scrape for scrape in scrapes if scrape.values is None]
    return {
        "target_metrics": {
            "url": without_passwords(url),
            "scrapes": len(scrapes),
            "failed": len(failed),
            "error": failed[-1].error if failed else None,
        },
        "target_series": {
            "interval_s": 1.0,
            "t_s": list(t_s),
            "series": [
                {"name": str(each), "unit": each.unit, "values": _values(each, scrapes, t_s)} for each in wanted
            ],
        },
    }


def _values(wanted: Wanted, scrapes: Sequence[Scrape], t_s: Sequence[float]) -> list[float | None]:
    """One for each second: a scrape at its end closes it."""
    told = ((scrape.at_s, (scrape.values or {}).get(wanted.name)) for scrape in scrapes)
    known = [(at_s, value) for at_s, value in told if value is not None]
    values: dict[int, float] = {}
    if not wanted.is_rate:
        values = {int(at_s - 0.5): value for at_s, value in known if at_s >= 0.5}
    else:
        for (before_s, before), (after_s, after) in pairwise(known):
            # A counter that shrinks belongs to another process than before.
            if after_s > before_s and after >= before and after_s >= 0.5:
                values[int(after_s - 0.5)] = (after - before) / (after_s - before_s)
    return [values.get(int(second)) for second in t_s]


def note_of(document: Document) -> str:
    """How well the server could be asked, in a sentence; empty where it always could."""
    told = document.get("target_metrics")
    if not told or not told["failed"]:
        return ""
    why = f" ({numbers.printable(told['error'])})" if told["error"] else ""
    return f"{told['failed']} of {told['scrapes']} scrapes failed{why}; there the lines have gaps."


def value_text(value: float | None, unit: str) -> str:
    """One of the figures in the words of its unit."""
    if value is None:
        return numbers.NO_DATA
    match unit:
        case "bytes":
            return numbers.size(value)
        case "bytes/s":
            return f"{numbers.size(value)}/s"
        case "s":
            return numbers.duration(value * 1000)
        case "ratio":
            return numbers.percent(value)
        case _:
            text = numbers.count(value) if float(value).is_integer() else numbers.significant(value)
            return f"{text}/s" if unit == "1/s" else text
