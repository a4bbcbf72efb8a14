"""How sockets ended: with which close code, in which phase, and by whom."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import NamedTuple

from loadgen.measure.incident_tally import NO_CLOSE_FRAME

END = "end"
"""The phase after the last: we close what is still open."""
OTHER_CODE = 0
"""Stands for all codes beyond those that are told apart."""

# A server may use a code of its own for each socket; so many different ends nobody reads.
_MOST = 500
# What a close of ours is answered with: 1000, or none of both; 1005 where the answer has no code.
_ANSWERS = frozenset({1000, 1005, NO_CLOSE_FRAME})


class Closer(StrEnum):
    """Who ended a socket."""

    SERVER = "server"
    """With a close frame; or we did, since what it sent broke the rules (1002, 1007, 1009)."""
    US = "us"
    NETWORK = "network"
    """Nobody said a word: a network that broke, or a server that died or hung up."""


class Close(NamedTuple):
    """One way to end."""

    code: int
    """NO_CLOSE_FRAME where the server sent none."""
    phase: str
    who: Closer


def closer_of(code: int, *, by_us: bool) -> Closer:
    """Who ended a socket with a code; ``by_us``: we had hung up, or asked for it, before it was gone."""
    if by_us and code in _ANSWERS:
        return Closer.US
    return Closer.NETWORK if code == NO_CLOSE_FRAME else Closer.SERVER


def count_close(closes: Counter[Close], close: Close, count: int = 1) -> None:
    """Count it, under OTHER_CODE where there are too many different ones."""
    if close not in closes and len(closes) >= _MOST:
        close = close._replace(code=OTHER_CODE)
    closes[close] += count
