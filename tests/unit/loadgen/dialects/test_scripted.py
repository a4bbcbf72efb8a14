"""What a dialect file makes a user say, and what it makes of what the server says."""

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import jwt
import pytest

from loadgen.dialects import Ack, Confirmation, Credentials, Heard, HttpAnswer, HttpRequest, KeepAlive, Opening
from loadgen.dialects.script import (
    AliveScript,
    ConnectScript,
    DialectScript,
    DirectScript,
    ErrorsScript,
    FrameKind,
    FramesScript,
    HistoryScript,
    HttpScript,
    JoinScript,
    LeaveScript,
    LoginScript,
    PublishScript,
    SideScript,
    StepScript,
    TokenScript,
)
from loadgen.dialects.scripted import MOST_IN_A_FRAME, ScriptedDialect
from loadgen.dialects.signing import sign

SECRET = "s3cret-of-at-least-32-bytes-for-HS256"
ODD = 'p"ä\\s{s} &=+%/#?\n'
NOTHING = Heard()


def a_dialect(username: str = "ann", password: str = "", **sections: Any) -> ScriptedDialect:
    whole = {"connect": ConnectScript("/ws"), "publish": PublishScript("{text}"), **sections}
    return ScriptedDialect(DialectScript("test", **whole), Credentials(6, username, password))


def an_answer(
    body: bytes = b"",
    headers: tuple[tuple[str, str], ...] = (),
    cookies: tuple[tuple[str, str], ...] = (),
) -> HttpAnswer:
    return HttpAnswer(200, headers, cookies, body)


def logged_in(token: str, **sections: Any) -> ScriptedDialect:
    dialect = a_dialect(login=LoginScript(HttpScript("/login"), "$.token"), **sections)
    assert dialect.token_from(an_answer(json.dumps({"token": token}).encode())) == token
    return dialect


def awaiting(until: str, **sections: Any) -> ScriptedDialect:
    dialect = a_dialect(join=JoinScript(("join {room}",), until), **sections)
    dialect.join(["room-1"])
    return dialect


def is_confirmed(dialect: ScriptedDialect, frame: str) -> bool:
    return dialect.on_frame(frame.encode()).confirmed is Confirmation.JOINED


# --- what there is


def test_what_the_file_leaves_out_is_not_there() -> None:
    """The smallest file: no login, no greeting, no join, no acknowledgement, nothing regular."""
    dialect = a_dialect()

    assert not dialect.has_login
    assert not dialect.awaits_greeting
    assert not dialect.has_join
    assert not dialect.awaits_join
    assert not dialect.has_ack
    assert dialect.open(["lobby"]) == Opening("/ws")
    assert dialect.on_connected() == dialect.join(["room-1"]) == []
    assert dialect.keep_alive() is None
    assert dialect.on_frame(b"anything") == NOTHING


def test_what_the_file_holds_is_there() -> None:
    """And a join without ``until`` is not waited for."""
    dialect = a_dialect(
        login=LoginScript(HttpScript("/login")),
        connect=ConnectScript("/ws", until="welcome"),
        join=JoinScript(("join",)),
        publish=PublishScript("{id} {text}", ack="ok {id}"),
    )

    assert dialect.has_login
    assert dialect.awaits_greeting
    assert dialect.has_join
    assert not dialect.awaits_join
    assert dialect.has_ack


# --- login


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


# --- connecting, joining


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


# --- talking


def test_text_is_put_in_raw_or_escaped_for_json() -> None:
    """{text} and {json:text}."""
    publish = PublishScript('{"raw":"{text}","safe":"{json:text}","id":"{id}"}')

    assert a_dialect(publish=publish).publish("", 'a"\nb', "t-1-2") == b'{"raw":"a"\nb","safe":"a\\"\\nb","id":"t-1-2"}'


def test_a_message_may_go_over_http() -> None:
    """With the token, the room and the id where the file puts them."""
    http = HttpScript(
        "/rooms/{room}?as={username}",
        headers={"Authorization": "Bearer {token}"},
        json={"text": "{text}", "nonce": "{id}"},
    )
    dialect = logged_in("abc", publish=PublishScript(http=http), join=JoinScript(("join",)))
    dialect.join(["room-1"])
    request = dialect.publish("room-1", 'say "hi"', "t-1-2")

    body = b'{"text": "say \\"hi\\"", "nonce": "t-1-2"}'
    headers = (("Authorization", "Bearer abc"),)
    assert request == HttpRequest("POST", "/rooms/room-1?as=ann", headers, body, "application/json")


