"""What two users sent and what came back, in steps with advice."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from loadgen.dialects import HttpAnswer, HttpRequest, Opening
from loadgen.dialects.script import (
    AliveScript,
    ConnectScript,
    DialectScript,
    HttpScript,
    JoinScript,
    LoginScript,
    PublishScript,
    Reach,
)
from loadgen.errors import ErrorKind
from loadgen.measure import marker
from loadgen.measure.marker import Stamp
from reports.budgets import ExitCode
from scenarios.diagnosis import (
    Closing,
    ConnectAttempt,
    Diagnosis,
    Direction,
    Fate,
    Line,
    LoginAttempt,
    Mark,
    Outcome,
    Overheard,
    Person,
    Secrets,
    Step,
    StepName,
    Talk,
    Trouble,
    Wait,
    as_written,
    exit_code_of,
    mark_in,
)

ANN, BOB = Person("ann", "pass word/1", "tok-ann-12345"), Person("bob", "hunter22", "tok-bob-12345")
CHAT = DialectScript(
    name="chat",
    login=LoginScript(HttpScript("/login", json={"user": "{username}", "password": "{password}"}), "$.access_token"),
    connect=ConnectScript("/ws?token={token}", until='"type":"welcome"'),
    join=JoinScript(("JOIN {room}",), "JOINED {room}"),
    publish=PublishScript(send="SAY {id} {text}", ack="ACK {id}"),
)
MARK = marker.write(marker.prefix_of("c0ffee"), Stamp(0, 0, 1_000, 1_500)).decode()
WORDS = "dipa sudi la tiluwe "
TEXT = WORDS + MARK
REQUEST = HttpRequest("POST", "/login", (), b'{"user": "ann", "password": "pass word/1"}', "application/json")
GONE = Closing(1006, "")


def diagnosis(script: DialectScript = CHAT) -> Diagnosis:
    return Diagnosis(script, (ANN, BOB), "room-1", 5.0, Secrets.of((ANN, BOB), ()))


def publishing(**changes: Any) -> DialectScript:
    """The chat with another [publish]."""
    return replace(CHAT, publish=replace(CHAT.publish, **changes))


def heard(*frames: str) -> Overheard:
    return Overheard(tuple(frame.encode() for frame in frames), len(frames))


def talk(own: Overheard, other: Overheard, **changes: Any) -> Talk:
    message = f"SAY c0ffee-0-0 {TEXT}".encode()
    return replace(Talk(TEXT, MARK, "c0ffee-0-0", message, (own, other)), **changes)


ALL_WELL = talk(heard(f"MSG ann {TEXT}", "ACK c0ffee-0-0"), heard(f"MSG ann {TEXT}"), is_acked=True)


def answer(status: int, body: object, **more: Any) -> HttpAnswer:
    return HttpAnswer(status, more.get("headers", ()), more.get("cookies", ()), json.dumps(body).encode())


def verdict(step: Step) -> tuple[Outcome, str | None]:
    return step.outcome, step.key


FINE = (Outcome.OK, None)


# --- reach, log in ------------------------------------------------------------------------------------------


def test_nobody_there_is_the_end_and_unreachable() -> None:
    """Whatever else there would be to try."""
    step = diagnosis().reached("http://h:1", "http://h:1: cannot connect: refused; is the server running?")

    assert step.is_the_end
    assert step.summary == "http://h:1: cannot connect: refused"
    assert exit_code_of([step]) is ExitCode.UNREACHABLE


def test_a_login_shows_the_request_without_the_password_and_of_the_answer_only_its_shape() -> None:
    """A token that the dialect does not find is one that nobody can mask by its value."""
    granted = answer(200, {"access_token": "tok-ann-12345", "more": [{"refresh": "unknown"}], "ok": True})
    step = diagnosis().logged_in([LoginAttempt(REQUEST, granted, has_token=True)] * 2, have_tokens=False)

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
    step = diagnosis(script).logged_in([LoginAttempt(REQUEST, granted)] * 2, have_tokens=False)

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
    step = diagnosis().logged_in([attempt, attempt], have_tokens=False)

    assert verdict(step) == (Outcome.FAILED, key)
    assert step.summary == f"neither user was let in: HTTP {status}"
    assert step.lines[-1] == Line(Direction.CAME, 1, f'{status} {{"detail": "no"}}')
    assert exit_code_of([step]) is ExitCode.UNREACHABLE


def test_a_login_that_one_of_two_is_refused_is_a_failed_step() -> None:
    """The server does let people in."""
    attempts = [LoginAttempt(REQUEST, answer(200, {}), has_token=True), LoginAttempt(REQUEST, answer(401, {}))]
    step = diagnosis().logged_in(attempts, have_tokens=False)

    assert step.summary == "user 2 was not let in: HTTP 401"
    assert exit_code_of([step]) is ExitCode.INVALID


def test_a_login_that_is_not_answered_says_how_long_it_was_waited_for() -> None:
    """Everybody's, so nobody got in."""
    attempt = LoginAttempt(REQUEST, trouble=Trouble(ErrorKind.TIMEOUT, "TimeoutError"))
    step = diagnosis().logged_in([attempt, attempt], have_tokens=False)

    assert step.summary == "neither user was let in: no answer within 5 s"
    assert step.nobody_got_in


