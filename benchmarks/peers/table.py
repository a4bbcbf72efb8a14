"""What was measured, as tables of Markdown that are read on a terminal too. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.common import Cores
from benchmarks.peers.aims import aims
from benchmarks.peers.attempts import (
    Attempt,
    Attempts,
    Figure,
    Soaked,
    connecting_s,
    cpu,
    p50,
    p99,
    ready_s,
    rss,
)
from benchmarks.peers.roll import FLOOR, LISTENING_FLOOR, OURS
from benchmarks.peers.side import Side
from reports import numbers

NO_DATA = numbers.NO_DATA
DISTURBED = " (disturbed)"

Row = Sequence[str]


def line_of(run: Attempt) -> str:
    """One run, as soon as it has been made."""
    start = f"{run.figure:<8}  {run.side:<26}  {run.load.sockets:>6,} x {run.load.rate_per_s:<4}"
    seen = run.seen
    if seen is None:
        return f"{start}  FAILED: {run.failure}"
    # At one message a second, a plan with random distances may well have none in the window.
    is_behind = not seen.kept_up and run.figure is not Figure.SOCKETS
    words = [
        f"{_number(seen.cpu_us_per_delivery, '{:.1f}'):>7} us",
        f"{_number(seen.carried_per_s, '{:,.0f}'):>9}/s" + (" behind" if is_behind else ""),
        f"p50 {numbers.duration(seen.p50_ms)} p99 {numbers.duration(seen.p99_ms)}" if seen.p50_ms is not None else "",
        numbers.size(seen.rss_bytes),
        "" if seen.ready_s is None else f"ready {seen.ready_s:.1f} s",
        f"others {numbers.percent(seen.others_ratio)}" + (" DISTURBED" if run.is_disturbed else ""),
        seen.note,
    ]
    return "  ".join([start, *filter(None, words)])


def table(head: Row, rows: Sequence[Row]) -> list[str]:
    """Markdown whose columns stand below one another."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(row: Row) -> str:
        return f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"

    return [line(head), f"|{'|'.join('-' * (width + 2) for width in widths)}|", *map(line, rows)]


def cost_table(attempts: Attempts, sides: Sequence[Side]) -> list[str]:
    """CPU of a delivery, to the floor and to ours."""
    rows = []
    for side in sides:
        runs = attempts.of(Figure.COST, side.name)
        value = attempts.typical(Figure.COST, side.name, cpu)
        if not runs:
            continue
        if value is None:
            rows.append([side.name, _why_not(runs[-1].failure), "", "", side.about])
            continue
        rows.append(
            [
                side.name,
                f"{value:.1f} us{_disturbed(runs)}",
                _times(attempts.ratio(Figure.COST, side.name, FLOOR.name, cpu)),
                _times(attempts.ratio(Figure.COST, side.name, OURS.name, cpu)),
                side.about,
            ]
        )
    return table(["client", "CPU of a delivery", "to the C loop", "to chatbench", "what it does with one"], rows)


def accuracy_table(attempts: Attempts, sides: Sequence[Side], few: int, many: int) -> list[str]:
    """What each says of the same server, beside what the C loop says."""
    rows = []
    for side in (*sides, LISTENING_FLOOR):
        runs = [*attempts.of(Figure.ACCURACY, side.name), *attempts.of(Figure.COST, side.name)]
        if not runs or all(run.seen is None for run in runs):
            continue
        truth = FLOOR if side.sends else LISTENING_FLOOR
        cells = [side.name]
        for figure, sockets in ((Figure.ACCURACY, few), (Figure.COST, many)):
            for value in (p50, p99):
                found = attempts.typical(figure, side.name, value, sockets)
                ratio = attempts.ratio(figure, side.name, truth.name, value, sockets)
                if side.told is None:
                    cells.append("measures none")
                elif found is None:
                    cells.append(NO_DATA)
                elif side in (FLOOR, LISTENING_FLOOR) or ratio is None:
                    cells.append(numbers.duration(found))
                else:
                    cells.append(f"{numbers.duration(found)} ({ratio:.1f} times)")
        rows.append(cells)
    return table(["client", *(f"{name}, {count} sockets" for count in (few, many) for name in ("p50", "p99"))], rows)


def carried_table(attempts: Attempts, sides: Sequence[Side]) -> list[str]:
    """What one core carried."""
    rows = []
    for side in sides:
        runs = attempts.of(Figure.CARRIED, side.name)
        if not runs:
            continue
        kept, above = attempts.carried(side.name), attempts.too_much(side.name)
        rows.append([side.name, _carried(kept, runs), _full(kept), _too_much(above)])
    return table(["client", "deliveries a second it kept up with", "its core then", "what was too much"], rows)


