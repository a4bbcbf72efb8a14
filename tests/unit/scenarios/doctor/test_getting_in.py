"""How two users got in: reach, log in, connect, greeting, join."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from loadgen.dialects import HttpAnswer, HttpRequest, Opening
from loadgen.dialects.script import ConnectScript, FramesScript, HttpScript, JoinScript, LoginScript
from loadgen.errors import ErrorKind
from reports.budgets import ExitCode
from scenarios.doctor import getting_in
from scenarios.doctor.attempts import Closing, ConnectAttempt, LoginAttempt, Refrain, Trouble, Wait
from scenarios.doctor.steps import Direction, Line, Outcome, exit_code_of
from tests.support.examined import CHAT, FINE, case, heard, verdict

REQUEST = HttpRequest("POST", "/login", (), b'{"user": "ann", "password": "pass word/1"}', "application/json")


def answer(status: int, body: object, **more: Any) -> HttpAnswer:
    """An answer in JSON."""
    return HttpAnswer(status, more.get("headers", ()), more.get("cookies", ()), json.dumps(body).encode())


def test_nobody_there_is_the_end_and_unreachable() -> None:
    """Whatever else there would be to try."""
    step = getting_in.reached(case(), "http://h:1", "http://h:1: cannot connect: refused; is the server running?")

    assert step.is_the_end
    assert step.summary == "http://h:1: cannot connect: refused"
    assert exit_code_of([step]) is ExitCode.UNREACHABLE


def test_a_server_that_takes_connections_is_reached() -> None:
    """At the address that was asked for."""
    step = getting_in.reached(case(), "http://h:1", None)

    assert verdict(step) == FINE
    assert step.summary == "http://h:1 takes connections"


@pytest.mark.parametrize(
    ("kind", "key"),
    [(ErrorKind.TLS, "--ca"), (ErrorKind.PROXY, "--proxy"), (ErrorKind.RESET, "https://")],
)
def test_a_login_that_did_not_get_through_names_what_is_in_the_way(kind: ErrorKind, key: str) -> None:
    """A certificate that nobody vouches for, a proxy, or TLS that was not asked for: not the path."""
    attempts = [LoginAttempt(REQUEST, None, trouble=Trouble(kind, "why")) for _ in range(2)]
    step = getting_in.logged_in(case(), attempts, have_tokens=False)

    assert step.outcome is Outcome.FAILED
    assert key in f"{step.key} {step.advice}"


def test_a_server_that_refuses_a_user_with_a_frame_is_quoted() -> None:
    """An error frame says more than a confirmation that is missing."""
    refused = Wait((b"JOIN room-1",), heard=heard("ERR no such room"), refusal="ERR no such room")
    step = getting_in.joined(case(), [Wait(heard=heard("JOINED room-1"), has_come=True), refused])

    assert step.outcome is Outcome.FAILED
    assert step.summary == "the server refused user 2: ERR no such room"


def test_a_login_shows_the_request_without_the_password_and_of_the_answer_only_its_shape() -> None:
    """A token that the dialect does not find is one that nobody can mask by its value."""
    granted = answer(200, {"access_token": "tok-ann-12345", "more": [{"refresh": "unknown"}], "ok": True})
    step = getting_in.logged_in(case(), [LoginAttempt(REQUEST, granted, has_token=True)] * 2, have_tokens=False)

    assert verdict(step) == FINE
    assert step.summary == "HTTP 200, the token was found at $.access_token"
    assert step.lines == (
        Line(Direction.SENT, 1, 'POST /login {"user": "ann", "password": "***"}'),
        Line(Direction.CAME, 1, '200 {"access_token": "***", "more": [{"refresh": "***"}], "ok": true}'),
    )


@pytest.mark.parametrize(
    ("granted", "advice"),
    [
        (answer(200, {"access_token": "x", "token_type": "bearer"}), "try '$.access_token'"),
        (answer(200, {"data": {"jwt": "x"}, "name": "a long name of a user"}), "try '$.data.jwt' or '$.name'"),
        (answer(200, {"users": [{"the-token": "x"}]}), "try \"$.users[0]['the-token']\""),
        (answer(200, {}, cookies=(("sid", "x"),)), "try 'cookie:sid'"),
        (answer(200, {}, headers=(("X-Auth-Token", "x"), ("Date", "today"))), "try 'header:X-Auth-Token'"),
        (HttpAnswer(200, (), (), b"<html>"), "nothing in the answer looks like a token: is this the login?"),
    ],
)
def test_a_token_that_is_not_where_the_dialect_says_is_looked_for(granted: HttpAnswer, advice: str) -> None:
    """The likeliest place comes first, in the words of a dialect file."""
    script = replace(CHAT, login=LoginScript(HttpScript("/login"), "$.nowhere"))
    step = getting_in.logged_in(case(script), [LoginAttempt(REQUEST, granted)] * 2, have_tokens=False)

    assert verdict(step) == (Outcome.FAILED, "login.token")
    assert step.summary == "HTTP 200, but there is no token at $.nowhere"
    assert step.advice == advice
    assert step.is_the_end
    assert exit_code_of([step]) is ExitCode.INVALID


@pytest.mark.parametrize(
    ("status", "key"),
    [
        (401, "login.json"),
        (404, "login.path"),
        (405, "login.path"),
        (422, "login.json"),
        (302, "login.path"),
        (429, None),
        (500, None),
    ],
)
def test_a_refused_login_names_the_key_that_the_status_speaks_of(status: int, key: str | None) -> None:
    """With what the server said about it."""
    attempt = LoginAttempt(REQUEST, answer(status, {"detail": "no"}))
    step = getting_in.logged_in(case(), [attempt, attempt], have_tokens=False)

    assert verdict(step) == (Outcome.FAILED, key)
    assert step.summary == f"neither user was let in: HTTP {status}"
    assert step.lines[-1] == Line(Direction.CAME, 1, f'{status} {{"detail": "no"}}')
    assert exit_code_of([step]) is ExitCode.UNREACHABLE


def test_a_login_that_one_of_two_is_refused_is_a_failed_step() -> None:
    """The server does let people in."""
    attempts = [LoginAttempt(REQUEST, answer(200, {}), has_token=True), LoginAttempt(REQUEST, answer(401, {}))]
    step = getting_in.logged_in(case(), attempts, have_tokens=False)

    assert step.summary == "user 2 was not let in: HTTP 401"
    assert exit_code_of([step]) is ExitCode.INVALID


def test_a_login_that_is_not_answered_says_how_long_it_was_waited_for() -> None:
    """Everybody's, so nobody got in."""
    attempt = LoginAttempt(REQUEST, trouble=Trouble(ErrorKind.TIMEOUT, "TimeoutError"))
    step = getting_in.logged_in(case(), [attempt, attempt], have_tokens=False)

    assert step.summary == "neither user was let in: no answer within 5 s"
    assert step.nobody_got_in