@pytest.mark.parametrize(
    ("have_tokens", "why"), [(True, "the tokens come from a file"), (False, "the dialect has no [login]")]
)
def test_without_a_login_none_is_asked_for(*, have_tokens: bool, why: str) -> None:
    """And why."""
    step = diagnosis().logged_in(None, have_tokens=have_tokens)

    assert (step.outcome, step.summary) == (Outcome.NOT_ASKED_FOR, why)


# --- connect, greeting, join --------------------------------------------------------------------------------


def connecting(trouble: Trouble | None = None, closing: Closing | None = None) -> list[ConnectAttempt]:
    attempt = ConnectAttempt(Opening("/ws?token=tok-ann-12345", (("X-Key", "v"),), ("chat",)), trouble, closing)
    return [attempt, attempt]


def test_a_connection_shows_its_handshake_without_the_token() -> None:
    """Of headers the names only."""
    step = diagnosis().connected(connecting())

    assert verdict(step) == FINE
    assert step.lines[0].text == "GET /ws?token=*** with X-Key and subprotocol chat"


@pytest.mark.parametrize(
    ("trouble", "summary", "key"),
    [
        (Trouble(ErrorKind.HTTP_4XX, "wanted 101, but received 404: no"), "HTTP 404", "connect.path"),
        (Trouble(ErrorKind.HTTP_4XX, "wanted 101, but received 401"), "HTTP 401", "connect.path"),
        (Trouble(ErrorKind.HTTP_4XX, "wanted 101, but received 426"), "HTTP 426", "connect.subprotocols"),
        (Trouble(ErrorKind.HTTP_5XX, "wanted 101, but received 503"), "HTTP 503", "connect.path"),
        (Trouble(ErrorKind.TIMEOUT, "TimeoutError"), "no answer within 5 s", "connect.path"),
        (Trouble(ErrorKind.TLS, "self-signed"), "tls (self-signed)", "--target"),
    ],
)
def test_a_refused_handshake_names_the_key_to_look_at(trouble: Trouble, summary: str, key: str) -> None:
    """By what the server or the system said."""
    step = diagnosis().connected(connecting(trouble))

    assert verdict(step) == (Outcome.FAILED, key)
    assert step.summary == f"user 1 got no WebSocket: {summary}"


def test_what_the_server_said_to_a_handshake_is_shown() -> None:
    """Status and body, without our own words around it."""
    step = diagnosis().connected(connecting(Trouble(ErrorKind.HTTP_4XX, "wanted 101, but received 404: no such room")))

    assert step.lines[-1] == Line(Direction.CAME, 1, "404: no such room")


@pytest.mark.parametrize(
    ("connect", "key"),
    [
        (ConnectScript("/ws?token={token}"), "connect.path"),
        (ConnectScript("/ws", headers={"Authorization": "Bearer {token}"}), "connect.headers"),
        (ConnectScript("/ws", send=("AUTH {token}",)), "connect.send"),
        (ConnectScript("/ws"), "connect.path"),
    ],
)
def test_a_server_that_lets_in_and_closes_points_at_the_place_of_the_token(connect: ConnectScript, key: str) -> None:
    """Many refuse a token only after the 101."""
    step = diagnosis(replace(CHAT, connect=connect)).connected(connecting(closing=Closing(1008, "who are you?")))

    assert verdict(step) == (Outcome.FAILED, key)
    assert step.summary == "user 1 was let in with 101, and the server closed with 1008 'who are you?' at once"


