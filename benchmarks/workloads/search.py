"""The largest load that still holds, by doubling and then bisecting. Pure, but for what it is asked to try."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which two loads it breaks."""

    holds: float | None
    """The largest that was tried and held; None where even the first did not."""
    breaks: float | None
    """The smallest that was tried and did not hold; None where all did."""


def largest_that_holds(holds_at: Callable[[float], bool], first: float, *, doublings: int, bisections: int) -> Bounds:
    """Try ``first``, twice of it, and so on, ``doublings`` times at most; then halves of what is between."""
    if not holds_at(first):
        return Bounds(holds=None, breaks=first)
    low = first
    for _ in range(doublings):
        if not holds_at(2 * low):
            break
        low *= 2
    else:
        return Bounds(holds=low, breaks=None)
    high = 2 * low
    for _ in range(bisections):
        middle = (low + high) / 2
        low, high = (middle, high) if holds_at(middle) else (low, middle)
    return Bounds(holds=low, breaks=high)
