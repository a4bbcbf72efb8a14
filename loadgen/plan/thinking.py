"""How long each user pauses before each thing it does: functions of the seed, the user and the number of the pause."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from loadgen.plan.pacing import NS_PER_S, Float64s, Gaps, Stream, block_rng, one_for_each
from loadgen.plan.pauses import AlikePauses, EvenPauses, ExponentialPauses, ParetoPauses, Pauses, Think
from loadgen.plan.plan import Plan
from loadgen.plan.senders import ActiveUsers

# Pauses of one user that are drawn together: 1.7 us each, and 128 bytes a user.
_BLOCK_SIZE = 16
# More blocks than any user will ever need.
_BLOCKS_PER_USER = 1 << 32


@dataclass(slots=True)
class Thinking:
    """The pauses of all users, each of whom takes them so many times as long as its factor says."""

    pauses: Pauses
    seed: int
    user_count: int
    factors: Float64s | None = None
    """One for each user; None: all alike."""
    _firsts: Float64s = field(init=False)
    _drawn: dict[int, tuple[int, Float64s]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._firsts = one_for_each(self.seed, Stream.FIRSTS, self.user_count)

    def first_ns(self, user: int) -> int:
        """How long after the start a user writes first: as if it had been at it for long."""
        return round(self.pauses.rest_ns(float(self._firsts[user])) * self._factor(user))

    def think_ns(self, user: int, n: int) -> int:
        """How long a user pauses before its message ``n`` (from 1)."""
        return round(self.pauses.pause_ns(self._uniform(user, n)) * self._factor(user))

    def _factor(self, user: int) -> float:
        return 1.0 if self.factors is None else float(self.factors[user])

    def _uniform(self, user: int, n: int) -> float:
        block, within = divmod(n, _BLOCK_SIZE)
        known = self._drawn.get(user)
        if known is None or known[0] != block:
            rng = block_rng(self.seed, Stream.THINKING, user * _BLOCKS_PER_USER + block)
            known = self._drawn[user] = block, rng.random(_BLOCK_SIZE)
        return float(known[1][within])


def thinking_of(plan: Plan, active: ActiveUsers, user_count: int, acts_per_s: float) -> Thinking:
    """That of the first ``user_count`` users of a plan, who together do ``acts_per_s`` where they do not just think."""
    if plan.think is not None:
        pauses: Pauses = EvenPauses(plan.think.least_ns, plan.think.most_ns)
        return Thinking(pauses, plan.seed, plan.user_count, factors_of(plan.think, plan.seed, plan.user_count))
    # Without anybody nobody thinks.
    mean_ns = active.count_of(user_count) * NS_PER_S / acts_per_s if acts_per_s > 0 else float(NS_PER_S)
    match plan.gaps:
        case Gaps.CONSTANT:
            pauses = AlikePauses(mean_ns)
        case Gaps.PARETO:
            pauses = ParetoPauses(mean_ns, plan.alpha)
        case _:
            pauses = ExponentialPauses(mean_ns)
    return Thinking(pauses, plan.seed, plan.user_count)


def factors_of(think: Think, seed: int, user_count: int) -> Float64s | None:
    """The factor of each user, drawn once by weight; None where there are none."""
    if not think.factors:
        return None
    total = sum(weight for _, weight in think.factors)
    bounds = [bound / total for bound in accumulate(weight for _, weight in think.factors)][:-1]
    drawn = np.searchsorted(bounds, one_for_each(seed, Stream.FACTORS, user_count), side="right")
    factors: Float64s = np.array([factor for factor, _ in think.factors])[drawn]
    return factors


def thoughts_per_s(think: Think, seed: int, active: ActiveUsers, user_count: int) -> float:
    """How much the active ones of ``user_count`` users do on average, all together."""
    mean_s = EvenPauses(think.least_ns, think.most_ns).mean_ns / NS_PER_S
    factors = factors_of(think, seed, user_count)
    if factors is None:
        return active.count_of(user_count) / mean_s
    return float((1 / factors[active.first(user_count)]).sum()) / mean_s
