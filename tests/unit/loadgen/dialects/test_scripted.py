"""How a dialect file is followed once a user is in: messages, acknowledgements, keep-alives, errors."""

import pytest

from loadgen.dialects import Ack, Confirmation, HttpRequest, KeepAlive, Opening
from loadgen.dialects.script import (
    AliveScript,
    ConnectScript,
    DialectScript,
    ErrorsScript,
    FramesScript,
    HttpScript,
    JoinScript,
    LeaveScript,
    LoginScript,
    PublishScript,
)
from loadgen.dialects.scripted import MOST_IN_A_FRAME, ScriptedDialect
from tests.support.scripted_dialects import NOTHING, a_dialect, awaiting, logged_in


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
