"""The closed loop: each user waits for the answer to its message, thinks, and writes again."""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter

from loadgen.dialects import HttpRequest
from loadgen.engine.clock import Alarm, now_ns
from loadgen.engine.course import Course
from loadgen.engine.speaker import Speaker
from loadgen.engine.swarm import Swarm
from loadgen.engine.talk_loop import LOOK_PERIOD_NS, SENDS_AT_ONCE
from loadgen.engine.user import UserState
from loadgen.measure import marker
from loadgen.plan.sections import Section
from loadgen.plan.senders import active_users
from loadgen.plan.thinking import thinking_of


class ClosedLoop:
    """Each active user waits for the answer to its message, thinks, and writes again.

    A message is due when its sender has done thinking. So a slow server slows the load down, as people would; what a
    user feels once it wants to speak is measured from then on all the same. The answer is the server's
    acknowledgement, where the dialect has one, else the sender's own message as it comes back. Where none comes until
    the deadline, the user goes on without. On average a thought takes as long as would give the plan's rate if answers
    came at once.
    """

    def __init__(self, swarm: Swarm, speaker: Speaker, alarm: Alarm, course: Course, section: Section) -> None:
        self._swarm = swarm
        self._speaker = speaker
        self._alarm = alarm
        self._course = course
        self._active = active_users(swarm.plan)
        self._begin(section)
        self._said_count: Counter[int] = Counter()
        # (when, user, the marker whose answer is given up then; b"": the user writes)
        self._agenda: list[tuple[int, int, bytes]] = []
        for user, member in swarm.members.items():
            if member.chatter.state is UserState.READY and user in self._active:
                self._agenda.append((course.start_ns + self._thinking.first_ns(user), user, b""))
        heapq.heapify(self._agenda)
        self._answers = swarm.answers
        self._answers.on_answer = self._think

    def _begin(self, section: Section) -> None:
        self._section = section
        self._thinking = thinking_of(self._swarm.plan, self._active, section.user_count, section.acts_per_s)

    async def run(self) -> None:
        in_a_row = 0
        while (now := now_ns()) < self._course.end_ns and not self._swarm.nobody_left.is_set():
            at_ns = self._agenda[0][0] if self._agenda else self._course.end_ns
            if at_ns > now:
                await self._alarm.until(min(at_ns, self._course.end_ns, now + LOOK_PERIOD_NS))
                in_a_row = 0
                continue
            at_ns, user, given_up = heapq.heappop(self._agenda)
            if not given_up:
                self._speak(user, at_ns, now)
            else:
                self._answers.came(user, given_up, at_ns)
            in_a_row += 1
            if in_a_row % SENDS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def joined(self, user: int) -> None:
        self._answers.forget(user)
        if user in self._active:
            self._think(user, now_ns())

    def add(self, section: Section) -> None:
        """What is thought from now on takes as long as the section says."""
        self._begin(section)

    def _speak(self, user: int, due_ns: int, now: int) -> None:
        plan = self._swarm.plan
        if self._swarm.members[user].chatter.state is not UserState.READY:
            return  # it has left, and begins anew when it comes back
        self._said_count[user] += 1
        n = self._said_count[user] * plan.user_count + user
        message = self._speaker.say(user, n, due_ns, now, self._section.user_count)
        if message is None:
            self._think(user, now)
            return
        text = (message.body or b"") if isinstance(message, HttpRequest) else message
        at = text.find(self._swarm.books.prefix)
        mark = text[at : at + marker.WIDTH]
        self._answers.await_for(user, mark)
        heapq.heappush(self._agenda, (now + plan.deadline_ns, user, mark))

    def _think(self, user: int, from_ns: int) -> None:
        due_ns = from_ns + self._thinking.think_ns(user, self._said_count[user] + 1)
        heapq.heappush(self._agenda, (due_ns, user, b""))
        if self._agenda[0][:2] == (due_ns, user):
            self._alarm.wake()
