"""One user, told step by step what happened."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadgen.dialects import HttpAnswer
from loadgen.dialects.script import JoinScript
from loadgen.engine.user import UserState
from loadgen.errors import ErrorKind
from loadgen.measure import marker
from loadgen.measure.marker import Stamp
from loadgen.measure.tally import Count, Metric, Note, PerSecond
from tests.support.users import BARE, BESIDE, STRICT, TOKEN, a_user, counts, ready, state_of


def test_a_user_goes_from_login_to_ready_step_by_step() -> None:
    """Each answer moves it on, and each time is from asking to answer."""
    user, tally = a_user()

    request = user.logging_in(1_000)
    assert (request.method, request.path, request.body) == ("POST", "/login", b'{"name": "ann"}')
    user.logged_in(TOKEN, 1_500)
    assert state_of(user) is UserState.LOGGED_IN
    assert user.connecting(0).path == "/ws?token=t0"
    user.connecting(2_000)
    assert user.opened(2_300) == [b"HELLO ann"]
    assert state_of(user) is UserState.GREETING
    assert user.joining(2_350) == []  # not before the greeting
    assert user.heard(b"WELCOME ann", 2_400) == []
    assert state_of(user) is UserState.CONNECTED
    assert user.joining(3_000) == [b"JOIN room-1"]
    assert user.heard(b"JOINED room-2", 3_050) == []  # somebody else's room
    assert state_of(user) is UserState.JOINING
    user.heard(b"JOINED room-1", 3_100)
    assert state_of(user) is UserState.READY

    times = [tally.metrics[m].max_ns for m in (Metric.LOGIN_TIME, Metric.CONNECT_TIME, Metric.JOIN_TIME)]
    assert times == [500, 300, 100]


def test_what_belongs_to_the_whole_run_is_told_by_phase_as_well() -> None:
    """By the one that goes on when it ends, which the swarm says."""
    user, tally = a_user()
    user.logging_in(0)
    user.logged_in(TOKEN, 10)
    user._books.phase = "connect"
    user.connecting(20)
    user.opened(50)
    user.heard(b"WELCOME", 51)
    user.joining(52)
    user._books.phase = "measure"
    user.heard(b"JOINED room-1", 60)
    user.closed(1006, "", 70)

    told = {
        name: ({str(metric): times.max_ns for metric, times in part.metrics.items()}, dict(part.counts))
        for name, part in tally.slices.items()
    }
    assert told == {
        "phase: login": ({"login_time": 10}, {}),
        "phase: connect": ({"connect_time": 30}, {Count.CONNECTIONS_OPENED: 1}),
        "phase: measure": ({"join_time": 8}, {Count.CONNECTIONS_DROPPED: 1}),
    }


def test_a_bare_dialect_is_ready_at_the_101() -> None:
    """No login, no greeting, no join: and no times for what did not happen."""
    user, tally = a_user(BARE)
    user.connecting(0)
    assert user.opened(10) == []
    assert user.joining(20) == []

    assert state_of(user) is UserState.READY
    assert tally.metrics[Metric.LOGIN_TIME].count == tally.metrics[Metric.JOIN_TIME].count == 0


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (HttpAnswer(401, (), (), b"Bad username or password"), ErrorKind.HTTP_4XX, "Bad username"),
        (HttpAnswer(503, (), (), b"busy"), ErrorKind.HTTP_5XX, "busy"),
        (HttpAnswer(200, (), (), b'{"other": 1}'), ErrorKind.BAD_RESPONSE, "no token"),
        (HttpAnswer(200, (), (), b"\xff\xfe"), ErrorKind.BAD_RESPONSE, "no token"),
    ],
)
def test_a_refused_login_is_data(answer: HttpAnswer, kind: ErrorKind, says: str) -> None:
    """It has a kind and an example, the user is gone, and its connection counts as failed."""
    user, tally = a_user()
    user.logging_in(0)
    user.logged_in(answer, 10)

    assert state_of(user) is UserState.GONE
    assert says in tally.errors[kind, "login"].example
    assert tally.counts[Count.CONNECTIONS_FAILED] == 1
    assert tally.metrics[Metric.LOGIN_TIME].count == 0


def test_an_ack_is_timed_from_sent_and_counted_once() -> None:
    """Even where it comes twice, or for a message of somebody else."""
    user, tally = ready()
    frame = user.due(0, 100, 110, writable=True)
    assert isinstance(frame, bytes)
    message_id = frame.split()[1]
    for _ in range(2):
        user.heard(b"ACK " + message_id, 150)
    user.heard(b"ACK abc123-1-0", 150)

    assert tally.counts[Count.ACKS_RECEIVED] == 1
    assert tally.metrics[Metric.ACK_TIME].max_ns == 40


def acks_counted(sent_ns: tuple[int, ...]) -> int:
    """Of messages that were sent then, by a user whose deadline is 1,000 ns, when all acks come at last."""
    user, tally = ready()
    frames = [user.due(n, at, at, writable=True) for n, at in enumerate(sent_ns)]
    for frame in frames:
        assert isinstance(frame, bytes)
        user.heard(b"ACK " + frame.split()[1], sent_ns[-1] + 100)
    assert tally.counts[Count.ACKS_RECEIVED] == tally.metrics[Metric.ACK_TIME].count
    return tally.counts[Count.ACKS_RECEIVED]


def test_an_ack_counts_however_late_it_is_and_whatever_was_sent_meanwhile() -> None:
    """It would look as if a server that stands still for long had acknowledged what it was quick with, and no more."""
    assert acks_counted((100, 2_000, 4_000)) == 3


def test_acks_that_never_come_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are too many of them, what is past the deadline is forgotten when the next message leaves."""
    monkeypatch.setattr("loadgen.engine.user.MOST_AWAITED", 2)

    assert acks_counted((100, 2_000, 4_000)) == 2
    assert acks_counted((100, 200, 300, 400)) == 4  # none of them is past it
    assert acks_counted((100, 200, 300, 400, 4_000)) == 2


