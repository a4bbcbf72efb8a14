"""A sweep as Markdown: what it came to, and a row for each value."""

from __future__ import annotations

from reports import numbers, sweep
from reports.budgets import Document, ExitCode
from reports.markdown import MARKS, code, heading, table, text

_COLUMNS = ("verdict", "delivery p50", "p90", "p99", "deliveries/s", "lost", "why")
_STATES = {ExitCode.PASS: MARKS["good"], ExitCode.FAILED: MARKS["bad"]}


def render(document: Document) -> str:
    """The document of a sweep, also of one that was stopped, in GitHub's Markdown."""
    facts = document["sweep"]
    rows = [
        [
            _STATES.get(row["exit_code"], MARKS["unsure"]),
            code(sweep.name_of(row["value"])),
            text(str(row["verdict"])),
            *(numbers.duration(row[name]) for name in ("p50_ms", "p90_ms", "p99_ms")),
            numbers.rate(row["deliveries_per_s"]),
            numbers.count(row["lost"]),
            text(sweep.troubles_of(row)),
        ]
        for row in document["rows"]
    ]
    told = heading(f"chatbench {facts['scenario']}", sweep.headline(document))
    return f"{told}\n\n{table(['', code(facts['key']), *_COLUMNS], rows)}\n"
