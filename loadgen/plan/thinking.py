"""How long each user of a closed loop thinks: functions of the seed, the user and the number of its message."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from loadgen.plan.pacing import Gaps, Stream, block_rng

# Thoughts of one user that are drawn together: 1.3 us each, and 128 bytes a user.
_BLOCK_SIZE = 16
# More blocks than any user will ever need.
_BLOCKS_PER_USER = 1 << 32


@dataclass(slots=True)
class Thinking:
    """Times of ``mean_ns`` on average, all alike or exponential."""

    mean_ns: float
    gaps: Gaps
    seed: int
    _drawn: dict[int, tuple[int, npt.NDArray[np.float64]]] = field(default_factory=dict, init=False)

    def first_ns(self, user: int) -> int:
        """How long after the start a user writes first: anywhere in a mean thought, so that not all begin at once."""
        return round(self._uniform(user, 0) * self.mean_ns)

    def think_ns(self, user: int, n: int) -> int:
        """How long a user thinks before its message ``n`` (from 1)."""
        if self.gaps is Gaps.CONSTANT:
            return round(self.mean_ns)
        return round(float(-np.log1p(-self._uniform(user, n))) * self.mean_ns)

    def _uniform(self, user: int, n: int) -> float:
        block, within = divmod(n, _BLOCK_SIZE)
        known = self._drawn.get(user)
        if known is None or known[0] != block:
            rng = block_rng(self.seed, Stream.THINKING, user * _BLOCKS_PER_USER + block)
            known = self._drawn[user] = block, rng.random(_BLOCK_SIZE)
        return float(known[1][within])
