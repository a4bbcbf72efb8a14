"""How a run is led: told what workers and Locust do, and when, it tells the workers what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loadgen.engine.wire import Attended, Closed, Done, Finish, Hear, Measure, Speak, Stop, Tell, Tick
from loadgen.locust_bridge.clocks import Offset
from loadgen.locust_bridge.crew import Mate, hosts_of
from loadgen.locust_bridge.lead import NOTICE_NS, SILENCE_NS, START_DELAY_NS, Lead
from loadgen.locust_bridge.messages import Died, Leaving, Pong, Ready, Refused, ToMaster, ToWorker, Used
from loadgen.measure.news import News
from loadgen.measure.record import EndedEarly, Phase, ProcessRecord, Reading, Record
from loadgen.measure.spread import Spreads
from loadgen.measure.tally import Count, Tally
from loadgen.plan.pacing import NS_PER_S
from tests.support.plans import a_plan

BEAT_NS = 50_000_000
NOTHING = Spreads.of([])
USERS = 10


class Play:
    """A run with two workers that do as they are told, unless a test wants something else."""

    def __init__(
        self,
        *,
        is_open_ended: bool = False,
        ahead_ns: int = 0,
        rate_follows_users: bool = False,
        has_stages: bool = False,
        is_answered: bool = True,
        has_helper: bool = False,
    ) -> None:
        self.now_ns = 0
        self.said: list[tuple[str, ToWorker]] = []
        plan = replace(
            a_plan(),
            user_count=USERS,
            rate_per_s=40.0,
            rate_follows_users=rate_follows_users,
            warmup_ns=NS_PER_S,
            measure_ns=5 * NS_PER_S,
            drain_ns=NS_PER_S,
            stages=(),
        )
        self.record = Record(plan, Tally(0), ProcessRecord(1))
        self.dead: set[str] = set()
        self.mute: set[str] = set()  # they never say that their books are closed
        self.wanted = {"a": 0, "b": 0}
        self.epoch = 0
        helper = ProcessRecord(4) if has_helper else None
        crew = [Mate("a", 0, ProcessRecord(2)), Mate("b", 1, ProcessRecord(3), Offset(ahead_ns, 5), helper)]
        self.lead = Lead(
            self.record,
            crew,
            send=self._send,
            look=lambda _: None,
            now_ns=0,
            is_open_ended=is_open_ended,
            has_stages=has_stages,
        )
        for worker in self.wanted if is_answered else ():
            self.lead.hear(worker, Ready(7), 0)

    def _send(self, workers: Sequence[str], message: ToWorker) -> None:
        for worker in workers:
            self._send_one(worker, message)

    def _send_one(self, worker: str, message: ToWorker) -> None:
        self.said.append((worker, message))
        match message:
            case Measure(_, _, epoch):
                self.epoch = epoch
            case Stop():
                self.hear(worker, Done(0))
            case Finish() if worker not in self.mute:
                self.hear(worker, Closed(Tally(0), NOTHING, {}))

    def hear(self, worker: str, message: ToMaster) -> None:
        """A worker says something, if it lives."""
        if worker not in self.dead:
            self.lead.hear(worker, message, self.now_ns)

    def tick(self, worker: str, tally: Tally | None = None, *, arriving: int = 0, epoch: int | None = None) -> None:
        """What a worker says each second."""
        wanted = self.wanted[worker]
        attended = Attended(wanted, arriving, wanted - arriving, self.epoch if epoch is None else epoch)
        self.hear(worker, Tick(tally or Tally(0), NOTHING, attended))

    def pass_until(self, at_ns: int) -> None:
        """Time passes; workers speak each second."""
        while self.now_ns < at_ns:
            self.now_ns += BEAT_NS
            if self.now_ns % NS_PER_S == 0:
                for worker in self.wanted:
                    self.tick(worker)
            self.lead.pass_time(self.now_ns)

    def spawn(self, count: int) -> None:
        """Locust has so many users now, and their workers have brought them in."""
        self.wanted = {"a": (count + 1) // 2, "b": count // 2}
        self.lead.spawned(count, self.now_ns)
        for worker in self.wanted:
            self.tick(worker)
        self.lead.pass_time(self.now_ns)

    def told(self, kind: type) -> list[tuple[str, ToWorker]]:
        """What workers were told, of one kind."""
        return [(worker, message) for worker, message in self.said if isinstance(message, kind)]

    def sections(self) -> list[tuple[int, int, float]]:
        """(start, users, acts a second) of each section that worker a was told."""
        return [
            (message.section.start_ns, message.section.user_count, message.section.acts_per_s)
            for worker, message in self.said
            if worker == "a" and isinstance(message, Speak)
        ]


def test_nobody_writes_before_all_are_in_their_rooms() -> None:
    """A login takes its time, and the window has none of it."""
    play = Play()
    play.wanted = {"a": 5, "b": 5}
    play.lead.spawned(USERS, 0)
    play.tick("a", arriving=1)
    play.tick("b")
    play.lead.pass_time(BEAT_NS)
    assert not play.told(Speak)

    play.tick("a")
    play.lead.pass_time(2 * BEAT_NS)
    assert play.sections() == [(2 * BEAT_NS + START_DELAY_NS, USERS, 40.0)]


def test_a_worker_whose_clock_is_ahead_is_told_its_own_time() -> None:
    """One instant, two clocks."""
    play = Play(ahead_ns=1_000 * NS_PER_S)
    play.spawn(USERS)
    starts = {worker: message.section.start_ns for worker, message in play.told(Speak)}  # type: ignore[union-attr]

    assert starts["b"] - starts["a"] == 1_000 * NS_PER_S


def test_a_run_by_its_own_time_ends_by_itself_with_its_books_closed() -> None:
    """Warm-up, window and drain as planned, then everybody stops, and only then everybody closes."""
    play = Play()
    play.spawn(USERS)
    play.pass_until(8 * NS_PER_S)
    assert play.lead.has_come_to_its_end
    assert not play.told(Finish)
    for worker in ("a", "b"):
        play.hear(worker, Done(5))
    play.pass_until(9 * NS_PER_S)

    assert play.lead.is_closed
    assert play.record.ended_early is None
    assert [span.phase for span in play.record.phases] == [Phase.CONNECT, Phase.WARMUP, Phase.MEASURE, Phase.DRAIN]
    measured = play.record.phases[2]
    assert measured.start_ns == START_DELAY_NS + NS_PER_S
    assert measured.end_ns == measured.start_ns + 5 * NS_PER_S


def test_stop_closes_the_window_of_an_open_ended_run_with_notice() -> None:
    """Every worker has heard of the end before it comes, so no message is measured by one and not by another."""
    play = Play(is_open_ended=True)
    play.spawn(USERS)
    play.pass_until(4 * NS_PER_S)
    play.lead.stop(play.now_ns)
    ends = {message.end_ns for _, message in play.told(Measure)}  # type: ignore[union-attr]
    assert ends == {4 * NS_PER_S + NOTICE_NS}
    play.pass_until(5 * NS_PER_S)
    for worker in ("a", "b"):
        play.hear(worker, Done(5))
    play.pass_until(6 * NS_PER_S)

    assert play.lead.is_closed
    assert play.record.ended_early is None
    assert play.record.plan.measure_ns == 4 * NS_PER_S + NOTICE_NS - START_DELAY_NS - NS_PER_S


def test_a_stop_before_the_window_opens_is_an_interrupted_run() -> None:
    """There is nothing to judge."""
    play = Play(is_open_ended=True)
    play.lead.stop(NS_PER_S)
    play.pass_until(2 * NS_PER_S)

    assert play.lead.is_closed
    assert play.record.ended_early is EndedEarly.INTERRUPTED


def test_who_comes_in_the_middle_writes_from_the_next_section_on() -> None:
    """The rate stays where it is for all together; where each user has its own it grows."""
    for follows, acts_per_s in ((False, 40.0), (True, 80.0)):
        play = Play(is_open_ended=True, rate_follows_users=follows)
        play.spawn(USERS)
        play.pass_until(3 * NS_PER_S)
        play.spawn(2 * USERS)

        assert play.sections()[1:] == [(3 * NS_PER_S + START_DELAY_NS, 2 * USERS, acts_per_s)]


def test_who_does_not_come_in_time_holds_up_nobody() -> None:
    """A ramp that goes on and on has sections all the same: who was started long enough ago writes."""
    play = Play(is_open_ended=True)
    play.spawn(USERS)
    play.pass_until(3 * NS_PER_S)
    for second, count in ((3, 12), (4, 14), (5, 16)):
        play.lead.spawned(count, second * NS_PER_S)
        play.pass_until((second + 1) * NS_PER_S)

    assert [count for _, count, _ in play.sections()] == [USERS, 12, 14]


def test_a_window_that_begins_anew_forgets_what_was_measured() -> None:
    """And what a worker had counted before it heard of that."""
    play = Play(is_open_ended=True)
    play.spawn(USERS)
    play.pass_until(3 * NS_PER_S)
    counted = Tally(0)
    counted.counts[Count.DELIVERIES_RECEIVED] = 100
    play.tick("a", counted)
    assert play.record.tally.counts[Count.DELIVERIES_RECEIVED] == 100

    play.lead.measure_anew(play.now_ns)
    stale = Tally(0)
    stale.counts[Count.DELIVERIES_RECEIVED] = 3
    stale.counts[Count.CONNECTIONS_OPENED] = 1
    play.tick("a", stale, epoch=0)
    fresh = Tally(0)
    fresh.counts[Count.DELIVERIES_RECEIVED] = 4
    play.tick("a", fresh)
    play.pass_until(4 * NS_PER_S)

    assert play.record.tally.counts[Count.DELIVERIES_RECEIVED] == 4
    assert play.record.tally.counts[Count.CONNECTIONS_OPENED] == 1
    assert play.record.phases[-1].start_ns == 3 * NS_PER_S + NOTICE_NS


def test_news_are_handed_on_together_and_the_same_to_all() -> None:
    """Only who keeps the books of the receivers can say what was lost; one message for each pair would be too many."""
    play = Play()
    play.hear("a", Tell(News(b"x", b"")))
    play.hear("b", Tell(News(b"y", b"z")))
    assert not play.told(Hear)

    play.lead.pass_time(BEAT_NS)

    assert play.told(Hear) == [("a", Hear(News(b"xy", b"z"))), ("b", Hear(News(b"xy", b"z")))]


def test_machines_are_counted_and_not_workers() -> None:
    """The ports of a machine are for all workers there."""
    ours = [Mate(f"w{pid}", pid, ProcessRecord(pid)) for pid in range(2)]
    theirs = [Mate(f"w{pid}", pid, ProcessRecord(pid, host="other")) for pid in range(2, 5)]

    assert [hosts_of(crew) for crew in ([], ours, ours + theirs)] == [1, 1, 2]


def test_the_last_news_are_heard_before_the_books_close() -> None:
    """What is said when all stop would be a message that nobody expects."""
    play = Play()
    play.spawn(USERS)
    play.pass_until(2 * NS_PER_S)
    play.lead.interrupt(play.now_ns)
    play.hear("a", Tell(News(b"x", b"")))
    play.pass_until(play.now_ns + BEAT_NS)
    kinds = [type(message) for worker, message in play.said if worker == "b"]

    assert kinds.index(Hear) < kinds.index(Finish)


def test_a_worker_that_falls_silent_is_given_up_and_the_others_go_on() -> None:
    """What it took with it is excused: the books close, and the run is known to be short of it."""
    play = Play()
    play.spawn(USERS)
    play.pass_until(2 * NS_PER_S)
    sent = Tally(0)
    sent.counts[Count.DELIVERIES_EXPECTED], sent.counts[Count.DELIVERIES_RECEIVED] = 10, 6
    play.tick("b", sent)
    play.dead.add("b")
    play.pass_until(8 * NS_PER_S)
    play.hear("a", Done(5))
    play.pass_until(9 * NS_PER_S)

    assert play.lead.is_closed
    assert [(death.name, death.how) for death in play.record.deaths] == [
        ("b", f"did not answer for {SILENCE_NS // NS_PER_S} s")
    ]
    assert play.record.tally.counts[Count.DELIVERIES_EXCUSED] == 4


def test_nobody_is_given_up_for_a_time_in_which_we_were_stopped_ourselves() -> None:
    """Ten seconds in which nobody told us the time are nobody's silence."""
    play = Play()
    play.spawn(USERS)
    play.pass_until(2 * NS_PER_S)
    play.lead.pass_time(play.now_ns + 10 * NS_PER_S)

    assert not play.record.deaths


