"""Leads the workers through a run: one barrier after each phase, one start instant, one merged tally."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import IO, Any, Protocol

from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.hand import WORKER, Hand
from loadgen.engine.probe import MachineProbe, Probe
from loadgen.engine.swarm import ANSWER_TIMEOUT_S, LOGINS_AT_ONCE, close_timeout_s
from loadgen.engine.wire import (
    NEWS_PERIOD_NS,
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
    packed,
)
from loadgen.errors import ErrorKind, TargetUnreachableError
from loadgen.measure.news import News
from loadgen.measure.record import EndedEarly, Phase, PhaseSpan, ProcessRecord, Record, excuse_the_unknown
from loadgen.measure.spread import SpreadJoin
from loadgen.measure.tally import Metric, Tally
from loadgen.plan.incidents import Incident, IncidentKind
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Plan

# From the last barrier to the first message: workers hear of it and collect their garbage meanwhile.
START_DELAY_NS = 300_000_000
# What is under way when a run is interrupted gets this long to arrive.
INTERRUPT_GRACE_NS = 500_000_000
# Workers report at the full second; we look a little later.
TICK_DELAY_NS = 50_000_000
# Beyond what a phase takes by its own limits.
PATIENCE_S = 15.0


class _AllWorkersDiedError(Exception):
    pass


class RestartTarget(Protocol):
    """Has our own server serve again after a while."""

    async def __call__(self, down_s: float, *, kill: bool) -> int:
        """The process id of its next life."""
        ...


class AgreedStart(Protocol):
    """Settles when users begin to talk."""

    async def __call__(self, earliest_ns: int) -> int:
        """The instant, at ``earliest_ns`` or later."""
        ...


class Coordinator:
    """One run of one plan. Call :meth:`run` once."""

    def __init__(
        self,
        plan: Plan,
        *,
        process_count: int,
        target_pids: Mapping[str, int] | None = None,
        log: IO[bytes],
        on_second: Callable[[Record], None],
        worker_cores: frozenset[int] | None = None,
        restart_target: RestartTarget | None = None,
        agreed_start: AgreedStart | None = None,
        worker_command: Sequence[str] = WORKER,
    ) -> None:
        """``log`` takes what workers print; ``on_second`` is called with the record once a second.

        Workers keep to ``worker_cores``, if any; the coordinator goes wherever there is room, since what it does each
        second would keep a worker from reading for milliseconds. ``restart_target`` ends our own server and starts it
        again, where the plan has it so. ``agreed_start`` says when to begin, where another run begins then, too.
        ``target_pids`` are the processes of our own target, by name; a restart is of the first. ``worker_command`` is
        what a worker is started with (benchmarks.merge has those that replay one).
        """
        self.record = Record(plan, Tally(now_ns()), ProcessRecord(os.getpid()))
        self._machine = MachineProbe()
        self._probes = [(Probe(os.getpid()), self.record.coordinator)]
        for name, pid in (target_pids or {}).items():
            process = ProcessRecord(pid, name=name)
            if self.record.target is None:
                self.record.target = process
            else:
                self.record.companions.append(process)
            self._watch(process)
        self._process_count = process_count
        self._worker_cores = worker_cores
        self._restart_target = restart_target
        self._agreed_start = agreed_start
        self._worker_command = worker_command
        self._spreads = SpreadJoin(process_count, plan.slicing)
        self._log = log
        self._on_second = on_second
        self._hands: list[Hand] = []
        self._news: list[News] = []  # told, and not handed on yet
        self._tasks: list[asyncio.Task[None]] = []
        self._why_stop: EndedEarly | None = None
        self._stop_count = 0
        self._stop = asyncio.Event()
        self._kill = asyncio.Event()

    def _watch(self, process: ProcessRecord) -> None:
        self._probes.append((Probe(process.pid), process))

    def stop(self, why: EndedEarly = EndedEarly.INTERRUPTED) -> None:
        """End the run in good order; interrupted twice, end it at once."""
        self._why_stop = self._why_stop or why
        self._stop_count += why is EndedEarly.INTERRUPTED
        self._stop.set()
        if self._stop_count > 1:
            self._kill.set()

    async def run(self) -> Record:
        """Carry out the plan; always gives a record, and leaves no process behind."""
        try:
            await self._start()
            await self._until_stopped(self._story())
        except MemoryError:
            self._note_want_of_memory()
        finally:
            try:
                await self._finish()
            finally:
                for task in self._tasks:
                    task.cancel()
                for hand in self._hands:
                    hand.end()
                self._bury()
        return self.record

    def _note_want_of_memory(self) -> None:
        """What is known is worth more than a traceback: the run ends here, and says why."""
        self._why_stop = self.record.ended_early = EndedEarly.OUT_OF_MEMORY
        what = "the process that leads the run was refused memory"
        self.record.tally.error(ErrorKind.LIMIT_MEMORY, "run", what)

    async def _start(self) -> None:
        plan = self.record.plan
        for index in range(self._process_count):
            hand = await Hand.start(self._log, self._worker_cores, self._worker_command)
            self._hands.append(hand)
            self.record.workers.append(hand.record)
            self._watch(hand.record)
            self._tasks.append(asyncio.create_task(self._listen(hand)))
            hand.tell(Begin(plan.share(index, self._process_count), self.record.origin_ns))
        self._tasks.append(asyncio.create_task(self._every_second()))
        self._tasks.append(asyncio.create_task(self._hand_on_news()))

    async def _until_stopped(self, story: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(story)
        stopper = asyncio.create_task(self._stop.wait())
        try:
            await self._first_of(task, stopper)
        finally:
            stopper.cancel()
            interrupted = task.cancel()
        if interrupted:
            await asyncio.wait({task})
            self.record.ended_early = self._why_stop
            return
        try:
            task.result()
        except _AllWorkersDiedError:
            self.record.ended_early = EndedEarly.WORKER_DIED

    async def _first_of(self, *awaited: asyncio.Task[Any]) -> None:
        """Wait for one of them; a bug of ours in a helper meanwhile is raised, lest a run goes on half blind."""
        helpers = set(self._tasks)
        while not any(task.done() for task in awaited):
            done, _ = await asyncio.wait({*awaited, *helpers}, return_when=asyncio.FIRST_COMPLETED)
            for helper in done & helpers:
                helper.result()
            helpers -= done

    async def _story(self) -> None:
        """The phases, in order."""
        plan, record = self.record.plan, self.record
        entrance = () if plan.begins_empty else (Phase.LOGIN, Phase.CONNECT, Phase.JOIN)
        for phase in entrance:
            if phase is Phase.LOGIN and (plan.dialect.login is None or plan.tokens):
                continue
            span = self._begin(phase)
            count = await self._ask(Do(phase), entrance_limit_s(plan, self._process_count))
            span.end_ns = now_ns()
            if not count:
                refused = phase is Phase.LOGIN
                record.ended_early = EndedEarly.LOGIN_REFUSED if refused else EndedEarly.NO_USER_READY
                return
        start_ns = now_ns() + START_DELAY_NS
        if self._agreed_start is not None:
            start_ns = await self._agreed_start(start_ns)
        talking = asyncio.create_task(self._watch_phases(start_ns))
        self._tasks += [asyncio.create_task(self._restart(each, start_ns)) for each in self._restarts()]
        try:
            total_s = (start_ns - now_ns() + plan.warmup_ns + plan.measure_ns + plan.drain_ns) / NS_PER_S
            left = await self._ask(Talk(start_ns), total_s)
        finally:
            talking.cancel()
        if not left:
            record.ended_early = EndedEarly.ALL_CONNECTIONS_LOST

    async def _watch_phases(self, start_ns: int) -> None:
        """Note when warm-up, measured window and drain begin and end, and what was used in the window."""
        plan = self.record.plan
        at_ns = start_ns
        for phase, length_ns in (
            (Phase.WARMUP, plan.warmup_ns),
            (Phase.MEASURE, plan.measure_ns),
            (Phase.DRAIN, plan.drain_ns),
        ):
            await sleep_until(at_ns)
            self._begin(phase, at_ns)
            at_ns += length_ns
            if phase in (Phase.MEASURE, Phase.DRAIN):
                self._read(window=True)
        await sleep_until(at_ns)

    def _restarts(self) -> list[Incident]:
        return [each for each in self.record.plan.incidents if each.kind is IncidentKind.SERVER_RESTART]

    async def _restart(self, incident: Incident, start_ns: int) -> None:
        """End the target, have it come back, and watch its next process in the place of the first."""
        assert self._restart_target is not None, "only of a server of ours"
        assert self.record.target is not None, "only of a server of ours"
        await sleep_until(start_ns + self.record.plan.warmup_ns + incident.at_ns)
        try:
            pid = await self._restart_target(incident.down_ns / NS_PER_S, kill=incident.kills)
        except TargetUnreachableError:
            return  # it stays away: nobody comes back, and that it has died is said at the end
        self.record.target_back_ns = now_ns()
        place = next(i for i, (_, process) in enumerate(self._probes) if process is self.record.target)
        self._probes[place] = Probe(pid, self.record.target.last_cpu_ns), self.record.target
        self.record.target.pid = pid

    def _begin(self, phase: Phase, at_ns: int | None = None) -> PhaseSpan:
        at_ns = now_ns() if at_ns is None else at_ns
        if self.record.phases and self.record.phases[-1].end_ns is None:
            self.record.phases[-1].end_ns = at_ns
        self.record.phases.append(PhaseSpan(phase, at_ns))
        return self.record.phases[-1]

    async def _ask(self, command: Do | Talk | Stop, limit_s: float) -> int:
        """Tell every worker that lives and wait for all; how many users came through.

        One that dies meanwhile, or takes longer than ``limit_s`` and some patience, is not waited for. Raises
        _AllWorkersDiedError where none is left.
        """
        asked = [hand for hand in self._hands if hand.is_alive]
        for hand in asked:
            hand.ask(command, limit_s + PATIENCE_S)
        answers = [await hand.answers.get() for hand in asked]
        counts = [answer.user_count for answer in answers if answer is not None]
        if not counts:
            raise _AllWorkersDiedError
        return sum(counts)

    async def _listen(self, hand: Hand) -> None:
        message: Message | None
        while (message := await hand.hear()) is not None:
            match message:
                case Done():
                    hand.answers.put_nowait(message)
                case Tell(news):
                    self._news.append(news)
                case Tick(tally, spreads):
                    self._merge(hand, tally)
                    self._spreads.add(spreads, self.record.tally)
                case Closed(tally, spreads, headers):
                    self._merge(hand, tally)
                    self._spreads.add(spreads, self.record.tally)
                    self.record.handshake_headers = self.record.handshake_headers or headers
                    hand.has_closed = True
                    hand.ended.set()

    async def _hand_on_news(self) -> None:
        """Tell everybody what all have told, a few times a second; goes on until it is cancelled."""
        while True:
            await sleep_until(now_ns() + NEWS_PERIOD_NS)
            self._tell_news()

    def _tell_news(self) -> None:
        # The same bytes to all, who told them among them: with 64 workers that is 1,300 messages a second to pack and
        # to send where it would be 81,000, one for each pair of workers.
        if self._news:
            told, self._news = packed(Hear(News.joined(self._news))), []
            for hand in self._hands:
                hand.tell(told)

    def _merge(self, hand: Hand, tally: Tally) -> None:
        hand.record.loop_lag.merge(tally.metrics[Metric.LOOP_LAG])
        hand.record.send_lateness.merge(tally.metrics[Metric.SEND_LATENESS])
        self.record.tally.merge(tally)

    async def _every_second(self) -> None:
        second = 0
        while True:
            self._read()
            for hand in self._hands:
                hand.second_passed()
            self._bury()
            self._on_second(self.record)
            # If we were stopped ourselves, the seconds in between are nobody's fault.
            second = max(second + 1, (now_ns() - self.record.origin_ns) // NS_PER_S)
            await sleep_until(self.record.origin_ns + second * NS_PER_S + TICK_DELAY_NS)

    def _bury(self) -> None:
        """Note who has died."""
        known = {death.pid for death in self.record.deaths}
        for hand in self._hands:
            if not hand.is_alive and hand.process.pid not in known and (death := hand.death()) is not None:
                self.record.deaths.append(death)

    def _read(self, *, window: bool = False) -> None:
        machine = self.record.machine
        (machine.window if window else machine.readings).append(self._machine.read())
        for probe, process in self._probes:
            reading = probe.read()
            if reading is not None:
                (process.window if window else process.readings).append(reading)

    async def _finish(self) -> None:
        """Have the books closed, in bounded time."""
        if self.record.phases and self.record.phases[-1].end_ns is None:
            self.record.phases[-1].end_ns = now_ns()
            if self.record.phases[-1].phase is Phase.MEASURE:
                self._read(window=True)
        closing = asyncio.create_task(self._close_books())
        killed = asyncio.create_task(self._kill.wait())
        # Workers are given up by the second; this is for the case that the seconds have stopped, by a bug of ours.
        limit_s = close_timeout_s(self.record.plan.user_count) + 3 * PATIENCE_S
        await asyncio.wait([closing, killed], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finished = closing.done()
        closing.cancel()
        killed.cancel()
        await asyncio.wait({closing})
        if finished:
            closing.result()
        self._read()
        self._spreads.close(self.record.tally)
        if not all(hand.has_closed for hand in self._hands):
            excuse_the_unknown(self.record.tally, self.record.plan.user_count)

    async def _close_books(self) -> None:
        """First everybody stops and has heard the news of all, then all close."""
        grace_ns = 0 if self._why_stop is None else INTERRUPT_GRACE_NS
        for hand in self._hands:
            while not hand.answers.empty():
                hand.answers.get_nowait()  # of a phase that was given up
        try:
            await self._ask(Stop(grace_ns), grace_ns / NS_PER_S)
        except _AllWorkersDiedError:
            return
        limit_s = close_timeout_s(self.record.plan.user_count) + PATIENCE_S
        self._tell_news()
        for hand in self._hands:
            hand.ask(Finish(), limit_s)
        for hand in self._hands:
            await hand.ended.wait()


def entrance_limit_s(plan: Plan, process_count: int) -> float:
    """How long logins, connects or joins may take: all are paced, and a server may let each of them wait."""
    rounds = 1 + math.ceil(plan.user_count / process_count / LOGINS_AT_ONCE)
    return plan.user_count / plan.connect_rate_per_s + rounds * ANSWER_TIMEOUT_S