@pytest.mark.parametrize(
    ("ack", "frame", "acks"),
    [
        ('"type":"ack","id":"{id}"', '{"type":"ack","id":"c0ffee-1-2","seq":1}', ["c0ffee-1-2"]),
        ('"type":"ack","id":"{id}"', '{"type":"nack","id":"c0ffee-1-2"}', []),
        ("ACK {id}", "ACK c0ffee-1-2", ["c0ffee-1-2"]),
        ("ACK {id}", "ACK ", []),
        ("ACK {id}", "ACK c0ffee-1-2\nACK c0ffee-1-3", ["c0ffee-1-2", "c0ffee-1-3"]),
        ("(ok) {id}.", "(ok) c0ffee-1-2.", ["c0ffee-1-2"]),
        ("(ok) {id}.", "ok c0ffee-1-2!", []),
        ("{id}={id}", "c0ffee-1-2=c0ffee-1-2", ["c0ffee-1-2"]),
        ("{id}={id}", "c0ffee-1-2=c0ffee-1-3", []),
        ('re:"id": ?"{id}"', '{"id": "c0ffee-1-2"}', ["c0ffee-1-2"]),
        ('re:"id": ?"{id}"', '{"id":"c0ffee-1-2"}', ["c0ffee-1-2"]),
        ("re:(ack|ok) (now )?{id}", "ok c0ffee-1-2", ["c0ffee-1-2"]),
        ("re:{id} is {id}", "c0ffee-1-2 is c0ffee-1-2", ["c0ffee-1-2"]),
        ("re:taken {id}|refused", "refused", []),
        ("re:[0-9]{4} {id}", "2024 c0ffee-1-2", ["c0ffee-1-2"]),
        ("ä{id}", "ä1", ["1"]),
    ],
)
def test_acknowledgements_are_found_with_their_ids(ack: str, frame: str, acks: list[str]) -> None:
    """As a text or as ``re:``, however many in a frame."""
    dialect = a_dialect(publish=PublishScript("{id} {text}", ack=ack))

    assert [ack.message_id for ack in dialect.on_frame(frame.encode()).acks] == acks


@pytest.mark.parametrize("ack", ['"id":"{id}","seq":{seq}', 're:"id":"{id}","seq": ?{seq}'])
def test_an_acknowledgement_tells_the_number_in_the_room(ack: str) -> None:
    """Where the dialect names its place; a server that leaves it out acknowledges nothing."""
    dialect = a_dialect(publish=PublishScript("{id} {text}", ack=ack))

    assert list(dialect.on_frame(b'{"type":"ack","id":"c0ffee-1-2","seq":17}').acks) == [Ack("c0ffee-1-2", 17)]
    assert not dialect.on_frame(b'{"type":"ack","id":"c0ffee-1-2"}').acks


@pytest.mark.parametrize("frame", [b"", b"\xff\xfe", b"\x00" * 10, b"{" * 1000])
def test_any_bytes_may_come(frame: bytes) -> None:
    """A server's nonsense is heard as nothing."""
    dialect = awaiting(
        "re:^joined", publish=PublishScript("{id} {text}", ack="re:ack {id}"), alive=AliveScript({"2": "3"})
    )

    assert dialect.on_frame(frame) == NOTHING


# --- staying alive


def test_a_frame_is_answered_where_the_file_says_so() -> None:
    """The whole frame, and nothing else; the answer may hold what is known of the user."""
    dialect = logged_in("abc", alive=AliveScript({"2": "3", '{"op":"ping"}': '{"op":"pong","token":"{token}"}'}))

    assert dialect.on_frame(b"2").replies == (b"3",)
    assert dialect.on_frame(b'{"op":"ping"}').replies == (b'{"op":"pong","token":"abc"}',)
    assert dialect.on_frame(b"22") == dialect.on_frame(b"") == NOTHING


def test_a_keep_alive_is_filled() -> None:
    """Every so often, with what is known of the user by then."""
    dialect = a_dialect(alive=AliveScript(every_ns=20, send="ping {username} {room}"), join=JoinScript(("j",)))
    dialect.join(["room-2"])

    assert dialect.keep_alive() == KeepAlive(20, b"ping ann room-2")