def test_without_any_worker_a_run_ends() -> None:
    """There is nobody left to wait for."""
    play = Play()
    play.spawn(USERS)
    play.pass_until(2 * NS_PER_S)
    play.lead.lost("a", "it left Locust")
    play.lead.lost("b", "it left Locust")
    play.pass_until(3 * NS_PER_S)

    assert play.lead.is_closed
    assert play.record.ended_early is EndedEarly.WORKER_DIED


def test_a_worker_that_leaves_alone_has_its_books_closed_first() -> None:
    """It is missed all the same."""
    play = Play()
    play.spawn(USERS)
    play.pass_until(2 * NS_PER_S)
    play.hear("b", Leaving())
    play.pass_until(4 * NS_PER_S)

    assert [worker for worker, _ in play.told(Finish)] == ["b"]
    assert [death.name for death in play.record.deaths] == ["b"]
    assert not play.lead.has_come_to_its_end


def test_where_nobody_gets_in_the_run_ends_at_once() -> None:
    """A server that refuses every login is a result, and nothing to wait for."""
    play = Play()
    play.wanted = {"a": 5, "b": 5}
    play.lead.spawned(USERS, 0)
    for worker in play.wanted:
        play.hear(worker, Tick(Tally(0), NOTHING, Attended(5, 0, 0, 0)))
    play.pass_until(NS_PER_S)

    assert play.lead.has_come_to_its_end
    assert play.record.ended_early in (EndedEarly.LOGIN_REFUSED, EndedEarly.NO_USER_READY)


