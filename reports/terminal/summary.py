"""What a run came to, on standard error or as text: verdict, figures, budgets, doubts, and where the rest is."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from loadgen.plan.slices import SliceKind
from reports import numbers
from reports.incidents import IncidentRow
from reports.slices import SliceRow
from reports.summary import Summary, summarise
from reports.terminal.consoles import WIDTH, grid, stderr

_TONES = {"good": "green", "bad": "red", "unsure": "yellow"}
_STATES = {"held": "green", "broken": "bold red", numbers.NO_DATA: "bold yellow"}
_SEVERITIES = {"fatal": "bold red", "warning": "bold yellow", "note": "bold"}


def print_summary(document: dict[str, Any], report: Path | None = None, *, console: Console | None = None) -> None:
    """Print what a run came to, and where the rest can be read: the report, or the run directory."""
    console = console or stderr()
    summary = summarise(document)
    console.print()
    for block in _summary_blocks(summary):
        console.print(block, width=min(WIDTH, console.width))
        console.print()
    if report is not None:
        # On one line however long it is, so that it can be clicked and copied.
        console.print(Text(f"report  {report}"), soft_wrap=True)


def summary_text(document: dict[str, Any], report: Path | None = None) -> str:
    """What :func:`print_summary` prints, without colours, for whoever puts it into a text of their own."""
    text = StringIO()
    print_summary(document, report, console=Console(file=text, width=WIDTH, force_terminal=False, highlight=False))
    return "\n".join(line.rstrip() for line in text.getvalue().strip().splitlines())


def _summary_blocks(summary: Summary) -> list[RenderableType]:
    tone = _TONES[summary.headline.tone]
    blocks: list[RenderableType] = [
        _hanging(Text(summary.headline.badge, f"bold {tone}"), Text(summary.headline.sentence))
    ]
    figures = grid(4)
    for figure in summary.figures:
        style = "bold red" if figure.bad else "bold"
        figures.add_row("", figure.label, Text(figure.value, style, justify="right"), Text(figure.note, "dim"))
    blocks.append(figures)
    if summary.budgets:
        budgets = grid(4)
        for row in summary.budgets:
            budgets.add_row("", Text(row.state, _STATES[row.state]), Text(row.expression), row.observed)
        blocks.append(budgets)
    if shown := [row for row in summary.slices if row.is_judged or row.group == SliceKind.NODE]:
        blocks.append(_slices(shown))
    if summary.incidents:
        blocks.append(Group(*map(_incident, summary.incidents)))
    if summary.drift:
        drift = grid(5)
        for each in summary.drift:
            values = (Text(value, justify="right") for value in (each.first, each.last, each.change))
            drift.add_row("", each.name, *values)
        blocks.append(drift)
    for doubt in summary.doubts:
        body = Group(Text(f"{doubt.title}: {doubt.detail}"), Text(doubt.advice, "italic"))
        blocks.append(_hanging(Text(doubt.severity, _SEVERITIES[doubt.severity]), body))
    if summary.errors:
        errors = grid(4)
        for error in summary.errors[:5]:
            what = Text(f"{error.kind} in {error.phase}", overflow="ellipsis", no_wrap=True)
            errors.add_row("", Text(error.count, justify="right"), what, Text(error.example, "dim"))
        blocks.append(errors)
    if summary.books_close is False:
        blocks.append(Text("The books do not close: something was counted twice or not at all.", "bold red"))
    if summary.limit:
        blocks.append(Text(summary.limit))
    return blocks


def _slices(rows: Sequence[SliceRow]) -> RenderableType:
    """Those that budgets name, and nodes side by side: the report has them all."""
    table = grid(6)
    for row in rows:
        p50, _, p99 = row.quantiles
        lost = Text(f"lost {row.lost}", "bold red" if row.bad else "")
        table.add_row("", row.name, f"{row.count} received", f"p50 {p50}", f"p99 {p99}", lost)
    return table


def _incident(row: IncidentRow) -> RenderableType:
    """What happened to whom, and below it what matters most of what became of them."""
    hit = f": {row.hit} users hit" if row.hit else ""
    head = Text.assemble((row.name, "bold"), f" at {row.at}" if row.at else "", hit)
    outcome = Text(next(iter(row.outcomes), ""), "bold red" if row.bad else "")
    return Padding(Group(head, outcome), (0, 0, 0, 2))


def _hanging(head: Text, body: RenderableType) -> RenderableType:
    table = grid(2)
    table.add_row(head, body)
    return table
