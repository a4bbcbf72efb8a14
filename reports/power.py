"""How often pairs like the ones that were measured would mislead, and how small a change they would find. Pure.

Pairs of a system beside itself (A/A) are drawn again, with replacement, and which side is which by chance: then
nothing is slower, and whatever is called so is a false alarm. With one side made slower by a known factor, what is not
called so is missed. Both are figures of the whole procedure: all that is judged, and each look at growing data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.inference import Finding, judged

Float64s = npt.NDArray[np.float64]

FOUND_AS_OFTEN_AS = 0.95
"""A change is called detectable where it is found so often."""
LARGEST_EFFECT = 4.0
"""What is not found even when so much slower (5 times as slow) is given up."""
_STEPS = 10  # halvings: to within 0.4 % of the largest, and finer below, since they are of the logarithm


@dataclass(frozen=True, slots=True)
class Look:
    """So many pairs are judged with so large an error; what is found ends it, else there is the next look."""

    pair_count: int
    error: float


@dataclass(frozen=True, slots=True)
class Rates:
    """How large a share of the repetitions came to what."""

    regression: float
    fine: float
    inconclusive: float


@dataclass(frozen=True, slots=True)
class Pairs:
    """Of each metric the logarithm of head to base in every pair, and how much it may rise."""

    logs: Mapping[str, Float64s]
    tolerances: Mapping[str, float]

    @classmethod
    def of(
        cls, metrics: Mapping[str, tuple[Sequence[float], Sequence[float]]], tolerances: Mapping[str, float]
    ) -> Pairs:
        """From (base, head) by metric: values > 0, as many of each."""
        logs = {name: np.log(head) - np.log(base) for name, (base, head) in metrics.items()}
        return cls(logs, tolerances)

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return min((len(logs) for logs in self.logs.values()), default=0)


def rates_of(pairs: Pairs, looks: Sequence[Look], slower: Mapping[str, float], repeats: int, seed: int) -> Rates:
    """What so many repetitions come to where head is slower by these factors (0.2: 20 %), and else like base."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    shifts = {name: float(np.log1p(slower.get(name, 0.0))) for name in pairs.logs}
    found = [
        _finding(_drawn(pairs, looks[-1].pair_count, shifts, rng), pairs.tolerances, looks) for _ in range(repeats)
    ]
    return Rates(*(found.count(each) / repeats for each in (Finding.REGRESSION, Finding.FINE, Finding.INCONCLUSIVE)))


def smallest_effect(pairs: Pairs, looks: Sequence[Look], metric: str, repeats: int, seed: int) -> float | None:
    """By how much the metric must rise to be found as often as :data:`FOUND_AS_OFTEN_AS` (0.1: 10 %), the others alike.

    None where even :data:`LARGEST_EFFECT` is not.
    """

    def is_found(effect: float) -> bool:
        # The same draws for each effect: so more of it is found at least as often.
        return rates_of(pairs, looks, {metric: effect}, repeats, seed).regression >= FOUND_AS_OFTEN_AS

    if not is_found(LARGEST_EFFECT):
        return None
    low, high = 0.0, float(np.log1p(LARGEST_EFFECT))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_found(float(np.expm1(middle))) else (middle, high)
    return float(np.expm1(high))


def _drawn(pairs: Pairs, count: int, shifts: Mapping[str, float], rng: np.random.Generator) -> dict[str, Float64s]:
    """So many pairs, each with its sides changed or not; the metrics of a pair stay together."""
    places = rng.integers(pairs.count, size=count)
    sides = rng.choice([-1.0, 1.0], size=count)
    return {name: logs[places] * sides + shifts[name] for name, logs in pairs.logs.items()}


def _finding(logs: Mapping[str, Float64s], tolerances: Mapping[str, float], looks: Sequence[Look]) -> Finding:
    for look in looks:
        metrics = {
            name: (np.ones(look.pair_count).tolist(), np.exp(of_pairs[: look.pair_count]).tolist(), tolerances[name])
            for name, of_pairs in logs.items()
        }
        found = {each.finding for each in judged(metrics, look.error)}
        if Finding.REGRESSION in found:
            return Finding.REGRESSION
        if found == {Finding.FINE}:
            return Finding.FINE
    return Finding.INCONCLUSIVE
