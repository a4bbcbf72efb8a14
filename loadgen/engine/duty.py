"""What a process of load does as its coordinator says: the books and the news; and all of a run by plan."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from loadgen.dialects.script import Reach
from loadgen.engine.alive import keep_alive
from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.course import Course
from loadgen.engine.crash import crash_loudly
from loadgen.engine.swarm import ANSWER_TIMEOUT_S, Swarm
from loadgen.engine.talk import Conversation
from loadgen.engine.transport import Transport
from loadgen.engine.transport.bounds import Unfinished
from loadgen.engine.wire import (
    NEWS_PERIOD_NS,
    Attended,
    Begin,
    Closed,
    Do,
    Done,
    Finish,
    Hear,
    Message,
    Stop,
    Talk,
    Tell,
    Tick,
    Wire,
)
from loadgen.measure.record import Phase
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Plan, TransportKind
from loadgen.plan.sections import whole_run

# Users of one process that have a room together. With 500 it pays (docs/receive_path.md); how few are enough was not
# measured, and with one it costs.
MANY_IN_A_ROOM = 50


class Duty(ABC):
    """Obeys until the books are closed, or the coordinator is gone."""

    def __init__(self, wire: Wire, begin: Begin) -> None:
        self._wire = wire
        self._origin_ns = begin.origin_ns
        self._transports = transports_for(begin.plan)
        self._swarm = Swarm(begin.plan, begin.origin_ns, self._transports, begin.other_clocks)
        self._phase: asyncio.Task[None] | None = None

    @abstractmethod
    async def do(self, command: Message) -> None:
        """Do, or begin to do, what only this kind of process is told; ValueError for anything else."""

    async def obey(self) -> None:
        """Returns when the books are closed, or the coordinator is gone."""
        while (command := await self._wire.receive()) is not None:
            match command:
                case Hear(news):
                    self._swarm.ledger.hear(news)
                case Stop(grace_ns):
                    await self._stop()
                    await sleep_until(now_ns() + grace_ns)
                    await self._done(0)
                case Finish():
                    self._swarm.ledger.close(now_ns())
                    await self._swarm.close()
                    tally, spreads = self._swarm.tally.take(), self._swarm.ledger.take_spreads()
                    await self._wire.send(Closed(tally, spreads, self._transports[0].handshake_headers))
                    return
                case _:
                    await self.do(command)

    def _begin_phase(self, phase: asyncio.Task[None]) -> None:
        phase.add_done_callback(crash_loudly)
        self._phase = phase

    async def _stop(self) -> None:
        if self._phase is not None and not self._phase.done():
            self._phase.cancel()
            await asyncio.wait({self._phase})

    async def _done(self, user_count: int) -> None:
        # All that the others must know is said before they hear that we are done, and what was counted so far is safe.
        await self._tell()
        await self._report()
        await self._wire.send(Done(user_count))

    async def report(self) -> None:
        """Say each second what was counted; goes on until it is cancelled."""
        second = (now_ns() - self._origin_ns) // NS_PER_S
        while True:
            second += 1
            await sleep_until(self._origin_ns + second * NS_PER_S)
            await self._report()

    async def _report(self) -> None:
        self._swarm.ledger.account()  # who is killed in the next second has said what it sent
        await self._wire.send(Tick(self._swarm.tally.take(), self._swarm.ledger.take_spreads(), self._attended()))

    def _attended(self) -> Attended | None:
        return None

    async def tell_news(self) -> None:
        """Say what the other processes must hear of; goes on until it is cancelled."""
        while True:
            await sleep_until(now_ns() + NEWS_PERIOD_NS)
            await self._tell()

    async def keep_alive(self) -> None:
        """Have users send what keeps their connections alive, where the dialect has that; until it is cancelled."""
        await keep_alive(self._swarm)

    async def _tell(self) -> None:
        if news := self._swarm.ledger.take_news():
            await self._wire.send(Tell(news))


class PlannedDuty(Duty):
    """Carries out a plan, one phase after the other."""

    async def do(self, command: Message) -> None:
        match command:
            case Do() | Talk():
                self._begin_phase(asyncio.create_task(self._carry_out(command)))
            case _:
                raise ValueError(f"no such command: {command}")

    async def _carry_out(self, command: Do | Talk) -> None:
        swarm, plan = self._swarm, self._swarm.plan
        match command:
            case Do(Phase.LOGIN):
                count = await swarm.login()
            case Do(Phase.CONNECT):
                count = await swarm.connect()
            case Do(Phase.JOIN):
                count = await swarm.join()
            case Talk(start_ns):
                await Conversation(swarm, Course.of(plan, start_ns), whole_run(plan, start_ns)).run()
                count = swarm.left_count
            case _:
                raise ValueError(f"no such phase: {command}")
        await self._done(count)


def transports_for(plan: Plan) -> list[Transport]:
    """A transport for each node of the server and each source address; users take them in turn."""
    transports: list[Transport] = []
    unfinished = Unfinished()
    for address in plan.source_addresses or (None,):
        for base_url in plan.base_urls:
            if plan.transport is TransportKind.PICOWS:
                from loadgen.engine.transport.picows_transport import PicowsTransport

                transport: Transport = PicowsTransport(
                    base_url,
                    plan.headers,
                    access=plan.access,
                    timeout_s=ANSWER_TIMEOUT_S,
                    local_address=address,
                    reads_together=_many_hear_the_same(plan),
                    unfinished=unfinished,
                )
            else:
                from loadgen.engine.transport.websockets_transport import WebsocketsTransport

                transport = WebsocketsTransport(
                    base_url,
                    plan.headers,
                    access=plan.access,
                    timeout_s=ANSWER_TIMEOUT_S,
                    local_address=address,
                    compression=plan.compression,
                    unfinished=unfinished,
                )
            transports.append(transport)
    return transports


def _many_hear_the_same(plan: Plan) -> bool:
    """Whether, of the users of one process, so many are in a room together that what they hear comes in bursts."""
    users = plan.user_count / plan.share_of_users.count
    return plan.dialect.publish.reach is Reach.ROOM and users / plan.rooms.count >= MANY_IN_A_ROOM
