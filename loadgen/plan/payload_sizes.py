"""How long each message's text is: always the same, one of several lengths, or as the lengths of what people write."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np

from loadgen.plan.pacing import BLOCK_SIZE, Stream, block_rng

# Users of a closed loop are at different messages, so their numbers lie in several blocks; 8 KB each.
_MOST_BLOCKS = 64


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of these numbers of bytes, each as likely."""

    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Half of the texts are shorter than ``median`` bytes, none is longer than ``most``.

    ``sigma`` is that of the logarithm.
    """

    median: float
    sigma: float
    most: int


PayloadBytes = int | OneOf | LogNormal
"""A number: all alike."""


def most_bytes(payload_bytes: PayloadBytes) -> int:
    """How long a text can be."""
    match payload_bytes:
        case OneOf(sizes):
            return max(sizes)
        case LogNormal():
            return payload_bytes.most
        case _:
            return payload_bytes


@dataclass(slots=True)
class Sizes:
    """The length of the text of message ``n``: a function of seed and ``n``, drawn in blocks."""

    seed: int
    payload_bytes: OneOf | LogNormal
    least: int
    """What is shorter gets this length."""
    _blocks: dict[int, array[int]] = field(default_factory=dict, init=False)

    def of(self, n: int) -> int:
        """In bytes."""
        block, within = divmod(n, BLOCK_SIZE)
        drawn = self._blocks.get(block)
        if drawn is None:
            if len(self._blocks) == _MOST_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            drawn = self._blocks[block] = self._drawn(block)
        return drawn[within]

    def _drawn(self, block: int) -> array[int]:
        rng = block_rng(self.seed, Stream.PAYLOAD_SIZES, block)
        sizes = self.payload_bytes
        if isinstance(sizes, OneOf):
            drawn = rng.choice(np.array(sizes.sizes, np.float64), BLOCK_SIZE)
        else:
            # Bounded before the power is taken, which would overflow.
            power = np.exp(np.minimum(sizes.sigma * rng.standard_normal(BLOCK_SIZE), 700.0))
            drawn = np.minimum(sizes.median * power, sizes.most)
        return array("q", np.rint(np.maximum(drawn, self.least)).astype(np.int64).tobytes())
