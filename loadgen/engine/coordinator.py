"""Leads the workers through a run: one barrier after each phase, one start instant, one merged tally."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import IO, Any

from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.probe import Probe
from loadgen.engine.swarm import ANSWER_TIMEOUT_S, CLOSE_TIMEOUT_S
from loadgen.engine.wire import Begin, Closed, Do, Done, Finish, Message, Talk, Tick, Wire
from loadgen.measure.record import EndedEarly, Phase, PhaseSpan, ProcessRecord, Record
from loadgen.measure.tally import Count, Tally
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


class _WorkerDiedError(Exception):
    pass


class _Worker:
    """A worker process and the pipe to it."""

    def __init__(self, process: subprocess.Popen[bytes], wire: Wire) -> None:
        self.process = process
        self.wire = wire
        self.done: asyncio.Queue[Done | None] = asyncio.Queue()
        self.closed = asyncio.Event()
        self.reported = False
        """Whether it has closed its books, and we have them."""

    @classmethod
    async def start(cls, log: IO[bytes]) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            # -P: a folder called loadgen where the user happens to be must not be imported.
            process = subprocess.Popen(  # noqa: ASYNC220  # 5 ms, before anything is measured
                [sys.executable, "-P", "-m", "loadgen.engine.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return cls(process, await Wire.over(ours))


class Coordinator:
    """One run of one plan. Call :meth:`run` once."""

    def __init__(
        self, plan: Plan, *, target_pid: int | None, log: IO[bytes], on_second: Callable[[Record], None]
    ) -> None:
        """``log`` takes what workers print; ``on_second`` is called with the record once a second."""
        self.record = Record(plan, Tally(now_ns()), ProcessRecord(os.getpid()))
        self._probes = [(Probe(os.getpid()), self.record.coordinator)]
        if target_pid is not None:
            self.record.target = self._watch(target_pid)
        self._log = log
        self._on_second = on_second
        self._workers: list[_Worker] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stop_count = 0
        self._stop = asyncio.Event()
        self._kill = asyncio.Event()

    def _watch(self, pid: int) -> ProcessRecord:
        process = ProcessRecord(pid)
        self._probes.append((Probe(pid), process))
        return process

    def stop(self) -> None:
        """End the run in good order; said twice, end it at once."""
        self._stop_count += 1
        self._stop.set()
        if self._stop_count > 1:
            self._kill.set()

    async def run(self) -> Record:
        """Carry out the plan; always gives a record, and leaves no process behind."""
        try:
            await self._start()
            await self._until_stopped(self._story())
        finally:
            try:
                await self._finish()
            finally:
                for task in self._tasks:
                    task.cancel()
                for worker in self._workers:
                    _end(worker.process)
        return self.record

    async def _start(self) -> None:
        plan = self.record.plan
        count = 1
        for index in range(count):
            worker = await _Worker.start(self._log)
            self._workers.append(worker)
            self.record.workers.append(self._watch(worker.process.pid))
            self._tasks.append(asyncio.create_task(self._listen(worker)))
            with contextlib.suppress(ConnectionError):
                await worker.wire.send(Begin(plan.share(index, count), self.record.origin_ns))
        self._tasks.append(asyncio.create_task(self._every_second()))

    async def _until_stopped(self, story: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(story)
        stopper = asyncio.create_task(self._stop.wait())
        try:
            await self._first_of(task, stopper)
        finally:
            stopper.cancel()
            interrupted = task.cancel()
        if interrupted:
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self.record.ended_early = EndedEarly.INTERRUPTED
            return
        try:
            task.result()
        except _WorkerDiedError:
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
        pace_s = plan.user_count / plan.connect_rate_per_s
        for phase in (Phase.LOGIN, Phase.CONNECT, Phase.JOIN):
            if phase is Phase.LOGIN and plan.dialect.login is None:
                continue
            span = self._begin(phase)
            count = await self._ask(Do(phase), pace_s + 2 * ANSWER_TIMEOUT_S)
            span.end_ns = now_ns()
            if not count:
                refused = phase is Phase.LOGIN
                record.ended_early = EndedEarly.LOGIN_REFUSED if refused else EndedEarly.NO_USER_READY
                return
        start_ns = now_ns() + START_DELAY_NS
        talking = asyncio.create_task(self._watch_phases(start_ns))
        try:
            total_s = (START_DELAY_NS + plan.warmup_ns + plan.measure_ns + plan.drain_ns) / NS_PER_S
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

    def _begin(self, phase: Phase, at_ns: int | None = None) -> PhaseSpan:
        at_ns = now_ns() if at_ns is None else at_ns
        if self.record.phases and self.record.phases[-1].end_ns is None:
            self.record.phases[-1].end_ns = at_ns
        self.record.phases.append(PhaseSpan(phase, at_ns))
        return self.record.phases[-1]

    async def _ask(self, command: Do | Talk, limit_s: float) -> int:
        """Tell every worker and wait for all; how many users came through."""
        for worker in self._workers:
            with contextlib.suppress(ConnectionError):
                await worker.wire.send(command)
        try:
            async with asyncio.timeout(limit_s + PATIENCE_S):
                answers = [await worker.done.get() for worker in self._workers]
        except TimeoutError:
            raise _WorkerDiedError from None
        if any(answer is None for answer in answers):
            raise _WorkerDiedError
        return sum(answer.user_count for answer in answers if answer is not None)

    async def _listen(self, worker: _Worker) -> None:
        message: Message | None
        while (message := await worker.wire.receive()) is not None:
            match message:
                case Done():
                    worker.done.put_nowait(message)
                case Tick(tally):
                    self.record.tally.merge(tally)
                case Closed(tally, headers):
                    self.record.tally.merge(tally)
                    self.record.handshake_headers = headers
                    worker.reported = True
                    worker.closed.set()
        worker.done.put_nowait(None)
        worker.closed.set()

    async def _every_second(self) -> None:
        second = 0
        while True:
            self._read()
            self._on_second(self.record)
            second += 1
            await sleep_until(self.record.origin_ns + second * NS_PER_S + TICK_DELAY_NS)

    def _read(self, *, window: bool = False) -> None:
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
        interrupted = self.record.ended_early is EndedEarly.INTERRUPTED
        grace_ns = INTERRUPT_GRACE_NS if interrupted else 0
        for worker in self._workers:
            with contextlib.suppress(ConnectionError):
                await worker.wire.send(Finish(grace_ns))
        closing = asyncio.create_task(self._all_closed())
        killed = asyncio.create_task(self._kill.wait())
        limit_s = grace_ns / NS_PER_S + CLOSE_TIMEOUT_S + PATIENCE_S
        await asyncio.wait([closing, killed], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        killed.cancel()
        self._read()
        if not all(worker.reported for worker in self._workers):
            self._excuse_the_unknown()

    def _excuse_the_unknown(self) -> None:
        """Close the books of a worker that was killed: what it took with it is no loss of the server's."""
        counts = self.record.tally.counts
        settled = counts[Count.DELIVERIES_RECEIVED] + counts[Count.DELIVERIES_LOST] + counts[Count.DELIVERIES_EXCUSED]
        counts[Count.DELIVERIES_EXCUSED] += counts[Count.DELIVERIES_EXPECTED] - settled

    async def _all_closed(self) -> None:
        for worker in self._workers:
            await worker.closed.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Have the process gone: by itself if it is quick, else killed with all it started."""
    try:
        process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
