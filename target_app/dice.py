"""Random choices that follow from names and numbers alone, in whatever order they are asked for."""

from hashlib import blake2b

_WORD = (1 << 64) - 1


def key_of(*names: object) -> int:
    """Return 64 bits that stand for these names."""
    joined = "\0".join(map(str, names)).encode(errors="backslashreplace")
    return int.from_bytes(blake2b(joined, digest_size=8).digest(), "little")


def lot(stream: int, number: int, key: int) -> float:
    """Return a number in (0, 1), evenly spread and always the same for the same three.

    ``stream`` and ``key`` come from `key_of`. It is output ``number`` of splitmix64 seeded with
    their sum (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). There is
    no state, so what one user draws does not depend on who came before.
    """
    word = stream + key + (number + 1) * 0x9E3779B97F4A7C15 & _WORD
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB & _WORD
    # 52 bits and a half: exact in a float, and neither 0 nor 1.
    return (((word ^ word >> 31) >> 12) + 0.5) * 2.0**-52
