"""How a dialect file gets a user in: login, connection, steps and joins."""

import json
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import jwt
import pytest

from loadgen.dialects import Confirmation, Heard, HttpAnswer, HttpRequest, Opening
from loadgen.dialects.script import (
    ConnectScript,
    FrameKind,
    FramesScript,
    HttpScript,
    JoinScript,
    LoginScript,
    PublishScript,
    StepScript,
    TokenScript,
)
from loadgen.dialects.signing import sign
from tests.support.scripted_dialects import (
    NOTHING,
    ODD,
    SECRET,
    a_dialect,
    an_answer,
    awaiting,
    is_confirmed,
    logged_in,
)


def test_a_json_login_holds_any_password() -> None:
    """Filled before it is written as JSON, so quotes and backslashes are escaped; nothing else changes."""
    body = {"user": "{username}", "pass": "{password}", "deep": [{"n": 1, "id": "u{user_id}"}], "on": True}
    request = a_dialect(password=ODD, login=LoginScript(HttpScript("/login", json=body))).login()

    assert (request.method, request.path, request.content_type) == ("POST", "/login", "application/json")
    assert request.body is not None
    assert json.loads(request.body) == {"user": "ann", "pass": ODD, "deep": [{"n": 1, "id": "u7"}], "on": True}


def test_a_form_login_holds_any_password() -> None:
    """Encoded as HTML forms are."""
    form = {"user": "{username}", "pass": "{password}", "empty": ""}
    request = a_dialect(password=ODD, login=LoginScript(HttpScript("/login", form=form))).login()

    assert request.content_type == "application/x-www-form-urlencoded"
    assert request.body is not None
    assert parse_qsl(request.body.decode(), keep_blank_values=True) == [("user", "ann"), ("pass", ODD), ("empty", "")]


def test_a_body_is_sent_as_it_is() -> None:
    """Its type, if any, is a header of the file's."""
    script = HttpScript(
        "/login", "PUT", {"Content-Type": "text/plain", "X-User": "{username}"}, body="{username}:{password}"
    )
    request = a_dialect(password=ODD, login=LoginScript(script)).login()

    headers = (("Content-Type", "text/plain"), ("X-User", "ann"))
    assert request == HttpRequest("PUT", "/login", headers, f"ann:{ODD}".encode())


def test_a_path_quotes_what_is_put_into_it() -> None:
    """Nothing in a name or password can end the path or the query."""
    script = HttpScript("/u/{username}/login?p={password}&x=1", "GET")
    request = a_dialect(username="a/b?c", password=ODD, login=LoginScript(script)).login()

    url = urlsplit(request.path)
    assert url.path == "/u/a%2Fb%3Fc/login"
    assert parse_qs(url.query) == {"p": [ODD], "x": ["1"]}
    assert request.body is None


@pytest.mark.parametrize(
    ("place", "answer", "token"),
    [
        ("$.token", an_answer(b'{"token": "abc"}'), "abc"),
        ("$.token", an_answer(b'{"token": 17}'), "17"),
        ("$.data[0].token", an_answer(b'{"data": [{"token": "abc"}]}'), "abc"),
        ("$..token", an_answer(b'{"data": [{"token": "abc"}, {"token": "def"}]}'), "abc"),
        ("$", an_answer(b'"abc"'), "abc"),
        ("$.token", an_answer(b'{"token": null}'), None),
        ("$.token", an_answer(b'{"token": {"value": "abc"}}'), None),
        ("$.token", an_answer(b'{"access": "abc"}'), None),
        ("$.token", an_answer(b'"abc"'), None),
        ("$.token", an_answer(b"17"), None),
        ("$.token", an_answer(b""), None),
        ("$.token", an_answer(b"<html>"), None),
        ("$.token", an_answer(b"\xff\xfe"), None),
        ("$.token", an_answer(b"[" * 100_000), None),
        ("$.token", an_answer(b"1" * 10_000), None),
        ("$.token", an_answer(b'{"token": true}'), None),
        ("$.token", an_answer(b'{"token": "%b"}' % (b"a" * 50_001)), None),
        ("$.token", an_answer(rb'{"token": "\ud800"}'), None),
        ("$.token", an_answer(rb'{"token": "a\r\nX-Mine: b"}'), None),
        ("$.token", an_answer('{"token": "żółw"}'.encode()), "żółw"),
        ("header:X-Token", an_answer(headers=(("X-Token", "\udcff"),)), None),
        ("cookie:session", an_answer(cookies=(("session", "\udcff"),)), None),
        ("header:X-Token", an_answer(headers=(("x-token", "abc"),)), "abc"),
        ("header:X-Token", an_answer(headers=(("X-Other", "abc"),)), None),
        ("cookie:session", an_answer(cookies=(("other", "o"), ("session", "abc"))), "abc"),
        ("cookie:session", an_answer(cookies=(("Session", "abc"),)), None),
    ],
)
def test_the_token_is_taken_from_where_the_file_says(place: str, answer: HttpAnswer, token: str | None) -> None:
    """None where there is none, whatever the server has sent instead."""
    dialect = a_dialect(login=LoginScript(HttpScript("/login"), place), connect=ConnectScript("/ws?t={token}"))

    assert dialect.token_from(answer) == token
    assert dialect.open(["lobby"]).path == f"/ws?t={quote(token or '')}"