def test_a_message_that_cannot_be_sent_is_unsent() -> None:
    """Not ready, or the server has stopped reading: due all the same."""
    early, _ = a_user()
    assert early.due(0, 100, 100, writable=True) is None
    user, tally = ready()
    assert user.due(0, 100, 100, writable=False) is None

    assert tally.counts[Count.MESSAGES_DUE] == tally.counts[Count.MESSAGES_UNSENT] == 1
    assert tally.counts[Count.MESSAGES_SENT] == 0


def test_a_keep_alive_is_answered() -> None:
    """The dialect says which frame is answered with which."""
    user, _ = ready()

    assert user.heard(b"2", 100) == [b"3"]


def test_a_close_by_the_server_is_counted_once_with_its_code() -> None:
    """Whatever comes after it."""
    user, tally = ready()
    user.closed(1012, "restart", 100)
    user.closed(1006, "", 110)

    assert tally.counts[Count.CONNECTIONS_DROPPED] == 1
    assert tally.errors[ErrorKind.CLOSE_1012, "login"].count == 1
    assert user.due(0, 120, 120, writable=True) is None


def test_a_close_by_us_is_no_drop() -> None:
    """At the end of the run."""
    user, tally = ready()
    user.leaving()
    user.closed(1000, "", 100)

    assert tally.counts[Count.CONNECTIONS_DROPPED] == 0
    assert tally.errors == {}


