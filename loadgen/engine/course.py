"""When a run talks and when it is measured. Of a run on call the times may still move while it lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from loadgen.plan.plan import Plan

NOT_YET_NS = 2**62
"""An end that nobody has told yet."""


@dataclass(slots=True)
class Course:
    """Instants are monotonic ns. Read them each time: they may have moved."""

    start_ns: int
    """The first message may be due."""
    measure_ns: int
    """The measured window begins ..."""
    end_ns: int
    """... and ends, and with it what is said."""
    drain_ns: int
    """How long is waited for what is under way then."""

    @classmethod
    def of(cls, plan: Plan, start_ns: int) -> Self:
        """That of a plan which is carried out from ``start_ns`` on."""
        measure_ns = start_ns + plan.warmup_ns
        return cls(start_ns, measure_ns, measure_ns + plan.measure_ns, plan.drain_ns)

    @property
    def give_up_ns(self) -> int:
        """What would be sent later is not sent: it could not arrive in time, and look lost."""
        return self.end_ns + self.drain_ns // 2

    @property
    def over_ns(self) -> int:
        """The drain ends."""
        return self.end_ns + self.drain_ns

    def measures(self, at_ns: int) -> bool:
        """Whether it lies in the measured window."""
        return self.measure_ns <= at_ns < self.end_ns
