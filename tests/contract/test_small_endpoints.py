"""The small endpoints of the reference server: protected, sessions, looking at requests."""

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.support.http_answers import Answer, ask
from tests.support.patience import PATIENCE_S
from tests.support.server_process import ServerProcess, close_of, server_process, text_from

pytestmark = pytest.mark.system

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}

A_LARGE_BODY = b"x" * 70_000


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process() as running:
        yield running


def a_session(server: ServerProcess) -> str:
    answer = ask(server, "POST", "/create-session")
    assert answer.status == 200
    session_id: str = answer.json["session_id"]
    assert answer.json == {"session_id": session_id}
    return session_id


# --- protected


def test_a_protected_socket_knows_its_user(server: ServerProcess) -> None:
    """A greeting by name, then each text under that name."""
    with server.connect(f"/ws/protected?token={server.token('user1')}") as connection:
        assert text_from(connection) == "Hello user1, you are authenticated!"
        connection.send("Zoë")
        assert text_from(connection) == "user1 says: Zoë"


@pytest.mark.parametrize(
    ("query", "reason"),
    [("", "Unauthorized: No token provided"), ("?token=abc", "Unauthorized")],
)
def test_a_protected_socket_lets_nobody_else_in(server: ServerProcess, query: str, reason: str) -> None:
    """1008 with the reason, as on the other endpoints."""
    with server.connect(f"/ws/protected{query}") as connection:
        assert close_of(connection) == (1008, reason)


# --- sessions


def test_a_session_repeats_what_it_hears_under_its_id(server: ServerProcess) -> None:
    """No login: whoever knows the id may connect."""
    session_id = a_session(server)
    with server.connect(f"/ws/{session_id}") as connection:
        connection.send("Zoë")
        assert text_from(connection) == f"Session {session_id}: Zoë"


def test_a_session_outlives_its_connection(server: ServerProcess) -> None:
    """A client that lost its connection comes back with the same id."""
    session_id = a_session(server)
    for _ in range(2):
        with server.connect(f"/ws/{session_id}") as connection:
            connection.send("hello")
            assert text_from(connection) == f"Session {session_id}: hello"


@pytest.mark.parametrize("session_id", ["nonsense", "%F0%9F%98%80", "x" * 1_000])
def test_an_unknown_session_is_refused_with_a_reason(server: ServerProcess, session_id: str) -> None:
    """Accepted, then 1008: what came before could not say why."""
    with server.connect(f"/ws/{session_id}") as connection:
        assert close_of(connection) == (1008, "Unknown session: POST /create-session first")


def test_a_second_connection_takes_the_session_over(server: ServerProcess) -> None:
    """The first is most often dead without our knowing; it is told, and the second stays when the first is gone."""
    session_id = a_session(server)
    with server.connect(f"/ws/{session_id}") as first, server.connect(f"/ws/{session_id}") as second:
        assert close_of(first) == (1008, "Session taken over by another connection")
        second.send("hello")
        assert text_from(second) == f"Session {session_id}: hello"
        with server.connect(f"/ws/{session_id}") as third:
            assert close_of(second)[0] == 1008
            third.send("hello")
            assert text_from(third) == f"Session {session_id}: hello"


def test_sessions_are_not_shared(server: ServerProcess) -> None:
    """Each has an id of its own, and hears itself alone."""
    one, other = a_session(server), a_session(server)
    assert one != other
    with server.connect(f"/ws/{one}") as ann, server.connect(f"/ws/{other}") as bob:
        ann.send("a")
        bob.send("b")
        assert text_from(ann) == f"Session {one}: a"
        assert text_from(bob) == f"Session {other}: b"


@pytest.mark.parametrize("path", ["/ws/chat", "/ws/rooms", "/ws/protected"])
def test_no_endpoint_is_taken_for_a_session(server: ServerProcess, path: str) -> None:
    """The route of sessions matches every name, so it comes last."""
    with server.connect(path) as connection:
        assert close_of(connection) == (1008, "Unauthorized: No token provided")


# --- looking at requests


def submitted(server: ServerProcess, body: bytes | None, headers: dict[str, str]) -> Any:
    answer = ask(server, "POST", "/submit", body, headers)
    assert answer.status == 200
    return answer.json["data"]


