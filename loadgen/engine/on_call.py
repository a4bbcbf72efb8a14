"""A process of load whose users come and go as somebody says, and whose window opens and closes as somebody says."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from loadgen.engine.attendance import Attendance
from loadgen.engine.calls import CONNECTIONS
from loadgen.engine.course import NOT_YET_NS, Course
from loadgen.engine.duty import Duty
from loadgen.engine.scripted import Scripts
from loadgen.engine.speaker import acts_over_http
from loadgen.engine.talk import Conversation
from loadgen.engine.wire import Ask, Attended, Begin, Measure, Message, Speak, Want, Wire
from loadgen.plan.sections import Section

if TYPE_CHECKING:
    pass


class OnCallDuty(Duty):
    """Nobody is there at first, and nothing is said before the first section."""

    def __init__(self, wire: Wire, begin: Begin) -> None:
        super().__init__(wire, begin)
        self._swarm.books.names_steps = True
        self._swarm.books.phase = "connect"
        self._stack = contextlib.AsyncExitStack()
        self._attendance: Attendance | None = None
        self._scripts: Scripts | None = None
        self._course: Course | None = None
        self._conversation: Conversation | None = None
        self._epoch = 0

    async def do(self, command: Message) -> None:
        match command:
            case Want(user_count):
                (await self._attendance_open()).want(user_count)
            case Ask():
                attendance = await self._attendance_open()
                if self._scripts is None:
                    self._scripts = Scripts(self._swarm, attendance.clients, self._wire.post)
                self._scripts.ask(command)
            case Speak(section):
                if self._conversation is None:
                    self._begin_phase(asyncio.create_task(self._talk(section)))
                else:
                    self._conversation.add(section)
            case Measure(start_ns, end_ns, epoch):
                self._measure(start_ns, end_ns, epoch)
            case _:
                raise ValueError(f"no such command: {command}")

    async def _attendance_open(self) -> Attendance:
        if self._attendance is None:
            plan = self._swarm.plan
            needs_http = bool(acts_over_http(plan)) or (plan.dialect.login is not None and not plan.tokens)
            clients = await self._stack.enter_async_context(self._swarm.http_clients(CONNECTIONS)) if needs_http else ()
            self._attendance = Attendance(self._swarm, clients)
        return self._attendance

    async def _talk(self, section: Section) -> None:
        attendance = await self._attendance_open()
        plan = self._swarm.plan
        self._course = Course.of(plan, section.start_ns)
        if not plan.measure_ns:
            self._course.end_ns = NOT_YET_NS
        self._conversation = Conversation(self._swarm, self._course, section, attendance)
        await self._conversation.run()
        await self._done(self._swarm.left_count)

    def _measure(self, start_ns: int, end_ns: int, epoch: int) -> None:
        if self._course is None or self._conversation is None:
            return  # nothing is said yet, or any more
        self._course.measure_ns, self._course.end_ns = start_ns, end_ns
        if epoch == self._epoch:
            self._swarm.ledger.measure(start_ns, end_ns)
            return
        self._epoch = epoch
        self._swarm.ledger.measure_anew(start_ns, end_ns)
        self._swarm.tally.measure_anew()
        self._conversation.measure_anew()

    async def _stop(self) -> None:
        await super()._stop()
        if self._scripts is not None:
            await self._scripts.close()
        if self._attendance is not None:
            await self._attendance.close()
        await self._stack.aclose()

    def _attended(self) -> Attended:
        attendance = self._attendance
        if attendance is None:
            return Attended(0, 0, 0, self._epoch)
        return Attended(attendance.wanted, attendance.arriving_count, attendance.ready_count, self._epoch)
