"""The forms in which a text may come that a server has changed on its way: capitals, HTML entities, base64. Pure."""

from __future__ import annotations

import base64
from functools import lru_cache

from loadgen.measure.marker import WIDTH


def disguised_at(payload: bytes, prefix: bytes) -> int | None:
    """Where a marker stands whose prefix came in another form; None where none does.

    Acknowledgements are shorter than a marker, and cost 0.1 us; a frame of 100 bytes costs 1.
    """
    if len(payload) < WIDTH:
        return None
    for form in _forms(prefix):
        at = payload.find(form)
        if at >= 0:
            return at
    return None


@lru_cache(maxsize=8)
def _forms(prefix: bytes) -> tuple[bytes, ...]:
    decimal = "".join(f"&#{code};" for code in prefix)
    hexadecimal = "".join(f"&#x{code:x};" for code in prefix)
    return (
        prefix.upper(),
        decimal.encode(),
        hexadecimal.encode(),
        hexadecimal.upper().replace("X", "x").encode(),
        *(code.encode() for code in in_base64(prefix)),
    )


def in_base64(text: bytes) -> list[str]:
    """The digits that are settled by the text alone, for each of the three ways in which it may lie over them."""
    codes = []
    for shift in range(3):
        digits = base64.b64encode(b"x" * shift + text).decode()
        # A digit has six bits: one that shares some with what stands before or after the text is left out.
        codes.append(digits[-(-8 * shift // 6) : 8 * (shift + len(text)) // 6])
    return codes
