"""Which runs are made, and in which order: every side in turn, since the speed of a machine drifts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.common import BenchmarkError, Cores
from benchmarks.peers.attempts import Attempt, Attempts, Figure, Tried, cpu, next_rate
from benchmarks.peers.roll import FLOOR, LISTENING_FLOOR, OURS, OURS_IN_LOCUST
from benchmarks.peers.side import Side
from benchmarks.peers.stage import perform
from benchmarks.receive.sides import Load

SOCKETS, FEW_SOCKETS = 500, 100
# The aim of ours: 150,000 deliveries a second.
AIMED_RATE = 300
# Where a side could not be measured before, its search begins here.
UNKNOWN_CPU_US = 50


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    rounds: int
    seconds: int
    accuracy_rounds: int
    carried_seconds: int
    carried_steps: int
    socket_counts: Sequence[int]
    most_sockets: int
    """What only the floor and ours are asked to hold."""


FULL = Extent(3, 8, 2, 4, 5, (2_000, 15_000), 18_000)
QUICK = Extent(1, 3, 1, 2, 2, (2_000,), 2_000)

# 10,000 deliveries a second: all can take them on one core.
COST = Load(sockets=SOCKETS, rate_per_s=20, seconds=8, payload_bytes=200, connect_rate_per_s=1000)
ACCURACY = replace(COST, sockets=FEW_SOCKETS, rate_per_s=40)
HELD = replace(COST, rate_per_s=1, seconds=4, connect_rate_per_s=5000)


@dataclass(slots=True)
class Campaign:
    """Makes the runs one by one and keeps them, so that what was measured stays when the rest is not."""

    sides: Sequence[Side]
    cores: Cores
    extent: Extent
    runs: list[Attempt]

    def carry_out(self, figures: Sequence[str]) -> Iterator[Attempt]:
        """Every run, as soon as it has been made."""
        for figure, make in (
            (Figure.COST, self.cost),
            (Figure.ACCURACY, self.accuracy),
            (Figure.SOCKETS, self.sockets),
            (Figure.CARRIED, self.carried),
        ):
            if figure in figures:
                yield from make()

    def cost(self) -> Iterator[Attempt]:
        """The CPU of a delivery, and times at 500 sockets; the floor reads once more without sending."""
        load = replace(COST, seconds=self.extent.seconds)
        for number in range(1, self.extent.rounds + 1):
            for side in (*self.sides, LISTENING_FLOOR):
                yield self.made(Figure.COST, number, side, load)

    def accuracy(self) -> Iterator[Attempt]:
        """Times at 100 sockets, of all who measure any."""
        load = replace(ACCURACY, seconds=self.extent.seconds)
        for number in range(1, self.extent.accuracy_rounds + 1):
            for side in (*self.sides, LISTENING_FLOOR):
                if side.told is not None:
                    yield self.made(Figure.ACCURACY, number, side, load)

    def sockets(self) -> Iterator[Attempt]:
        """Memory and connecting; who failed with fewer is not asked to hold more."""
        failed: set[str] = set()
        for count in dict.fromkeys((*self.extent.socket_counts, self.extent.most_sockets)):
            for side in self.sides:
                is_asked = count in self.extent.socket_counts or side in (FLOOR, OURS)
                if is_asked and side.name not in failed:
                    run = self.made(Figure.SOCKETS, 1, side, replace(HELD, sockets=count))
                    if run.failure is not None:
                        failed.add(side.name)
                    yield run

    def carried(self) -> Iterator[Attempt]:
        """One side after the other: up until it falls behind, from what its CPU at a small load lets one expect."""
        for side in self.sides:
            cpu_us = Attempts(self.runs).typical(Figure.COST, side.name, cpu) or UNKNOWN_CPU_US
            first = AIMED_RATE if side in (OURS, OURS_IN_LOCUST) else round(1e6 / cpu_us / SOCKETS)
            tried: list[Tried] = []
            while (rate := next_rate(tried, first, self.extent.carried_steps)) is not None:
                load = replace(COST, rate_per_s=rate, seconds=self.extent.carried_seconds)
                run = self.made(Figure.CARRIED, len(tried) + 1, side, load)
                yield run
                if run.failure is not None and side.missing() is not None:
                    break
                kept_up = run.seen is not None and run.seen.kept_up
                tried.append(Tried(rate, kept_up, None if run.seen is None else run.seen.cpu_ratio))

    def made(self, figure: Figure, number: int, side: Side, load: Load) -> Attempt:
        """One run; once more where others took too much of the machine. A failure is an answer."""
        run = self._attempted(figure, number, side, load)
        if run.is_disturbed:
            run = self._attempted(figure, number, side, load)
        self.runs.append(run)
        return run

    def _attempted(self, figure: Figure, number: int, side: Side, load: Load) -> Attempt:
        missing = side.missing()
        if missing is not None:
            return Attempt(figure, number, side.name, load, seen=None, failure=f"not installed: {missing}")
        try:
            return Attempt(figure, number, side.name, load, perform(side, load, self.cores), failure=None)
        except (BenchmarkError, OSError) as error:
            return Attempt(figure, number, side.name, load, seen=None, failure=str(error))
