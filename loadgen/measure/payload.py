"""What stands before a marker: seeded words about as compressible as chat, or letters and digits that hardly shrink."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np

from loadgen.measure.marker import WIDTH
from loadgen.plan.pacing import Stream, block_rng
from loadgen.plan.payload_sizes import PayloadBytes, Sizes, most_bytes

if TYPE_CHECKING:
    from loadgen.plan.plan import Plan

_CONSONANTS = "bdfgklmnprstvw"
_VOWELS = "aeiou"

# Texts are cut from one long one; a message starts where few others do.
_POOL_BYTES = 65_536
_STRIDE = 7_919
# Deflate remembers 32 KB: what comes next must not be among it. Steps of the golden ratio are furthest apart.
_DENSE_POOL_BYTES = 1024 * 1024
_DENSE_STRIDE = 648_391


def payload_of(plan: Plan) -> Payload:
    """What makes the texts of a plan."""
    return Payload(plan.seed, plan.payload_bytes, compressible=plan.compressible)


class Payload:
    """Makes message texts of ``payload_bytes`` each, the marker at their end."""

    def __init__(self, seed: int, payload_bytes: PayloadBytes, *, compressible: bool = True) -> None:
        """ValueError where the marker would not fit into the longest; what is drawn shorter than it, has its length."""
        most = most_bytes(payload_bytes)
        if most < WIDTH:
            raise ValueError(f"a payload of {most} bytes cannot hold the marker of {WIDTH} bytes")
        self._filler_bytes = most - WIDTH
        self._sizes = None if isinstance(payload_bytes, int) else Sizes(seed, payload_bytes, WIDTH)
        make, pool_bytes = (_words, _POOL_BYTES) if compressible else (_characters, _DENSE_POOL_BYTES)
        self._stride = _STRIDE if compressible else _DENSE_STRIDE
        self._pool = make(seed, max(pool_bytes, 2 * self._filler_bytes)) if self._filler_bytes else ""

    def text(self, n: int, marker: bytes) -> str:
        """The text of message ``n``, which ends with ``marker``."""
        filler_bytes = self._filler_bytes if self._sizes is None else self._sizes.of(n) - WIDTH
        if not filler_bytes:
            return marker.decode()
        start = n * self._stride % (len(self._pool) - filler_bytes + 1)
        # The last character before the marker is a space, so that a client that marks up words leaves it alone.
        return self._pool[start : start + filler_bytes - 1] + " " + marker.decode()


def _words(seed: int, length: int) -> str:
    # Words of one to three syllables, each syllable two letters: drawn all at once, then cut to length.
    rng = block_rng(seed, Stream.PAYLOAD, 0)
    count = length // 2 + 1
    letters = zip(rng.choice(list(_CONSONANTS), count), rng.choice(list(_VOWELS), count), strict=True)
    ends = rng.random(count) < 0.5
    text = "".join(a + b + (" " if end else "") for (a, b), end in zip(letters, ends, strict=True))
    return text[:length].ljust(length)


def _characters(seed: int, length: int) -> str:
    # 62 characters, each as likely: 5.95 of the 8 bits of a byte, so that nothing gets them below 74 %.
    characters = np.frombuffer((string.ascii_letters + string.digits).encode(), np.uint8)
    return block_rng(seed, Stream.PAYLOAD, 0).choice(characters, length).tobytes().decode()
