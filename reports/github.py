"""Annotations: what GitHub shows beside a job and, where it can, beside the line of a scenario file. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reports import capacity, compare, compare_texts, numbers, sweep
from reports.budgets import Document, ExitCode
from reports.junit import why_it_ended
from reports.junit_comparison import cases_of
from reports.junit_xml import Outcome
from reports.planned import plain_text
from reports.summary import summarise
from reports.verdicts import doubt_title, observed_text

# GitHub shows so many of a kind that one step prints, and drops the others without a word.
MOST = 10

# Kinds of blame in a comparison -> words.
_FINDINGS = {
    "slower": "slower",
    "more": "more than before",
    "failed": "more of the runs fail",
    "cannot_tell": "cannot tell",
    "invalid": "the runs cannot be believed",
    "interrupted": "stopped by hand",
}

_KEY = re.compile(r"""(?:"(?P<quoted>[^"]*)"|'(?P<literal>[^']*)'|(?P<bare>[\w-]+))\s*=\s*(?P<limits>.*)""")
_LIMIT = re.compile(r""""([^"]*)"|'([^']*)'""")


class Level(StrEnum):
    """How loud."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Place:
    """A line, from 1, of a file; its path starts at the root of the repository."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Annotation:
    """One remark."""

    level: Level
    title: str
    message: str
    place: Place | None = None


def annotations_of(document: Document, places: Mapping[str, Place]) -> list[Annotation]:
    """Of whatever document it is; an error is among them exactly when it failed, was invalid or was interrupted.

    ``places`` are those of budgets, by expression.
    """
    if "sweep" in document:
        return list(_of_sweep(document))
    if "search" in document:
        return list(_of_capacity(document))
    if "compare" in document:
        return list(_of_comparison(document))
    return list(_of_run(document, places))


def lines_of(annotations: Sequence[Annotation]) -> list[str]:
    """Workflow commands, a line each; where there are too many of a level, the last one shown names the others."""
    return [_line(each) for level in Level for each in _shown([a for a in annotations if a.level is level])]


def lines_of_budgets(text: str, tables: Collection[str]) -> dict[str, int]:
    """Where budgets stand in the text of a TOML file: their expressions, without blanks -> the line, from 1.

    ``tables`` are the names of those that hold budgets; "" is what comes before the first. It takes the usual form, a
    key for each metric; what is written otherwise is not found.
    """
    found: dict[str, int] = {}
    is_within, metric = "" in tables, ""
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if line.startswith("["):
            is_within = line.partition("]")[0].strip("[ ") in tables
        elif is_within and not line.startswith("#"):
            key = _KEY.match(line)
            metric = key["quoted"] or key["literal"] or key["bare"] if key else metric
            for limit in _LIMIT.finditer(key["limits"] if key else line):
                found.setdefault(without_blanks(f"{metric}:{limit[1] or limit[2]}"), number)
    return found


def without_blanks(expression: str) -> str:
    """A budget as :func:`lines_of_budgets` knows it."""
    return "".join(expression.split())


def _of_run(document: Document, places: Mapping[str, Place]) -> Iterator[Annotation]:
    name = f"chatbench {document['run']['scenario']}"
    ended = why_it_ended(document)
    if ended is not None:
        yield Annotation(Level.ERROR, name, ended.message)
    for budget in document["budgets"]:
        if budget["ok"]:
            continue
        expression = budget["expression"]
        is_known = budget["ok"] is not None
        yield Annotation(
            Level.ERROR,
            f"{name}: {'budget broken' if is_known else 'no data for a budget'}",
            f"{expression}: {'observed ' if is_known else ''}{observed_text(expression, budget['observed'])}",
            places.get(expression),
        )
    levels = {"fatal": Level.ERROR, "warning": Level.WARNING}
    for doubt in summarise(document).doubts:
        if doubt.severity in levels:
            message = f"{doubt.detail.rstrip('.')}. {doubt.advice}".rstrip()
            yield Annotation(levels[doubt.severity], f"{name}: {doubt.title}", message)


def _of_comparison(document: Document) -> Iterator[Annotation]:
    """An invalid one judges nothing, which is said once."""
    is_invalid = document["compare"]["verdict"] == compare.Whole.INVALID
    advice = compare_texts.advice_sentence(document)
    for case in cases_of(document):
        blame = case.blame
        if blame is None or (is_invalid and blame.outcome is Outcome.SKIPPED):
            continue
        is_unsure = blame.outcome is Outcome.SKIPPED
        yield Annotation(
            Level.WARNING if is_unsure else Level.ERROR,
            f"chatbench {document['compare']['scenario']}: {_FINDINGS.get(blame.kind, blame.kind)}",
            "\n".join([*(blame.lines or (blame.message,)), *([advice] if is_unsure and advice else [])]),
        )


def _of_sweep(document: Document) -> Iterator[Annotation]:
    facts = document["sweep"]
    name = f"chatbench {facts['scenario']}"
    if facts["ended"] != sweep.Ended.DONE:
        yield Annotation(Level.ERROR, name, sweep.headline(document).sentence)
    for row in document["rows"]:
        title = f"{name}: {facts['key']} = {plain_text(row['value'])}"
        doubts = {
            severity: [
                f"{doubt_title(each['code'])}: {each['detail']}"
                for each in row["doubts"]
                if each["severity"] == severity
            ]
            for severity in ("fatal", "warning")
        }
        if row["exit_code"] != ExitCode.PASS:
            why = [*(f"{each}: broken" for each in row["broken"]), *doubts["fatal"]]
            yield Annotation(
                Level.ERROR, title, "\n".join(why) or f"the run came to {row['verdict']}: see {row['run']}"
            )
        if doubts["warning"]:
            yield Annotation(Level.WARNING, title, "\n".join(doubts["warning"]))


def _of_capacity(document: Document) -> Iterator[Annotation]:
    if document["answer"]["held"] is None or document["search"]["ended"] == capacity.Ended.INTERRUPTED:
        told = [capacity.headline(document), *capacity.reasons(document)]
        yield Annotation(Level.ERROR, f"chatbench capacity {document['search']['scenario']}", "\n".join(told))


def _shown(annotations: list[Annotation]) -> list[Annotation]:
    if len(annotations) <= MOST:
        return annotations
    rest = annotations[MOST - 1 :]
    message = "\n".join(f"{each.title}: {each.message}" for each in rest)
    return [*annotations[: MOST - 1], Annotation(rest[0].level, f"chatbench: {len(rest)} more", message)]


def _line(annotation: Annotation) -> str:
    properties: dict[str, Any] = {"title": annotation.title}
    if annotation.place is not None:
        properties = {"file": annotation.place.file, "line": annotation.place.line} | properties
    told = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{annotation.level} {told}::{_data(annotation.message)}"


def _data(text: str) -> str:
    r"""A message, escaped as the runner unescapes it: %, \r and \n; nothing else that steers gets through."""
    lines = [numbers.printable(line).replace("%", "%25") for line in text.splitlines()]
    return "%0A".join(lines)


def _property(text: str) -> str:
    """The same of a property, which also ends at a colon or a comma."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
