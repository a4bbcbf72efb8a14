"""What pairs of runs say of two systems: an estimate, an interval, and a finding that does not cry wolf. Pure.

The unit is a run, never a message: runs differ by more than their messages do. Two runs make a pair where they lie
next to one another in time, so that what the machine does meanwhile hits both. Of each metric the logarithm of head to
base is taken in every pair; the estimate is the Hodges-Lehmann one, the median of the means of any two of them, and the
interval is that of the exact signed-rank test (Wilcoxon), which holds whatever their distribution is, as long as it is
symmetric.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]

FEWEST_PAIRS = 10
"""With fewer there is no finding: six pairs and two metrics cannot reach 5 %, whatever they show."""


class Finding(StrEnum):
    """What a metric says of head, beside base."""

    REGRESSION = "regression"
    """It is worse, for certain, and by more than is tolerated."""
    FINE = "fine"
    """If it is worse at all, then by no more than is tolerated."""
    INCONCLUSIVE = "inconclusive"
    """It may be either."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many times as large a metric is in head as in base."""

    ratio: float
    low: float
    """0 where so few pairs bound nothing."""
    high: float
    """Infinite where so few pairs bound nothing."""
    confidence: float
    """With which the interval holds the true ratio, at least."""
    p_value: float
    """How likely pairs are that differ as much where both are alike (two-sided, exact)."""
    pair_count: int

    @property
    def smallest_effect(self) -> float:
        """The least by which head would have had to be larger for the interval to tell: 0.1 is 10 %."""
        return self.ratio / self.low - 1 if self.low > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found of one metric."""

    metric: str
    estimate: Estimate
    tolerance: float
    finding: Finding


def estimate_of(base: Sequence[float], head: Sequence[float], confidence: float) -> Estimate:
    """From pairs of values > 0, one of each side, in order; at least one pair."""
    # A difference of logarithms, not the logarithm of a ratio: the other way round it is the same but for its sign.
    logs = np.log(head) - np.log(base)
    means, tail = _means_of_two(logs), _tail(len(logs))
    low, high = _interval(means, tail, 1 - confidence)
    ratio = math.exp(float(np.median(means)))
    return Estimate(ratio, math.exp(low), math.exp(high), confidence, _p_value(means, tail), len(logs))


def estimate_of_sets(base: Sequence[float], head: Sequence[float], confidence: float) -> Estimate:
    """From values > 0 of runs that make no pairs, at least one of each side; ``pair_count`` is the smaller number.

    The median of the ratios of any two of them (Hodges and Lehmann), and the interval of the exact rank-sum test (Mann
    and Whitney). It says less than pairs do: what the machine did at one time and not at the other is all in it.
    """
    logs = np.subtract.outer(np.log(head), np.log(base))
    differences, tail = np.sort(logs.ravel()), _tail_of_sets(len(base), len(head))
    low, high = _interval(differences, tail, 1 - confidence)
    ratio = math.exp(float(np.median(differences)))
    p_value = _p_value(differences, tail)
    return Estimate(ratio, math.exp(low), math.exp(high), confidence, p_value, min(len(base), len(head)))


class Estimator(Protocol):
    """:func:`estimate_of` or :func:`estimate_of_sets`."""

    def __call__(self, base: Sequence[float], head: Sequence[float], confidence: float) -> Estimate:
        """How many times as large a metric is in head as in base."""
        ...


def judged(
    metrics: Mapping[str, tuple[Sequence[float], Sequence[float], float]],
    error: float,
    estimated: Estimator = estimate_of,
) -> list[Judgement]:
    """Of each metric, as name -> (base, head, tolerance), what can be said; more of it is worse.

    At most so large a share as ``error`` of all judgements of systems that are alike calls one of the metrics a
    regression, however many there are (Holm, 1979): the one that differs most for certain has to do so at
    ``error`` / n, the next at ``error`` / (n - 1), until one does not. ``tolerance`` 0.05 is 5 %.
    """
    p_values = {name: estimated(base, head, 1 - error).p_value for name, (base, head, _) in metrics.items()}
    in_turn = sorted(metrics, key=lambda name: p_values[name])
    judgements, stopped = {}, False
    for place, name in enumerate(in_turn):
        base, head, tolerance = metrics[name]
        level = error / (len(metrics) - place)
        estimate = estimated(base, head, 1 - level)
        finding = _finding(estimate, tolerance)
        stopped = stopped or p_values[name] > level
        if stopped and finding is Finding.REGRESSION:
            finding = Finding.INCONCLUSIVE
        judgements[name] = Judgement(name, estimate, tolerance, finding)
    return [judgements[name] for name in metrics]


def _finding(estimate: Estimate, tolerance: float) -> Finding:
    if estimate.pair_count < FEWEST_PAIRS:
        return Finding.INCONCLUSIVE
    if estimate.low > 1 and estimate.ratio > 1 + tolerance:
        return Finding.REGRESSION
    return Finding.FINE if estimate.high <= 1 + tolerance else Finding.INCONCLUSIVE


def errors_of_looks(error: float, look_count: int) -> list[float]:
    """How an error is divided over looks at growing data, each of which may end it: a fifth, the rest at the last.

    Looking twice is not free: with the whole of it each time, twice as many would be called regressions.
    """
    if look_count == 1:
        return [error]
    early = error / 5 / (look_count - 1)
    return [*[early] * (look_count - 1), error * 4 / 5]


def _means_of_two(logs: Float64s) -> Float64s:
    """The means of any two, and of each with itself (Walsh averages), rising: float64[n * (n + 1) / 2]."""
    first, second = np.triu_indices(len(logs))
    return np.sort((logs[first] + logs[second]) / 2)


def _p_value(means: Float64s, tail: Float64s) -> float:
    """Of the test that head and base are alike; where some means are 0, the side that says less."""
    smaller = len(means) - max(int((means > 0).sum()), int((means < 0).sum()))
    return min(1.0, 2 * float(tail[smaller]))


def _interval(means: Float64s, tail: Float64s, error: float) -> tuple[float, float]:
    """All shifts that the test would not reject at ``error``: they reach from one of the means to another.

    On either side as many are left out as the largest sum of ranks that is as unlikely as ``error`` / 2, or more so.
    """
    outer = int(np.searchsorted(tail, error / 2, side="right")) - 1
    if outer < 0:
        return -math.inf, math.inf
    return float(means[outer]), float(means[len(means) - 1 - outer])


@lru_cache(maxsize=64)
def _tail(count: int) -> Float64s:
    """How likely the ranks of the positive of so many differences add up to 0, to 1 at most, ... where both are alike.

    float64[count * (count + 1) / 2 + 1]: each rank is positive or not, as a coin falls (Wilcoxon, 1945).
    """
    ways = np.zeros(count * (count + 1) // 2 + 1)
    ways[0] = 1.0
    for rank in range(1, count + 1):
        ways[rank:] += ways[:-rank].copy()
    tail: Float64s = np.cumsum(ways) / 2.0**count
    return tail


@lru_cache(maxsize=64)
def _tail_of_sets(base_count: int, head_count: int) -> Float64s:
    """How likely 0, 1 at most, ... of all pairs of one of each side have the larger one in head, where both are alike.

    float64[base_count * head_count + 1]. The number of ways is a Gaussian binomial coefficient, a product of
    (1 - x ** (base_count + i)) / (1 - x ** i).
    """
    ways = np.zeros(base_count * head_count + 1)
    ways[0] = 1.0
    for i in range(1, head_count + 1):
        shift = base_count + i
        if shift < len(ways):
            ways[shift:] -= ways[:-shift].copy()
        for start in range(i):
            ways[start::i] = np.cumsum(ways[start::i])
    tail: Float64s = np.cumsum(ways) / math.comb(base_count + head_count, head_count)
    return tail
