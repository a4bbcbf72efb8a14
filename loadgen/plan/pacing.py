"""When each message is due: arithmetic on its number, never on the clock or the server's answers."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]

NS_PER_S = 1_000_000_000

# Large enough that the seam between two blocks is lost among the gaps, small enough to draw in 20 us.
BLOCK_SIZE = 1024
# Of 8 KB each.
_MOST_BLOCKS = 64


class Loop(StrEnum):
    """What a message waits for."""

    OPEN = "open"  # for nothing: it is due when the plan says, whatever the server does
    CLOSED = "closed"  # for the answer to its sender's previous message, and a time to think


class Gaps(StrEnum):
    """How the time between two messages is distributed."""

    EXPONENTIAL = "exponential"
    CONSTANT = "constant"
    PARETO = "pareto"  # of one user: bursts, and long pauses between them
    THINK = "think"  # of one user: as long as it thinks


OF_EACH_USER = frozenset({Gaps.PARETO, Gaps.THINK})
"""Gaps between the messages of one user: there is no schedule of the messages of all."""


class Stream(StrEnum):
    """What random numbers are drawn for; each has a stream of its own, so that one cannot shift another."""

    GAPS = "gaps"
    SENDERS = "senders"
    PAYLOAD = "payload"
    THINKING = "thinking"
    INCIDENTS = "incidents"
    ACTS = "acts"
    RECEIVERS = "receivers"
    ROOMS = "rooms"
    LAYERS = "layers"
    PAYLOAD_SIZES = "payload_sizes"
    ACTIVE = "active"
    FACTORS = "factors"
    FIRSTS = "firsts"


def block_rng(seed: int, stream: Stream, block: int) -> np.random.Generator:
    """The random numbers of one block: a function of seed, stream and block alone (Philox is counter-based)."""
    key = np.random.SeedSequence([seed, *stream.value.encode()]).generate_state(2, np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, block, 0]))


def one_for_each(seed: int, stream: Stream, user_count: int) -> Float64s:
    """A random number in [0, 1) for each user, whatever their number is: 40 ms for a million of them."""
    blocks = range(-(-user_count // BLOCK_SIZE))
    drawn = [block_rng(seed, stream, block).random(BLOCK_SIZE) for block in blocks]
    return np.concatenate([*drawn, np.empty(0)])[:user_count]


class Drawn:
    """A random number in [0, 1) for each event, a function of seed, stream and the event's number.

    Where each user has a rhythm of its own, numbers come from several blocks in turn; those used first are forgotten.
    """

    __slots__ = ("_blocks", "_seed", "_stream")

    def __init__(self, seed: int, stream: Stream) -> None:
        self._seed = seed
        self._stream = stream
        self._blocks: dict[int, array[float]] = {}

    def of(self, n: int) -> float:
        """That of event ``n`` (from 0)."""
        block, within = divmod(n, BLOCK_SIZE)
        drawn = self._blocks.get(block)
        if drawn is None:
            if len(self._blocks) == _MOST_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            drawn = array("d", block_rng(self._seed, self._stream, block).random(BLOCK_SIZE).tobytes())
            self._blocks[block] = drawn
        return drawn[within]


class Schedule(Protocol):
    """Maps the number of an event to the instant it is due."""

    def due_ns(self, n: int) -> int:
        """When event ``n`` (from 0) is due, in ns after the start. Never falls as ``n`` rises.

        Depends on ``n`` alone, so a slow server cannot delay the schedule and hide its own slowness
        (coordinated omission; G. Tene, wrk2).
        """
        ...


@dataclass(frozen=True, slots=True)
class ConstantSchedule:
    """Events at equal distances, the first at 0."""

    rate_per_s: float

    def due_ns(self, n: int) -> int:
        """See :class:`Schedule`."""
        return round(n * NS_PER_S / self.rate_per_s)


@dataclass(slots=True)
class ExponentialSchedule:
    """Events of a Poisson process, drawn in blocks.

    Block ``b`` holds exactly BLOCK_SIZE events, uniform over ``[b, b + 1) * BLOCK_SIZE / rate_per_s`` and put in
    order: what a Poisson process looks like once the number of its events in an interval is known. So the long-run
    rate is exact, and any event can be found without walking through those before it. The last block is kept.
    """

    rate_per_s: float
    seed: int
    _block: int = field(default=-1, init=False)
    _due_ns: list[int] = field(default_factory=list, init=False)

    def due_ns(self, n: int) -> int:
        """See :class:`Schedule`."""
        block, within = divmod(n, BLOCK_SIZE)
        if block != self._block:
            places = poisson_places(self.seed, block)
            self._due_ns = (places * (BLOCK_SIZE * NS_PER_S / self.rate_per_s)).astype(np.int64).tolist()
            self._block = block
        return self._due_ns[within]


def poisson_places(seed: int, block: int) -> Float64s:
    """Where in ``[block, block + 1)`` the events of a block lie, in order. See :class:`ExponentialSchedule`."""
    places: Float64s = block + np.sort(block_rng(seed, Stream.GAPS, block).random(BLOCK_SIZE))
    return places


class Silence:
    """No events at all."""

    def due_ns(self, n: int) -> int:
        """See :class:`Schedule`: at the end of time."""
        return 2**62 + n


def schedule(gaps: Gaps, rate_per_s: float, seed: int) -> Schedule:
    """The schedule of the kind ``gaps``, which is not one :data:`OF_EACH_USER`; ``rate_per_s`` > 0."""
    match gaps:
        case Gaps.CONSTANT:
            return ConstantSchedule(rate_per_s)
        case Gaps.EXPONENTIAL:
            return ExponentialSchedule(rate_per_s, seed)
        case _:
            raise ValueError(f"gaps of each user: {gaps}")
