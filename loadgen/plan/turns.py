"""Whose turn it is in an open loop, and when: what one process says of all that the plan has said."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Protocol

from loadgen.plan.pacing import NS_PER_S, OF_EACH_USER, Schedule, Silence, schedule
from loadgen.plan.plan import Plan
from loadgen.plan.ramps import RampedSchedule, RateStage
from loadgen.plan.sections import Section
from loadgen.plan.senders import ActiveUsers, Senders
from loadgen.plan.stages import user_count_at
from loadgen.plan.thinking import thinking_of

# With stages a user writes from so long after its coming on: before, it logs in, connects and joins.
SETTLING_IN_NS = NS_PER_S
# Pauses of one user in one section; what goes beyond has the lengths of the next section's.
_PAUSES_A_SECTION = 1 << 20

# (number of the act, who does it, when it is due on the clock of the section, how many users are there then). A plain
# tuple: at 25,000 messages a second a named one would take 0.6 % of a core.
Turn = tuple[int, int, int, int]

Expects = Callable[[int], bool]
"""Whether a user is one of ours, and is to be there."""


class Turns(Protocol):
    """Those of the users of one process, in one section, in order."""

    def next(self, before_ns: int) -> Turn | None:
        """The next one that is due before ``before_ns``; None where there is none, and then one may ask for later."""
        ...


def turns_of(plan: Plan, section: Section, active: ActiveUsers, expects: Expects) -> Turns:
    """Those of a section, by the gaps of the plan."""
    kind = TurnsOfEach if plan.gaps in OF_EACH_USER else TurnsInCommon
    return kind(plan, section, active, expects)


class TurnsInCommon:
    """One schedule for the messages of all, each of which goes to any user.

    Every process walks through the whole of it, and takes what its own users write.
    """

    def __init__(self, plan: Plan, section: Section, active: ActiveUsers, expects: Expects) -> None:
        self._plan = plan
        self._section = section
        self._expects = expects
        self._senders = Senders(plan.seed, active)
        self._pace = _schedule_of(plan, section)
        self._start_ns, self._user_count = section.start_ns, section.user_count
        self._there_count = section.user_count
        self._number = 0
        self._due_ns = self._start_ns + self._pace.due_ns(0)

    def next(self, before_ns: int) -> Turn | None:
        """See :class:`Turns`."""
        due_of, n = self._pace.due_ns, self._number
        # Each process walks through the messages of all, so a step is kept as short as it can be: 0.6 us.
        while (due_ns := self._due_ns) < before_ns:
            if self._plan.stages:
                sender = self._sender_among_stages(n, due_ns)
            else:
                sender = self._senders.sender_of(n, self._user_count)
            n += 1
            self._number, self._due_ns = n, self._start_ns + due_of(n)
            if sender is not None and self._expects(sender):
                return self._section.act(n - 1), sender, due_ns, self._there_count
        return None

    def _sender_among_stages(self, n: int, due_ns: int) -> int | None:
        """Who writes message ``n``; None where the plan has nobody there to write it."""
        plan = self._plan
        there = _there_count(plan, self._section, due_ns)
        # A direct message goes to somebody who is there, too; with one alone there is nobody else.
        self._there_count = max(2, there)
        sender = self._senders.sender_of(n, plan.user_count if plan.rate_follows_users else there)
        return sender if sender is not None and sender < there else None


class TurnsOfEach:
    """Each user's own pauses, one after the other; those of our own users, put in order."""

    def __init__(self, plan: Plan, section: Section, active: ActiveUsers, expects: Expects) -> None:
        self._plan = plan
        self._section = section
        self._expects = expects
        self._thinking = thinking_of(plan, active, section.user_count, section.acts_per_s)
        users = active.first(section.user_count) if section.acts_per_s > 0 else active.first(0)
        share = plan.share_of_users
        # (when, user, how many times it has had its turn)
        self._agenda = [
            (section.start_ns + self._thinking.first_ns(user), user, 0)
            for user in users[users % share.count == share.index].tolist()
        ]
        heapq.heapify(self._agenda)

    def next(self, before_ns: int) -> Turn | None:
        """See :class:`Turns`."""
        plan, section, agenda = self._plan, self._section, self._agenda
        while agenda and agenda[0][0] < before_ns:
            due_ns, user, count = agenda[0]
            pause_ns = self._thinking.think_ns(user, section.number * _PAUSES_A_SECTION + count + 1)
            heapq.heapreplace(agenda, (due_ns + pause_ns, user, count + 1))
            there = _there_count(plan, section, due_ns) if plan.stages else section.user_count
            if user < there and self._expects(user):
                return section.act(count * plan.user_count + user), user, due_ns, max(2, there)
        return None


def _schedule_of(plan: Plan, section: Section) -> Schedule:
    if section.acts_per_s <= 0:
        return Silence()
    if not plan.rate_stages:
        return schedule(plan.gaps, section.acts_per_s, plan.seed)
    acts_a_message = section.acts_per_s / plan.rate_per_s
    stages = [RateStage(stage.length_ns, stage.rate_per_s * acts_a_message) for stage in plan.rate_stages]
    return RampedSchedule(plan.gaps, plan.seed, section.acts_per_s, plan.warmup_ns, stages)


def _there_count(plan: Plan, section: Section, due_ns: int) -> int:
    """How many users write at an instant, where they come and go by stages, which begin with the measured window."""
    at_ns = due_ns - section.start_ns - plan.warmup_ns
    return min(user_count_at(plan.stages, at_ns), user_count_at(plan.stages, at_ns - SETTLING_IN_NS))
