"""summary.md: a run in a pull request's comment, or on the page of a job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from reports.examples import ExampleRow, a_few
from reports.incidents import IncidentRow
from reports.summary import BudgetRow, DoubtRow, Summary, summarise
from reports.verdicts import Headline

MARKS = {"good": "✅", "bad": "❌", "unsure": "⚠️"}
"""Tone of a headline -> what one sees from afar."""

_STATES = {"held": MARKS["good"], "broken": MARKS["bad"]}

# What Markdown or HTML would take for its own, what would end a table's cell, and @, which would call people.
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~@&]")


def render(document: dict[str, Any]) -> str:
    """The summary of a result document, a partial one too, in GitHub's Markdown."""
    return "\n\n".join(_blocks(summarise(document))) + "\n"


def _blocks(summary: Summary) -> Iterator[str]:
    yield heading(f"chatbench {summary.scenario}", summary.headline)
    yield table(
        [figure.label for figure in summary.figures],
        [[f"**{figure.value}** {text(figure.note)}".strip() for figure in summary.figures]],
    )
    if summary.budgets:
        yield table(
            ["", "budget", "seen"],
            [[_STATES.get(row.state, MARKS["unsure"]), code(row.expression), _seen(row)] for row in summary.budgets],
        )
    if summary.doubts:
        yield "\n".join(_doubt(doubt) for doubt in summary.doubts)
    if summary.limit:
        yield text(summary.limit)
    if summary.incidents:
        yield table(["incident", "at", "users hit", "what became of them"], map(_incident, summary.incidents))
    if summary.errors:
        yield table(
            ["error", "phase", "count", "example"],
            [[code(row.kind), text(row.phase), row.count, code(row.example)] for row in summary.errors],
        )
    if summary.examples:
        yield "\n".join(map(_example, a_few(summary.examples)))
    yield _folded("Times, ledger and processes", _details(summary))


def heading(what: str, headline: Headline) -> str:
    """What became of it, from afar and in a sentence."""
    return f"### {MARKS[headline.tone]} {text(what)}: {headline.badge}\n\n**{text(headline.sentence)}**"


def _details(summary: Summary) -> Iterator[str]:
    if summary.latencies:
        yield table(
            ["metric", "count", "p50", "p90", "p99", "p99.9", "max"],
            [[text(row.name), row.count, *row.quantiles] for row in summary.latencies],
        )
    if summary.slices:
        yield table(
            ["how fast for whom", "", "received", "p50", "p95", "p99", "lost"],
            [[code(row.name), text(row.meaning), row.count, *row.quantiles, row.lost] for row in summary.slices],
        )
    yield table(
        ["deliveries", "count", "share", "meaning"],
        [[f"- {row.name}" if row.is_part else row.name, row.count, row.share, row.meaning] for row in summary.ledger],
    )
    if summary.drift:
        yield table(
            ["figure", "at first", "at last", "change"],
            [[text(row.name), row.first, row.last, row.change] for row in summary.drift],
        )
    if summary.books_close is not None:
        yield "The books close." if summary.books_close else "**The books do not close.**"
    command = next((fact.value for fact in summary.run if fact.name == "run.command"), "")
    if command:
        yield f"The command: {code(command)}"
    if summary.processes:
        yield table(
            ["process", "CPU", "memory", "files", "lateness p99", "event loop lag p99"],
            [
                [text(row.name), row.cpu, row.memory, row.descriptors, row.lateness, row.loop_lag]
                for row in summary.processes
            ],
        )


def _incident(row: IncidentRow) -> list[str]:
    what = f"**{text(row.name)}** {text(row.what)}".rstrip()
    return [what, row.at, row.hit, "; ".join(map(text, row.outcomes))]


def _example(row: ExampleRow) -> str:
    where = f" ({text(row.room)})" if row.room else ""
    rest = f"; {text(row.rest)}" if row.rest else ""
    return f"- {text(row.kind)}: {text(row.what)}{where}, due at {row.at}{rest}"


def _doubt(doubt: DoubtRow) -> str:
    detail = text(doubt.detail).rstrip(".")
    return f"- **{doubt.severity}: {text(doubt.title)}** - {detail}. {text(doubt.advice)}".rstrip()


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells that are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _folded(title: str, blocks: Iterable[str]) -> str:
    return "\n\n".join([f"<details><summary>{title}</summary>", *blocks, "</details>"])


def _seen(row: BudgetRow) -> str:
    return row.observed if row.state == "held" else f"**{row.observed}**"


def text(raw: str) -> str:
    """Anything as plain text, wherever it stands."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", raw)


def code(raw: str) -> str:
    """Anything as it is written; nothing where there is nothing."""
    if not raw:
        return ""
    # Nothing is special in a code span but its own fence, and in a table the bar.
    return f"`{raw.replace('`', chr(39)).replace('|', chr(92) + '|')}`"
