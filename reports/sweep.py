"""The document of a sweep (schema chatbench.sweep/1): a run for each value of one key, side by side. Pure.

sweep     id, scenario, summary, command, started_at, finished_at, seconds, key, values (all that were asked for),
          ended (done | interrupted | unreachable), exit_code (the first that applies, over all rows)
target, environment   as in a result document, of the first row; null where there is none
rows      in order, each: value, verdict, exit_code, doubts [{code, severity, detail}], broken (the budgets),
          p50_ms, p90_ms, p99_ms (delivery time), deliveries_per_s, lost, duplicated, generator_cpu_ratio (all its
          workers together; 1.0 is one core), server_cpu_ratio, server_rss_bytes, ended_early, run (its directory), hdr
          (its histogram of delivery times, as in a result document)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from reports import numbers
from reports.budgets import Document, ExitCode
from reports.planned import plain_text
from reports.verdicts import ENDED_EARLY, Headline, doubt_title

SCHEMA = "chatbench.sweep/1"

# The order of product.md.
_FIRST_THAT_APPLIES = (ExitCode.UNREACHABLE, ExitCode.INTERRUPTED, ExitCode.INVALID, ExitCode.FAILED)
# A name in the table, or below an axis, is no longer.
_LONGEST_NAME = 24


class Ended(StrEnum):
    """Why there are no more rows."""

    DONE = "done"
    INTERRUPTED = "interrupted"
    UNREACHABLE = "unreachable"


_CODES = {Ended.INTERRUPTED: ExitCode.INTERRUPTED, Ended.UNREACHABLE: ExitCode.UNREACHABLE}


@dataclass(frozen=True, slots=True)
class Row:
    """One value, and what its run came to; the fields are those of the document."""

    value: Any
    verdict: str
    exit_code: int
    doubts: tuple[dict[str, str], ...]
    broken: tuple[str, ...]
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    deliveries_per_s: float | None
    lost: int | None
    duplicated: int | None
    generator_cpu_ratio: float | None
    server_cpu_ratio: float | None
    server_rss_bytes: int | None
    ended_early: str | None
    run: str
    hdr: str | None = None

    @classmethod
    def of(cls, document: Document, value: Any, exit_code: int, run: str) -> Row:
        """That of a result document."""
        delivery = document["metrics"].get("delivery_time") or {}
        server = document["server"] or {}
        per_s = document["rates"]["deliveries_received_per_s"]  # None where the run did not come as far
        cpu = [process["cpu_ratio"] for process in document["generator"]["processes"]]
        return cls(
            value=value,
            verdict=document["verdict"],
            exit_code=exit_code,
            doubts=tuple(
                {name: doubt[name] for name in ("code", "severity", "detail")} for doubt in document["doubts"]
            ),
            broken=tuple(budget["expression"] for budget in document["budgets"] if budget["ok"] is False),
            p50_ms=delivery.get("p50"),
            p90_ms=delivery.get("p90"),
            p99_ms=delivery.get("p99"),
            deliveries_per_s=per_s,
            lost=document["counters"]["deliveries_lost"] if per_s is not None else None,
            duplicated=document["counters"]["deliveries_duplicated"] if per_s is not None else None,
            generator_cpu_ratio=sum(cpu) if cpu and None not in cpu else None,
            server_cpu_ratio=server.get("cpu_ratio"),
            server_rss_bytes=server.get("rss_bytes"),
            ended_early=document["run"]["ended_early"],
            run=run,
            hdr=delivery.get("hdr"),
        )


def build(facts: dict[str, Any], rows: Sequence[Row], ended: Ended, first: Document | None) -> Document:
    """The document; ``facts`` are the sweep's own, ``first`` is the result document of its first row."""
    code = exit_code_of([*(row.exit_code for row in rows), *([_CODES[ended]] if ended in _CODES else [])])
    return {
        "schema": SCHEMA,
        "sweep": facts | {"ended": str(ended), "exit_code": int(code)},
        "target": None if first is None else first["target"],
        "environment": None if first is None else first["environment"],
        "rows": [asdict(row) | {"doubts": list(row.doubts), "broken": list(row.broken)} for row in rows],
    }