def test_a_greeting_that_came_is_shown() -> None:
    """With what held it."""
    step = diagnosis().greeted([Wait(heard=heard('{"type":"welcome"}'))] * 2)

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
    step = diagnosis().greeted([Wait(has_come=False, heard=heard(*frames))] * 2)

    assert verdict(step) == (Outcome.FAILED, "connect.until")
    assert step.summary == 'no frame held \'"type":"welcome"\' within 5 s'
    assert step.advice == advice
    assert [line.text for line in step.lines] == list(frames or ["nothing came"])


def test_without_a_greeting_what_came_is_shown_all_the_same() -> None:
    """It may be what one wants to await."""
    script = replace(CHAT, connect=ConnectScript("/ws"))
    said = diagnosis(script).greeted([Wait(heard=heard("hello"))] * 2)
    silent = diagnosis(script).greeted([Wait()] * 2)

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
    step = diagnosis().joined(waits)

    assert verdict(step) == (Outcome.FAILED, key)
    assert step.summary == "no frame held 'JOINED room-1' within 5 s"
    assert step.advice == advice
    assert step.lines[0] == Line(Direction.SENT, 2, "JOIN room-1")


def test_parts_that_do_not_stand_side_by_side_are_noticed() -> None:
    """The keys of JSON come in any order."""
    script = replace(CHAT, join=JoinScript(("JOIN",), '"type":"joined","room":"{room}"'))
    frames = heard('{"room":"room-1","at":1,"type":"joined"}')
    step = diagnosis(script).joined([Wait((b"JOIN",), has_come=False, heard=frames)] * 2)

    assert step.key == "join.until"
    assert step.advice is not None
    assert step.advice.startswith("a frame holds all its parts, but not side by side")


def test_a_server_that_closes_meanwhile_says_why() -> None:
    """Its code and reason; the wait is not the point then."""
    gone = replace(heard("ERR"), closing=Closing(4001, "bad room"))
    step = diagnosis().joined([Wait((b"JOIN room-1",), has_come=False, heard=gone)] * 2)

    assert verdict(step) == (Outcome.FAILED, "join.send")
    assert step.summary == "the server closed with 4001 'bad room' while user 1 waited"


def test_a_join_without_a_confirmation_is_sent_and_done() -> None:
    """And one that is left out is not asked for."""
    unconfirmed = replace(CHAT, join=JoinScript(("JOIN {room}",)))

    assert verdict(diagnosis(unconfirmed).joined([Wait((b"JOIN room-1",))] * 2)) == FINE
    assert diagnosis(replace(CHAT, join=None)).joined([Wait()] * 2).outcome is Outcome.NOT_ASKED_FOR


# --- talking ------------------------------------------------------------------------------------------------


def test_a_message_that_reaches_everybody_is_well() -> None:
    """In each of the steps that look at it."""
    judge = diagnosis()
    steps = [
        judge.published(ALL_WELL),
        judge.acknowledged(ALL_WELL),
        judge.delivered(ALL_WELL),
        judge.came_back(ALL_WELL),
        judge.marked(ALL_WELL),
    ]

    assert [verdict(step) for step in steps] == [FINE] * 5
    assert exit_code_of(steps) is ExitCode.PASS


def test_the_marker_is_shown_as_such() -> None:
    """It means nothing to a reader."""
    assert diagnosis().published(ALL_WELL).lines == (Line(Direction.SENT, 1, f"SAY c0ffee-0-0 {WORDS}<marker>"),)


def test_a_long_message_is_shown_with_its_marker() -> None:
    """What is between is left out."""
    message = f"SAY c0ffee-0-0 {'la' * 500} {MARK}".encode()
    shown = diagnosis().published(replace(ALL_WELL, message=message)).lines[0].text

    assert shown.startswith("SAY c0ffee-0-0 lala")
    assert shown.endswith("...<marker>")
    assert len(shown) < 180


def test_a_server_that_closes_upon_the_message_ends_it() -> None:
    """The frame is not what it wants."""
    step = diagnosis().published(talk(Overheard(closing=Closing(1003, "no")), heard()))

    assert verdict(step) == (Outcome.FAILED, "publish.send")
    assert step.summary == "the server closed with 1003 'no' when it got the message"
    assert step.is_the_end


