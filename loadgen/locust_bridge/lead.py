"""One run as its master leads it: who is there, when it is measured, and whether the books are closed.

Told what the workers say and what Locust does, and at what time; it tells the workers what to do through ``send``, on
their clocks. It reads no clock and knows neither Locust nor a network.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum, auto

from loadgen.engine.swarm import close_timeout_s
from loadgen.engine.wire import Closed, Done, Finish, Hear, Measure, Speak, Stop, Tell, Tick
from loadgen.locust_bridge.clocks import Offset
from loadgen.locust_bridge.crew import Mate
from loadgen.locust_bridge.messages import Died, Leaving, Look, Ready, Refused, ToMaster, ToWorker, Used
from loadgen.measure.news import News
from loadgen.measure.record import Death, EndedEarly, Phase, PhaseSpan, Reading, Record, excuse_the_unknown
from loadgen.measure.spread import SpreadJoin
from loadgen.measure.tally import Count, Metric, Tally
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.sections import Section
from loadgen.plan.senders import active_users

# From the moment all are there to the first message: every worker has heard of it by then, also over a network.
START_DELAY_NS = 400_000_000
# As long before the window closes, or begins anew, every worker has heard of that.
NOTICE_NS = 250_000_000
# What is under way when a run is interrupted gets this long to arrive.
INTERRUPT_GRACE_NS = 500_000_000
# Workers speak each second: one that is silent for so long is gone, or cannot be believed.
SILENCE_NS = 5 * NS_PER_S
# Before its first word a swarm has to import its libraries, on a machine that may be busy.
START_SILENCE_NS = 30 * NS_PER_S
# Who says that it is leaving, and is not followed by the whole run within this time, leaves alone.
LEAVING_ALONE_NS = NS_PER_S
# Beyond what something takes by its own limits.
PATIENCE_NS = 15 * NS_PER_S
# Users who are still on their way so long after Locust has started them do not hold up the others.
ARRIVAL_LIMIT_NS = 30 * NS_PER_S
# In the middle of a run a user writes from so long after it was started on: before, it comes, logs in, joins.
SETTLING_IN_NS = 1_500_000_000
# If nobody told us the time for so long, we were stopped ourselves, and silence meanwhile is nobody's fault.
LAPSE_NS = NS_PER_S


class Step(Enum):
    """How far a run has come."""

    ARRIVING = auto()
    TALKING = auto()
    DRAINING = auto()
    STOPPING = auto()
    FINISHING = auto()
    CLOSED = auto()


class Lead:
    """One run. Times are monotonic ns of the master's clock."""

    def __init__(
        self,
        record: Record,
        crew: Sequence[Mate],
        *,
        send: Callable[[Sequence[str], ToWorker], None],
        look: Callable[[bool], None],
        now_ns: int,
        is_open_ended: bool,
        has_stages: bool,
    ) -> None:
        """``send`` tells workers, by their ids, one message.

        ``look`` has the master's own processes read, at an end of the measured window or (False) meanwhile.
        """
        self.record = record
        self.step = Step.ARRIVING
        self.crew = {mate.id: mate for mate in crew}
        self._send = send
        self._look = look
        self._is_open_ended = is_open_ended
        self._has_stages = has_stages
        self._spreads = SpreadJoin(len(crew), record.plan.slicing)
        self._active = active_users(record.plan)
        self._epoch = 0
        self._section = -1
        self._start_ns: int | None = None
        self._measure_ns = 0
        self._end_ns: int | None = None
        self._limit_ns = 0
        # How many users Locust has started, and when it had; those who do not write yet.
        self._spawned: deque[tuple[int, int]] = deque()
        self._writing_count = 0
        self._has_spawned = False
        self._others = 0
        self._news: list[News] = []  # told, and not handed on yet
        self._passed_ns = now_ns
        self._is_interrupted = False
        for mate in crew:
            mate.heard_ns = now_ns
            record.workers.append(mate.swarm)
            if mate.helper is not None:
                record.helpers.append(mate.helper)
        record.phases.append(PhaseSpan(Phase.CONNECT, now_ns))

    # --- what it is asked -----------------------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """Whether the books are closed: nothing more will come."""
        return self.step is Step.CLOSED

    @property
    def has_come_to_its_end(self) -> bool:
        """Whether nothing more will be said, though Locust goes on."""
        return self.step in (Step.DRAINING, Step.STOPPING, Step.FINISHING, Step.CLOSED)

    @property
    def phase(self) -> str:
        """What is going on, in a word."""
        match self.step:
            case Step.ARRIVING:
                return "arriving"
            case Step.TALKING | Step.DRAINING:
                return str(self.record.phases[-1].phase) if self._start_ns is not None else "arriving"
            case Step.CLOSED:
                return "over"
            case _:
                return "closing"

    @property
    def is_ready(self) -> bool:
        """Whether everybody has answered whether he takes part."""
        return all(mate.is_ready or not mate.is_alive for mate in self.crew.values())

    # --- what Locust does -----------------------------------------------------------------------------------

    def spawned(self, user_count: int, now_ns: int, *, others: int = 0) -> None:
        """Locust has started, or stopped, as many users as it was to: there are ``user_count`` of ours now.

        ``others`` are users that a script leads.
        """
        self._has_spawned = True
        self._others = others
        while self._spawned and self._spawned[-1][0] >= user_count:
            self._spawned.pop()
        self._spawned.append((user_count, now_ns))
        self.pass_time(now_ns)

    def measure_anew(self, now_ns: int) -> None:
        """Forget what was measured so far; nothing where the window is not open."""
        if (
            self.step is not Step.TALKING
            or self._phase is not Phase.MEASURE
            or (self._end_ns is not None and (self._end_ns <= now_ns + 2 * NOTICE_NS))
        ):
            return
        self._epoch += 1
        self._measure_ns = now_ns + NOTICE_NS
        self._spreads = SpreadJoin(len(self.crew), self.record.plan.slicing)
        self.record.tally.measure_anew()
        self.record.phases.pop()
        for process in self.record.processes:
            process.window.clear()
        self.record.machine.window.clear()
        self._tell_window()

    def stop(self, now_ns: int) -> None:
        """End the run in good order: the window closes, what is under way arrives, the books are closed."""
        if self.step is Step.ARRIVING:
            self._give_up(EndedEarly.INTERRUPTED, 0, now_ns)
        elif self.step is Step.TALKING and self._phase is not Phase.MEASURE:
            self._give_up(EndedEarly.INTERRUPTED, INTERRUPT_GRACE_NS, now_ns)
        elif self.step is Step.TALKING:
            closing_ns = now_ns + NOTICE_NS
            if self._end_ns is None or closing_ns < self._end_ns:
                if not self._is_open_ended:
                    self.record.ended_early = EndedEarly.INTERRUPTED
                self._end_ns = closing_ns
                self._tell_window()

    def interrupt(self, now_ns: int) -> None:
        """End it within a second."""
        if not self.has_come_to_its_end:
            self._give_up(EndedEarly.INTERRUPTED, INTERRUPT_GRACE_NS, now_ns)

    # --- what workers say -----------------------------------------------------------------------------------

    def hear(self, worker: str, message: ToMaster, now_ns: int) -> Tally | None:
        """One of the crew has said something; what has been counted since it said so last, if that is what it was."""
        mate = self.crew.get(worker)
        if mate is None or not mate.is_alive:
            return None
        mate.heard_ns = now_ns
        match message:
            case Ready(swarm_pid):
                mate.is_ready = True
                mate.swarm.pid = swarm_pid
            case Refused(why) | Died(why):
                self._lose(mate, why)
            case Leaving():
                mate.leaving_ns = now_ns
            case Done():
                mate.is_done = True
            case Tell(news):
                self._news.append(news)
            case Tick(tally, spreads, attended):
                mate.has_spoken = True
                if attended is not None:
                    mate.attended = attended
                is_ours = mate.attended.epoch == self._epoch
                if not is_ours:
                    tally.measure_anew()  # counted before it heard that the window has begun anew
                self._merge(mate, tally)
                if is_ours:
                    self._spreads.add(spreads, self.record.tally)
                return tally
            case Closed(tally, spreads, headers):
                self._merge(mate, tally)
                self._spreads.add(spreads, self.record.tally)
                self.record.handshake_headers = self.record.handshake_headers or headers
                mate.has_closed = True
                if mate.is_dismissed:
                    mate.death = self._death(mate, "it was told to leave before the run was over")
                    self.record.deaths.append(mate.death)
                return tally
            case Used():
                self._note_use(mate, message)
        return None

    def _merge(self, mate: Mate, tally: Tally) -> None:
        mate.swarm.loop_lag.merge(tally.metrics[Metric.LOOP_LAG])
        mate.swarm.send_lateness.merge(tally.metrics[Metric.SEND_LATENESS])
        self.record.tally.merge(tally)

    def _note_use(self, mate: Mate, used: Used) -> None:
        for process, reading in ((mate.swarm, used.swarm), (mate.helper, used.worker)):
            if process is not None and reading is not None:
                kept = process.window if used.is_end_of_window else process.readings
                kept.append(_on_our_clock(reading, mate.offset))

    def lost(self, worker: str, how: str) -> None:
        """A worker is gone, as others have noticed."""
        mate = self.crew.get(worker)
        if mate is not None and mate.is_alive:
            self._lose(mate, how)

    def _lose(self, mate: Mate, how: str) -> None:
        mate.death = self._death(mate, how)
        self.record.deaths.append(mate.death)

    def _death(self, mate: Mate, how: str) -> Death:
        return Death(mate.swarm.pid, how, mate.id)

    # --- time -----------------------------------------------------------------------------------------------

    def pass_time(self, now_ns: int) -> None:
        """Do what is due; call it a few times a second."""
        lapse_ns, self._passed_ns = now_ns - self._passed_ns, now_ns
        if lapse_ns > LAPSE_NS:
            for mate in self.crew.values():
                mate.heard_ns += lapse_ns
        self._tell_news()
        self._bury_the_silent(now_ns)
        for mate in self.crew.values():
            self._dismiss_leaving(mate, now_ns)
        if not any(mate.is_alive for mate in self.crew.values()) and self.step is not Step.CLOSED:
            if self.step is not Step.FINISHING:
                self.record.ended_early = self.record.ended_early or EndedEarly.WORKER_DIED
            self._close(now_ns)
        match self.step:
            case Step.ARRIVING:
                self._look_who_is_here(now_ns)
            case Step.TALKING:
                self._go_on(now_ns)
            case Step.DRAINING:
                if self._all_done or now_ns >= self._limit_ns:
                    self._stop_all(0, now_ns)
            case Step.STOPPING:
                if self._all_done or now_ns >= self._limit_ns:
                    self._finish_all(now_ns)
            case Step.FINISHING:
                if now_ns >= self._limit_ns:
                    for mate in self.crew.values():
                        if mate.is_alive:
                            self._lose(mate, "did not close its books")

    def _dismiss_leaving(self, mate: Mate, now_ns: int) -> None:
        """It wants to end while the others go on: have its books closed, as far as it knows them."""
        is_alone = mate.leaving_ns is not None and now_ns - mate.leaving_ns > LEAVING_ALONE_NS
        if is_alone and mate.is_alive and not mate.is_dismissed and self.step in (Step.ARRIVING, Step.TALKING):
            mate.is_dismissed = mate.is_done = True
            self._tell_news()
            self._tell(mate, Stop(0))
            self._tell(mate, Finish())

    def _bury_the_silent(self, now_ns: int) -> None:
        for mate in self.crew.values():
            limit_ns = SILENCE_NS if mate.has_spoken else START_SILENCE_NS
            if mate.is_alive and now_ns - mate.heard_ns > limit_ns:
                self._lose(mate, f"did not answer for {limit_ns // NS_PER_S} s")

    def _look_who_is_here(self, now_ns: int) -> None:
        if self._has_stages and self.is_ready:
            self._speak(0, now_ns)
        elif self._spawned and self._has_arrived(now_ns):
            user_count, _ = self._spawned[-1]
            if user_count + self._others == 0:
                return
            if self._nobody_is_there:
                self._give_up(self._why_nobody(), 0, now_ns)
            else:
                self._spawned.clear()
                self._speak(user_count, now_ns)

    def _go_on(self, now_ns: int) -> None:
        self._let_write(now_ns)
        if self._phase is not Phase.WARMUP and self._phase is not Phase.MEASURE and now_ns >= (self._start_ns or 0):
            self._begin_phase(Phase.WARMUP, self._start_ns or now_ns)
        if self._phase is Phase.WARMUP and now_ns >= self._measure_ns:
            self._begin_phase(Phase.MEASURE, self._measure_ns)
            self._look_everywhere()
        if self._end_ns is not None and now_ns >= self._end_ns:
            self._look_everywhere()
            self._begin_phase(Phase.DRAIN, self._end_ns)
            self._limit_ns = self._end_ns + self.record.plan.drain_ns + PATIENCE_NS
            self.step = Step.DRAINING
        elif self._has_spawned and not self._spawned and self._nobody_is_there:
            self._give_up(self._why_nobody(), INTERRUPT_GRACE_NS, now_ns)

    def _let_write(self, now_ns: int) -> None:
        """Who has come in the middle of the run writes as soon as all are there, or have had the time for it."""
        while self._spawned:
            user_count, spawned_ns = self._spawned[0]
            is_last = len(self._spawned) == 1
            has_had_time = now_ns - spawned_ns >= SETTLING_IN_NS
            if user_count > self._writing_count and not has_had_time and not (is_last and self._has_arrived(now_ns)):
                break
            self._spawned.popleft()
            if user_count != self._writing_count:
                self._speak(user_count, now_ns)

    def _has_arrived(self, now_ns: int) -> bool:
        """Whether everybody whom Locust has started is in his room, or has failed to get there."""
        user_count, spawned_ns = self._spawned[-1]
        living = [mate.attended for mate in self.crew.values() if mate.is_alive]
        whole = any(mate.death is not None for mate in self.crew.values()) or (
            sum(attended.wanted_count for attended in living) == user_count
        )
        arrived = whole and not any(attended.arriving_count for attended in living)
        return arrived or now_ns - spawned_ns > ARRIVAL_LIMIT_NS

    @property
    def _nobody_is_there(self) -> bool:
        living = [mate.attended for mate in self.crew.values() if mate.is_alive]
        wanted = sum(attended.wanted_count for attended in living)
        return wanted > 0 and not any(attended.arriving_count or attended.ready_count for attended in living)

    def _why_nobody(self) -> EndedEarly:
        counts = self.record.tally.counts
        if counts[Count.CONNECTIONS_OPENED]:
            is_lost = self._start_ns is not None
            return EndedEarly.ALL_CONNECTIONS_LOST if is_lost else EndedEarly.NO_USER_READY
        has_logged_in = self.record.tally.metrics[Metric.LOGIN_TIME].count > 0 or self.record.plan.dialect.login is None
        return EndedEarly.NO_USER_READY if has_logged_in else EndedEarly.LOGIN_REFUSED

    # --- what it tells --------------------------------------------------------------------------------------

    def _tell(self, mate: Mate, message: ToWorker) -> None:
        self._send((mate.id,), message)

    def _tell_news(self) -> None:
        """Hand on what workers have told, the same to all of them: one for each pair would be 63 times as many."""
        if self._news:
            told, self._news = Hear(News.joined(self._news)), []
            self._send([mate.id for mate in self._living], told)

    def _speak(self, user_count: int, now_ns: int) -> None:
        plan = self.record.plan
        self._section += 1
        self._writing_count = user_count
        start_ns = now_ns + START_DELAY_NS
        share = float(user_count > 0)
        if plan.rate_follows_users:
            share = self._active.count_of(user_count) / self._active.count_of(plan.user_count)
        for mate in self._living:
            at_ns = start_ns + mate.offset.ahead_ns
            self._tell(mate, Speak(Section(self._section, at_ns, user_count, plan.acts_per_s * share)))
        if self._start_ns is None:
            self._start_ns, self._measure_ns = start_ns, start_ns + plan.warmup_ns
            self._end_ns = None if self._is_open_ended else self._measure_ns + plan.measure_ns
            self.step = Step.TALKING
            for mate in self._living:
                mate.is_done = False

    def _tell_window(self) -> None:
        never_ns = 2**62
        for mate in self._living:
            ahead_ns = mate.offset.ahead_ns
            end_ns = never_ns if self._end_ns is None else self._end_ns + ahead_ns
            self._tell(mate, Measure(self._measure_ns + ahead_ns, end_ns, self._epoch))

    def _look_everywhere(self) -> None:
        self._look(True)
        for mate in self._living:
            self._tell(mate, Look())

    def _give_up(self, why: EndedEarly, grace_ns: int, now_ns: int) -> None:
        self.record.ended_early = self.record.ended_early or why
        if self._phase is Phase.MEASURE:
            self._look_everywhere()
        self._stop_all(grace_ns, now_ns)

    def _stop_all(self, grace_ns: int, now_ns: int) -> None:
        if self._phase is not Phase.DRAIN:
            self.record.phases[-1].end_ns = now_ns
        self.step = Step.STOPPING
        self._limit_ns = now_ns + grace_ns + PATIENCE_NS
        for mate in self._living:
            mate.is_done = False
            self._tell(mate, Stop(grace_ns))

    def _finish_all(self, now_ns: int) -> None:
        self.step = Step.FINISHING
        socket_count = self.record.tally.counts[Count.CONNECTIONS_OPENED]
        self._limit_ns = now_ns + round(close_timeout_s(socket_count) * NS_PER_S) + PATIENCE_NS
        self._tell_news()
        for mate in self._living:
            self._tell(mate, Finish())

    def _close(self, now_ns: int) -> None:
        self.step = Step.CLOSED
        record = self.record
        if record.phases[-1].end_ns is None:
            record.phases[-1].end_ns = now_ns
        self._look(False)
        self._spreads.close(record.tally)
        if record.deaths:
            excuse_the_unknown(record.tally, record.tally.counts[Count.USERS_PLANNED])
        record.plan = replace(record.plan, measure_ns=self._measured_ns(), user_count=self._users())

    def _measured_ns(self) -> int:
        """How long the measured window was, as far as it was closed; of a run by its own time, what was planned."""
        if not self._is_open_ended:
            return self.record.plan.measure_ns
        spans = [span for span in self.record.phases if span.phase is Phase.MEASURE and span.end_ns is not None]
        return (spans[0].end_ns or 0) - spans[0].start_ns if spans else 0

    def _users(self) -> int:
        return max(1, self.record.tally.counts[Count.USERS_PLANNED])

    @property
    def _living(self) -> list[Mate]:
        return [mate for mate in self.crew.values() if mate.is_alive]

    @property
    def _all_done(self) -> bool:
        return all(mate.is_done for mate in self._living)

    @property
    def _phase(self) -> Phase:
        return self.record.phases[-1].phase

    def _begin_phase(self, phase: Phase, at_ns: int) -> None:
        if self.record.phases[-1].end_ns is None:
            self.record.phases[-1].end_ns = at_ns
        self.record.phases.append(PhaseSpan(phase, at_ns))


def _on_our_clock(reading: Reading, offset: Offset) -> Reading:
    return replace(reading, at_ns=reading.at_ns - offset.ahead_ns)
