"""What goes wrong by plan, and when: functions of the seed, so that every process knows whom it hits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from loadgen.plan.pacing import NS_PER_S, Stream, block_rng


class Backoff(StrEnum):
    """How long a user waits before it tries to come back."""

    NONE = "none"
    CONSTANT = "constant"
    EXPONENTIAL_JITTER = "exponential_jitter"


CONSTANT_NS = 3 * NS_PER_S
# Full jitter (M. Brooker, AWS, 2015): uniform between 0 and a bound that doubles with each try.
FIRST_BOUND_NS = NS_PER_S
LAST_BOUND_NS = 30 * NS_PER_S
# With no wait at all a refused connection would be tried again as fast as the processor can.
LEAST_RETRY_NS = 100_000_000
# Random numbers of one incident; more than there are users.
_USERS_AN_INCIDENT = 1 << 32


@dataclass(frozen=True, slots=True)
class ReconnectStorm:
    """At ``at_ns`` of the measured window the sockets of a share of all users are cut; they come back by themselves."""

    at_ns: int
    share: float
    """In (0, 1]."""
    backoff: Backoff
    number: int = 0
    """Which of the run's incidents it is, from 0: each hits others."""

    def hits(self, user: int, seed: int) -> bool:
        """Whether a user is among those; for n users, about ``share * n`` are."""
        return bool(_rng(seed, user + self.number * _USERS_AN_INCIDENT).random() < self.share)

    def wait_ns(self, user: int, attempt: int, seed: int) -> int:
        """How long a user waits before attempt number ``attempt`` (from 0) to come back."""
        match self.backoff:
            case Backoff.NONE:
                return 0 if attempt == 0 else LEAST_RETRY_NS
            case Backoff.CONSTANT:
                return CONSTANT_NS
            case Backoff.EXPONENTIAL_JITTER:
                bound_ns = min(LAST_BOUND_NS, FIRST_BOUND_NS << min(attempt, 10))
                drawn = float(_rng(seed, user + self.number * _USERS_AN_INCIDENT).random(attempt + 2)[-1])
                return max(round(drawn * bound_ns), LEAST_RETRY_NS if attempt else 0)


def _rng(seed: int, user: int) -> np.random.Generator:
    return block_rng(seed, Stream.INCIDENTS, user)