def test_a_session_is_told_where_a_run_stands() -> None:
    """In a word; and whether all have answered whether they take part, the dead apart."""
    play = Play(is_answered=False)
    assert (play.lead.phase, play.lead.is_ready) == ("arriving", False)
    play.hear("a", Ready(7))
    play.hear("b", Refused("no such file"))
    assert play.lead.is_ready
    assert [(death.name, death.how) for death in play.record.deaths] == [("b", "no such file")]

    play = Play()
    told = [play.lead.phase]
    play.spawn(USERS)
    for second in (1, 2, 8):
        play.pass_until(second * NS_PER_S)
        told.append(play.lead.phase)
    for worker in ("a", "b"):
        play.hear(worker, Done(5))
    play.pass_until(play.now_ns + BEAT_NS)
    told.append(play.lead.phase)
    play.pass_until(9 * NS_PER_S)
    assert [*told, play.lead.phase] == ["arriving", "warmup", "measure", "drain", "closing", "over"]


def test_users_that_are_started_and_stopped_before_they_write_are_none() -> None:
    """The newest number counts, and where it is that of before there is no other section."""
    play = Play(is_open_ended=True)
    play.spawn(USERS)
    play.pass_until(3 * NS_PER_S)
    play.lead.spawned(2 * USERS, play.now_ns)
    play.lead.spawned(USERS, play.now_ns)
    play.pass_until(4 * NS_PER_S)

    assert [count for _, count, _ in play.sections()] == [USERS]


