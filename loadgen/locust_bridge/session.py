"""Locust's events, and what they mean to a run: one session for each Locust process.

On a worker it has an agent; on a master it leads runs; where Locust runs in one process it does both. What a run is
made of - scenario, target, where its document goes - is the story's business (scenarios/locust_story.py).
"""

from __future__ import annotations

import logging
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import gevent
from locust.env import Environment
from locust.rpc.protocol import Message as LocustMessage
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadgen.engine.clock import now_ns
from loadgen.engine.probe import MachineProbe, Probe
from loadgen.errors import BenchError, TargetUnreachableError
from loadgen.locust_bridge import stats
from loadgen.locust_bridge.agent import Agent
from loadgen.locust_bridge.clocks import OURS, Echo, Offset
from loadgen.locust_bridge.crew import Mate, hosts_of
from loadgen.locust_bridge.lead import Lead
from loadgen.locust_bridge.messages import (
    Identify,
    Identity,
    Ping,
    Pong,
    Prepare,
    Said,
    ToMaster,
    ToWorker,
    from_plain,
    to_plain,
)
from loadgen.locust_bridge.rows import rows_of
from loadgen.locust_bridge.shape import StagesShape
from loadgen.locust_bridge.story import Brief, Story, Wish
from loadgen.locust_bridge.users import ChatUser, ScriptedChatUser
from loadgen.measure.clocks import Clock
from loadgen.measure.record import ProcessRecord, Record
from loadgen.measure.tally import Tally
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.stages import Stage

logger = logging.getLogger("chatbench")

MESSAGE = "chatbench"
LOCAL = "local"
# How often the lead is told the time.
BEAT_S = 0.05
# How long a worker may take to say who it is, and to settle its scenario.
ANSWER_LIMIT_S = 15.0
PING_COUNT = 20
# As of every command (README.md, exit code).
BAD_INPUT, UNREACHABLE = 104, 106