@pytest.mark.parametrize(
    ("have_tokens", "why"), [(True, "the tokens come from a file"), (False, "the dialect has no [login]")]
)
def test_without_a_login_none_is_asked_for(*, have_tokens: bool, why: str) -> None:
    """And why."""
    step = getting_in.logged_in(case(), None, have_tokens=have_tokens)

    assert (step.outcome, step.summary) == (Outcome.NOT_ASKED_FOR, why)


def connecting(trouble: Trouble | None = None, closing: Closing | None = None) -> list[ConnectAttempt]:
    attempt = ConnectAttempt(Opening("/ws?token=tok-ann-12345", (("X-Key", "v"),), ("chat",)), trouble, closing)
    return [attempt, attempt]


def test_a_connection_shows_its_handshake_without_the_token() -> None:
    """Of headers the names only."""
    step = getting_in.connected(case(), connecting())

    assert verdict(step) == FINE
    assert step.lines[0].text == "GET /ws?token=*** with X-Key and subprotocol chat"


@pytest.mark.parametrize(
    ("trouble", "summary", "key"),
    [
        (Trouble(ErrorKind.HTTP_4XX, "wanted 101, but received 404: no"), "HTTP 404", "connect.path"),
        (
            Trouble(ErrorKind.HTTP_4XX, "unknown protocol (expected HTTP/1.1) in upgrade response: http/1.0 404"),
            "HTTP 404",
            "connect.path",
        ),
        (Trouble(ErrorKind.HTTP_4XX, "wanted 101, but received 401"), "HTTP 401", "connect.path"),
        (Trouble(ErrorKind.HTTP_4XX, "wanted 101, but received 426"), "HTTP 426", "connect.subprotocols"),
        (Trouble(ErrorKind.HTTP_4XX, "wanted 101, but received 400: which version?"), "HTTP 400", "connect.path"),
        (
            Trouble(ErrorKind.HTTP_4XX, "wanted 101, but received 400: Protocol?"),
            "HTTP 400",
            "connect.subprotocols",
        ),
        (Trouble(ErrorKind.HTTP_5XX, "wanted 101, but received 503"), "HTTP 503", "connect.path"),
        (Trouble(ErrorKind.TIMEOUT, "TimeoutError"), "no answer within 5 s", "connect.path"),
        (Trouble(ErrorKind.TLS, "self-signed"), "tls (self-signed)", "--target"),
        (Trouble(ErrorKind.PROXY, "proxy a:1: it answered 407"), "proxy (proxy a:1: it answered 407)", "--proxy"),
    ],
)
def test_a_refused_handshake_names_the_key_to_look_at(trouble: Trouble, summary: str, key: str) -> None:
    """By what the server or the system said."""
    step = getting_in.connected(case(), connecting(trouble))

    assert verdict(step) == (Outcome.FAILED, key)
    assert step.summary == f"user 1 got no WebSocket: {summary}"


