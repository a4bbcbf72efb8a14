"""A worker's part in a run: its swarm, who of its users is to be there, and what its master is told."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import gevent
from gevent.event import AsyncResult

from loadgen.engine.clock import now_ns
from loadgen.engine.probe import MachineProbe, Probe
from loadgen.engine.wire import (
    Answer,
    Ask,
    Begin,
    Closed,
    Deed,
    Done,
    Finish,
    Hear,
    Measure,
    Message,
    Overheard,
    Speak,
    Stop,
    Tell,
    Tick,
    Want,
)
from loadgen.errors import BenchError
from loadgen.locust_bridge.messages import (
    Died,
    Identify,
    Identity,
    Leaving,
    Look,
    Ping,
    Pong,
    Prepare,
    Ready,
    Refused,
    ToMaster,
    ToWorker,
    Used,
)
from loadgen.locust_bridge.swarm_process import SwarmProcess
from loadgen.plan.plan import Plan, Share

# Users that Locust starts one after the other are told to the swarm together.
GATHER_S = 0.02
# How long a worker that ends waits until its master has had the books closed.
LEAVING_LIMIT_S = 15.0


class ChatError(Exception):
    """A scripted user could not do what its script wanted; the text says why."""


class RunOverError(ChatError):
    """The run is over, or about to be, and with it what a script may do."""


class Planner(Protocol):
    """Makes the plan of a run of what the master says about it."""

    def __call__(self, prepare: Prepare) -> Plan:
        """BenchError where this worker cannot."""
        ...


class Agent:
    """One for each Locust process that has users."""

    def __init__(self, identity: Identity, plan_of: Planner, tell: Callable[[str, ToMaster], None]) -> None:
        """``tell`` takes what the master of a run (its tag) is told."""
        self._identity = identity
        self._plan_of = plan_of
        self._tell = tell
        self._run = ""
        self._user_count = 0
        self._is_gathering = False
        self._is_closed = True
        self._is_stopping = False
        self._overhearing: list[Callable[[bytes], None]] = []
        self._tickets = itertools.count()
        self._answers: dict[int, AsyncResult[str | None]] = {}
        self._own = Probe(os.getpid())
        self._machine = MachineProbe()
        self._swarm = self._new_swarm()
        self._probe = Probe(self._swarm.pid)

    def _new_swarm(self) -> SwarmProcess:
        swarm = SwarmProcess(self._hear, self._swarm_gone)
        self._probe = Probe(swarm.pid)
        return swarm

    # --- Locust's users -------------------------------------------------------------------------------------

    def user_came(self) -> None:
        """Locust has started one of our users."""
        self._user_count += 1
        self._tell_soon()

    def user_left(self) -> None:
        """Locust has stopped one."""
        self._user_count -= 1
        self._tell_soon()

    def _tell_soon(self) -> None:
        if not self._is_gathering:
            self._is_gathering = True
            gevent.spawn_later(GATHER_S, self._tell_count)

    def _tell_count(self) -> None:
        self._is_gathering = False
        if self._run and not self._is_closed:
            self._swarm.say(Want(max(0, self._user_count)))

    # --- its scripted users -----------------------------------------------------------------------------------

    def new_script(self, overheard: Callable[[bytes], None]) -> int:
        """One more scripted user, whose script is told of each frame; its number in this run."""
        self._overhearing.append(overheard)
        return len(self._overhearing) - 1

    def do(self, user: int, deed: Deed, text: str = "") -> None:
        """Have a scripted user do something, and wait until it is done; ChatError where it cannot be."""
        if not self._run or self._is_closed or self._is_stopping:
            raise RunOverError("there is no run that goes on")
        ticket = next(self._tickets)
        answer = self._answers[ticket] = AsyncResult()
        self._swarm.say(Ask(ticket, user, deed, text, now_ns()))
        complaint = answer.get()
        if complaint is not None:
            raise RunOverError(complaint) if self._is_closed or self._is_stopping else ChatError(complaint)

    def _over(self) -> None:
        """What was asked is not answered any more."""
        self._is_closed = True
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            answer.set("the run is over")

    # --- what the master says -------------------------------------------------------------------------------

    def obey(self, run: str, message: ToWorker) -> None:
        """Do what the master of a run says; what is of another run than ours is of no interest."""
        match message:
            case Identify():
                self._tell("", self._identity)
            case Ping(number):
                self._tell("", Pong(number, now_ns()))
            case Prepare():
                self._prepare(message)
            case _ if run != self._run or self._is_closed:
                pass
            case Look():
                self._look(is_end_of_window=True)
            case Speak() | Measure() | Hear() | Stop() | Finish():
                self._is_stopping |= isinstance(message, Stop)
                self._swarm.say(message)

    def _prepare(self, prepare: Prepare) -> None:
        if self._run and not self._is_closed:  # a run whose master has given it up
            self._renew()
        self._run, self._is_closed, self._is_stopping = prepare.tag, False, False
        self._user_count = 0
        self._overhearing.clear()
        try:
            plan = self._plan_of(prepare)
        except BenchError as error:
            self._is_closed = True
            self._tell(prepare.tag, Refused(str(error)))
            return
        plan = replace(
            plan,
            on_call=True,
            share_of_users=Share(prepare.index, prepare.count),
            user_count=prepare.capacity,
            stages=(),
            measure_ns=0 if prepare.is_open_ended else plan.measure_ns,
        )
        if prepare.cores is not None:
            self._swarm.keep_to(prepare.cores)
        self._swarm.say(Begin(plan, prepare.origin_ns, prepare.other_clocks))
        self._tell(prepare.tag, Ready(self._swarm.pid))

    def leave(self) -> None:
        """This process is about to end: have the master close the books of what is going on; in bounded time."""
        if not self._is_closed:
            self._tell(self._run, Leaving())
            with gevent.Timeout(LEAVING_LIMIT_S, exception=False):  # type: ignore[arg-type]  # False: end it in silence
                while not self._is_closed:
                    gevent.sleep(0.02)
        self._over()
        self._swarm.end()

    # --- what the swarm says --------------------------------------------------------------------------------

    def _hear(self, message: Message) -> None:
        if self._is_closed:
            return
        match message:
            case Tick():
                self._tell(self._run, message)
                self._look(is_end_of_window=False)
            case Answer(ticket, complaint):
                if (answer := self._answers.pop(ticket, None)) is not None:
                    answer.set(complaint)
            case Overheard(user, frame):
                self._overhearing[user](frame)
            case Closed():
                self._over()
                self._tell(self._run, message)
                gevent.spawn(self._renew)
            case Done() | Tell():
                self._tell(self._run, message)

    def _look(self, *, is_end_of_window: bool) -> None:
        used = Used(self._probe.read(), self._own.read(), self._machine.read(), is_end_of_window)
        self._tell(self._run, used)

    def _swarm_gone(self, how: str) -> None:
        if not self._is_closed:
            self._over()
            self._tell(self._run, Died(how))
        gevent.spawn(self._renew)

    def _renew(self) -> None:
        """Each run has a swarm of its own, so nothing of one is left in the next; it is started beforehand."""
        old, self._swarm = self._swarm, self._new_swarm()
        old.end()
