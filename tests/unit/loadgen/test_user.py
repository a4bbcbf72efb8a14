"""One user, told step by step what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from loadgen.dialects import Credentials, HttpAnswer, HttpRequest
from loadgen.dialects.script import (
    AliveScript,
    ConnectScript,
    DialectScript,
    DirectScript,
    ErrorsScript,
    FramesScript,
    HistoryScript,
    HttpScript,
    JoinScript,
    LeaveScript,
    LoginScript,
    PublishScript,
    Reach,
    SideScript,
)
from loadgen.dialects.scripted import ScriptedDialect
from loadgen.engine.books import Books
from loadgen.engine.user import User, UserState
from loadgen.errors import ErrorKind, ServerError
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.membership import Standing
from loadgen.measure.payload import Payload
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count, Metric, Note, PerSecond, Tally
from loadgen.plan.acts import Act
from loadgen.plan.rooms import Rooms

FULL = DialectScript(
    name="full",
    login=LoginScript(HttpScript("/login", json={"name": "{username}"}), token="$.token"),
    connect=ConnectScript(path="/ws?token={token}", send=("HELLO {username}",), until="WELCOME"),
    join=JoinScript(send=("JOIN {room}",), until="JOINED {room}"),
    publish=PublishScript(send="SAY {id} {text}", ack="ACK {id}"),
    alive=AliveScript(reply={"2": "3"}),
)
BARE = DialectScript(name="bare", connect=ConnectScript(path="/ws"), publish=PublishScript(send="{text}"))
BESIDE = replace(
    BARE,
    frames=FramesScript(separator="\n"),
    join=JoinScript(("JOIN {room}",), "JOINED {room}"),
    errors=ErrorsScript(("ERR",)),
)
TOKEN = HttpAnswer(200, (), (), b'{"token": "t0"}')
# Tells of a close code, and when it came, which incident it belongs to, and when that began.
PlannedClose = Callable[[int, int], tuple[int, int] | None]


def a_user(
    script: DialectScript = FULL, planned_close: PlannedClose | None = None, *, catches_up: bool = False
) -> tuple[User, Tally]:
    """User 0 of two, in room 0; everything is measured."""
    tally = Tally(0)
    ledger = Ledger(
        Rules(2, Rooms.alike(1), Reach.ROOM, echo=True, deadline_ns=1_000), marker.prefix_of("abc123"), tally
    )
    ledger.measure(0, 10**12)
    books = Books(ledger, Payload(1, 100), "abc123", 1_000)
    books.planned_close = planned_close
    books.catches_up = catches_up
    return User(0, [0], ScriptedDialect(script, Credentials(0, "ann", "pw")), books), tally


def state_of(user: User) -> UserState:
    """Asked anew each time: of an attribute, a type checker believes that it stays what one assert has seen."""
    return user.state


def ready(script: DialectScript = FULL, planned_close: PlannedClose | None = None) -> tuple[User, Tally]:
    """A user who has joined at 60."""
    user, tally = a_user(script, planned_close)
    if script.login is not None:
        user.logging_in(0)
        user.logged_in(TOKEN, 10)
    user.connecting(20)
    user.opened(30)
    user.heard(b"WELCOME", 40)
    user.joining(50)
    user.heard(b"JOINED room-1", 60)
    assert state_of(user) is UserState.READY
    return user, tally


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


def test_acks_that_never_come_do_not_pile_up() -> None:
    """What is past the deadline is forgotten when the next message leaves."""
    user, tally = ready()
    frames = [user.due(n, at, at, writable=True) for n, at in enumerate((100, 2_000, 4_000))]
    for frame in frames:
        assert isinstance(frame, bytes)
        user.heard(b"ACK " + frame.split()[1], 4_100)

    assert tally.counts[Count.ACKS_RECEIVED] == 1


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


# --- away by plan ---------------------------------------------------------------------------------------------


def back_in(user: User, opened_ns: int, joined_ns: int) -> None:
    """Let a user that is away come back."""
    user.coming_back()
    let_in(user, opened_ns, joined_ns)


def let_in(user: User, opened_ns: int, joined_ns: int) -> None:
    """Connect a user who has logged in, and let it join."""
    user.connecting(opened_ns - 1)
    user.opened(opened_ns)
    user.heard(b"WELCOME", opened_ns)
    user.joining(opened_ns)
    user.heard(b"JOINED room-1", joined_ns)


def counts(tally: Tally, *names: Count | Note) -> list[int]:
    """Some of what was counted."""
    return [tally.counts[name] for name in names]


def test_a_user_who_is_cut_comes_back_and_the_time_is_counted_from_the_cut() -> None:
    """However often it was turned away meanwhile; without another login."""
    user, tally = ready()
    user.away(100, cut=True)
    assert state_of(user) is UserState.AWAY

    user.coming_back()
    assert state_of(user) is UserState.LOGGED_IN
    assert user.connecting(0).path == "/ws?token=t0"
    user.connecting(150)
    user.turned_away(ErrorKind.REFUSED, "connection refused", 150)
    assert state_of(user) is UserState.AWAY
    back_in(user, opened_ns=300, joined_ns=340)

    assert state_of(user) is UserState.READY
    times = tally.metrics[Metric.RECONNECT_TIME]
    assert (times.count, times.min_ns, times.max_ns) == (1, 240, 240)
    assert counts(tally, Count.RECONNECTS, Count.CONNECTIONS_DROPPED, Count.CONNECTIONS_FAILED) == [1, 0, 1]
    assert counts(tally, Count.CONNECTIONS_PLANNED, Count.CONNECTIONS_OPENED) == [2, 2]  # the swarm plans the first
    assert tally.errors[ErrorKind.REFUSED, "login"].count == 1
    assert tally.seconds[0][PerSecond.DISCONNECTS] == tally.seconds[0][PerSecond.RECONNECTS] == 1


def test_a_second_time_back_is_counted_anew() -> None:
    """From the second cut."""
    user, tally = ready()
    user.away(100, cut=True)
    back_in(user, opened_ns=200, joined_ns=210)
    user.away(500, cut=True)
    back_in(user, opened_ns=520, joined_ns=530)

    times = tally.metrics[Metric.RECONNECT_TIME]
    assert (times.count, times.min_ns, times.max_ns) == (2, 30, 110)


def test_a_user_who_leaves_by_plan_is_not_expected_back() -> None:
    """If it comes all the same, that is no reconnect."""
    user, tally = ready()
    user.away(100, cut=False)
    back_in(user, opened_ns=200, joined_ns=210)

    assert state_of(user) is UserState.READY
    assert counts(tally, Count.RECONNECTS, Count.CONNECTIONS_DROPPED) == [0, 0]
    assert tally.metrics[Metric.RECONNECT_TIME].count == 0


def test_what_is_due_while_a_user_is_away_is_unsent_as_planned() -> None:
    """On the way back it is not away any more: then it is the server that it waits for."""
    user, tally = ready()
    user.away(100, cut=True)
    assert user.due(0, 110, 110, writable=False) is None
    user.coming_back()
    user.connecting(120)
    assert user.due(1, 130, 130, writable=False) is None

    assert counts(tally, Count.MESSAGES_DUE, Count.MESSAGES_UNSENT, Note.UNSENT_AWAY) == [2, 2, 1]


def test_a_socket_that_closes_behind_a_user_who_is_away_is_no_drop() -> None:
    """It was we who let go of it."""
    user, tally = ready()
    user.away(100, cut=True)
    user.closed(1006, "", 101)

    assert state_of(user) is UserState.AWAY
    assert counts(tally, Count.CONNECTIONS_DROPPED) == [0]
    assert tally.errors == {}


def test_a_connection_that_opens_for_a_user_who_is_away_again_is_not_wanted() -> None:
    """It was cut on its way in: nothing is sent, and nothing is timed."""
    user, tally = ready()
    user.away(100, cut=True)
    user.coming_back()
    user.connecting(120)
    user.away(125, cut=True)

    assert user.opened(130) == []
    assert user.joining(131) == []
    assert state_of(user) is UserState.AWAY
    assert tally.metrics[Metric.CONNECT_TIME].count == 1


@pytest.mark.parametrize("state", [UserState.NEW, UserState.LOGGED_IN])
def test_a_connection_that_nobody_waits_for_any_more_was_not_planned_after_all(state: UserState) -> None:
    """The user leaves, or the run ends, before it is known whether it gets in: nobody is missing."""
    for give_up in (lambda user: user.away(100, cut=False), User.given_up):
        user, tally = a_user()
        tally.counts[Count.CONNECTIONS_PLANNED] = 1
        if state is UserState.LOGGED_IN:
            user.given("t7")
        give_up(user)

        assert counts(tally, Count.CONNECTIONS_PLANNED, Count.CONNECTIONS_FAILED) == [0, 0]


def test_a_connection_that_was_opened_stays_planned_whatever_comes_then() -> None:
    """It is known how that went."""
    user, tally = ready()
    tally.counts[Count.CONNECTIONS_PLANNED] = 1
    user.given_up()
    user.away(100, cut=False)

    assert counts(tally, Count.CONNECTIONS_PLANNED, Count.CONNECTIONS_OPENED) == [1, 1]


def test_a_user_who_leaves_during_its_login_stays_away_and_keeps_the_token() -> None:
    """It is of use when it comes back."""
    user, _ = a_user()
    user.logging_in(0)
    user.away(5, cut=False)
    user.logged_in(TOKEN, 10)

    assert state_of(user) is UserState.AWAY
    user.coming_back()
    assert user.connecting(0).path == "/ws?token=t0"


def test_a_socket_that_the_server_closes_while_a_user_comes_back_is_a_drop_and_it_tries_again() -> None:
    """It waits for the room since the cut."""
    user, tally = ready()
    user.away(100, cut=True)
    user.coming_back()
    user.connecting(120)
    user.opened(130)
    user.closed(1013, "try again later", 140)

    assert state_of(user) is UserState.AWAY
    assert tally.errors[ErrorKind.CLOSE_1013, "login"].count == 1
    back_in(user, opened_ns=200, joined_ns=210)
    assert state_of(user) is UserState.READY
    assert counts(tally, Count.CONNECTIONS_DROPPED, Count.RECONNECTS) == [1, 1]
    assert tally.metrics[Metric.RECONNECT_TIME].max_ns == 110


def test_a_socket_that_the_server_closes_once_a_user_is_back_is_the_end() -> None:
    """As with anybody whom the plan does not bring back."""
    user, _ = ready()
    user.away(100, cut=True)
    back_in(user, opened_ns=200, joined_ns=210)
    user.closed(1006, "", 220)

    assert state_of(user) is UserState.GONE


# --- incidents of the plan ------------------------------------------------------------------------------------


def by_a_restart(code: int, now_ns: int) -> tuple[int, int] | None:
    """Incident 2 began at 90, and has the server close with 1012."""
    return (2, 90) if code == 1012 else None


def test_who_is_held_back_is_there_from_the_moment_it_comes() -> None:
    """Until then what it was to say is unsent as planned; it counts as back from when its incident began."""
    user, tally = a_user()
    user.held_back()
    assert state_of(user) is UserState.AWAY
    assert user.due(0, 80, 80, writable=True) is None
    user.hit_by(1, began_ns=100, now_ns=130, misses=False)
    user.coming_back()
    assert state_of(user) is UserState.NEW
    user.logging_in(140)
    user.logged_in(TOKEN, 150)
    let_in(user, opened_ns=160, joined_ns=170)

    incident = tally.of_incident(1)
    assert state_of(user) is UserState.READY
    assert (incident.hit_count, incident.back.count, incident.back.max_ns) == (1, 1, 70)
    assert counts(tally, Note.UNSENT_AWAY, Count.CONNECTIONS_PLANNED, Count.RECONNECTS) == [1, 1, 0]


def test_who_is_hit_and_cut_is_back_once() -> None:
    """From when the incident began, not from when it hit this user; what comes later is no part of it."""
    user, tally = ready()
    user.hit_by(0, began_ns=100, now_ns=120, misses=True)
    user.away(120, cut=True)
    back_in(user, opened_ns=200, joined_ns=210)
    user.away(300, cut=True)
    back_in(user, opened_ns=400, joined_ns=410)

    assert (tally.of_incident(0).back.count, tally.of_incident(0).back.max_ns) == (1, 110)
    assert tally.metrics[Metric.RECONNECT_TIME].count == 2


def test_a_close_that_the_plan_wanted_is_neither_a_drop_nor_an_error() -> None:
    """The user is away and is to come back; the incident has its code, and when it came."""
    user, tally = ready(planned_close=by_a_restart)

    assert user.closed(1012, "service restart", 100) == 2
    assert state_of(user) is UserState.AWAY
    incident = tally.of_incident(2)
    assert (incident.hit_count, dict(incident.closes), incident.closed.max_ns) == (1, {1012: 1}, 10)
    assert tally.errors == {}
    back_in(user, opened_ns=200, joined_ns=210)
    assert incident.back.max_ns == 120
    assert counts(tally, Count.CONNECTIONS_DROPPED, Count.RECONNECTS) == [0, 1]
    assert tally.metrics[Metric.RECONNECT_TIME].max_ns == 110
    assert sum(events[PerSecond.DISCONNECTS] for events in tally.seconds.values()) == 1


def test_a_second_close_by_plan_on_the_way_back_leaves_who_it_hits_on_its_way() -> None:
    """Nobody has to be sent for it again: it tries on, has been hit once, and was closed twice."""
    user, tally = ready(planned_close=by_a_restart)
    user.closed(1012, "", 100)
    user.coming_back()
    user.connecting(110)
    user.opened(120)

    assert user.closed(1012, "", 130) is None
    assert state_of(user) is UserState.AWAY
    incident = tally.of_incident(2)
    assert (incident.hit_count, dict(incident.closes), incident.closed.count) == (1, {1012: 2}, 2)
    back_in(user, opened_ns=200, joined_ns=210)
    assert (incident.back.count, incident.back.max_ns) == (1, 120)
    assert counts(tally, Count.CONNECTIONS_DROPPED, Count.RECONNECTS) == [0, 1]


def test_a_close_that_belongs_to_no_incident_is_a_drop_while_others_are_planned() -> None:
    """The user is gone, with an error."""
    user, tally = ready(planned_close=by_a_restart)

    assert user.closed(1013, "try again later", 100) is None
    assert state_of(user) is UserState.GONE
    assert counts(tally, Count.CONNECTIONS_DROPPED) == [1]
    assert tally.errors[ErrorKind.CLOSE_1013, "login"].count == 1
    assert tally.incidents == {}


def test_whose_token_has_run_out_logs_in_again() -> None:
    """The next time it comes; afterwards the new one is good."""
    user, _ = ready()
    user.away(100, cut=True)
    user.must_log_in()
    user.coming_back()
    assert state_of(user) is UserState.NEW
    user.logging_in(110)
    user.logged_in(TOKEN, 120)
    let_in(user, opened_ns=130, joined_ns=140)
    user.away(200, cut=True)
    user.coming_back()

    assert state_of(user) is UserState.LOGGED_IN


def test_who_is_lost_silently_has_not_hung_up() -> None:
    """Its old socket stays as it is: nobody sees it go."""
    user, tally = ready()
    user.away(100, cut=True, silently=True)

    assert state_of(user) is UserState.AWAY
    assert sum(events[PerSecond.DISCONNECTS] for events in tally.seconds.values()) == 0
    back_in(user, opened_ns=200, joined_ns=210)
    assert counts(tally, Count.RECONNECTS) == [1]


def test_a_socket_on_which_one_did_not_get_in_is_counted_as_closed() -> None:
    """Given up while the join is waited for, or refused: it was opened, and nobody has it any more."""
    user, tally = ready()
    user.away(100, cut=True)
    for is_refused in (False, True):
        user.coming_back()
        user.connecting(200)
        user.opened(210)
        user.joining(220)
        if is_refused:
            user.turned_away(ErrorKind.ERROR_FRAME, "no", 300)
        else:
            user.away(300, cut=True)

    events = tally.seconds[0]
    assert events[PerSecond.DISCONNECTS] == events[PerSecond.CONNECTS] == 3


# --- who hears what -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cut", "meanwhile"), [(True, Standing.MUST_NOT), (False, Standing.MAY)])
def test_who_leaves_may_get_messages_until_its_socket_is_gone_and_who_is_cut_may_not(
    *, cut: bool, meanwhile: Standing
) -> None:
    """A closing handshake takes a moment; a cut socket hears nothing."""
    tally = Tally(0)
    ledger = Ledger(
        Rules(2, Rooms.alike(1), Reach.ROOM, echo=True, deadline_ns=1_000), marker.prefix_of("abc123"), tally
    )
    user = User(0, [0], ScriptedDialect(BARE, Credentials(0, "ann", "pw")), Books(ledger, Payload(1, 100), "abc123", 1))
    user.connecting(0)
    user.opened(10)
    user.joining(10)
    user.away(100, cut=cut)
    user.has_left(120)

    assert [ledger.members.standing(0, 0, at_ns) for at_ns in (99, 110, 120)] == [
        Standing.MUST,
        meanwhile,
        Standing.MUST_NOT,
    ]


def test_an_old_socket_that_goes_once_its_user_is_back_takes_nobody_out() -> None:
    """The closing handshake of the first stay ends in the second."""
    user, _ = ready()
    user.away(100, cut=False)
    back_in(user, opened_ns=110, joined_ns=120)
    user.has_left(130)

    assert state_of(user) is UserState.READY
    assert user.due(0, 140, 140, writable=True) is not None


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


# --- what a dialect takes for an error, and answers that do not come

STRICT = DialectScript(
    name="strict",
    connect=ConnectScript(path="/ws", until="WELCOME"),
    join=JoinScript(send=("JOIN {room}",), until="JOINED {room}"),
    publish=PublishScript(send="SAY {id} {text}", ack="ACK {id}"),
    leave=LeaveScript(("PART {room}",)),
    alive=AliveScript(every_ns=5, send="ping", answer="pong"),
    errors=ErrorsScript(("ERR",)),
)


def errors_of(tally: Tally) -> list[tuple[ErrorKind, str]]:
    return [(kind, error.example) for (kind, _), error in tally.errors.items()]


def test_an_error_frame_keeps_a_user_out_who_waits_to_get_in() -> None:
    """Whoever brings it in is told at once, with the frame."""
    user, _ = a_user(STRICT)
    user.connecting(0)
    user.opened(1)

    with pytest.raises(ServerError, match="ERR banned") as caught:
        user.heard(b"ERR banned", 2)
    assert caught.value.kind is ErrorKind.ERROR_FRAME


def test_an_error_frame_is_counted_when_a_user_is_in() -> None:
    """It stays."""
    user, tally = ready(STRICT)
    user.heard(b"ERR too fast", 100)

    assert state_of(user) is UserState.READY
    assert errors_of(tally) == [(ErrorKind.ERROR_FRAME, "ERR too fast")]


@pytest.mark.parametrize(
    ("frames", "example"),
    [
        ([], "the greeting ('WELCOME') never came; no frame came"),
        ([b"hi", b"HELLO\n\xff"], "the greeting ('WELCOME') never came; what came last was 'HELLO\\n\ufffd'"),
    ],
)
def test_what_came_instead_of_an_answer_is_told(frames: list[bytes], example: str) -> None:
    """The awaited text, and the last frame that came."""
    user, tally = a_user(STRICT)
    user.connecting(0)
    user.opened(1)
    for frame in frames:
        user.heard(frame, 2)
    user.time_is_up()

    assert errors_of(tally) == [(ErrorKind.JOIN_TIMEOUT, example)]


def test_what_came_last_is_not_a_ping() -> None:
    """It is answered, so it is understood."""
    user, tally = a_user(replace(STRICT, alive=AliveScript(reply={"2": "3"})))
    user.connecting(0)
    user.opened(1)
    for frame in (b"2", b"HELLO", b"2"):
        user.heard(frame, 2)
    user.time_is_up()

    assert errors_of(tally)[0][1].endswith("what came last was 'HELLO'")


def test_a_keep_alive_that_is_not_answered_is_counted() -> None:
    """Once, when its time is up or the next one is due; a user who is not in sends none."""
    user, tally = ready(STRICT)
    missed = (ErrorKind.ALIVE_TIMEOUT, "no answer to 'ping'")

    assert user.keeping_alive() == user.keeping_alive() == b"ping"
    assert errors_of(tally) == [missed]
    user.misses_answer()
    user.misses_answer()
    user.keeping_alive()
    assert tally.errors[ErrorKind.ALIVE_TIMEOUT, "login"].count == 2
    user.heard(b"pong", 100)
    user.misses_answer()
    user.keeping_alive()
    assert tally.errors[ErrorKind.ALIVE_TIMEOUT, "login"].count == 2
    assert a_user(STRICT)[0].keeping_alive() is None


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


def test_an_error_may_come_beside_a_message() -> None:
    """It keeps out who is not in, and is counted of who is."""
    user, tally = a_user(BESIDE)
    user.connecting(20)
    user.opened(30)
    user.joining(50)

    with pytest.raises(ServerError, match="ERR full"):
        user.heard_beside(b"... a message ...\nERR full", 60)
    user.heard_beside(b"JOINED room-1", 70)
    user.heard_beside(b"... a message ...\nERR too fast", 80)

    assert errors_of(tally) == [(ErrorKind.ERROR_FRAME, "ERR too fast")]


@pytest.mark.parametrize("change", [lambda text: text[:-9], bytes.upper], ids=["shortened", "in capitals"])
def test_a_text_that_the_server_changed_is_counted_and_shown(change: Callable[[bytes], bytes]) -> None:
    """Whether the ledger finds something of its marker or not; the words before it tell which frame it is."""
    user, tally = ready()
    books = user._books
    frame = b"x" * 500 + b" MSG " + change(marker.write(books.prefix, Stamp(0, 0, 1, 2)))
    if not books.ledger.receive(0, frame, 100):
        user.heard(frame, 100)

    assert tally.counts[Count.FRAMES_DAMAGED] == 1
    ((kind, example),) = errors_of(tally)
    assert kind is ErrorKind.TEXT_CHANGED
    assert example.startswith("the server changed a text on its way: 'xxx")
    assert " MSG " in example


def test_a_join_without_a_confirmation_takes_no_time() -> None:
    """It is counted, and there is nothing to time."""
    user, tally = a_user(replace(BARE, join=JoinScript(("JOIN {room}",))))
    user.connecting(0)
    user.opened(10)
    assert user.joining(50) == [b"JOIN room-1"]

    assert state_of(user) is UserState.READY
    assert tally.seconds[0][PerSecond.JOINS] == 1
    assert tally.metrics[Metric.JOIN_TIME].count == 0


def test_a_user_says_what_others_have_chosen_for_it() -> None:
    """With a marker behind it, by which it is known wherever it comes."""
    user, _ = ready(BARE)
    said = user.says("mind the gap", 70, 80, writable=True)

    assert isinstance(said, bytes)
    assert said.startswith(b"mind the gap ")
    assert marker.read(said[-marker.WIDTH :]) == Stamp(0, 0, 70, 80)
    assert user.says("mind the gap", 90, 95, writable=False) is None


def test_a_user_writes_to_another_one() -> None:
    """By the name that the server knows, and with an acknowledgement of its own."""
    user, tally = ready(replace(BARE, direct=DirectScript("TO {to} {id} {text}", ack="ACK {id}")))
    said = user.due(7, 70, 80, writable=True, to=(1, "bob"))

    assert isinstance(said, bytes)
    assert said.startswith(b"TO bob abc123-0-0 ")
    assert marker.read(said[-marker.WIDTH :]) == Stamp(0, 0, 70, 80, receiver=1)
    user.heard(b"ACK abc123-0-0", 100)
    assert tally.metrics[Metric.ACK_TIME].max_ns == 20


BUSY = replace(
    BARE,
    typing=SideScript("typing in {room}"),
    presence=SideScript("who is in {room}"),
    history=HistoryScript("past", send="what was in {room}"),
    http=HttpScript("/rooms/{room}"),
)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (Act.TYPING, b"typing in room-1"),
        (Act.PRESENCE, b"who is in room-1"),
        (Act.HISTORY, b"what was in room-1"),
        (Act.HTTP, HttpRequest("POST", "/rooms/room-1")),
    ],
)
def test_a_user_does_other_things_in_its_room(act: Act, said: bytes | HttpRequest) -> None:
    """Once it is in; each as the dialect says it."""
    assert a_user(BUSY)[0].does(act) is None
    assert ready(BUSY)[0].does(act) == said


def test_a_message_is_nothing_that_a_user_does_beside_messages() -> None:
    """Who asks for that has mistaken one for the other."""
    with pytest.raises(ValueError, match="a message is said"):
        ready(BUSY)[0].does(Act.MESSAGE)


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


def test_who_is_back_asks_for_what_it_has_missed() -> None:
    """Where the plan wants it; the first time it joins there is nothing to ask for."""
    script = replace(
        BARE,
        join=JoinScript(("JOIN {room}",), "JOINED {room}"),
        history=HistoryScript("past", catch_up="after {after}", seq="at {seq} "),
    )
    user, _ = a_user(script, catches_up=True)
    user.connecting(0)
    user.opened(10)
    user.joining(20)
    assert user.heard(b"JOINED room-1 at 7 ", 30) == []
    user.away(40, cut=True)
    user.coming_back()
    user.connecting(50)
    user.opened(60)
    user.joining(70)

    assert user.heard(b"JOINED room-1 at 9 ", 80) == [b"after 7"]


@pytest.mark.parametrize("was_in", [True, False])
def test_who_was_never_in_has_missed_nothing(monkeypatch: pytest.MonkeyPatch, *, was_in: bool) -> None:
    """It asks for what came after its first join; what was said before that, nobody owes it."""
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(Ledger, "asks_for_nothing", lambda _, user, now_ns: told.append((user, now_ns)))
    history = HistoryScript("past", catch_up="after {after}", seq="at {seq} ")
    user, _ = a_user(
        replace(BARE, join=JoinScript(("JOIN {room}",), "JOINED {room}"), history=history), catches_up=True
    )
    user.connecting(0)
    user.opened(10)
    user.joining(20)
    if was_in:
        user.heard(b"JOINED room-1 at 7 ", 30)
    user.away(40, cut=True)
    user.coming_back()
    user.connecting(50)
    user.opened(60)
    user.joining(70)

    assert user.heard(b"JOINED room-1 at 9 ", 80) == [b"after 7" if was_in else b"after 9"]
    assert told == ([] if was_in else [(0, 80)])


def test_who_is_gone_fails_no_more() -> None:
    """Its connection may fail after it has been given up, and that is one failure."""
    user, tally = a_user(BARE)
    user.connecting(0)
    user.failed(ErrorKind.REFUSED, "refused")
    user.failed(ErrorKind.REFUSED, "refused")

    assert counts(tally, Count.CONNECTIONS_FAILED) == [1]
    assert len(tally.errors) == 1


def test_who_is_in_or_away_is_waited_for_no_more() -> None:
    """Only a greeting or a confirmation that has not come counts."""
    user, tally = ready()
    user.time_is_up()

    assert not errors_of(tally)


class Speechless(ScriptedDialect):
    """Waits for something that has no name."""

    @property
    def awaited(self) -> str | None:
        return None


def test_what_has_no_name_is_missed_without_one() -> None:
    """A dialect in Python need not say what it waits for."""
    tally = Tally(0)
    ledger = Ledger(
        Rules(2, Rooms.alike(1), Reach.ROOM, echo=True, deadline_ns=1_000), marker.prefix_of("abc123"), tally
    )
    books = Books(ledger, Payload(1, 100), "abc123", 1_000)
    user = User(0, [0], Speechless(FULL, Credentials(0, "ann", "pw")), books)
    user.logging_in(0)
    user.logged_in(TOKEN, 1)
    user.connecting(2)
    user.opened(3)
    user.time_is_up()

    assert user.token == "t0"
    assert errors_of(tally) == [(ErrorKind.JOIN_TIMEOUT, "the greeting never came; no frame came")]