# --- beside messages to the room


def test_a_direct_message_names_its_receiver() -> None:
    """In a frame, or in a request."""
    over_socket = a_dialect(direct=DirectScript('{"to":"{to}","id":"{id}","text":"{json:text}"}'))
    over_http = a_dialect(direct=DirectScript(http=HttpScript("/to/{to}", body="{text}")))

    assert over_socket.direct("bob", 'a "b"', "m-1") == b'{"to":"bob","id":"m-1","text":"a \\"b\\""}'
    assert over_http.direct("b/b", "hi", "m-1") == HttpRequest("POST", "/to/b%2Fb", body=b"hi")


def test_direct_messages_have_acknowledgements_of_their_own() -> None:
    """Those of messages to the room are looked for first, since they may say more."""
    dialect = a_dialect(
        publish=PublishScript("{id} {text}", ack="ok {id} as {seq}"),
        direct=DirectScript("{to} {id} {text}", ack="ok {id}"),
    )

    assert dialect.has_direct_ack
    assert dialect.on_frame(b"ok m-1 as 7").acks == [Ack("m-1", 7)]
    assert dialect.on_frame(b"ok m-2").acks == [Ack("m-2")]


def test_a_message_may_name_its_user() -> None:
    """What is the same for all users of a room is made once for them, and this is not."""
    dialect = a_dialect(publish=PublishScript("{username} in {room}: {text}"))

    assert dialect.publish("room-1", "hi", "m-1") == b"ann in room-1: hi"


def test_a_direct_message_is_acknowledged_by_its_number() -> None:
    """The number alone is enough, since the rest of its id is that of the message before; nothing is where none was."""
    dialect = a_dialect(
        publish=PublishScript("{text}", ack="ok {n}"), direct=DirectScript("{to} {n} {text}", ack="got {n}")
    )
    assert dialect.on_frame(b"got 1007") == NOTHING

    dialect.direct("bob", "hi", "c0-3-7")
    assert dialect.on_frame(b"got 1007").acks == [Ack("c0-3-7")]


def test_typing_presence_and_history_are_asked_for_in_the_room() -> None:
    """With everything that is known of the user."""
    dialect = a_dialect(
        username="ann",
        join=JoinScript(("join {room}",)),
        typing=SideScript("{username} types in {room}"),
        presence=SideScript(http=HttpScript("/{room}", "GET")),
        history=HistoryScript("past", send="past of {room}"),
    )
    dialect.join(["room-1"])

    assert dialect.typing("room-1") == b"ann types in room-1"
    assert dialect.presence("room-1") == HttpRequest("GET", "/room-1")
    assert dialect.history("room-1") == b"past of room-1"


def test_what_is_asked_besides_knows_the_user_and_the_room() -> None:
    """In path, headers and body."""
    headers = {"Authorization": "Bearer {token}"}
    dialect = a_dialect(
        username="ann b", http=HttpScript("/{room}/of/{username}", "PUT", headers, json={"who": "{username}"})
    )
    dialect.use_token("t0")

    assert dialect.http("room-1") == HttpRequest(
        "PUT", "/room-1/of/ann%20b", (("Authorization", "Bearer t0"),), b'{"who": "ann b"}', "application/json"
    )


PAGED = HistoryScript("past", catch_up="after {after}", seq="#{seq} ", more="more")


def test_who_comes_back_asks_for_what_came_after_the_last_message() -> None:
    """Before the first one, for what came after the join; page by page, as long as they lead on."""
    dialect = awaiting("hello", history=PAGED)
    assert dialect.catch_up() == []
    assert dialect.on_frame(b"hello, we are at #3 of today").confirmed is Confirmation.JOINED
    assert dialect.catch_up() == [b"after 3"]
    assert dialect.on_frame(b"past ").replies == ()
    dialect.has_heard("room-1", b"#8 good morning")
    assert dialect.catch_up() == [b"after 8"]
    assert dialect.on_frame(b"past #9 a #11 b more").replies == (b"after 11",)
    assert dialect.on_frame(b"past #11 b more").replies == ()
    assert dialect.catch_up() == [b"after 11"]
    assert dialect.on_frame(b"past #12 c").replies == ()