def test_what_the_server_said_to_a_handshake_is_shown() -> None:
    """Status and body, without our own words around it."""
    step = getting_in.connected(
        case(), connecting(Trouble(ErrorKind.HTTP_4XX, "wanted 101, but received 404: no such room"))
    )

    assert step.lines[-1] == Line(Direction.CAME, 1, "404: no such room")


@pytest.mark.parametrize(
    ("connect", "key"),
    [
        (ConnectScript("/ws?token={token}"), "connect.path"),
        (ConnectScript("/ws", headers={"Authorization": "Bearer {token}"}), "connect.headers"),
        (ConnectScript("/ws", query={"t": "{token}"}), "connect.query"),
        (ConnectScript("/ws", cookies={"sid": "{token}"}), "connect.cookies"),
        (ConnectScript("/ws", send=("AUTH {token}",)), "connect.send"),
        (ConnectScript("/ws"), "connect.path"),
    ],
)
def test_a_server_that_lets_in_and_closes_points_at_the_place_of_the_token(connect: ConnectScript, key: str) -> None:
    """Many refuse a token only after the 101."""
    step = getting_in.connected(case(replace(CHAT, connect=connect)), connecting(closing=Closing(1008, "who are you?")))

    assert verdict(step) == (Outcome.FAILED, key)
    assert step.summary == "user 1 was let in with 101, and the server closed with 1008 'who are you?' at once"


def test_a_server_that_lets_in_and_closes_may_want_a_login_first() -> None:
    """Where the dialect has none and puts no token anywhere."""
    script = replace(CHAT, login=None, connect=ConnectScript("/ws"))
    step = getting_in.connected(case(script), connecting(closing=Closing(1008, "who are you?")))

    assert verdict(step) == (Outcome.FAILED, "connect.path")
    assert step.advice == "does the server want a login first?"


def test_a_greeting_by_a_pattern_is_not_looked_for_in_other_words() -> None:
    """What else would match nobody can say; nor is a frame taken apart that the dialect divides already."""
    until = replace(CHAT, connect=replace(CHAT.connect, until='re:"type":"hello[0-9]"'))
    divided = replace(CHAT, frames=FramesScript(separator=";"))
    for script, frame in ((until, '{"type":"welcome"}'), (divided, '{"kind":"welcome"}\nHI')):
        step = getting_in.greeted(case(script), [Wait(has_come=False, heard=heard(frame))] * 2)

        assert verdict(step) == (Outcome.FAILED, "connect.until")
        assert step.advice.startswith("which of the frames that came is the one to await?")  # type: ignore[union-attr]


def test_a_greeting_that_came_is_shown() -> None:
    """With what held it."""
    step = getting_in.greeted(case(), [Wait(heard=heard('{"type":"welcome"}'))] * 2)

    assert verdict(step) == FINE
    assert step.summary == 'a frame held \'"type":"welcome"\''
    assert step.lines == (Line(Direction.CAME, 1, '{"type":"welcome"}'),)


@pytest.mark.parametrize(
    ("frames", "advice"),
    [
        (('{"type": "Welcome"}',), 'the server writes it in another way: until = \'"type": "Welcome"\''),
        ((), "the server says nothing by itself: leave until out, or tell it something first (connect.send)"),
        (("hello",), "which of the frames that came is the one to await? Take a text from it that no other frame has"),
    ],
)
def test_a_greeting_that_did_not_come_is_looked_for_in_what_did(frames: tuple[str, ...], advice: str) -> None:
    """Blanks and capitals are what people get wrong."""
    step = getting_in.greeted(case(), [Wait(has_come=False, heard=heard(*frames))] * 2)

    assert verdict(step) == (Outcome.FAILED, "connect.until")
    assert step.summary == 'no frame held \'"type":"welcome"\' within 5 s'
    assert step.advice == advice
    assert [line.text for line in step.lines] == list(frames or ["nothing came"])