def test_a_message_over_http_that_is_refused_ends_it() -> None:
    """With the answer."""
    script = publishing(send=None, http=HttpScript("/say", body="{text}"), ack=None)
    message = HttpRequest("POST", "/say", (("X", "y"),), TEXT.encode())
    refused = talk(heard(), heard(), message=message, answer=answer(403, {"why": "no"}))
    step = diagnosis(script).published(refused)

    assert verdict(step) == (Outcome.FAILED, "publish.http")
    assert [line.text for line in step.lines] == [f"POST /say with X {WORDS}<marker>", '403 {"why": "no"}']
    assert step.is_the_end


@pytest.mark.parametrize(
    ("frames", "key", "advice"),
    [
        (("OK c0ffee-0-0!",), "publish.ack", "our id came back in another form: try ack = 'OK {id}!'"),
        (
            ("ACK 99",),
            "publish.ack",
            "the server acknowledges 99, our id is c0ffee-0-0: it must give back our {id}",
        ),
        (
            (f"ACK c0ffee-0-0 {TEXT}",),
            "publish.ack",
            "it came within the message itself, where none is looked for: leave publish.ack out",
        ),
        (("ERR what?",), "publish.send", "the server seems to refuse the message: see what came"),
        (
            (),
            "publish.ack",
            "none of what came names our id: does the server acknowledge at all? If not, leave publish.ack out",
        ),
    ],
)
def test_an_acknowledgement_that_did_not_match_is_looked_for_in_what_came(
    frames: tuple[str, ...], key: str, advice: str
) -> None:
    """Another form, another id, the wrong place, a refusal, or none."""
    step = diagnosis().acknowledged(talk(heard(*frames), heard()))

    assert verdict(step) == (Outcome.FAILED, key)
    assert step.summary == "no frame matched 'ACK c0ffee-0-0' within 5 s"
    assert step.advice == advice
    assert not step.is_the_end


def test_the_number_in_the_room_is_told_where_the_dialect_asks_for_it() -> None:
    """The one in the acknowledgement of our message."""
    acked = talk(heard("ACK other-0-0 6", "ACK c0ffee-0-0 7"), heard(), is_acked=True)
    step = diagnosis(publishing(ack="ACK {id} {seq}")).acknowledged(acked)

    assert step.summary == "a frame matched publish.ack, and {seq} is 7"


def test_an_acknowledgement_that_nobody_asked_for_is_offered() -> None:
    """It is no failure to leave it out."""
    step = diagnosis(publishing(ack=None)).acknowledged(ALL_WELL)

    assert verdict(step) == (Outcome.NOT_ASKED_FOR, "publish.ack")
    assert step.advice == "a frame names it all the same: ack = 'ACK {id}'"


@pytest.mark.parametrize(
    ("changes", "own", "other", "delivery", "own_message"),
    [
        ({}, (), (), (Outcome.FAILED, "publish.send"), (Outcome.FAILED, "publish.send")),
        ({}, (), (TEXT,), FINE, (Outcome.FAILED, "publish.echo")),
        ({}, (TEXT,), (), (Outcome.FAILED, "join.send"), FINE),
        ({"echo": False}, (), (TEXT,), FINE, FINE),
        ({"echo": False}, (TEXT,), (TEXT,), FINE, (Outcome.FAILED, "publish.echo")),
        ({"reach": Reach.SELF}, (TEXT,), (), FINE, FINE),
        ({"reach": Reach.SELF}, (TEXT,), (TEXT,), (Outcome.FAILED, "publish.reach"), FINE),
        ({"reach": Reach.SELF}, (), (), FINE, (Outcome.FAILED, "publish.send")),
        ({"reach": Reach.SELF}, (), (TEXT,), (Outcome.FAILED, "publish.reach"), (Outcome.FAILED, "publish.reach")),
    ],
)
def test_who_gets_the_message_is_held_against_what_the_dialect_says(
    changes: dict[str, Any],
    own: tuple[str, ...],
    other: tuple[str, ...],
    delivery: tuple[Outcome, str | None],
    own_message: tuple[Outcome, str | None],
) -> None:
    """Both ways: what should come and does not, and what comes and should not."""
    judge, said = diagnosis(publishing(**changes)), talk(heard(*own), heard(*other))

    assert verdict(judge.delivered(said)) == delivery
    assert verdict(judge.came_back(said)) == own_message