def sockets_table(attempts: Attempts, sides: Sequence[Side]) -> list[str]:
    """Memory and connecting, a row for each side and number of sockets."""
    rows = []
    for side in sides:
        counts = {run.load.sockets for run in attempts.of(Figure.SOCKETS, side.name)}
        held = [(Figure.SOCKETS, count) for count in sorted(counts)]
        for figure, count in [(Figure.COST, 500), *held]:
            runs = attempts.of(figure, side.name, count)
            if not runs:
                continue
            bytes_ = attempts.typical(figure, side.name, rss, count)
            connecting = attempts.typical(figure, side.name, connecting_s, count)
            if bytes_ is None:
                rows.append([side.name, f"{count:,}", _why_not(runs[-1].failure), "", "", ""])
                continue
            rows.append(
                [
                    side.name,
                    f"{count:,}",
                    f"{numbers.size(bytes_)}{_of_which(runs)}{_disturbed(runs)}",
                    numbers.size(bytes_ / count),
                    numbers.seconds(attempts.typical(figure, side.name, ready_s, count)),
                    NO_DATA if not connecting else f"{connecting:.1f} s, {count / connecting:,.0f} a second",
                ]
            )
    return table(["client", "sockets", "memory", "each socket", "ready after", "connecting"], rows)


def soak_table(soaked: Sequence[Soaked]) -> list[str]:
    """How memory grows."""
    rows = []
    for each in soaked:
        growth, ends = each.growth_bytes_per_minute, each.first_and_last_bytes
        minutes = f"{each.points[-1][0] / 60:.0f} min" if each.points else ""
        cells = ["", ""] if ends is None else [numbers.size(ends[0]), numbers.size(ends[1])]
        slope = NO_DATA if growth is None else f"{growth / 1e6:+.2f} MB"
        rows.append([each.side, *cells, slope if each.failure is None else _why_not(each.failure), minutes])
    return table(["client", "at first", "at the end", "growth a minute", "watched for"], rows)


def aims_table(attempts: Attempts) -> list[str]:
    """Every aim, and whether it was met."""
    return table(["aim", "bound", "this run", "verdict"], [aim.texts for aim in aims(attempts)])


def document(
    machine: dict[str, str], cores: Cores, attempts: Attempts, soaked: Sequence[Soaked], *, is_whole: bool
) -> dict[str, Any]:
    """Gather everything for --json; what was not measured is null."""
    return {
        "schema": "chatbench.peers/1",
        "machine": machine,
        "cores": asdict(cores),
        "whole": is_whole,
        "aims": [
            {"what": aim.what, "bound": aim.bound, "figure": aim.figure, "met": aim.is_met} for aim in aims(attempts)
        ],
        "attempts": [asdict(run) | {"disturbed": run.is_disturbed} for run in attempts.runs],
        "soak": [asdict(each) | {"growth_bytes_per_minute": each.growth_bytes_per_minute} for each in soaked],
    }


def _carried(kept: Attempt | None, runs: Sequence[Attempt]) -> str:
    if kept is None or kept.seen is None:
        failures = [run.failure for run in runs if run.failure is not None]
        return _why_not(failures[-1]) if failures else "less than it was offered"
    return f"{_number(kept.seen.carried_per_s, '{:,.0f}')}{_disturbed([kept])}"


def _full(kept: Attempt | None) -> str:
    return "" if kept is None or kept.seen is None else numbers.percent(kept.seen.cpu_ratio)


def _too_much(above: Attempt | None) -> str:
    if above is None:
        return "not reached"
    offered = f"{above.load.rate_per_s * above.load.sockets:,}"
    if above.seen is None:
        return f"{offered}: {above.failure}"
    took = f"took {_number(above.seen.carried_per_s, '{:,.0f}')} at {numbers.percent(above.seen.cpu_ratio)}"
    return f"{offered}: {took}{', called itself invalid' if not above.seen.is_valid else ''}"


def _of_which(runs: Sequence[Attempt]) -> str:
    """The process that holds the sockets, where there are others."""
    seen = runs[-1].seen
    worker_bytes = None if seen is None else seen.worker_rss_bytes
    return "" if worker_bytes is None else f", {numbers.size(worker_bytes)} where the sockets are"


def _why_not(failure: str | None) -> str:
    return failure if failure is not None and failure.startswith("not installed") else f"failed: {failure}"


def _disturbed(runs: Sequence[Attempt]) -> str:
    return DISTURBED if any(run.is_disturbed for run in runs) else ""


def _times(ratio: float | None) -> str:
    return NO_DATA if ratio is None else f"{ratio:.2f} times" if ratio < 3 else f"{ratio:.1f} times"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