def test_where_locust_has_started_nobody_nobody_is_waited_for() -> None:
    """Nor is anything begun, until it has."""
    play = Play()
    play.spawn(0)
    play.pass_until(NS_PER_S)
    assert not play.told(Speak)
    assert not play.lead.has_come_to_its_end

    play.spawn(USERS)
    assert [count for _, count, _ in play.sections()] == [USERS]


def test_a_plan_with_stages_begins_with_nobody_once_all_have_answered() -> None:
    """Users come in the measured window."""
    play = Play(has_stages=True, is_answered=False)
    play.pass_until(NS_PER_S)
    assert not play.told(Speak)

    for worker in ("a", "b"):
        play.hear(worker, Ready(7))
    play.pass_until(2 * NS_PER_S)
    assert [count for _, count, _ in play.sections()] == [0]


def test_a_window_that_is_not_open_or_about_to_close_does_not_begin_anew() -> None:
    """Before the end of a run by its own time there would not be enough left of it for all to hear."""
    play = Play()
    play.spawn(USERS)
    play.lead.measure_anew(play.now_ns)
    play.pass_until(START_DELAY_NS + 6 * NS_PER_S - 2 * NOTICE_NS)
    play.lead.measure_anew(play.now_ns)
    assert not play.told(Measure)

    play.pass_until(7 * NS_PER_S)
    play.lead.measure_anew(play.now_ns)
    assert not play.told(Measure)


def test_a_stop_during_the_warm_up_is_an_interrupted_run() -> None:
    """What is under way arrives, and nothing was measured."""
    play = Play(is_open_ended=True)
    play.spawn(USERS)
    play.pass_until(NS_PER_S)
    play.lead.stop(play.now_ns)
    play.pass_until(2 * NS_PER_S)

    assert play.lead.is_closed
    assert play.record.ended_early is EndedEarly.INTERRUPTED
    assert play.record.plan.measure_ns == 0


def test_a_stop_cuts_a_run_by_its_own_time_short_and_a_second_one_does_nothing() -> None:
    """Its figures are those of a part."""
    play = Play()
    play.spawn(USERS)
    play.pass_until(3 * NS_PER_S)
    play.lead.stop(play.now_ns)
    told = play.told(Measure)
    assert {message.end_ns for _, message in told} == {3 * NS_PER_S + NOTICE_NS}  # type: ignore[union-attr]
    play.lead.stop(play.now_ns + BEAT_NS)
    assert play.told(Measure) == told
    play.pass_until(5 * NS_PER_S)
    assert play.lead.has_come_to_its_end
    play.lead.stop(play.now_ns)
    play.lead.interrupt(play.now_ns)

    assert play.told(Measure) == told
    assert not play.told(Stop)
    assert play.record.ended_early is EndedEarly.INTERRUPTED