def test_a_wrong_echo_is_said_in_words() -> None:
    """The sentence a user looks for."""
    step = diagnosis(publishing(echo=False)).came_back(ALL_WELL)

    assert step.summary == "user 1 got its own message back although publish.echo is false"
    assert diagnosis().came_back(talk(heard(), heard(TEXT))).summary == (
        "user 1 did not get its own message back although publish.echo is true"
    )


def test_a_message_that_comes_twice_is_well_and_said() -> None:
    """It is the server's doing, and a run counts it."""
    step = diagnosis().delivered(talk(heard(TEXT), heard(TEXT, TEXT)))

    assert verdict(step) == FINE
    assert step.summary == "user 2 got the message of user 1, 2 times: a run counts the others as duplicates"


# --- the marker ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "mark"),
    [
        (f"x {TEXT} y", Mark(Fate.INTACT, marker.WIDTH)),
        (TEXT.upper(), Mark(Fate.OTHER_CASE, marker.WIDTH)),
        (WORDS + "-".join(MARK[i : i + 10] for i in range(0, len(MARK), 10)), Mark(Fate.BROKEN_UP, marker.WIDTH)),
        (base64.b64encode(TEXT.encode()).decode(), Mark(Fate.BASE64, marker.WIDTH)),
        (base64.b64encode(b"a" + TEXT.encode()).decode(), Mark(Fate.BASE64, marker.WIDTH)),
        (base64.b64encode(b"ab" + TEXT.encode() + b"abc").decode(), Mark(Fate.BASE64, marker.WIDTH)),
        (f'"{WORDS}{MARK[:30]}"', Mark(Fate.CUT, 30)),
        (f"{WORDS}{MARK[:30]}***", Mark(Fate.ALTERED, 30)),
        (f"{WORDS}***{MARK[20:]}", Mark(Fate.BEHEADED, marker.WIDTH - 20)),
        (f"{WORDS}[a long word]", Mark(Fate.DROPPED, len(WORDS))),
        ("somebody joined", None),
    ],
)
def test_what_became_of_a_marker_is_told(frame: str, mark: Mark | None) -> None:
    """Intact, spoilt in one of the ways that servers have, or nothing of the message at all."""
    assert mark_in(ALL_WELL, [frame.encode()]) == mark


def test_of_several_frames_the_one_that_holds_most_counts() -> None:
    """An acknowledgement may quote a part of the text."""
    frames = [f"{WORDS}{MARK[:30]}".encode(), TEXT.encode(), f"{WORDS}{MARK[:40]}".encode()]

    assert mark_in(ALL_WELL, frames) == Mark(Fate.INTACT, marker.WIDTH)
    assert mark_in(ALL_WELL, frames[::2]) == Mark(Fate.CUT, 40)


def test_a_spoilt_marker_explains_the_deliveries_that_failed() -> None:
    """The steps before point at it."""
    judge, said = diagnosis(), talk(heard(TEXT.upper()), heard(TEXT.upper()))
    step = judge.marked(said)

    assert verdict(step) == (Outcome.FAILED, "publish.send")
    assert step.summary == ("user 2 did not get it as it was sent: its letters were changed to upper or mixed case")
    assert judge.delivered(said).advice == judge.came_back(said).advice == "it came spoilt: see the marker below"


@pytest.mark.parametrize(
    ("came", "advice"),
    [
        (TEXT[:70], "the server shortens texts: a run needs --payload 70 or less"),
        (TEXT[:50], "the server shortens texts to less than the 61 characters of a marker: lift that limit"),
        (TEXT[:15], "the server shortens texts to less than the 61 characters of a marker: lift that limit"),
    ],
)
def test_a_shortened_text_says_what_length_would_do(came: str, advice: str) -> None:
    """As long as a marker fits."""
    assert diagnosis().marked(talk(heard(came), heard(came))).advice == advice


def test_a_copy_that_need_not_come_may_be_spoilt() -> None:
    """An acknowledgement with the first words is none of a run's business."""
    step = diagnosis(publishing(echo=False)).marked(talk(heard(TEXT[:40]), heard(TEXT)))

    assert verdict(step) == FINE


def test_where_nothing_came_nothing_is_said_of_the_marker() -> None:
    """The delivery has failed already."""
    assert diagnosis().marked(talk(heard("hello"), heard())).outcome is Outcome.NOT_ASKED_FOR


# --- staying and leaving ------------------------------------------------------------------------------------