def test_without_a_greeting_what_came_is_shown_all_the_same() -> None:
    """It may be what one wants to await."""
    script = replace(CHAT, connect=ConnectScript("/ws"))
    said = getting_in.greeted(case(script), [Wait(heard=heard("hello"))] * 2)
    silent = getting_in.greeted(case(script), [Wait()] * 2)

    assert (said.outcome, [line.text for line in said.lines]) == (Outcome.NOT_ASKED_FOR, ["hello"])
    assert silent.lines == ()


@pytest.mark.parametrize(
    ("frames", "key", "advice"),
    [
        (("joined ROOM-1",), "join.until", "the server writes it in another way: until = 'joined ROOM-1'"),
        (("ERR no such room",), "join.send", "the server seems to refuse the join: see what came"),
        ((), "join.send", "the server did not answer: is this how it is asked for a room?"),
    ],
)
def test_a_join_that_was_not_confirmed_names_the_key_to_look_at(frames: tuple[str, ...], key: str, advice: str) -> None:
    """What was sent, or what was awaited; the placeholders are filled."""
    waits = [Wait((b"JOIN room-1",), has_come=True), Wait((b"JOIN room-1",), has_come=False, heard=heard(*frames))]
    step = getting_in.joined(case(), waits)

    assert verdict(step) == (Outcome.FAILED, key)
    assert step.summary == "no frame held 'JOINED room-1' within 5 s"
    assert step.advice == advice
    assert step.lines[0] == Line(Direction.SENT, 2, "JOIN room-1")


def test_parts_that_do_not_stand_side_by_side_are_noticed() -> None:
    """The keys of JSON come in any order."""
    script = replace(CHAT, join=JoinScript(("JOIN",), '"type":"joined","room":"{room}"'))
    frames = heard('{"room":"room-1","at":1,"type":"joined"}')
    step = getting_in.joined(case(script), [Wait((b"JOIN",), has_come=False, heard=frames)] * 2)

    assert step.key == "join.until"
    assert step.advice is not None
    assert step.advice.startswith("a frame holds all its parts, but not side by side")


def test_a_server_that_closes_meanwhile_says_why() -> None:
    """Its code and reason; the wait is not the point then."""
    gone = replace(heard("ERR"), closing=Closing(4001, "bad room"))
    step = getting_in.joined(case(), [Wait((b"JOIN room-1",), has_come=False, heard=gone)] * 2)

    assert verdict(step) == (Outcome.FAILED, "join.send")
    assert step.summary == "the server closed with 4001 'bad room' while user 1 waited"


def test_a_join_without_a_confirmation_is_sent_and_done() -> None:
    """And one that is left out is not asked for."""
    unconfirmed = replace(CHAT, join=JoinScript(("JOIN {room}",)))

    assert verdict(getting_in.joined(case(unconfirmed), [Wait((b"JOIN room-1",))] * 2)) == FINE
    assert getting_in.joined(case(replace(CHAT, join=None)), [Wait()] * 2).outcome is Outcome.NOT_ASKED_FOR


def test_a_confirmation_in_a_frame_of_several_messages_wants_a_separator() -> None:
    """Where the pattern is of one message."""
    script = replace(CHAT, join=JoinScript(("JOIN {room}",), "re:^JOINED {room}$"))
    wait = Wait((b"JOIN room-1",), has_come=False, heard=heard("HELLO ann\nJOINED room-1"))
    step = getting_in.joined(case(script), [wait] * 2)

    assert verdict(step) == (Outcome.FAILED, "frames.separator")


def test_a_server_that_closes_upon_what_nobody_answered_points_at_it() -> None:
    """What came again and again is the likely reason."""
    wait = Wait((b"JOIN room-1",), has_come=False, heard=replace(heard("?"), closing=Closing(4008, "you sleep")))
    step = getting_in.joined(case(CHAT, Refrain(b"?", 3)), [wait] * 2)

    assert verdict(step) == (Outcome.FAILED, "alive.reply")
    assert "4008 'you sleep'" in step.summary


def test_a_token_from_a_cookie_belongs_into_a_cookie() -> None:
    """Where it is put nowhere yet."""
    login = LoginScript(HttpScript("/login", form={"user": "{username}"}), "cookie:sid")
    refused = connecting(Trouble(ErrorKind.HTTP_4XX, "wanted 101, but received 401"))
    step = getting_in.connected(case(replace(CHAT, login=login, connect=ConnectScript("/ws"))), refused)

    assert verdict(step) == (Outcome.FAILED, "connect.cookies")
    assert (step.advice or "").startswith('the token is put nowhere: try cookies = { sid = "{token}" }')
