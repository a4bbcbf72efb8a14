"""The words before a marker: seeded, pronounceable, about as compressible as chat."""

from __future__ import annotations

from loadgen.measure.marker import WIDTH
from loadgen.plan.pacing import Stream, block_rng

_CONSONANTS = "bdfgklmnprstvw"
_VOWELS = "aeiou"

# Texts are cut from one long one; a message starts where few others do.
_POOL_BYTES = 65_536
_STRIDE = 7_919


class Payload:
    """Makes message texts of ``payload_bytes`` bytes each, the marker at their end."""

    def __init__(self, seed: int, payload_bytes: int) -> None:
        """ValueError where the marker would not fit."""
        if payload_bytes < WIDTH:
            raise ValueError(f"a payload of {payload_bytes} bytes cannot hold the marker of {WIDTH} bytes")
        self._filler_bytes = payload_bytes - WIDTH
        self._pool = _words(seed, max(_POOL_BYTES, 2 * self._filler_bytes)) if self._filler_bytes else ""

    def text(self, n: int, marker: bytes) -> str:
        """The text of message ``n``, which ends with ``marker``."""
        if not self._filler_bytes:
            return marker.decode()
        start = n * _STRIDE % (len(self._pool) - self._filler_bytes + 1)
        # The last character before the marker is a space, so that a client that marks up words leaves it alone.
        return self._pool[start : start + self._filler_bytes - 1] + " " + marker.decode()


def _words(seed: int, length: int) -> str:
    # Words of one to three syllables, each syllable two letters: drawn all at once, then cut to length.
    rng = block_rng(seed, Stream.PAYLOAD, 0)
    count = length // 2 + 1
    letters = zip(rng.choice(list(_CONSONANTS), count), rng.choice(list(_VOWELS), count), strict=True)
    ends = rng.random(count) < 0.5
    text = "".join(a + b + (" " if end else "") for (a, b), end in zip(letters, ends, strict=True))
    return text[:length].ljust(length)
