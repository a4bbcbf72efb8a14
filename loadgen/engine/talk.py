"""Warm-up, measured window and drain of one process: who writes when, and who comes and goes meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from loadgen.engine.attendance import Attendance
from loadgen.engine.calls import CONNECTIONS
from loadgen.engine.clock import Alarm, new_alarm
from loadgen.engine.closed_loop import ClosedLoop
from loadgen.engine.course import Course
from loadgen.engine.incidents import Incidents
from loadgen.engine.movement import Movement
from loadgen.engine.open_loop import OpenLoop
from loadgen.engine.speaker import Speaker, acts_over_http
from loadgen.engine.swarm import Swarm
from loadgen.engine.talk_loop import TalkLoop, pause_until
from loadgen.engine.watch import Traffic, collector_watched, keep_books, watch_loop
from loadgen.plan.pacing import Loop
from loadgen.plan.sections import Section

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient


class Conversation:
    """What one process says from the first message to the end of the drain. Call :meth:`run` once."""

    def __init__(self, swarm: Swarm, course: Course, section: Section, on_call: Attendance | None = None) -> None:
        """With ``on_call`` its users come and go as they are told, and further sections may follow."""
        self._swarm = swarm
        self._course = course
        self._section = section
        self._on_call = on_call
        self._loop: TalkLoop | None = None
        self._traffic = Traffic(swarm.transports)

    async def run(self) -> None:
        """Returns after the drain, or when nobody is left."""
        swarm, course, plan = self._swarm, self._course, self._swarm.plan
        swarm.ledger.measure(course.measure_ns, course.end_ns)
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(collector_watched(swarm.tally, course.measures))
            clients: Sequence[HttpClient] = ()
            if self._on_call is not None:
                clients = self._on_call.clients
            elif acts_over_http(plan) or (plan.brings_in_late and plan.dialect.login is not None):
                clients = await stack.enter_async_context(swarm.http_clients(CONNECTIONS))
            alarm = new_alarm()
            stack.callback(alarm.close)
            speaker = Speaker(swarm, clients, course)
            stack.callback(speaker.close)
            expects = swarm.members.__contains__ if self._on_call is None else self._on_call.expects
            loop: TalkLoop
            if plan.loop is Loop.OPEN:
                loop = OpenLoop(
                    swarm, speaker, alarm, course, self._section, expects, may_follow=self._on_call is not None
                )
            else:
                loop = ClosedLoop(swarm, speaker, alarm, course, self._section)
            self._loop = loop
            helpers = [
                asyncio.create_task(watch_loop(swarm.tally, course.measures)),
                asyncio.create_task(keep_books(swarm.ledger)),
                asyncio.create_task(_wake_when_nobody_is_left(swarm, alarm)),
            ]
            try:
                async with asyncio.TaskGroup() as group:
                    movement = Movement(swarm, clients, course.measure_ns, loop.joined)
                    incidents = Incidents(swarm, clients, course.measure_ns, loop.joined, speaker)
                    moving = [group.create_task(each.run()) for each in (movement, incidents)]
                    if self._on_call is not None:
                        self._on_call.on_joined = loop.joined
                    group.create_task(loop.run())
                    await self._pass_the_phases()
                    for task in moving:
                        task.cancel()
            finally:
                for task in helpers:
                    task.cancel()

    async def _pass_the_phases(self) -> None:
        swarm, course = self._swarm, self._course
        swarm.books.phase = "warmup"
        await pause_until(swarm, lambda: course.measure_ns)
        swarm.books.phase = "measure"
        self._traffic.begin()
        try:
            await pause_until(swarm, lambda: course.end_ns)
        finally:
            self._traffic.end(swarm.tally)
        swarm.books.phase = "drain"
        await pause_until(swarm, lambda: course.over_ns)

    def add(self, section: Section) -> None:
        """From its start on, so many users write as the section says."""
        if self._loop is not None:
            self._loop.add(section)

    def measure_anew(self) -> None:
        """The measured window has begun anew."""
        self._traffic.begin()


async def _wake_when_nobody_is_left(swarm: Swarm, alarm: Alarm) -> None:
    await swarm.nobody_left.wait()
    alarm.wake()
