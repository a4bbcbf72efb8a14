"""A rate that changes by plan: straight lines from one rate to the next, and steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from loadgen.plan.pacing import BLOCK_SIZE, NS_PER_S, Float64s, Gaps, poisson_places

# What would be due later is never due.
_NEVER_NS = 2.0**62


@dataclass(frozen=True, slots=True)
class RateStage:
    """Within ``length_ns`` the rate goes evenly to ``rate_per_s`` (>= 0); within 0 it does so at once."""

    length_ns: int
    rate_per_s: float


@dataclass(slots=True)
class RampedSchedule:
    """Events whose rate is ``rate_per_s`` for ``steady_ns``, then goes through stages, and stays as the last says.

    The events of a process with one event a second, each moved to the instant by which as many are to have come: its
    gaps are stretched where the rate is low. The number of events by an instant is the integral of the rate, a parabola
    in each stage, which is solved for the instant; so any event can be found without those before it.
    """

    gaps: Gaps
    """Exponential or constant."""
    seed: int
    rate_per_s: float
    steady_ns: int
    stages: Sequence[RateStage]
    _starts_ns: Float64s = field(init=False)
    _rates: Float64s = field(init=False)  # at the start of each part, and how it rises, in events/s and events/s**2
    _slopes: Float64s = field(init=False)
    _counts: Float64s = field(init=False)  # of events before each part
    _block: int = field(default=-1, init=False)
    _due_ns: list[int] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        lengths_ns = np.array([self.steady_ns, *(stage.length_ns for stage in self.stages)], np.float64)
        ends = np.array([self.rate_per_s, *(stage.rate_per_s for stage in self.stages)])
        starts = np.array([self.rate_per_s, *ends[:-1]])
        lengths_s = lengths_ns / NS_PER_S
        # A step takes no time, and so has no events of its own. The last part has no end, and stays level.
        slopes = np.divide(ends - starts, lengths_s, out=np.zeros_like(ends), where=lengths_s > 0)
        self._starts_ns = np.concatenate([[0.0], np.cumsum(lengths_ns)])
        self._rates = np.append(starts, ends[-1])
        self._slopes = np.append(slopes, 0.0)
        self._counts = np.concatenate([[0.0], np.cumsum((starts + ends) / 2 * lengths_s)])

    def due_ns(self, n: int) -> int:
        """See :class:`loadgen.plan.pacing.Schedule`."""
        block, within = divmod(n, BLOCK_SIZE)
        if block != self._block:
            constant = self.gaps is Gaps.CONSTANT
            places = block + np.arange(BLOCK_SIZE) / BLOCK_SIZE if constant else poisson_places(self.seed, block)
            self._due_ns = self._instants_ns(places * BLOCK_SIZE).astype(np.int64).tolist()
            self._block = block
        return self._due_ns[within]

    def _instants_ns(self, counts: Float64s) -> Float64s:
        """When so many events are to have come."""
        part = np.searchsorted(self._counts, counts, side="right") - 1
        more, rate, slope = counts - self._counts[part], self._rates[part], self._slopes[part]
        # more = rate * t + slope * t**2 / 2; this form loses no digits where the slope is small.
        divisor = rate + np.sqrt(np.maximum(rate**2 + 2 * slope * more, 0.0))
        never = np.where((slope > 0) & (more == 0), 0.0, np.inf)
        after_s = np.divide(2 * more, divisor, out=never, where=divisor > 0)
        instants_ns: Float64s = np.minimum(self._starts_ns[part] + after_s * NS_PER_S, _NEVER_NS)
        return instants_ns
