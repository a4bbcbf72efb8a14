"""A user who is away by plan, comes back, and asks for what it has missed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadgen.dialects import Credentials
from loadgen.dialects.script import HistoryScript, JoinScript, Reach
from loadgen.dialects.scripted import ScriptedDialect
from loadgen.engine.books import Books
from loadgen.engine.user import User, UserState
from loadgen.errors import ErrorKind
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.membership import Standing
from loadgen.measure.payload import Payload
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count, Metric, Note, PerSecond, Tally
from loadgen.plan.rooms import Rooms
from tests.support.users import BARE, TOKEN, a_user, back_in, counts, ready, state_of


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
