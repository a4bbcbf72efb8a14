"""The open loop: each message is sent when it is due by the plan, whatever the server does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loadgen.engine.clock import Alarm, now_ns
from loadgen.engine.course import Course
from loadgen.engine.speaker import Speaker
from loadgen.engine.swarm import Swarm
from loadgen.engine.talk_loop import LOOK_PERIOD_NS, SENDS_AT_ONCE, pause_until
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.sections import Section
from loadgen.plan.senders import active_users
from loadgen.plan.turns import Turn, turns_of

# How far ahead a message is looked for on call; far enough that it is found before it is due.
LOOK_AHEAD_NS = NS_PER_S


class OpenLoop:
    """Sends each message when it is due by the plan, or as soon after as we can."""

    def __init__(
        self,
        swarm: Swarm,
        speaker: Speaker,
        alarm: Alarm,
        course: Course,
        section: Section,
        expects: Callable[[int], bool],
        *,
        may_follow: bool,
    ) -> None:
        """``expects`` tells whether a user is one of ours, and is to be there; ``may_follow``: another section."""
        self._swarm = swarm
        self._speaker = speaker
        self._alarm = alarm
        self._course = course
        self._expects = expects
        self._may_follow = may_follow
        self._active = active_users(swarm.plan)
        self._following: Section | None = None
        # The next message of ours; None after the last.
        self._next: Turn | None = None
        self._begin(section)

    def _begin(self, section: Section) -> None:
        self._turns = turns_of(self._swarm.plan, section, self._active, self._expects)

    async def run(self) -> None:
        swarm, ledger = self._swarm, self._swarm.ledger
        ledger.on_due = self._say_next
        self._alarm.on_ring = self._say_due
        self._advance()
        in_a_row = 0
        try:
            while now_ns() < self._course.end_ns or self._next is not None:
                if self._next is None:
                    if not self._may_follow:
                        break
                    await self._alarm.until(min(self._course.end_ns, now_ns() + LOOK_PERIOD_NS))
                    self._advance()
                    continue
                _, _, due_ns, _ = self._next
                if due_ns >= self._course.end_ns:
                    break  # it was brought forward
                if due_ns > now_ns() and not swarm.nobody_left.is_set():
                    in_a_row = 0
                    look_ns = now_ns() + LOOK_PERIOD_NS
                    if due_ns - NS_PER_S > look_ns:
                        await pause_until(swarm, lambda at_ns=look_ns: at_ns)  # type: ignore[misc]
                    elif not swarm.nobody_left.is_set():
                        await self._alarm.until(due_ns)
                    continue  # a delivery may have come first
                self._say_next()
                in_a_row += 1
                if in_a_row % SENDS_AT_ONCE == 0:
                    await asyncio.sleep(0)
        finally:
            self._alarm.on_ring = None
            ledger.on_due = None
            ledger.remind(None)

    def add(self, section: Section) -> None:
        """Go on with the section from its start on: what the present one has after that is not said."""
        self._following = section
        if self._next is None or self._next[2] >= section.start_ns:
            self._advance()
            self._alarm.wake()

    def _say_due(self) -> int | None:
        """Say what is due by now; when the next is. None where there is more to see to than to wait for that."""
        for _ in range(SENDS_AT_ONCE):
            if self._next is None or self._swarm.nobody_left.is_set():
                return None
            due_ns, now = self._next[2], now_ns()
            if due_ns >= self._course.end_ns:
                return None
            if due_ns > now:
                return due_ns if due_ns - now < NS_PER_S else None
            self._say_next()
        return None

    def _say_next(self) -> None:
        if self._next is not None:
            n, sender, due_ns, there_count = self._next
            if self._expects(sender):  # on call it may have been told to leave meanwhile
                self._speaker.say(sender, n, due_ns, now_ns(), there_count)
            self._advance()

    def _advance(self) -> None:
        """Find the next message that one of our users writes."""
        until_ns, following = self._course.end_ns, self._following
        if self._may_follow:
            # Where none of ours is to write, one would look for it until the end, which may never come.
            until_ns = min(until_ns, now_ns() + LOOK_AHEAD_NS)
        if following is None:
            self._next = self._turns.next(until_ns)
        else:
            self._next = self._turns.next(min(until_ns, following.start_ns))
            if self._next is None and following.start_ns <= until_ns:
                self._following = None
                self._begin(following)
                self._next = self._turns.next(until_ns)
        self._swarm.ledger.remind(None if self._next is None else self._next[2])

    def joined(self, user: int) -> None:
        pass