def test_a_login_without_a_token_is_content_with_any_answer() -> None:
    """Some servers know a user by its address, or by nothing at all."""
    assert a_dialect(login=LoginScript(HttpScript("/login"))).token_from(an_answer(b"welcome")) == ""


def test_the_opening_is_filled() -> None:
    """Quoted in the path, as it is in headers and subprotocols."""
    connect = ConnectScript(
        "/ws?t={token}&u={username}",
        headers={"Authorization": "Bearer {token}", "X-User": "{user_id}"},
        subprotocols=("chat", "bearer.{token}"),
        send=("hello {username}", '{"auth":"{token}"}'),
    )
    dialect = logged_in("a+b/c=", connect=connect)

    headers = (("Authorization", "Bearer a+b/c="), ("X-User", "7"))
    assert dialect.open(["lobby"]) == Opening("/ws?t=a%2Bb%2Fc%3D&u=ann", headers, ("chat", "bearer.a+b/c="))
    assert dialect.on_connected() == [b"hello ann", b'{"auth":"a+b/c="}']


def test_the_room_is_known_from_the_join_on() -> None:
    """In the frames of the join, and in messages."""
    dialect = a_dialect(join=JoinScript(("sub {room}", "hi {room}")), publish=PublishScript("{room}: {text}"))

    assert dialect.join(["room-3"]) == [b"sub room-3", b"hi room-3"]
    assert dialect.publish("room-3", "hello", "1") == b"room-3: hello"


@pytest.mark.parametrize(
    ("until", "frame", "confirmed"),
    [
        ("joined", '{"type":"joined"}', True),
        ("joined", "Joined", False),
        ('"room":"{room}"', '{"room":"room-1"}', True),
        ('"room":"{room}"', '{"room":"room-12"}', False),
        ("a.c", "abc", False),
        ("Zoë", "it is Zoë", True),
        ("re:^ok", "ok then", True),
        ("re:^ok", "not ok", False),
        ("re:\\bin {room}$", "you are in room-1", True),
        ("re:\\bin {room}$", "you are in room-11", False),
        ("re:a{2,3}", "aa", True),
        ("re:.", "", False),
        ("re:ö", "schön", True),
    ],
)
def test_a_join_is_confirmed_by_a_frame_with_the_text_or_the_pattern(until: str, frame: str, confirmed: bool) -> None:
    """A text is looked for as it is; ``re:`` makes it a regular expression."""
    assert is_confirmed(awaiting(until), frame) is confirmed


@pytest.mark.parametrize("username", ["a.b", "a(b", "a+b*", "[", "a|b", "\\"])
def test_a_name_in_a_pattern_stands_for_itself(username: str) -> None:
    """What looks like a regular expression in a name is none."""
    dialect = awaiting("re:^hello {username}$", username=username)

    assert is_confirmed(dialect, f"hello {username}")
    assert not is_confirmed(dialect, "hello axb")
    assert not is_confirmed(dialect, "b")


def test_a_greeting_is_no_join() -> None:
    """Each is confirmed by its own frame, when it was asked for, and once."""
    dialect = a_dialect(join=JoinScript(("join {room}",), "joined"), connect=ConnectScript("/ws", until="welcome"))

    dialect.on_connected()
    assert dialect.on_frame(b"joined").confirmed is None
    assert dialect.on_frame(b"welcome").confirmed is Confirmation.CONNECTED
    dialect.join(["room-1"])
    assert dialect.on_frame(b"welcome").confirmed is None
    assert dialect.on_frame(b"joined").confirmed is Confirmation.JOINED
    assert dialect.on_frame(b"joined").confirmed is None


