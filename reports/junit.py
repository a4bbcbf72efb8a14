"""junit.xml: a run as continuous integration shows tests, one case for each budget."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reports import numbers
from reports.summary import DoubtRow, summarise
from reports.verdicts import ENDED_EARLY, observed_text

BELIEVED = "measurement can be believed"
CAME_TO_ITS_END = "the run came to its end"

# For the declaration: ElementTree would write the encoding of the machine's locale into it.
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def render(document: dict[str, Any]) -> str:
    """The JUnit XML of a result document; a case fails or errs in it exactly when the run did not pass.

    A broken budget is a failure. A budget without data is an error, and so is a fatal doubt: there the measurement
    is at fault, and says nothing about the server.
    """
    scenario = numbers.printable(document["run"]["scenario"])
    cases = [
        _came_to_its_end(document),
        _believed(document),
        *(_budget(budget) for budget in document["budgets"]),
    ]
    for case in cases:
        case.set("classname", f"chatbench.{scenario}")
    suite = Element("testsuite", {"name": scenario} | _totals(document, cases))
    suite.append(_properties(document))
    suite.extend(cases)
    root = Element("testsuites", {"name": "chatbench"} | _totals(document, cases))
    root.append(suite)
    indent(root)
    return _DECLARATION + tostring(root, encoding="unicode") + "\n"


def _totals(document: dict[str, Any], cases: list[Element]) -> dict[str, str]:
    # RFC 3339 begins with what JUnit wants: a date and time without a zone, here UTC.
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": "0",
        "time": _run_time(document),
        "timestamp": numbers.printable(document["run"]["started_at"])[:19],
    }


def _properties(document: dict[str, Any]) -> Element:
    run, target = document["run"], document["target"]
    facts = {
        "verdict": document["verdict"],
        "target": target["url"],
        "dialect": target["dialect"],
        "command": run["command"],
        "seed": run["seed"],
        "run": run["id"],
    }
    properties = Element("properties")
    for name, value in facts.items():
        SubElement(properties, "property", name=name, value=numbers.printable(value))
    return properties


def _came_to_its_end(document: dict[str, Any]) -> Element:
    # This one takes all the time: readers add up the cases.
    case = _case(CAME_TO_ITS_END, _run_time(document))
    run = document["run"]
    if run["interrupted"]:
        _blame(case, "failure", "interrupted", "the run was interrupted")
    elif run["ended_early"]:
        reason = str(run["ended_early"])
        _blame(case, "failure", reason, ENDED_EARLY.get(reason, reason))
    elif document["verdict"] is None:
        _blame(case, "failure", "running", "the run still goes on")
    return case


def _believed(document: dict[str, Any]) -> Element:
    case = _case(BELIEVED)
    doubts = summarise(document).doubts
    fatal = [doubt for doubt in doubts if doubt.severity == "fatal"]
    if fatal:
        _blame(case, "error", fatal[0].code, "; ".join(doubt.title for doubt in fatal), *map(_line, fatal))
    rest = [doubt for doubt in doubts if doubt.severity != "fatal"]
    if rest:
        SubElement(case, "system-out").text = "\n".join(map(_line, rest))
    return case


def _budget(budget: dict[str, Any]) -> Element:
    expression = numbers.printable(budget["expression"])
    seen = observed_text(expression, budget["observed"])
    case = _case(expression)
    if budget["ok"] is None:
        _blame(case, "error", "no_data", f"{expression}: {seen}")
    elif not budget["ok"]:
        _blame(case, "failure", "budget", f"{expression}: observed {seen}")
    SubElement(case, "system-out").text = f"observed: {seen}"
    return case


def _case(name: str, time: str = "0.000") -> Element:
    return Element("testcase", name=name, time=time)


def _blame(case: Element, verdict: str, kind: str, message: str, *lines: str) -> None:
    """Say what is wrong, twice: Jenkins shows the message, GitLab the text."""
    blame = SubElement(case, verdict, type=numbers.printable(kind), message=numbers.printable(message))
    blame.text = "\n".join(lines) or numbers.printable(message)


def _line(doubt: DoubtRow) -> str:
    return f"{doubt.severity}: {doubt.title}: {doubt.detail.rstrip('.')}. {doubt.advice}".rstrip()


def _run_time(document: dict[str, Any]) -> str:
    """Seconds from the start of the run to the end of its last phase."""
    ends = [phase["end_s"] for phase in document["phases"] if phase["end_s"] is not None]
    return f"{max(ends, default=0.0):.3f}"