def test_who_loses_everybody_in_the_middle_of_a_run_ends_it() -> None:
    """There is nothing left to measure; a server that let nobody into a room is another result."""
    for begins, why in ((True, EndedEarly.ALL_CONNECTIONS_LOST), (False, EndedEarly.NO_USER_READY)):
        play = Play()
        opened = Tally(0)
        opened.counts[Count.CONNECTIONS_OPENED] = USERS
        play.tick("a", opened)
        if begins:
            play.spawn(USERS)
            play.pass_until(2 * NS_PER_S)
        else:
            play.lead.spawned(USERS, play.now_ns)
        for worker in play.wanted:
            play.hear(worker, Tick(Tally(0), NOTHING, Attended(USERS // 2, 0, 0, 0)))
        play.lead.pass_time(play.now_ns + BEAT_NS)

        assert play.lead.has_come_to_its_end
        assert play.record.ended_early is why


def test_who_tells_nothing_of_its_users_has_those_of_before() -> None:
    """What it has counted is taken all the same."""
    play = Play()
    play.wanted = {"a": 5, "b": 5}
    play.tick("a")
    counted = Tally(0)
    counted.counts[Count.CONNECTIONS_OPENED] = 5
    play.hear("a", Tick(counted, NOTHING, None))
    play.tick("b")
    play.lead.spawned(USERS, play.now_ns)

    assert play.record.tally.counts[Count.CONNECTIONS_OPENED] == 5
    assert play.sections()


def test_what_the_processes_of_a_worker_have_used_is_noted_on_our_clock() -> None:
    """Of the window or of a second; a worker whose Locust is the master has no process beside its swarm."""
    play = Play(ahead_ns=1_000, has_helper=True)
    own, helping = Reading(5_000, 1, 2, 3), Reading(6_000, 4, 5, 6)
    play.hear("b", Used(own, helping, None, is_end_of_window=False))
    play.hear("b", Used(None, helping, None, is_end_of_window=True))
    play.hear("a", Used(own, helping, None, is_end_of_window=True))
    (helper,) = play.record.helpers

    assert play.record.workers[1].readings == [replace(own, at_ns=4_000)]
    assert play.record.workers[1].window == []
    assert helper.readings == helper.window == [replace(helping, at_ns=5_000)]
    assert play.record.workers[0].window == [own]


def test_a_worker_that_dies_is_lost_once_however_often_it_is_told() -> None:
    """Its swarm says so, and then Locust; somebody who is not of the crew is nobody's loss."""
    play = Play()
    play.spawn(USERS)
    play.hear("b", Died("killed by SIGKILL"))
    play.lead.lost("b", "it left Locust")
    play.lead.lost("c", "it left Locust")
    play.lead.hear("c", Done(0), play.now_ns)

    assert [(death.name, death.how) for death in play.record.deaths] == [("b", "killed by SIGKILL")]


def test_a_worker_that_does_not_close_its_books_is_given_up() -> None:
    """The run ends without it, and it is known to be short of what it knew."""
    play = Play()
    play.spawn(USERS)
    play.pass_until(2 * NS_PER_S)
    play.lead.interrupt(play.now_ns)
    play.mute = {"b"}
    play.pass_until(40 * NS_PER_S)

    assert play.lead.is_closed
    assert [(death.name, death.how) for death in play.record.deaths] == [("b", "did not close its books")]


def test_what_is_no_word_on_a_run_changes_nothing() -> None:
    """The answer to a look at a worker's clock is somebody else's affair; that it came is a sign of life."""
    play = Play()

    assert play.lead.hear("a", Pong(1, 5), 7) is None
    assert play.lead.crew["a"].heard_ns == 7


def test_who_is_still_closing_down_is_waited_for() -> None:
    """Books are closed when all have stopped, or their time is up."""
    play = Play(is_open_ended=True)
    play.spawn(USERS)
    play.pass_until(3 * NS_PER_S)
    play.dead.add("a")
    play.lead.interrupt(play.now_ns)
    play.lead.pass_time(play.now_ns)

    assert play.told(Finish) == []
    play.pass_until(play.now_ns + 2 * SILENCE_NS)
    assert play.told(Finish) != []