def test_who_joins_again_goes_on_after_the_last_message() -> None:
    """Its number in the room is not that of the confirmation, which names what it has missed as well."""
    dialect = awaiting("hello", history=PAGED)
    dialect.on_frame(b"hello #3 ")
    dialect.has_heard("room-1", b"#8 good morning")
    dialect.join(["room-1"])
    dialect.on_frame(b"hello #20 ")

    assert dialect.catch_up() == [b"after 8"]


def test_who_is_cut_off_while_catching_up_goes_on_where_it_was() -> None:
    """What came live meanwhile is later: between the two lies what has not come."""
    dialect = awaiting("hello", history=PAGED)
    dialect.on_frame(b"hello #3 ")
    assert dialect.catch_up() == [b"after 3"]
    assert dialect.unread() == [b"after 3"]
    assert dialect.on_frame(b"past #5 a more").replies == (b"after 5",)
    dialect.has_heard("room-1", b"#8 live")
    assert dialect.catch_up() == dialect.unread() == [b"after 5"]
    assert dialect.on_frame(b"past #7 b").replies == ()
    assert dialect.unread() == []
    dialect.has_heard("room-1", b"#9 live")
    assert dialect.catch_up() == [b"after 9"]


def test_a_page_that_was_not_asked_for_is_not_followed() -> None:
    """The latest messages have older ones before them, which nobody wants."""
    dialect = awaiting("hello", history=PAGED)
    dialect.on_frame(b"hello #3 ")

    assert dialect.on_frame(b"past #9 a more") == NOTHING


# --- what a connection is opened with


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


# --- several steps


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


# --- several messages in a frame


def test_each_message_of_a_frame_is_heard() -> None:
    """Acknowledgements, pings and what is confirmed, whatever came with it."""
    dialect = a_dialect(
        frames=FramesScript(separator="\r\n"),
        join=JoinScript(("SUB {room}",), "OK {room}"),
        publish=PublishScript("{id} {text}", ack="GOT {id}"),
        alive=AliveScript({"PING": "PONG\r\n"}),
    )
    dialect.join(["a", "b"])

    heard = dialect.on_frame(b"OK a\r\nPING\r\nOK b\r\nGOT c0-1-2\r\nGOT c0-1-3\r\n")
    assert heard.confirmed is Confirmation.JOINED
    assert [ack.message_id for ack in heard.acks] == ["c0-1-2", "c0-1-3"]
    assert list(heard.replies) == [b"PONG\r\n"]
    assert dialect.on_frame(b"PINGPONG\r\n") == NOTHING


def test_whatever_may_be_said_in_a_frame_is_looked_for() -> None:
    """A frame that holds none of it is not taken apart; one that comes while something is awaited always is."""
    dialect = a_dialect(
        frames=FramesScript(separator="\n"),
        publish=PublishScript("{id} {text}", ack="re:^GOT {id}$"),
        errors=ErrorsScript(("re:^-ERR",)),
        alive=AliveScript({"PING": "PONG\n"}, every_ns=10**9, send="ARE YOU", answer="I AM"),
    )

    assert dialect.on_frame(b"MSG hi\n") is dialect.on_frame(b"MSG IN-ERROR\nMSG PINGPONG GOT\n") == NOTHING
    assert dialect.on_frame(b"MSG hi\nGOT c0-1-2").acks == [Ack("c0-1-2")]
    assert dialect.on_frame(b"MSG hi\n-ERR no\n").error == "-ERR no"
    assert dialect.on_frame(b"MSG hi\nPING\n").replies == (b"PONG\n",)
    assert dialect.keep_alive() is not None
    dialect.on_frame(b"MSG hi\nI AM\n")
    assert not dialect.misses_answer


def test_a_frame_of_millions_of_messages_is_not_looked_through() -> None:
    """What is left out is told."""
    dialect = a_dialect(frames=FramesScript(separator="\n"), alive=AliveScript({"{}": "{}"}))

    assert dialect.on_frame(b"{}\n" * MOST_IN_A_FRAME).error is None
    heard = dialect.on_frame(b"{}\n" * (MOST_IN_A_FRAME + 1))
    assert heard.error == "more than 100,000 messages in a frame: the rest is not looked at"
    assert len(heard.replies) == MOST_IN_A_FRAME


# --- acknowledgements that do not name our id


