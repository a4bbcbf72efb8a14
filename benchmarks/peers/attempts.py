"""All runs, and the figures that are made of them: medians, and ratios within a round. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import linear_regression, median

from benchmarks.peers.side import Seen
from benchmarks.receive.sides import Load

# More than this, in cores, and what we measure is partly somebody else's doing.
OTHERS_LIMIT = 0.10

# Imports, first buffers and the spans of histograms grow in the first minute; a leak goes on growing.
SETTLED_AFTER_S = 60
LEAST_MINUTES = 0.5

# What was carried, and what was too much: no need to know it better.
CLOSE_ENOUGH = 1.12


class Figure(StrEnum):
    """What a run was made for."""

    COST = "cost"
    ACCURACY = "accuracy"
    CARRIED = "carried"
    SOCKETS = "sockets"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of one side: what was seen, or why nothing was."""

    figure: Figure
    round: int
    side: str
    load: Load
    seen: Seen | None
    failure: str | None

    @property
    def is_disturbed(self) -> bool:
        """Whether others took more of the machine than they may."""
        return self.seen is not None and (self.seen.others_ratio or 0) > OTHERS_LIMIT


@dataclass(frozen=True, slots=True)
class Soaked:
    """The memory of one side over the long run in which all take part."""

    side: str
    sockets: int
    points: Sequence[tuple[float, int]]
    """(seconds since all were connected, bytes)."""
    failure: str | None

    @property
    def growth_bytes_per_minute(self) -> float | None:
        """After the first minute; None where there was too little time after it."""
        settled = [(at_s / 60, float(rss)) for at_s, rss in self.points if at_s >= SETTLED_AFTER_S]
        if len(settled) < 2 or settled[-1][0] - settled[0][0] < LEAST_MINUTES:
            return None
        return linear_regression(*zip(*settled, strict=True)).slope

    @property
    def first_and_last_bytes(self) -> tuple[int, int] | None:
        """When all were connected, and at the end."""
        return (self.points[0][1], self.points[-1][1]) if self.points else None


Value = Callable[[Seen], float | None]


@dataclass(frozen=True, slots=True)
class Attempts:
    """Every run so far, in the order they were made."""

    runs: Sequence[Attempt]

    def of(self, figure: Figure, side: str | None = None, sockets: int | None = None) -> list[Attempt]:
        """Those made for one figure."""
        return [
            run
            for run in self.runs
            if run.figure is figure and side in (None, run.side) and sockets in (None, run.load.sockets)
        ]

    def typical(self, figure: Figure, side: str, value: Value, sockets: int | None = None) -> float | None:
        """The median of the rounds; None where none gave it."""
        values = [
            found
            for run in self.of(figure, side, sockets)
            if run.seen is not None and (found := value(run.seen)) is not None
        ]
        return median(values) if values else None

    def ratio(self, figure: Figure, side: str, base: str, value: Value, sockets: int | None = None) -> float | None:
        """The median of the ratios within each round in which both were measured."""
        ratios = list(self._ratios(figure, side, base, value, sockets))
        return median(ratios) if ratios else None

    def _ratios(self, figure: Figure, side: str, base: str, value: Value, sockets: int | None) -> Iterator[float]:
        bases = {run.round: value(run.seen) for run in self.of(figure, base, sockets) if run.seen is not None}
        for run in self.of(figure, side, sockets):
            ours, theirs = None if run.seen is None else value(run.seen), bases.get(run.round)
            if ours is not None and theirs:
                yield ours / theirs

    def carried(self, side: str) -> Attempt | None:
        """The greatest load that a side has kept up with."""
        kept = [run for run in self.of(Figure.CARRIED, side) if run.seen is not None and run.seen.kept_up]
        return max(kept, key=lambda run: run.load.rate_per_s, default=None)

    def too_much(self, side: str) -> Attempt | None:
        """The smallest load that was too much for a side."""
        kept = self.carried(side)
        above = [
            run
            for run in self.of(Figure.CARRIED, side)
            if not (run.seen is not None and run.seen.kept_up)
            and (kept is None or run.load.rate_per_s > kept.load.rate_per_s)
        ]
        return min(above, key=lambda run: run.load.rate_per_s, default=None)


@dataclass(frozen=True, slots=True)
class Tried:
    """One step of the search for what a side carries."""

    rate: int
    kept_up: bool
    cpu_ratio: float | None = None
    """Of its core."""


def next_rate(tried: Sequence[Tried], first: int, most_steps: int) -> int | None:
    """Which rate to try after those; None where the search is over.

    Up while it keeps up, to what the CPU so far lets one expect; down by a quarter while it never has; then between.
    """
    if not tried:
        return max(1, first)
    if len(tried) >= most_steps:
        return None
    kept = max((step for step in tried if step.kept_up), key=lambda step: step.rate, default=None)
    too_much = min((step.rate for step in tried if not step.kept_up), default=None)
    if kept is None:
        lower = min(tried[-1].rate - 1, round(tried[-1].rate * 0.75))
        return lower if lower >= 1 else None
    if too_much is None:
        times = 1.25 if not kept.cpu_ratio else min(4.0, max(1.25, 0.8 / kept.cpu_ratio))
        return max(kept.rate + 1, round(kept.rate * times))
    return round((kept.rate * too_much) ** 0.5) if too_much > kept.rate * CLOSE_ENOUGH else None


def cpu(seen: Seen) -> float | None:
    """CPU of a delivery, us."""
    return seen.cpu_us_per_delivery


def p50(seen: Seen) -> float | None:
    """Half of the deliveries, ms."""
    return seen.p50_ms


def p99(seen: Seen) -> float | None:
    """99 of 100 deliveries, ms."""
    return seen.p99_ms


def rss(seen: Seen) -> float | None:
    """The memory of all processes, bytes."""
    return seen.rss_bytes


def worker_rss(seen: Seen) -> float | None:
    """The memory of the process that holds the sockets, bytes."""
    return seen.worker_rss_bytes or seen.rss_bytes


def ready_s(seen: Seen) -> float | None:
    """From the start until all have joined."""
    return seen.ready_s


def connecting_s(seen: Seen) -> float | None:
    """From the first connection until all have joined."""
    return seen.connecting_s
