"""One user in the incidents of a plan."""

from __future__ import annotations

from loadgen.engine.user import UserState
from loadgen.errors import ErrorKind
from loadgen.measure.tally import Count, Metric, Note, PerSecond
from tests.support.users import TOKEN, a_user, back_in, counts, let_in, ready, state_of


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