def test_a_submission_is_read_back(server: ServerProcess) -> None:
    """Method, address, who asks, query, cookies and body; a name that came twice has a list."""
    headers = {**JSON, "User-Agent": "a test", "Cookie": "tea=green; milk=no"}
    answer = ask(server, "POST", "/submit?a=1&a=2&b=Zo%C3%AB", b'{"x": [1, null]}', headers)

    assert answer.status == 200
    assert answer.json == {
        "method": "POST",
        "url": f"{server.url}/submit?a=1&a=2&b=Zo%C3%AB",
        "user_agent": "a test",
        "query_params": {"a": ["1", "2"], "b": "Zoë"},
        "cookies": {"tea": "green", "milk": "no"},
        "data": {"x": [1, None]},
    }


def test_what_a_client_does_not_say_is_null_or_empty(server: ServerProcess) -> None:
    """No guesses."""
    answer = ask(server, "POST", "/submit")

    assert answer.json == {
        "method": "POST",
        "url": f"{server.url}/submit",
        "user_agent": None,
        "query_params": {},
        "cookies": {},
        "data": None,
    }


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/problem+json"])
def test_json_is_known_by_its_type(server: ServerProcess, kind: str) -> None:
    """With parameters, and as the base of another type."""
    assert submitted(server, b'"Zo\\u00eb"', {"Content-Type": kind}) == "Zoë"


def test_a_form_is_told_by_its_fields(server: ServerProcess) -> None:
    """URL-encoded or in parts; a file by its name, type and size."""
    parts = (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="tea.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nhey\r\n"
        b"--x--\r\n"
    )

    assert submitted(server, b"a=1&a=2&b=Zo%C3%AB", FORM) == {"a": ["1", "2"], "b": "Zoë"}
    assert submitted(server, parts, MULTIPART) == {
        "a": "1",
        "f": {"filename": "tea.txt", "content_type": "text/plain", "size_bytes": 3},
    }


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"hello", {"Content-Type": "text/plain"}),
        (b'{"a": 1}', {}),
        (b"{", JSON),
        (b"\xff", JSON),
        (b'"\\ud800"', JSON),
        (b"1e999", JSON),
        (b"NaN", JSON),
        (b"[" * 30_000 + b"]" * 30_000, JSON),
        (b"no parts", MULTIPART),
        (b"no parts", {"Content-Type": "multipart/form-data"}),
        (b"a=&" * 2_000, FORM),
    ],
)
def test_a_body_that_is_neither_json_nor_a_form_is_null(
    server: ServerProcess, body: bytes, headers: dict[str, str]
) -> None:
    """Whatever it calls itself: what cannot be read, or could not be sent back, is no data."""
    assert submitted(server, body, headers) is None


def test_a_broken_form_is_no_news(server: ServerProcess) -> None:
    """A stranger does not write into our log."""
    submitted(server, b"no parts", MULTIPART)

    assert "boundary" not in server.said()


@pytest.mark.parametrize("path", ["/submit", "/login"])
@pytest.mark.parametrize("headers", [JSON, FORM, MULTIPART])
def test_a_body_above_the_limit_is_413(server: ServerProcess, path: str, headers: dict[str, str]) -> None:
    """On every endpoint that reads one."""
    if path == "/submit" and headers is MULTIPART:
        body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + A_LARGE_BODY
    else:
        body = A_LARGE_BODY
    answer = ask(server, "POST", path, body, headers)

    assert (answer.status, answer.json) == (413, {"detail": "A body may have 65536 bytes at most"})


def test_a_body_of_unknown_length_is_limited_too(server: ServerProcess) -> None:
    """What is counted is what comes, not what was announced."""
    with closing(HTTPConnection(server.url.removeprefix("http://"), timeout=PATIENCE_S)) as connection:
        connection.request("POST", "/submit", iter([A_LARGE_BODY]), JSON, encode_chunked=True)
        assert connection.getresponse().status == 413


def test_an_item_is_a_whole_number(server: ServerProcess) -> None:
    """The answer to both paths is the client's address; anything else is 422."""

    def get(path: str) -> Answer:
        return ask(server, "GET", path)

    assert get("/items/").json == get("/items/7").json == get("/items/-7").json == {"client_host": "127.0.0.1"}
    for wrong in ("x", "1.5", "7e2"):
        answer = get(f"/items/{wrong}")
        assert answer.status == 422
        assert answer.json["detail"][0]["loc"] == ["path", "item_id"]
        assert json.dumps(wrong) not in answer.body.decode()
