"""summary.md: a run in a pull request's comment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from reports.incidents import IncidentRow
from reports.summary import DoubtRow, Summary, summarise

# What Markdown or HTML would take for its own, what would end a table's cell, and @, which would call people.
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~@&]")


def render(document: dict[str, Any]) -> str:
    """The summary of a result document, a partial one too, in GitHub's Markdown."""
    return "\n\n".join(_blocks(summarise(document))) + "\n"


def _blocks(summary: Summary) -> Iterator[str]:
    yield f"### chatbench {_text(summary.scenario)}: {summary.headline.badge}"
    yield f"**{_text(summary.headline.sentence)}**"
    yield _table(
        [figure.label for figure in summary.figures],
        [[f"**{figure.value}** {_text(figure.note)}".strip() for figure in summary.figures]],
    )
    if summary.limit:
        yield _text(summary.limit)
    if summary.doubts:
        yield "\n".join(_doubt(doubt) for doubt in summary.doubts)
    if summary.budgets:
        yield _table(
            ["budget", "seen", "state"],
            [[_code(row.expression), row.observed, _emphasis(row.state)] for row in summary.budgets],
        )
    if summary.incidents:
        yield _table(["incident", "at", "users hit", "what became of them"], map(_incident, summary.incidents))
    if summary.errors:
        yield _table(
            ["error", "phase", "count", "example"],
            [[_code(row.kind), row.phase, row.count, _code(row.example)] for row in summary.errors],
        )
    yield _folded("Times, ledger and processes", _details(summary))


def _details(summary: Summary) -> Iterator[str]:
    if summary.latencies:
        yield _table(
            ["metric", "count", "p50", "p90", "p99", "p99.9", "max"],
            [[_text(row.name), row.count, *row.quantiles] for row in summary.latencies],
        )
    yield _table(
        ["deliveries", "count", "share", "meaning"],
        [[f"- {row.name}" if row.is_part else row.name, row.count, row.share, row.meaning] for row in summary.ledger],
    )
    if summary.books_close is not None:
        yield "The books close." if summary.books_close else "**The books do not close.**"
    if summary.processes:
        yield _table(
            ["process", "CPU", "memory", "files", "lateness p99", "event loop lag p99"],
            [[row.name, row.cpu, row.memory, row.descriptors, row.lateness, row.loop_lag] for row in summary.processes],
        )


def _incident(row: IncidentRow) -> list[str]:
    what = f"**{_text(row.name)}** {_text(row.what)}".rstrip()
    return [what, row.at, row.hit, "; ".join(map(_text, row.outcomes))]


def _doubt(doubt: DoubtRow) -> str:
    detail = _text(doubt.detail).rstrip(".")
    return f"- **{doubt.severity}: {_text(doubt.title)}** - {detail}. {_text(doubt.advice)}".rstrip()


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _folded(title: str, blocks: Iterable[str]) -> str:
    return "\n\n".join([f"<details><summary>{title}</summary>", *blocks, "</details>"])


def _emphasis(state: str) -> str:
    return state if state == "held" else f"**{state}**"


def _text(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text)


def _code(text: str) -> str:
    if not text:
        return ""
    # Nothing is special in a code span but its own fence, and in a table the bar.
    return f"`{text.replace('`', chr(39)).replace('|', chr(92) + '|')}`"
