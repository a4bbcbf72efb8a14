"""Whose clock is whose, and how far two of them are apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PROC = Path("/proc")


def clock_of_this_host(proc: Path = _PROC) -> str:
    """What names the monotonic clock that this process sees: the boot of its kernel, and its time namespace."""
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
    try:
        namespace = str((proc / "self/ns/time").readlink())
    except OSError:  # before Linux 5.6 there are none
        namespace = ""
    return f"{boot} {namespace}".strip()


@dataclass(frozen=True, slots=True)
class Echo:
    """A question and its answer: asked and answered on our clock, told on theirs."""

    asked_ns: int
    told_ns: int
    heard_ns: int


@dataclass(frozen=True, slots=True)
class Offset:
    """How far another clock is ahead of ours."""

    ahead_ns: int
    error_ns: int
    """Either way: half of the shortest round trip, within which the other clock was read (NTP, RFC 5905, 8)."""

    @classmethod
    def from_echoes(cls, echoes: Iterable[Echo]) -> Self:
        """The one of the shortest round trip; ValueError where there is none."""
        best = min(echoes, key=lambda echo: echo.heard_ns - echo.asked_ns)
        middle_ns = (best.asked_ns + best.heard_ns) // 2
        return cls(best.told_ns - middle_ns, (best.heard_ns - best.asked_ns + 1) // 2)


OURS = Offset(0, 0)
