"""What a chart consists of: lines that are read second by second, or quantile by quantile. Plain data, no drawing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from reports import numbers
from reports.curves import Floats, Fold, Span, has_data
from reports.planned import Incident


class Reads(StrEnum):
    """How a value is written; values are in the units of the document."""

    DURATION = "duration"  # ms
    COUNT = "count"
    RATE = "rate"  # a second
    PERCENT = "percent"  # a ratio: 1 is 100 %
    SIZE = "size"  # bytes
    NUMBER = "number"  # three significant digits, no unit


Role = Literal["first", "second", "third", "ink", "muted", "bad"]
"""A colour of the palette."""
Dash = Literal["solid", "dashed", "dotted"]


@dataclass(frozen=True, slots=True)
class Series:
    """One line: a value (or NaN) at each place of its panel; lines of one colour differ in dash or width."""

    name: str
    values: Floats
    role: Role = "first"
    dash: Dash = "solid"
    width_px: float = 1.6
    fold: Fold = "max"
    strength: float = 1.0
    """Its opacity."""
    is_listed: bool = True
    """Whether its values are read and told, or it only stands among others of its kind."""


@dataclass(frozen=True, slots=True)
class Band:
    """The room between two lines of the panel, tinted; ``strength`` is its opacity."""

    upper: str
    lower: str
    strength: float


@dataclass(frozen=True, slots=True)
class Limit:
    """A level that somebody set, as a dashed line with its text."""

    value: float
    text: str
    role: Role


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines on one pair of axes, the last of ``series`` on top and named first.

    ``x`` holds seconds since the run's start, or nines (curves.quantile_curve).
    """

    heading: str
    reads: Reads
    x: Floats
    series: tuple[Series, ...]
    bands: tuple[Band, ...] = ()
    limits: tuple[Limit, ...] = ()
    log: bool = False
    least: float = 0.0
    """A value axis from 0 reaches this at least."""
    names_incidents: bool = False
    without_data: str = numbers.NO_DATA
    """What is said in its place where there is nothing to draw."""

    def has_data(self) -> bool:
        """Whether there is anything to draw."""
        return has_data(*((self.x, series.values) for series in self.series))


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels that stand together; ``name`` is that of the picture (reports.plots) which says the same on paper.

    ``start`` and ``end`` bound what is seen of ``x`` at first. Charts over the same thing are zoomed together.
    """

    name: str
    over: Literal["time", "quantile"]
    panels: tuple[Panel, ...]
    start: float
    end: float
    seconds_a_point: int = 1
    """How many seconds are folded into each point, where a run is that long."""
    phases: tuple[Span, ...] = ()
    incidents: tuple[Incident, ...] = ()
