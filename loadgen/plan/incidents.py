"""What goes wrong by plan, and when: functions of the seed, so that every process knows whom it hits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache

from loadgen.plan.pacing import BLOCK_SIZE, NS_PER_S, Stream, block_rng


class IncidentKind(StrEnum):
    """What happens to those whom it hits."""

    RECONNECT_STORM = "reconnect_storm"  # their sockets are cut, and they come back
    HERD_JOIN = "herd_join"  # they were not there before, and all come now
    ABRUPT_CLOSE = "abrupt_close"  # their sockets are cut, and they stay away
    HALF_OPEN = "half_open"  # they read nothing any more, say nothing, and come back on another socket
    SLOW_READERS = "slow_readers"  # they read slowly, or not at all, from then on
    TOKEN_EXPIRY = "token_expiry"  # noqa: S105  # the server closes their sockets, and they log in again
    SERVER_RESTART = "server_restart"  # the server ends, and starts again
    OUTAGE = "outage"  # somebody else takes things away: whoever is cut off meanwhile comes back, each time
    ANNOUNCEMENT = "announcement"  # one user writes to its room, and they answer


COME_BACK = frozenset(
    {
        IncidentKind.RECONNECT_STORM,
        IncidentKind.HERD_JOIN,
        IncidentKind.HALF_OPEN,
        IncidentKind.TOKEN_EXPIRY,
        IncidentKind.SERVER_RESTART,
        IncidentKind.OUTAGE,
    }
)
"""Whose users are to be in their rooms again."""

CUT_BY_THE_SERVER = frozenset({IncidentKind.TOKEN_EXPIRY, IncidentKind.SERVER_RESTART, IncidentKind.OUTAGE})
"""Which hit whoever the server closes the connection of."""


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


class _Draw(IntEnum):
    """What is drawn for each user."""

    HIT = 0
    DELAY = 1
    AUTHOR = 2
    WAIT = 3  # and from here on one for each attempt


@dataclass(frozen=True, slots=True)
class Incident:
    """At ``at_ns`` of the measured window something happens to a share of all users."""

    kind: IncidentKind
    at_ns: int
    share: float = 1.0
    """In (0, 1]."""
    within_ns: int = 0
    """Over how long those whom it hits are spread, evenly by chance; of an outage, how long it takes."""
    backoff: Backoff = Backoff.NONE
    number: int = 0
    """Which of the run's incidents it is, from 0: each hits others."""
    bytes_per_s: int = 0
    """Of slow readers."""
    down_ns: int = 0
    """Of a restart: how long nobody serves."""
    kills: bool = False
    """Of a restart: whether the server is killed, instead of asked to end."""

    @property
    def until_ns(self) -> int | None:
        """When it is over by plan, ns of the measured window; None: it is not before the window ends.

        A herd has come, and an announcement is answered, when the last of them was to. How long it takes until all
        are back whom the others have cut off is for the run to tell; and who reads slowly does so from then on.
        """
        is_known = self.kind in (IncidentKind.HERD_JOIN, IncidentKind.ANNOUNCEMENT) and self.within_ns > 0
        return self.at_ns + self.within_ns if is_known else None

    def hits(self, user: int, seed: int) -> bool:
        """Whether a user is among those; for n users, about ``share * n`` are."""
        return self._drawn(_Draw.HIT, user, seed) < self.share

    def after_ns(self, user: int, seed: int) -> int:
        """How long after the incident began it hits a user."""
        return round(self._drawn(_Draw.DELAY, user, seed) * self.within_ns) if self.within_ns else 0

    def wait_ns(self, user: int, attempt: int, seed: int) -> int:
        """How long a user waits before attempt number ``attempt`` (from 0) to come back."""
        if self.backoff is Backoff.CONSTANT:
            return CONSTANT_NS
        least_ns = LEAST_RETRY_NS if attempt else 0
        if self.backoff is Backoff.NONE:
            return least_ns
        bound_ns = min(LAST_BOUND_NS, FIRST_BOUND_NS << min(attempt, 10))
        return max(round(self._drawn(_Draw.WAIT + attempt, user, seed) * bound_ns), least_ns)

    def author(self, user_count: int, seed: int) -> int:
        """Of an announcement: who makes it."""
        return int(self._drawn(_Draw.AUTHOR, 0, seed) * user_count)

    def _drawn(self, what: int, user: int, seed: int) -> float:
        """Uniform in [0, 1)."""
        block, within = divmod(user, BLOCK_SIZE)
        return _block(seed, (self.number << 48) + (what << 32) + block)[within]


# A run asks for all users in order, and of a few incidents at a time; 0.6 us a user, and not 28.
@lru_cache(maxsize=64)
def _block(seed: int, place: int) -> list[float]:
    drawn: list[float] = block_rng(seed, Stream.INCIDENTS, place).random(BLOCK_SIZE).tolist()
    return drawn
