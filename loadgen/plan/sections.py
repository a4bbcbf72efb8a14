"""A run on call is cut into sections, and in each of them a fixed number of users writes."""

from __future__ import annotations

from dataclasses import dataclass

from loadgen.plan.plan import Plan

# Acts of one section; more than a run can have, and few enough to tell 4 million sections apart in 62 bits.
_ACTS_A_SECTION = 1 << 40


@dataclass(frozen=True, slots=True)
class Section:
    """From ``start_ns`` on, until the next one starts, the users numbered from 0 to ``user_count`` - 1 write."""

    number: int
    """From 0."""
    start_ns: int
    """On the clock of the process it is told to."""
    user_count: int
    acts_per_s: float
    """Of all users together; 0 where there is nobody."""

    def act(self, n: int) -> int:
        """What act ``n`` of the section (from 0) is numbered in the whole run: those of the first begin at 0."""
        return self.number * _ACTS_A_SECTION + n


def whole_run(plan: Plan, start_ns: int) -> Section:
    """The only section of a run whose users come and go by plan."""
    return Section(0, start_ns, plan.user_count, plan.acts_per_s)
