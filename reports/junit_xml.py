"""JUnit's XML as Jenkins and GitLab read it: one suite of cases, each green, failed, in error or skipped. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reports import numbers

# For the declaration: ElementTree would write the encoding of the machine's locale into it.
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
# A date and a time without a zone.
_TIMESTAMP_LENGTH = len("2026-02-03T10:20:30")


class Outcome(StrEnum):
    """What a case is where it is not green."""

    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Blame:
    """Why a case is not green; ``lines`` say more than the message does."""

    outcome: Outcome
    kind: str
    message: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One test; ``said`` is its output."""

    name: str
    blame: Blame | None = None
    said: tuple[str, ...] = ()
    time_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Suite:
    """Tests of one class; ``started_at`` is RFC 3339 in UTC."""

    name: str
    cases: Sequence[Case]
    properties: Mapping[str, object]
    started_at: str | None = None


def written(suite: Suite) -> str:
    """The file, with nothing in it that the schema of Jenkins' xUnit plugin does not know.

    That one has neither ``skipped`` nor ``timestamp`` at the root. GitLab drops a case whose name was there before, so
    names are told apart.
    """
    name = numbers.printable(suite.name)
    cases = [_case(case, f"chatbench.{name}", number) for case, number in _numbered(suite.cases)]
    totals = {
        "tests": str(len(cases)),
        "failures": _count(cases, Outcome.FAILURE),
        "errors": _count(cases, Outcome.ERROR),
        "time": f"{sum(case.time_s for case in suite.cases):.3f}",
    }
    own = {"name": name} | totals | {"skipped": _count(cases, Outcome.SKIPPED)}
    if suite.started_at is not None:
        own["timestamp"] = numbers.printable(suite.started_at)[:_TIMESTAMP_LENGTH]
    element = Element("testsuite", own)
    properties = SubElement(element, "properties")
    for key, value in suite.properties.items():
        SubElement(properties, "property", name=key, value=numbers.printable(value))
    element.extend(cases)
    root = Element("testsuites", {"name": "chatbench"} | totals)
    root.append(element)
    indent(root)
    return _DECLARATION + tostring(root, encoding="unicode") + "\n"


def _numbered(cases: Sequence[Case]) -> list[tuple[Case, int]]:
    """Each with how many of its name there were, itself included."""
    seen: Counter[str] = Counter()
    numbered = []
    for case in cases:
        seen[case.name] += 1
        numbered.append((case, seen[case.name]))
    return numbered


def _case(case: Case, classname: str, number: int) -> Element:
    name = numbers.printable(case.name) + (f" ({number})" if number > 1 else "")
    element = Element("testcase", name=name, time=f"{case.time_s:.3f}", classname=classname)
    blame = case.blame
    if blame is not None:
        # Jenkins shows the message, GitLab the text.
        message, kind = numbers.printable(blame.message), numbers.printable(blame.kind)
        SubElement(element, blame.outcome, type=kind, message=message).text = _text(blame.lines or (message,))
    if case.said:
        SubElement(element, "system-out").text = _text(case.said)
    return element


def _text(lines: Sequence[str]) -> str:
    return "\n".join(map(numbers.printable, lines))


def _count(cases: Sequence[Element], outcome: Outcome) -> str:
    return str(sum(case.find(outcome) is not None for case in cases))