class Session:
    """Begun by the locustfile; hangs on the environment as ``chatbench``."""

    def __init__(self, environment: Environment, story: Story) -> None:
        self.environment = environment
        self.story = story
        self.lead: Lead | None = None
        self.notice: str | None = None
        """What somebody who looks at our page must know: why a run could not begin, or ended."""
        self._agent: Agent | None = None
        self._identities: dict[str, Identity] = {}
        self._refused: set[str] = set()
        self._echoes: defaultdict[str, list[Echo]] = defaultdict(list)
        self._asked_ns: dict[tuple[str, int], int] = {}
        self._own: tuple[tuple[Probe, ProcessRecord], ...] = ()
        self._machine = MachineProbe()
        self._next_look_ns = 0
        self._is_written = True
        self._is_quitting = False
        self._beat: gevent.Greenlet[..., None] | None = None
        if isinstance(environment.runner, MasterRunner):
            # At once: workers say who they are while the target is still being started.
            environment.runner.register_message(MESSAGE, self._on_message)

    # --- who is who -----------------------------------------------------------------------------------------

    @property
    def runner(self) -> LocalRunner | MasterRunner | WorkerRunner:
        runner = self.environment.runner
        assert isinstance(runner, LocalRunner | MasterRunner | WorkerRunner), "begun before Locust has a runner"
        return runner

    @property
    def agent(self) -> Agent:
        """Of a process that has users."""
        assert self._agent is not None, "a master has no users"
        return self._agent

    @property
    def leads(self) -> bool:
        """Whether runs are led here."""
        return not isinstance(self.runner, WorkerRunner)

    @property
    def elapsed_s(self) -> float | None:
        """How long the present phase has been going on."""
        if self.lead is None or self.lead.is_closed:
            return None
        return (now_ns() - self.lead.record.phases[-1].start_ns) / NS_PER_S

    def begin(self) -> None:
        """Locust has its runner: hear its events."""
        events = self.environment.events
        if not isinstance(self.runner, MasterRunner):
            self._agent = Agent(self.story.identity(), self.story.plan_of, self._tell_master)
            self.runner.register_message(MESSAGE, self._on_message)
        if self.leads:
            events.test_start.add_listener(self._on_test_start)
            events.spawning_complete.add_listener(self._on_spawning_complete)
            events.test_stopping.add_listener(self._on_test_stopping)
            events.reset_stats.add_listener(self._on_reset)
            self._beat = gevent.spawn(self._go_on)
        else:
            self.agent.obey("", Identify())
        events.quitting.add_listener(self._on_quitting)

    # --- messages -------------------------------------------------------------------------------------------

    def _tell_master(self, run: str, message: ToMaster) -> None:
        if isinstance(self.runner, LocalRunner):
            self._hear_worker(LOCAL, run, message)
        else:
            self._send(run, message, None)

    def _tell_workers(self, workers: Sequence[str], message: ToWorker) -> None:
        run = self.lead.record.plan.tag if self.lead is not None else ""
        if isinstance(message, Prepare):
            run = message.tag
        if isinstance(self.runner, LocalRunner):
            self.agent.obey(run, message)
        else:
            self._send(run, message, *workers)

    def _send(self, run: str, message: Said, *workers: str | None) -> None:
        """``workers`` are told the same; None is whoever is not one: the master."""
        data = to_plain(run, message)  # once: news of 64 workers take longer to pack than to send
        for worker in workers:
            try:
                self.runner.send_message(MESSAGE, data, worker)
            except Exception as error:  # noqa: BLE001  # zmq's, and Locust's own of it: a connection that is lost tells by silence
                logger.debug("could not send %s: %s", type(message).__name__, error)

    def _on_message(self, environment: Environment, msg: Any, **_: Any) -> None:
        try:
            run, message = from_plain(msg.data)
        except ValueError as error:
            logger.error("%s sent what is no message of chatbench's: %s", msg.node_id, error)
            return
        if isinstance(self.runner, WorkerRunner):
            self.agent.obey(run, message)  # type: ignore[arg-type]  # what only a master hears is ignored there
        else:
            self._hear_worker(msg.node_id, run, message)  # type: ignore[arg-type]

    def _hear_worker(self, worker: str, run: str, message: ToMaster) -> None:
        now = now_ns()
        match message:
            case Identity():
                self._meet(worker, message)
            case Pong(number, told_ns):
                asked_ns = self._asked_ns.pop((worker, number), None)
                if asked_ns is not None:
                    self._echoes[worker].append(Echo(asked_ns, told_ns, now))
            case _ if self.lead is not None and run == self.lead.record.plan.tag:
                counted = self.lead.hear(worker, message, now)
                if counted is not None:
                    self._show(counted)

    def _show(self, counted: Tally) -> None:
        stats.merge(self.environment.stats, rows_of(counted, time.time()))

    # --- workers --------------------------------------------------------------------------------------------

    def _meet(self, worker: str, identity: Identity) -> None:
        """Somebody says who he is: who is not like us is refused by name."""
        ours = self.story.identity()
        self._identities[worker] = identity
        complaint = None
        if identity.version != ours.version:
            complaint = f"it runs chatbench {identity.version}, and this master {ours.version}"
        elif identity.scenario != ours.scenario:
            complaint = f"its scenario is {identity.scenario}, and this master's {ours.scenario}"
        if complaint is not None and worker not in self._refused:
            self._refused.add(worker)
            self.notice = f"worker {worker} was refused: {complaint}"
            logger.error("worker %s is refused: %s", worker, complaint)
            if isinstance(self.runner, MasterRunner) and worker in self.runner.clients:
                # It has no part in a run that goes on; and where it is the last that quits, a headless Locust ends.
                self.runner.handle_message(worker, LocustMessage("client_stopped", None, worker))
            self.runner.send_message("quit", None, worker)
        elif identity.clock != ours.clock and worker not in self._echoes:
            gevent.spawn(self._measure_clock, worker)
        if complaint is None and self.lead is not None and not self.lead.is_closed and worker not in self.lead.crew:
            self.notice = f"worker {worker} has come while a run goes on: it takes part from the next one on"
            logger.warning("%s, and users that Locust gives it do nothing until then", self.notice)

    def _measure_clock(self, worker: str) -> None:
        for number in range(PING_COUNT):
            self._asked_ns[worker, number] = now_ns()
            self._send("", Ping(number), worker)
            gevent.sleep(0.02)

    def _offset_of(self, worker: str) -> Offset:
        """How far a worker's clock is ahead of ours: the best that is known of anybody with that clock."""
        clock = self._identities[worker].clock
        if clock == self.story.identity().clock:
            return OURS
        alike = [each for each, identity in self._identities.items() if identity.clock == clock]
        return Offset.from_echoes(echo for each in alike for echo in self._echoes[each])

    def _crew(self) -> list[Mate]:
        """Who takes part, each with the share of users that Locust starts there."""
        ours = self.story.identity()
        if isinstance(self.runner, LocalRunner):
            return [Mate(LOCAL, 0, ProcessRecord(0))]
        assert isinstance(self.runner, MasterRunner), "only a master has workers"
        clients = self.runner.clients
        ids = [each.id for each in (*clients.ready, *clients.spawning, *clients.running)]
        for worker in set(ids) - self._identities.keys():
            self._send("", Identify(), worker)
        with gevent.Timeout(ANSWER_LIMIT_S, exception=False):  # type: ignore[arg-type]  # False: end it in silence
            while not all(self._is_known(worker) for worker in ids):
                gevent.sleep(0.02)
        crew: list[Mate] = []
        for worker in _in_locusts_order(ids):
            if worker in self._refused or not self._is_known(worker):
                continue
            identity = self._identities[worker]
            host = None if identity.host == ours.host and identity.clock == ours.clock else identity.host
            swarm = ProcessRecord(0, name=worker, host=host)
            helper = ProcessRecord(identity.pid, name=f"Locust of {worker}", host=host)
            crew.append(Mate(worker, len(crew), swarm, self._offset_of(worker), helper))
        return crew

    def _is_known(self, worker: str) -> bool:
        identity = self._identities.get(worker)
        if identity is None:
            return False
        return identity.clock == self.story.identity().clock or len(self._echoes[worker]) >= PING_COUNT // 2

    # --- a run ----------------------------------------------------------------------------------------------

    def _on_test_start(self, environment: Environment, **_: Any) -> None:
        environment.process_exit_code = None  # it survives into the next run
        self.notice, self.lead = None, None
        crew = self._crew()
        assert environment.parsed_options is not None, "Locust has a command line"
        user_count, worker_count = self.runner.target_user_count, max(1, len(crew))
        wish = Wish.of(environment.parsed_options, environment.host, user_count, worker_count, hosts_of(crew))
        try:
            brief = self.story.begin(wish)
        except BenchError as error:
            self._cannot_begin(error)
            return
        now = now_ns()
        record = Record(brief.plan, Tally(now), ProcessRecord(os.getpid()))
        own = [(Probe(os.getpid()), record.coordinator)]
        if brief.target_pid is not None:
            record.target = ProcessRecord(brief.target_pid)
            own.append((Probe(brief.target_pid), record.target))
        self._own, self._next_look_ns, self._is_written = tuple(own), now, False
        is_open_ended = not brief.plan.stages and not self._has_own_window
        self.lead = Lead(
            record,
            crew,
            send=self._tell_workers,
            look=self._look,
            now_ns=now,
            is_open_ended=is_open_ended,
            has_stages=bool(brief.plan.stages),
        )
        for mate in crew:
            self._tell_workers((mate.id,), self._prepare(brief, mate, crew, now, is_open_ended=is_open_ended))
        with gevent.Timeout(ANSWER_LIMIT_S, exception=False):  # type: ignore[arg-type]  # False: end it in silence
            while not self.lead.is_ready:
                gevent.sleep(0.01)

    def _prepare(self, brief: Brief, mate: Mate, crew: Sequence[Mate], now: int, *, is_open_ended: bool) -> Prepare:
        clocks = {
            other.index: Clock(
                mate.offset.ahead_ns - other.offset.ahead_ns, mate.offset.error_ns + other.offset.error_ns
            )
            for other in crew
            if self._clock_name(other) != self._clock_name(mate)
        }
        return Prepare(
            tag=brief.plan.tag,
            base_urls=brief.plan.base_urls,
            flags=brief.flags,
            index=mate.index,
            count=len(crew),
            host_count=hosts_of(crew),
            capacity=brief.capacity,
            is_open_ended=is_open_ended,
            origin_ns=now + mate.offset.ahead_ns,
            other_clocks=clocks,
            cores=None if brief.cores is None or mate.swarm.host is not None else tuple(sorted(brief.cores)),
        )

    def _clock_name(self, mate: Mate) -> str:
        identity = self._identities.get(mate.id)
        return self.story.identity().clock if identity is None else identity.clock

    @property
    def _has_own_window(self) -> bool:
        """Whether nobody but the scenario says when the run is over."""
        options = self.environment.parsed_options
        return bool(options and options.headless and not options.run_time)

    def _cannot_begin(self, error: BenchError) -> None:
        self.notice = str(error)
        logger.error("%s", error)
        self.environment.process_exit_code = UNREACHABLE if isinstance(error, TargetUnreachableError) else BAD_INPUT
        gevent.spawn(self._end_locusts_run)

    def _on_spawning_complete(self, user_count: int, **_: Any) -> None:
        if self.lead is not None:
            counts = self.runner.target_user_classes_count
            of_class = {each: counts.get(each.__name__, 0) for each in self.environment.user_classes}
            ours = sum(count for each, count in of_class.items() if issubclass(each, ChatUser))
            scripted = sum(count for each, count in of_class.items() if issubclass(each, ScriptedChatUser))
            self.lead.spawned(ours, now_ns(), others=scripted)

    def _on_reset(self, **_: Any) -> None:
        if self.lead is not None:
            self.lead.measure_anew(now_ns())

    def _go_on(self) -> None:
        while True:
            gevent.sleep(BEAT_S)
            lead = self.lead
            if lead is None or lead.is_closed:
                continue
            now = now_ns()
            if now >= self._next_look_ns:
                self._next_look_ns = now + NS_PER_S
                self._look(False)
            self._note_the_lost(lead)
            had_ended = lead.has_come_to_its_end
            lead.pass_time(now)
            if lead.is_closed:
                self._write()
            if lead.has_come_to_its_end and not had_ended and not self._is_quitting:
                gevent.spawn(self._end_locusts_run)

    def _note_the_lost(self, lead: Lead) -> None:
        """Workers that Locust knows to be gone."""
        if isinstance(self.runner, MasterRunner):
            for mate in lead.crew.values():
                if mate.is_alive and mate.id not in self.runner.clients and mate.leaving_ns is None:
                    lead.lost(mate.id, "it left Locust")

    def _end_locusts_run(self) -> None:
        """Nothing more will be said, so Locust's run is over, too."""
        options = self.environment.parsed_options
        if options is not None and options.headless:
            self.runner.quit()
        else:
            self.runner.stop()

    def _on_test_stopping(self, **_: Any) -> None:
        if self.lead is not None:
            self.lead.stop(now_ns())
            self._wait_until_closed(self.lead)

    def _wait_until_closed(self, lead: Lead) -> None:
        """Bounded by the lead, which gives everything up in time."""
        while not lead.is_closed:
            gevent.sleep(BEAT_S)
        self._write()

    def _write(self) -> None:
        if self.lead is not None and not self._is_written:
            self._is_written = True
            self.environment.process_exit_code = self.story.end(self.lead.record)

    def _look(self, is_end_of_window: bool) -> None:
        if self.lead is None:
            return
        record = self.lead.record
        machine = self._machine.read()
        (record.machine.window if is_end_of_window else record.machine.readings).append(machine)
        for probe, process in self._own:
            reading = probe.read()
            if reading is not None:
                (process.window if is_end_of_window else process.readings).append(reading)

    def _on_quitting(self, **_: Any) -> None:
        self._is_quitting = True
        if self.leads:
            if self.lead is not None and not self.lead.is_closed:
                self.lead.interrupt(now_ns())
                self._wait_until_closed(self.lead)
            if self._agent is not None:
                self._agent.leave()
            self.story.close()
        else:
            self.agent.leave()


def follow(environment: Environment, stages: tuple[Stage, ...]) -> None:
    """Have Locust follow the stages of a scenario, or what it is told where there are none."""
    shape = environment.shape_class
    if stages:
        environment.shape_class = StagesShape(stages)
        environment.shape_class.runner = environment.runner
    elif isinstance(shape, StagesShape):
        environment.shape_class = None


def _in_locusts_order(ids: Sequence[str]) -> list[str]:
    """As Locust deals out its users (locust.dispatch): the first of each host, then the second of each, and so on."""
    seen: defaultdict[str, int] = defaultdict(int)
    places = []
    for worker in sorted(ids):
        host = worker.split("_")[0]
        places.append((seen[host], worker))
        seen[host] += 1
    return [worker for _, worker in sorted(places)]
