"""The table behind a chart: what it shows, for those who would rather read, copy or hear it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reports import numbers
from reports.charts.delivery import ROUND_NINES
from reports.charts.model import Chart, Panel, Reads, Series
from reports.curves import Floats, clock_step, folded

_MOST_ROWS = 60
_WRITE: dict[Reads, Callable[[float | None], str]] = {
    Reads.DURATION: numbers.duration,
    Reads.COUNT: numbers.count,
    Reads.RATE: lambda value: (numbers.count if value is None or value.is_integer() else numbers.rate)(value),
    Reads.PERCENT: numbers.percent,
    Reads.SIZE: numbers.size,
    Reads.NUMBER: lambda value: numbers.NO_DATA if value is None else numbers.significant(value),
}


@dataclass(frozen=True, slots=True)
class Group:
    """A panel's columns, side by side under its heading."""

    heading: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line: which second or quantile it is of, and a text for each column."""

    head: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of one chart; ``note`` says what a line stands for."""

    note: str
    corner: str
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]


def table_of(chart: Chart) -> Table | None:
    """The table behind a chart; None where it has no data."""
    panels = [panel for panel in chart.panels if panel.has_data()]
    if not panels:
        return None
    return _by_second(chart, panels) if chart.over == "time" else _by_quantile(panels)


def _by_second(chart: Chart, panels: list[Panel]) -> Table:
    """At most 60 lines; where they stand for several seconds, the highest of them, or the mean of a rate."""
    x = panels[0].x
    seen = (x >= chart.start) & (x <= chart.end)
    interval_s = float(chart.seconds_a_point)
    step = max(1, round(clock_step(max(1, int(seen.sum())) * interval_s, _MOST_ROWS) / interval_s))
    starts_s = x[seen][::step] - interval_s / 2
    columns = [
        _texts(folded(each.values[seen], step, each.fold), panel.reads) for panel in panels for each in _listed(panel)
    ]
    rows = zip(starts_s.tolist(), *columns, strict=True)
    length_s = step * interval_s
    means = any(each.fold == "mean" for panel in panels for each in panel.series)
    note = f"Each line: the {'mean' if means else 'highest'} of {length_s:g} s." if length_s > 1 else ""
    return Table(note, "from", _groups(panels), tuple(Row(_clock(start_s), tuple(cells)) for start_s, *cells in rows))


def _by_quantile(panels: list[Panel]) -> Table:
    x = panels[0].x
    places = [place for nines in ROUND_NINES for place in np.flatnonzero(np.isclose(x, nines, atol=1e-9))[:1].tolist()]
    columns = [_texts(each.values[places], panel.reads) for panel in panels for each in _listed(panel)]
    rows = zip((_percentile(x[place]) for place in places), *columns, strict=True)
    return Table(
        "At 99 %: all but the slowest in a hundred.",
        "quantile",
        _groups(panels),
        tuple(Row(head, tuple(cells)) for head, *cells in rows),
    )


def _listed(panel: Panel) -> list[Series]:
    return [each for each in reversed(panel.series) if each.is_listed]


def _groups(panels: list[Panel]) -> tuple[Group, ...]:
    return tuple(Group(panel.heading, tuple(each.name for each in _listed(panel))) for panel in panels)


def _texts(values: Floats, reads: Reads) -> list[str]:
    write = _WRITE[reads]
    return [write(None if math.isnan(value) else value) for value in values.tolist()]


def _clock(second_s: float) -> str:
    whole_s = round(second_s)
    return f"{whole_s // 60}:{whole_s % 60:02d}"


def _percentile(nines: float) -> str:
    return f"{100 * (1 - 10**-nines):.6g} %"