def test_a_join_that_is_not_confirmed_in_time_is_counted_and_may_still_come() -> None:
    """The error is there; a late confirmation makes the user ready all the same."""
    user, tally = a_user()
    user.logging_in(0)
    user.logged_in(TOKEN, 1)
    user.connecting(2)
    user.opened(3)
    user.time_is_up()
    assert "greeting" in tally.errors[ErrorKind.JOIN_TIMEOUT, "login"].example
    user.heard(b"WELCOME", 4)
    user.joining(5)
    user.time_is_up()
    user.heard(b"JOINED room-1", 6)

    assert state_of(user) is UserState.READY
    assert tally.errors[ErrorKind.JOIN_TIMEOUT, "login"].count == 2


def test_a_token_from_elsewhere_takes_the_place_of_the_login() -> None:
    """It is put where the login's would be."""
    user, tally = a_user()
    user.given("t7")

    assert state_of(user) is UserState.LOGGED_IN
    assert user.connecting(0).path == "/ws?token=t7"
    assert tally.metrics[Metric.LOGIN_TIME].count == 0


def test_who_follows_acknowledgements_is_told_of_each_once() -> None:
    """With the marker of the message, and when; a closed loop waits for it."""
    user, _ = ready()
    told: list[tuple[int, bytes, int]] = []
    user._books.on_ack = lambda *acked: told.append(acked)
    frame = user.due(0, 100, 110, writable=True)
    assert isinstance(frame, bytes)
    for now_ns in (150, 160):
        user.heard(b"ACK " + frame.split()[1], now_ns)

    assert told == [(0, frame[-marker.WIDTH :], 150)]


def test_a_user_who_is_in_says_good_bye() -> None:
    """One who is not has nobody to say it to."""
    assert ready(STRICT)[0].leaving_politely() == [b"PART room-1"]
    assert a_user(STRICT)[0].leaving_politely() == []


def test_what_comes_beside_a_message_is_heard() -> None:
    """Acknowledgements, and what wants a reply."""
    user, tally = ready()
    user.due(0, 70, 70, writable=True)

    assert user.heard_beside(b"... ACK abc123-0-0", 90) == []
    assert tally.metrics[Metric.ACK_TIME].max_ns == 20
    assert user.heard_beside(b"2", 91) == [b"3"]


def test_a_confirmation_may_come_beside_a_message() -> None:
    """A server that puts several messages into a frame lets a user in with the room's next one."""
    user, tally = a_user(BESIDE)
    user.connecting(20)
    user.opened(30)
    user.joining(50)

    user.heard_beside(b"JOINED room-1\n... a message ...", 60)

    assert state_of(user) is UserState.READY
    assert tally.metrics[Metric.JOIN_TIME].max_ns == 10


def test_a_join_without_a_confirmation_takes_no_time() -> None:
    """It is counted, and there is nothing to time."""
    user, tally = a_user(replace(BARE, join=JoinScript(("JOIN {room}",))))
    user.connecting(0)
    user.opened(10)
    assert user.joining(50) == [b"JOIN room-1"]

    assert state_of(user) is UserState.READY
    assert tally.seconds[0][PerSecond.JOINS] == 1
    assert tally.metrics[Metric.JOIN_TIME].count == 0


def test_what_is_due_after_the_end_is_unsent_in_no_second() -> None:
    """When nobody is left, what was to come is settled at once; outside the window it is not counted either."""
    user, tally = ready(BARE)
    user.closed(1006, "", 70)
    for due_ns in (60, 10**9, 10**12):
        assert user.due(0, due_ns, 80, writable=True) is None

    assert counts(tally, Count.MESSAGES_DUE, Count.MESSAGES_UNSENT) == [2, 2]
    assert {second: each[PerSecond.MESSAGES_DUE] for second, each in tally.seconds.items()} == {0: 1}


def test_messages_of_another_run_are_noticed() -> None:
    """They came to the same room while this run was measured."""
    user, tally = ready(BARE)
    user.heard(b"words " + marker.write(marker.prefix_of("fed321"), Stamp(1, 0, 5, 6)), 70)

    assert counts(tally, Note.FOREIGN_MARKERS, Count.FRAMES_DAMAGED) == [1, 0]