def test_a_query_and_cookies_are_put_together() -> None:
    """Escaped as they must be, behind what stands in the path."""
    connect = ConnectScript(
        "/ws?v=2", query={"token": "{token}", "room": "{room}"}, cookies={"sid": "{token}", "a": "1"}
    )
    dialect = logged_in("a b&c", connect=connect)

    assert connect.names_room
    assert dialect.open(["r 1"]) == Opening("/ws?v=2&token=a+b%26c&room=r+1", (("Cookie", "sid=a b&c; a=1"),))


def test_frames_are_of_the_kind_that_the_file_says() -> None:
    """Text, unless it says binary."""
    assert a_dialect(frames=FramesScript(FrameKind.BINARY)).open(["r"]) == Opening("/ws", is_binary=True)


def test_a_token_is_signed_here() -> None:
    """With the user's own claims, and until when it is good."""
    token = TokenScript(
        {"sub": "{username}", "admin": False, "rooms": ["{user_id}"]}, SECRET, lifetime_s=60, issued_at_s=1_000
    )
    dialect = a_dialect(token=token, connect=ConnectScript("/ws?token={token}"))

    path = dialect.open(["r"]).path
    claims = jwt.decode(path.partition("=")[2], SECRET, ["HS256"], options={"verify_exp": False, "verify_iat": False})
    assert claims == {"sub": "ann", "admin": False, "rooms": ["7"], "iat": 1_000, "exp": 1_060}
    assert SECRET not in repr(token)


@pytest.mark.parametrize(
    ("algorithm", "secret", "complaint"),
    [
        ("HS257", SECRET, "unknown algorithm"),
        ("HS256", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "asymmetric key"),
    ],
)
def test_a_token_that_cannot_be_signed_is_refused_in_one_line(algorithm: str, secret: str, complaint: str) -> None:
    """Whatever the library under it raises."""
    with pytest.raises(ValueError, match=complaint) as caught:
        sign(TokenScript({}, secret, algorithm), {})

    assert "\n" not in str(caught.value)


STEPS = ConnectScript(
    "/ws",
    send=("<open/>",),
    until="<features",
    then=(StepScript(("<auth {username}/>",), "<success"), StepScript(("<open/>", "<bind/>"), "re:<bound id='\\d+'/>")),
)


def test_a_connection_is_made_in_steps() -> None:
    """Each says what it has to when the one before is answered; the last makes it ready."""
    dialect = a_dialect(connect=STEPS)
    dialect.open(["r"])

    assert dialect.on_connected() == [b"<open/>"]
    assert dialect.awaited == "<features"
    assert dialect.on_frame(b"<success/>") == NOTHING  # not yet its turn
    assert dialect.on_frame(b"<features/>") == Heard(replies=(b"<auth ann/>",))
    assert dialect.awaited == "<success"
    assert dialect.on_frame(b"<success/>") == Heard(replies=(b"<open/>", b"<bind/>"))
    assert dialect.on_frame(b"<features/>") == NOTHING
    assert dialect.on_frame(b"<bound id='7'/>") == Heard(Confirmation.CONNECTED)
    assert dialect.awaited is None


@pytest.mark.parametrize(
    ("node", "frames", "name"),
    [
        ('"instance":"{node}"', [b'{"type":"welcome","instance":"chat-7f.eu:1"}', b"ok"], "chat-7f.eu:1"),
        ("re:ok (?:at )?{node}$", [b"welcome", b"ok at b"], "b"),
        ("at {node}", [b"welcome at a", b"ok at b"], "b"),
        ("at {node}", [b"welcome", b"ok"], None),
    ],
)
def test_a_greeting_tells_which_node_it_is(node: str, frames: list[bytes], name: str | None) -> None:
    """Any of the frames that are waited for after connecting; the last that says so counts."""
    connect = ConnectScript("/ws", until="welcome", then=(StepScript(("hello",), "ok"),), node=node)
    dialect = a_dialect(connect=connect)
    for _ in range(2):  # of an earlier connection nothing is left
        dialect.open(["r"])
        dialect.on_connected()
        assert dialect.on_frame(frames[0]).node is None
        assert dialect.on_frame(frames[1]) == Heard(Confirmation.CONNECTED, node=name)
        frames = [b"welcome", b"ok"] if name is None else frames


def test_a_new_connection_begins_with_the_first_step() -> None:
    """Whatever the old one had come to."""
    dialect = a_dialect(connect=STEPS)
    dialect.open(["r"])
    dialect.on_connected()
    dialect.on_frame(b"<features/>")

    dialect.open(["r"])
    dialect.on_connected()
    assert dialect.awaited == "<features"