def exit_code_of(codes: Iterable[int]) -> ExitCode:
    """The first that applies, in the order of product.md."""
    given = set(codes)
    return next((code for code in _FIRST_THAT_APPLIES if code in given), ExitCode.PASS)


def headline(document: Document) -> Headline:
    """What the sweep came to, in one sentence that says why."""
    sweep, rows = document["sweep"], document["rows"]
    of = f"of {len(sweep['values'])} values"
    if sweep["ended"] == Ended.INTERRUPTED:
        return Headline("INTERRUPTED", "unsure", f"stopped by hand after {len(rows)} {of}.")
    if sweep["ended"] == Ended.UNREACHABLE:
        return Headline("UNREACHABLE", "bad", f"nobody answered any more after {len(rows)} {of}.")
    refused = _names(rows, ExitCode.UNREACHABLE)
    if refused:
        return Headline("UNREACHABLE", "bad", f"nobody could log in with {refused}.")
    invalid, failed = _names(rows, ExitCode.INVALID), _names(rows, ExitCode.FAILED)
    if invalid:
        more = f" With {failed} a budget was broken." if failed else ""
        runs = "runs" if sum(row["exit_code"] == ExitCode.INVALID for row in rows) > 1 else "run"
        return Headline("INVALID", "unsure", f"the {runs} with {invalid} cannot be believed.{more}")
    if failed:
        return Headline("FAIL", "bad", f"a budget was broken with {failed}.")
    return Headline("PASS", "good", f"every budget held with every value; {_extent(rows)}.")


def _names(rows: Sequence[dict[str, Any]], code: ExitCode) -> str:
    # Of numbers with commas another comma would not tell where one ends.
    return " and ".join(name_of(row["value"]) for row in rows if row["exit_code"] == code)


def _extent(rows: Sequence[dict[str, Any]]) -> str:
    timed = [row for row in rows if row["p99_ms"] is not None]
    if not timed:
        return "there is no p99 of any"
    low, high = (pick(timed, key=lambda row: row["p99_ms"]) for pick in (min, max))
    return (
        f"p99 was between {numbers.duration(low['p99_ms'])} ({name_of(low['value'])}) and "
        f"{numbers.duration(high['p99_ms'])} ({name_of(high['value'])})"
    )


def name_of(value: Any) -> str:
    """A value in few words."""
    text = plain_text(value)
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 3]}..."


def troubles_of(row: dict[str, Any]) -> str:
    """What was wrong with a run, as far as it is more than a note."""
    early = [ENDED_EARLY[row["ended_early"]]] if row["ended_early"] in ENDED_EARLY else []
    doubts = [doubt_title(doubt["code"]) for doubt in row["doubts"] if doubt["severity"] != "note"]
    return "; ".join([*early, *row["broken"], *doubts])


def width_of(values: Iterable[Any], key: str) -> int:
    """How wide the first column is."""
    return max(len(key), *(len(name_of(value)) for value in values))


def head_line(key: str, width: int) -> str:
    """The names of the columns."""
    return _line(key, width, "verdict", ("delivery p50", "p90", "p99", "deliveries/s", "lost"))


def row_line(row: dict[str, Any], width: int) -> str:
    """One row in a line."""
    times = (numbers.duration(row[name]) for name in ("p50_ms", "p90_ms", "p99_ms"))
    figures = (*times, numbers.rate(row["deliveries_per_s"]), numbers.count(row["lost"]))
    troubles = troubles_of(row)
    return _line(name_of(row["value"]), width, row["verdict"], figures) + (f"  {troubles}" if troubles else "")


def _line(name: str, width: int, verdict: str, figures: Iterable[str]) -> str:
    cells = [f"{figure:>{size}}" for figure, size in zip(figures, (12, 9, 9, 12, 7), strict=True)]
    return "  ".join([f"{name:>{width}}", f"{verdict:<7}", *cells])
