"""How long somebody pauses between two things it does: distributions, as functions of a random number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

# The longest of the heavy-tailed pauses is so many times as long as the shortest: with 1 s, 11 days.
_LONGEST_TO_SHORTEST = 1e6


class Pauses(Protocol):
    """``uniform`` is a random number in [0, 1)."""

    @property
    def mean_ns(self) -> float:
        """How long they are on average."""
        ...

    def pause_ns(self, uniform: float) -> float:
        """How long one is."""
        ...

    def rest_ns(self, uniform: float) -> float:
        """What is left of the pause that somebody is in who has been at it for long already.

        Where each user begins with such a rest, as many messages are due on average in the first second as in any
        later one (the equilibrium renewal process; D. R. Cox, Renewal Theory, 1962). Were the first pause one like the
        others, heavy-tailed ones would begin with too many messages, and be slow to come down to the mean rate.
        """
        ...


@dataclass(frozen=True, slots=True)
class AlikePauses:
    """All of the same length."""

    mean_ns: float

    def pause_ns(self, uniform: float) -> float:
        """See :class:`Pauses`."""
        return self.mean_ns

    def rest_ns(self, uniform: float) -> float:
        """See :class:`Pauses`."""
        return uniform * self.mean_ns


@dataclass(frozen=True, slots=True)
class ExponentialPauses:
    """Those of a Poisson process: how long one has lasted already says nothing of the rest."""

    mean_ns: float

    def pause_ns(self, uniform: float) -> float:
        """See :class:`Pauses`."""
        return -math.log1p(-uniform) * self.mean_ns

    def rest_ns(self, uniform: float) -> float:
        """See :class:`Pauses`."""
        return self.pause_ns(uniform)


@dataclass(frozen=True, slots=True)
class ParetoPauses:
    """Many short ones and a few very long: longer than x are as many as x ** -``alpha`` says, down to a shortest one.

    ``alpha`` > 1. None is longer than a million of the shortest; the mean is exact with that bound.
    """

    mean_ns: float
    alpha: float

    @property
    def shortest_ns(self) -> float:
        """No pause is shorter."""
        k = self.alpha - 1
        # The mean of min(X, R) for a Pareto X from 1 on is (alpha - R ** -k) / k.
        return self.mean_ns * k / (k - math.expm1(-k * math.log(_LONGEST_TO_SHORTEST)))

    def pause_ns(self, uniform: float) -> float:
        """See :class:`Pauses`."""
        return self.shortest_ns * min(math.pow(1 - uniform, -1 / self.alpha), _LONGEST_TO_SHORTEST)

    def rest_ns(self, uniform: float) -> float:
        """See :class:`Pauses`."""
        shortest_ns, k = self.shortest_ns, self.alpha - 1
        beyond = uniform * self.mean_ns / shortest_ns - 1
        if beyond <= 0:
            return uniform * self.mean_ns
        # The rest is up to y times the shortest with the probability (1 + (1 - y ** -k) / k) * shortest / mean.
        exponent = -math.log1p(-k * beyond) / k if k * beyond < 1 else math.inf
        return shortest_ns * math.exp(min(exponent, math.log(_LONGEST_TO_SHORTEST)))


@dataclass(frozen=True, slots=True)
class EvenPauses:
    """Anywhere between two lengths."""

    least_ns: float
    most_ns: float

    @property
    def mean_ns(self) -> float:
        """See :class:`Pauses`."""
        return (self.least_ns + self.most_ns) / 2

    def pause_ns(self, uniform: float) -> float:
        """See :class:`Pauses`."""
        return self.least_ns + uniform * (self.most_ns - self.least_ns)

    def rest_ns(self, uniform: float) -> float:
        """See :class:`Pauses`."""
        at_ns, width_ns = uniform * self.mean_ns, self.most_ns - self.least_ns
        if at_ns <= self.least_ns:
            return at_ns
        # Whether the pause lasts until x falls evenly from least to most; so its integral is a parabola.
        return self.most_ns - math.sqrt(max(0.0, width_ns**2 - 2 * width_ns * (at_ns - self.least_ns)))


@dataclass(frozen=True, slots=True)
class Think:
    """What users do between two things: they think, anywhere from ``least_ns`` to ``most_ns`` (> 0)."""

    least_ns: int
    most_ns: int
    factors: tuple[tuple[float, float], ...] = ()
    """(how many times as long, weight): each user has one of them, for all that it thinks; none: all think alike."""
