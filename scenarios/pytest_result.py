"""What a test is told of a run: verdict, figures and the table; true in an ``assert`` where the run passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loadgen.errors import InputError
from reports.budgets import Budget, Document, ExitCode, Verdict, exit_code_of, judge, parse, parse_limit, verdict_of
from reports.numbers import printable
from reports.terminal import summary_text
from reports.verdicts import headline
from scenarios.run_directory import REPORT_NAME


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RunResult:
    """One run; ``str()`` of it is the table that ``chatbench run`` prints."""

    document: Document
    """Its result.json."""
    directory: Path
    """Where the run is kept, with its report.html."""
    exit_code: ExitCode
    server_end: str | None = None
    """How the server that we had started ended, where it did so during the run."""

    @property
    def verdict(self) -> Verdict:
        """pass, fail or invalid."""
        return Verdict(self.document["verdict"])

    @property
    def passed(self) -> bool:
        """Whether every budget held, and the figures can be believed."""
        return self.exit_code is ExitCode.PASS

    @property
    def budgets(self) -> list[dict[str, Any]]:
        """Each budget's expression, what was observed, and whether it is ok; None: there was no data."""
        return list(self.document["budgets"])

    def p(self, percent: float, metric: str = "delivery_time") -> float | None:
        """A percentile of a time, in ms; None where fewer than 10 samples lie beyond it."""
        return parse_limit(metric, f"p({percent:.10g}) < 1s").observe(self.document)

    def metric(self, name: str) -> dict[str, Any] | None:
        """All that the document says of a time, in ms: count, min, mean, p50, ..., max; None where there is no data."""
        parse_limit(name, "max < 1s")
        found: dict[str, Any] | None = self.document["metrics"].get(name)
        return found if found and found["count"] else None

    def count(self, name: str) -> int | None:
        """A counter; None where the run did not come as far as where it begins."""
        counted = parse_limit(name, "count == 0").observe(self.document)
        return None if counted is None else int(counted)

    def check(self, *expressions: str) -> None:
        """AssertionError, with the table, unless every budget given holds; one without data does not.

        The scenario's own budgets are left aside; a run that cannot be believed fails whatever its figures are.
        """
        __tracebackhide__ = True
        judged = self._judged(budgets_from(expressions, "check"))
        if not judged:
            raise AssertionError(str(judged))

    def _judged(self, budgets: Sequence[Budget]) -> RunResult:
        """The same run by other budgets."""
        document = self.document | {"budgets": judge(self.document, budgets)}
        document["verdict"] = str(verdict_of(document))
        return replace(self, document=document, exit_code=exit_code_of(document))

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        page = self.directory / REPORT_NAME
        table = summary_text(self.document, page if page.exists() else self.directory)
        return table if self.server_end is None else f"{table}\n\nThe server {self.server_end}."

    def __repr__(self) -> str:
        # One line: pytest shows no more of what an assertion is about.
        return f"<{printable(self.document['run']['scenario'])}: {headline(self.document)}>"


def budgets_from(expressions: Sequence[object], caller: str) -> list[Budget]:
    """Budgets that stand in a test as the arguments of ``caller``; InputError names it and the wrong one."""
    if not expressions:
        raise InputError(f'{caller}: expected a budget like "delivery_time: p(99) < 250ms", got none')
    return [_budget_from(expression, caller) for expression in expressions]


def _budget_from(expression: object, caller: str) -> Budget:
    if not isinstance(expression, str):
        raise InputError(f'{caller}: expected a text like "delivery_time: p(99) < 250ms", got {expression!r}')
    try:
        return parse(expression)
    except InputError as error:
        raise InputError(f'{caller}("{expression}"): {error}') from None