def test_a_keep_alive_that_ends_the_connection_is_failed() -> None:
    """And one that does not is well."""
    alive = replace(CHAT, alive=AliveScript({"2": "3"}, 20 * 10**9, "PING"))
    dead = Wait((b"PING",), heard=Overheard(closing=GONE))
    step = diagnosis(alive).kept_alive([Wait((b"PING",)), dead], reply_count=0)

    assert verdict(step) == (Outcome.FAILED, "alive.send")
    assert step.summary == "the server hung up without a close frame"
    well = diagnosis(alive).kept_alive([Wait((b"PING",), heard=heard("PONG"))] * 2, reply_count=3)
    assert well.summary == "sent, and the connections live; answered as alive.reply says: 3 frames"
    assert diagnosis().kept_alive([Wait()] * 2, reply_count=0).outcome is Outcome.NOT_ASKED_FOR


def test_a_server_that_does_not_answer_a_close_is_no_reason_to_fail() -> None:
    """A run hangs up then, and its figures are as good."""
    step = diagnosis().closed([Closing(1000, ""), None])

    assert verdict(step) == FINE
    assert step.summary.startswith("the server did not answer the closing handshake")
    assert diagnosis().closed([Closing(1000, ""), Closing(1005, "")]).summary == (
        "the server answered the closing handshake"
    )


# --- secrets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password is pass word/1", "password is ***"),
        ("user=ann&password=pass+word%2F1", "user=ann&password=***"),
        ("/ws?t=pass%20word%2F1", "/ws?t=***"),
        ("tok-ann-12345 and tok-bob-12345", "*** and ***"),
        ('{"refresh_token": "what nobody knows", "n": 1}', '{"refresh_token": "***", "n": 1}'),
        ('{"token":null,"ok":true}', '{"token":null,"ok":true}'),
        ("/ws?access_token=abc&room=1", "/ws?access_token=***&room=1"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("hello eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln there", "hello *** there"),
        ("nothing of that kind", "nothing of that kind"),
    ],
)
def test_no_secret_is_shown_in_whatever_form_it_stands(text: str, shown: str) -> None:
    """Passwords and tokens we know by their value, others by the name of their field or their look."""
    assert Secrets.of((ANN, BOB), ()).hide(text) == shown


def test_a_secret_of_a_letter_or_two_is_hidden_where_it_is_a_word() -> None:
    """Everywhere else it is a part of what the server said."""
    hidden = Secrets.of((Person("ann", "a"),), ())

    assert hidden.hide('"a" was a bad password') == '"***" was *** bad password'


def test_headers_that_carry_secrets_are_hidden_and_others_are_not() -> None:
    """By their names; the word behind Bearer alone, too."""
    hidden = Secrets.of((), (("Authorization", "Bearer abcdef"), ("Origin", "http://h")), None)

    assert hidden.hide("Bearer abcdef, abcdef, http://h") == "***, ***, http://h"


def test_a_frame_of_many_lines_and_control_characters_is_shown_on_one_line() -> None:
    """It must not steer a terminal."""
    step = diagnosis().greeted([Wait(heard=heard('{"type":"welcome"}\n\x1b[31mred'))] * 2)

    assert step.lines[0].text == '{"type":"welcome"}  [31mred'


def test_of_many_frames_the_first_are_shown() -> None:
    """And how many more there were."""
    many = Overheard(tuple(b"%d" % i for i in range(50)), 1_234)
    step = diagnosis().greeted([Wait(has_come=False, heard=many)] * 2)

    assert [line.text for line in step.lines] == ["0", "1", "2", "3", "4", "and 1,229 more frames"]


@pytest.mark.parametrize(
    ("awaited", "frame", "written"),
    [
        ('"type":"joined"', '{"type" : "Joined"}', '"type" : "Joined"'),
        ("JOINED", "JOINED", None),
        ("JOINED", "LEFT", None),
    ],
)
def test_a_text_is_found_but_for_blanks_and_capitals(awaited: str, frame: str, written: str | None) -> None:
    """As the server writes it; None where it is right already, or not there."""
    assert as_written(awaited, frame.encode()) == written


def test_only_a_step_that_others_stand_on_is_the_end() -> None:
    """A missing acknowledgement says nothing about deliveries."""
    ends = [name for name in StepName if Step(name, Outcome.FAILED, "").is_the_end]

    assert ends == ["reach", "log in", "connect", "greeting", "join", "publish"]
