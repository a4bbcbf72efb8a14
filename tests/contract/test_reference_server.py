"""What the reference server promises its clients, kept over real sockets."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import jwt
import pytest
from websockets.sync.client import ClientConnection

from target_app.tokens import ALGORITHM, AUDIENCE, ISSUER
from tests.support.patience import PATIENCE_S
from tests.support.server_process import (
    COMMAND,
    SECRET,
    ServerProcess,
    asked,
    close_of,
    heard,
    server_process,
    text_from,
)

pytestmark = pytest.mark.system

# The kernel's buffers take several megabytes of these before the server notices that nobody reads.
A_LARGE_TEXT = "x" * 50_000
ENOUGH_TO_FILL_EVERY_BUFFER = 1_000

A_BROKEN_CHAT_ROOM = """
from target_app import __main__, chat_room
chat_room.ChatRoom.say = None
raise SystemExit(__main__.main())
"""


class Arrive(Protocol):
    """Logs a user in and connects; for the rooms endpoint, joins the room if there is one."""

    def __call__(self, name: str, path: str, room: str | None = None, **options: Any) -> ClientConnection: ...


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    with server_process("--accounts", "20") as running:
        yield running


@pytest.fixture
def arrive(server: ServerProcess) -> Iterator[Arrive]:
    with ExitStack() as open_connections:

        def connect_and_join(name: str, path: str, room: str | None = None, **options: Any) -> ClientConnection:
            opening = server.connect(f"{path}?token={server.token(name)}", **options)
            connection = open_connections.enter_context(opening)
            if path == "/ws/rooms":
                assert heard(connection)["type"] == "welcome"
            if room is not None:
                assert asked(connection, type="join", room=room)["type"] == "joined"
            return connection

        yield connect_and_join


def a_token(lifetime_s: int, **changes: object) -> str:
    now_s = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ann",
        "iat": now_s,
        "exp": now_s + lifetime_s,
        "jti": "1",
    }
    return jwt.encode({**claims, **changes}, SECRET, algorithm=ALGORITHM)


# --- logging in


@pytest.mark.parametrize(("name", "password"), [("user1", "password1"), ("user2", "password2")])
def test_the_two_known_users_exist_from_the_start(server: ServerProcess, name: str, password: str) -> None:
    """A right password gives a bearer token and its lifetime in seconds."""
    status, grant = server.login(name, password)

    assert status == 200
    assert grant == {"access_token": grant["access_token"], "token_type": "bearer", "expires_in": 3600}


def test_generated_accounts_log_in_with_the_password_their_name_gives(server: ServerProcess) -> None:
    """user-000001 to user-N have the first 16 hex digits of HMAC-SHA256(key, name)."""
    assert server.login("user-000001", "42b6d99c0d351d24")[0] == 200
    assert server.token("user-000020")


@pytest.mark.parametrize(
    ("name", "password"),
    [("user1", "password2"), ("nobody", "password1"), ("user-000001", "password1"), ("user-000021", "x")],
)
def test_a_wrong_login_is_401_whatever_was_wrong(server: ServerProcess, name: str, password: str) -> None:
    """The answer does not tell which names exist."""
    assert server.login(name, password) == (401, {"detail": "Bad username or password"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"username": "user1"}',
        b'{"username": 1, "password": "hidden"}',
        b'{"username": "\\ud800", "password": "hidden"}',
        json.dumps({"username": "user1", "password": "hidden" * 1_000}).encode(),
        # No UTF-8, and a tower that ends the parser's recursion.
        b'{"username": "user1", "password": "hidden\xff"}',
        b"[" * 60_000,
    ],
)
def test_a_malformed_login_is_422_and_the_password_is_not_quoted(server: ServerProcess, body: bytes) -> None:
    """What is wrong is said by field; what was sent is not repeated."""
    status, answer = server.request("/login", body)

    assert status == 422
    assert "hidden" not in json.dumps(answer)


# --- the chat room, the echo


def test_everyone_in_the_chat_hears_who_comes_what_is_said_and_who_goes(arrive: Arrive) -> None:
    """Each of the three texts goes to everyone; the joiner and the sender hear themselves."""
    ann = arrive("user1", "/ws/chat")
    assert text_from(ann) == "user1 joined the chat!"

    bob = arrive("user2", "/ws/chat")
    assert text_from(ann) == text_from(bob) == "user2 joined the chat!"

    bob.send("good  morning, Zoë")
    assert text_from(ann) == text_from(bob) == "user2: good  morning, Zoë"

    bob.close()
    assert text_from(ann) == "user2 left the chat!"


@pytest.mark.parametrize("path", ["/ws/chat", "/ws/rooms"])
@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "Unauthorized: No token provided"),
        ("?token=", "Unauthorized: No token provided"),
        ("?token=abc", "Unauthorized"),
        (f"?token={a_token(-60)}", "Unauthorized"),
        (f"?token={a_token(60, aud='others')}", "Unauthorized"),
    ],
)
def test_a_refused_client_sees_the_code_and_the_reason(
    server: ServerProcess, path: str, query: str, reason: str
) -> None:
    """Accepted first, then closed: before that, it would see HTTP 403 and nothing else."""
    with server.connect(path + query) as connection:
        assert close_of(connection) == (1008, reason)


def test_a_connection_ends_with_its_token(server: ServerProcess) -> None:
    """A token is checked again when it expires; the plain endpoint knows only 1008."""
    # In whole seconds: good for one to two.
    token = a_token(2)
    with (
        server.connect(f"/ws/rooms?token={token}") as rooms,
        server.connect(f"/ws/chat?token={token}") as chat,
    ):
        assert close_of(rooms) == (4401, "Token expired")
        assert close_of(chat) == (1008, "Token expired")


def test_a_fault_of_ours_is_told_as_such() -> None:
    """1011 with a reason that gives nothing away; what happened is in our own log."""
    with server_process(command=[*COMMAND[:1], "-c", A_BROKEN_CHAT_ROOM]) as broken:
        with broken.connect(f"/ws/chat?token={a_token(60)}") as connection:
            connection.send("hello")
            assert close_of(connection) == (1011, "Internal server error")

        assert "TypeError" in broken.said()


def test_the_echo_says_what_it_got(server: ServerProcess) -> None:
    """No login, text for text."""
    with server.connect("/ws") as connection:
        connection.send("Zoë")
        assert text_from(connection) == "Message text was: Zoë"


def test_the_echo_has_nothing_to_say_to_a_binary_frame(server: ServerProcess) -> None:
    """1003: a text endpoint closes on data it cannot take."""
    with server.connect("/ws") as connection:
        connection.send(b"\x00")
        assert close_of(connection) == (1003, "Text frames only")


# --- the rooms protocol


@pytest.mark.parametrize("way", ["query", "header", "subprotocol"])
def test_a_token_may_come_in_three_ways(server: ServerProcess, way: str) -> None:
    """A subprotocol that carried the token is chosen: a browser insists on that."""
    token = a_token(60)
    query = f"?token={token}" if way == "query" else ""
    headers = {"Authorization": f"Bearer {token}"} if way == "header" else None
    offered = ["chat", f"bearer.{token}"] if way == "subprotocol" else None
    with server.connect(f"/ws/rooms{query}", additional_headers=headers, subprotocols=offered) as connection:
        welcome = heard(connection)

        assert (welcome["type"], welcome["user"], welcome["roles"]) == ("welcome", "ann", ["member"])
        assert welcome["limits"]["frame_bytes"] == 65_536
        assert welcome["instance"]
        assert connection.subprotocol == (f"bearer.{token}" if way == "subprotocol" else None)


def test_every_member_gets_a_message_once_and_the_sender_its_ack(arrive: Arrive) -> None:
    """The members of a room see the same frame, numbered from 1; a message without an id has no ack."""
    ann, bob = arrive("user1", "/ws/rooms", "tea"), arrive("user2", "/ws/rooms", "tea")
    elsewhere = arrive("user-000001", "/ws/rooms", "coffee")

    first = asked(ann, type="message", room="tea", text="Zoë\n", id="m1")
    assert heard(ann) == {"type": "ack", "id": "m1", "seq": 1}
    second = asked(ann, type="message", room="tea", text="again")

    assert heard(bob) == first
    assert heard(bob) == second
    assert asked(ann, type="ping") == asked(bob, type="ping") == asked(elsewhere, type="ping") == {"type": "pong"}
    assert first == {
        "type": "message",
        "room": "tea",
        "seq": 1,
        "from": "user1",
        "text": "Zoë\n",
        "ts": pytest.approx(time.time() * 1_000, abs=PATIENCE_S * 1_000),
    }
    assert second["seq"] == 2


def test_joining_and_leaving_are_told_to_the_one_who_does_it(arrive: Arrive) -> None:
    """`members` counts whoever is in the room afterwards; a broken connection has left."""
    ann, bob = arrive("user1", "/ws/rooms", "hall"), arrive("user2", "/ws/rooms")

    assert asked(bob, type="join", room="hall") == {"type": "joined", "room": "hall", "members": 2, "seq": 0}
    assert asked(bob, type="join", room="hall") == {"type": "joined", "room": "hall", "members": 2, "seq": 0}
    assert asked(bob, type="leave", room="hall") == {"type": "left", "room": "hall", "members": 1}
    assert asked(bob, type="message", room="hall", text="?")["code"] == "not_joined"
    assert asked(ann, type="message", room="hall", text="!", id=1)["text"] == "!"

    ann.close()
    assert asked(bob, type="join", room="hall")["members"] == 1


def test_a_frame_we_cannot_follow_is_answered_and_the_connection_lives(arrive: Arrive) -> None:
    """Text that is no JSON, binary data, a room one is not in: an error frame each."""
    ann = arrive("user1", "/ws/rooms")
    refused: list[tuple[str | bytes, str]] = [
        ("hello", "invalid_json"),
        (b"\x00", "invalid_json"),
        ("[" * 60_000, "invalid_json"),
        ('{"type": "dance"}', "unknown_type"),
        ('{"type": "join", "room": 7}', "bad_field"),
        ('{"type": "message", "room": "nowhere", "text": "x"}', "not_joined"),
        ('{"type": "message", "room": "a", "text": "\\ud800"}', "bad_field"),
        (json.dumps({"type": "message", "room": "a", "text": "x" * 60_000}), "text_too_long"),
    ]
    for frame, code in refused:
        ann.send(frame)
        error = heard(ann)
        assert (error["type"], error["code"]) == ("error", code)
    assert asked(ann, type="message", room="nowhere", text="x", id=5)["id"] == 5
    assert asked(ann, type="ping") == {"type": "pong"}


def test_a_frame_above_the_limit_closes_with_1009(arrive: Arrive) -> None:
    """The code arrives although the rest of the frame is never looked at."""
    ann = arrive("user1", "/ws/rooms")

    ann.send("x" * 200_000)

    assert close_of(ann)[0] == 1009


def test_the_rooms_of_one_connection_are_limited(arrive: Arrive) -> None:
    """The hundred-and-first room is an error, not a close."""
    ann = arrive("user1", "/ws/rooms")

    answers = [asked(ann, type="join", room=f"room {number}")["type"] for number in range(101)]

    assert answers == ["joined"] * 100 + ["error"]


# --- slow readers


def fill_until_given_up(sender: ClientConnection, others: list[ClientConnection]) -> None:
    """Publish until the server lets go of the one member that does not read; everyone else keeps up."""
    for _ in range(ENOUGH_TO_FILL_EVERY_BUFFER):
        sent = asked(sender, type="message", room="busy", text=A_LARGE_TEXT)
        assert [heard(other) for other in others] == [sent] * len(others)
        if asked(sender, type="join", room="busy")["members"] == 1 + len(others):
            return
    pytest.fail("the server went on buffering for a reader that does not read")


def test_a_slow_reader_that_reads_again_is_told_why_it_was_dropped(arrive: Arrive) -> None:
    """1013, after what was already on its way; the room was served all the time."""
    sender, other = arrive("user1", "/ws/rooms", "busy"), arrive("user2", "/ws/rooms", "busy")
    slow = arrive("user-000001", "/ws/rooms", "busy", max_queue=1)

    fill_until_given_up(sender, [other])

    assert close_of(slow) == (1013, "Reading too slowly")


def test_a_reader_that_never_reads_is_cut_and_its_descriptor_freed(server: ServerProcess, arrive: Arrive) -> None:
    """Waiting for it to read the close frame would keep the socket for ever."""
    sender = arrive("user1", "/ws/rooms", "busy")
    deaf = arrive("user-000001", "/ws/rooms", "busy", max_queue=1, close_timeout=0)
    port = deaf.local_address[1]
    assert port in server.peer_ports()

    fill_until_given_up(sender, [])

    give_up_at = time.monotonic() + PATIENCE_S
    while port in server.peer_ports():
        assert time.monotonic() < give_up_at, "the descriptor was never freed"
        asked(sender, type="ping")


# --- health


def test_health_counts_connections_and_rooms(server: ServerProcess, arrive: Arrive) -> None:
    """`connections` are open WebSockets; `rooms` are those with members or with messages."""
    ann = arrive("user1", "/ws/rooms")
    before = server.request("/healthz")[1]
    asked(ann, type="join", room="a room for this test")
    arrive("user2", "/ws/rooms")

    status, after = server.request("/healthz")

    assert (status, after["status"]) == (200, "ok")
    assert after["connections"] == before["connections"] + 1
    assert after["rooms"] == before["rooms"] + 1
    assert after["uptime_s"] >= before["uptime_s"] > 0
