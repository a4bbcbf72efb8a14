"""What ``chatbench doctor`` prints on standard output: rows and commands for people, a document for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from reports.budgets import ExitCode
from reports.terminal import Cell, print_row, print_text, stdout
from scenarios.doctor.checkup import Checkup
from scenarios.doctor.facts import Facts
from scenarios.doctor.findings import Severity
from scenarios.doctor.steps import Outcome, Step, exit_code_of

CHECKUP_SCHEMA, DIAGNOSIS_SCHEMA = "chatbench.checkup/1", "chatbench.diagnosis/1"

_STYLES = {
    Severity.OK: "green",
    Severity.UNKNOWN: "dim",
    Severity.WARNING: "yellow",
    Severity.TOO_LITTLE: "bold red",
    Outcome.OK: "green",
    Outcome.FAILED: "bold red",
    Outcome.NOT_ASKED_FOR: "dim",
}
# What may have to be copied stands below the columns of a finding, however long it is.
_COMMAND_INDENT = 40
_LINE_INDENT = 4


def print_checkup(checkup: Checkup) -> None:
    """A row for each finding, the command that lifts it, and the verdict."""
    console = stdout()
    print_text(console, "")
    for finding in checkup.findings:
        cells = ((finding.severity, _STYLES[finding.severity]), finding.check, (finding.found, "bold"), finding.means)
        print_row(console, cells, widths=(10, 12, 12))
        if finding.command is not None:
            print_text(console, f"{'':{_COMMAND_INDENT}}{finding.command}", "bold", wrap=False)
    print_text(console, "")
    print_text(console, checkup.verdict, "bold red" if checkup.fits is False else "bold")


def print_checkup_document(checkup: Checkup, facts: Facts) -> None:
    """The same for programs, with all that was found."""
    _print_document({"schema": CHECKUP_SCHEMA, **asdict(checkup), "facts": asdict(facts)})


def step_printer() -> Callable[[Step], None]:
    """Prints a step: how it went, what was sent and came, and what to try."""
    console = stdout()

    def show(step: Step) -> None:
        print_row(console, ((step.outcome, _STYLES[step.outcome]), step.name, step.summary), widths=(13, 15))
        for line in step.lines:
            said = f"{'':{_LINE_INDENT}}{line.direction} user {line.user}  {line.text}"
            print_text(console, said, "dim", wrap=False)
        if step.advice is not None:
            advice: Cell = [(f"{step.key}: ", "bold"), step.advice] if step.key else step.advice
            print_row(console, ("", advice), widths=(2,))

    return show


def print_verdict(steps: Sequence[Step]) -> None:
    """What all steps came to, below them."""
    console = stdout()
    failed = [step.name for step in steps if step.outcome is Outcome.FAILED]
    verdict = f"Failed: {', '.join(failed)}." if failed else "All is well: a run will understand this server."
    print_text(console, "")
    print_text(console, verdict, "bold red" if failed else "bold")


def print_diagnosis_document(steps: Sequence[Step], addresses: Sequence[str], dialect: str) -> None:
    """All steps for programs."""
    _print_document(
        {
            "schema": DIAGNOSIS_SCHEMA,
            "target": list(addresses),
            "dialect": dialect,
            "ok": exit_code_of(steps) is ExitCode.PASS,
            "steps": [asdict(step) for step in steps],
        }
    )


def _print_document(document: dict[str, Any]) -> None:
    json.dump(document, sys.stdout, allow_nan=False, indent=2)
    sys.stdout.write("\n")