def test_a_message_is_acknowledged_by_its_number() -> None:
    """Where ids have to be numbers; a server's own numbers are below."""
    dialect = a_dialect(publish=PublishScript('{"ref":{n},"t":"{json:text}"}', ack='"ref":{n},"ok":true'))

    assert dialect.publish("r", "hi", "c0-3-5") == b'{"ref":1005,"t":"hi"}'
    dialect.publish("r", "hi", "c0-3-6")
    assert dialect.on_frame(b'{"ref":1005,"ok":true}').acks == [Ack("c0-3-5")]
    assert dialect.on_frame(b'{"ref":1005,"ok":false}') == NOTHING


def test_acknowledgements_may_come_in_order() -> None:
    """Then each is of the oldest message; one too many is of none, and a new connection forgets."""
    dialect = a_dialect(publish=PublishScript("PUB {text}", ack="+OK", acks_in_order=True))
    for message_id in ("c0-3-0", "c0-3-1", "c0-3-2"):
        dialect.publish("r", "hi", message_id)

    assert dialect.on_frame(b"+OK\r\n+OK\r\n").acks == [Ack("c0-3-0"), Ack("c0-3-1")]
    dialect.open(["r"])
    assert dialect.on_frame(b"+OK") == NOTHING


# --- what goes wrong, and good-byes


def test_an_error_is_told_in_the_servers_words() -> None:
    """Recognised by a text or a pattern."""
    dialect = a_dialect(errors=ErrorsScript(('"status":"error"', "re:^44")))

    assert dialect.on_frame(b'{"status":"error","why":"full"}').error == '{"status":"error","why":"full"}'
    assert dialect.on_frame(b'44{"message":"no"}').error == '44{"message":"no"}'
    assert dialect.on_frame(b'42["44"]') == NOTHING


def test_a_keep_alive_is_missed_until_its_answer_has_come() -> None:
    """Only where an answer is awaited."""
    dialect = a_dialect(alive=AliveScript(every_ns=5, send="ping", answer="pong"))

    assert not dialect.misses_answer
    assert dialect.keep_alive() == KeepAlive(5, b"ping")
    assert dialect.misses_answer
    dialect.on_frame(b"pong")
    assert not dialect.misses_answer
    silent = a_dialect(alive=AliveScript(every_ns=5, send="ping"))
    silent.keep_alive()
    assert not silent.misses_answer


def test_a_user_says_good_bye_to_each_room_and_once_to_the_server() -> None:
    """A frame that names no room is said once."""
    dialect = a_dialect(join=JoinScript(("JOIN {room}",)), leave=LeaveScript(("PART {room} {room_number}", "QUIT")))
    dialect.join(["a", "b"])

    assert dialect.leave() == [b"PART a 1", b"PART b 2", b"QUIT"]
    assert a_dialect().leave() == []


def test_a_frame_with_messages_is_looked_at_where_it_may_say_more() -> None:
    """It holds the text of an acknowledgement, an error or a ping, or something is awaited."""
    dialect = a_dialect(
        frames=FramesScript(separator="\r\n"),
        join=JoinScript(("SUB {room}",), "OK {room}"),
        publish=PublishScript("{text}", ack="re:^PONG$", acks_in_order=True),
        alive=AliveScript({"PING": "PONG\r\n"}, 5, "hi", "ho"),
        errors=ErrorsScript(("-ERR",)),
    )

    assert [dialect.may_tell(b"MSG hello\r\n" + more) for more in (b"", b"PONG", b"PING", b"-ERR")] == [
        *(False, True, True, True)
    ]
    dialect.join(["a"])
    assert dialect.may_tell(b"MSG hello\r\n")
    dialect.on_frame(b"OK a")
    assert not dialect.may_tell(b"MSG hello\r\n")
    dialect.keep_alive()
    assert dialect.may_tell(b"MSG hello\r\n")


def test_an_alternative_that_names_no_message_acknowledges_none() -> None:
    """A pattern may match what is no acknowledgement of ours."""
    dialect = a_dialect(publish=PublishScript("{text}", ack="re:ACK (?:{id}|NONE) at {seq}"))

    assert dialect.on_frame(b"ACK NONE at 7") == NOTHING
    assert dialect.on_frame(b"ACK ann-1 at 8").acks == [Ack("ann-1", 8)]


def test_a_file_that_nothing_follows_from_is_complete() -> None:
    """Only protocols of their own fill something in."""
    script = DialectScript("test", ConnectScript("/ws"), PublishScript("{text}"))

    assert ScriptedDialect.complete(script) is script
