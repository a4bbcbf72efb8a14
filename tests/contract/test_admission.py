"""Who may open a WebSocket, kept over real sockets: tokens, origins, and how many connections one user has."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import jwt
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from target_app.settings import Limits
from target_app.tokens import ALGORITHM, AUDIENCE, ISSUER
from tests.support.http_answers import ask
from tests.support.patience import PATIENCE_S
from tests.support.server_process import SECRET, ServerProcess, close_of, heard, server_process, text_from

pytestmark = pytest.mark.system

# Those that want a token, and those that want none.
WITH_LOGIN = ["/ws/chat", "/ws/rooms", "/ws/protected"]
WITHOUT_LOGIN = ["/ws", "/ws/a-session"]

FRIEND = "https://app.example"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process("--origins", f"{FRIEND},http://localhost:3000", "--origins", "https://Other.Example:443") as (
        running
    ):
        yield running


def claims(**changes: object) -> dict[str, object]:
    now_s = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now_s, "exp": now_s + 60, "jti": "1"}
    return {**good, **changes}


def signed(given: Mapping[str, object], secret: str | None = SECRET, algorithm: str = ALGORITHM) -> str:
    return jwt.encode(dict(given), secret, algorithm=algorithm)


def without(claim: str) -> dict[str, object]:
    return {name: value for name, value in claims().items() if name != claim}


def forged() -> str:
    """A token of ours with another name written into it."""
    head, _, signature = signed(claims()).split(".")
    _, body, _ = signed(claims(sub="admin", roles=["admin"])).split(".")
    return f"{head}.{body}.{signature}"


def greeting(server: ServerProcess, path: str, **options: Any) -> str:
    """The first text of an endpoint that lets us in."""
    with server.connect(path, **options) as connection:
        return text_from(connection)


# --- tokens

BAD_TOKENS = {
    "no token": "abc",
    "forged": forged(),
    "no signature": signed(claims(), None, "none"),
    "signature cut off": signed(claims()).rpartition(".")[0] + ".",
    "another key": signed(claims(), "a key of somebody else, of 32 bytes"),
    "another algorithm": signed(claims(), SECRET * 2, "HS512"),
    "expired": signed(claims(exp=int(time.time()) - 1)),
    "not yet": signed(claims(nbf=int(time.time()) + 3_600)),
    "for others": signed(claims(aud="others")),
    "of others": signed(claims(iss="others")),
    "large": "x" * 4_000,
    **{f"without {claim}": signed(without(claim)) for claim in claims()},
}


@pytest.mark.parametrize("path", WITH_LOGIN)
@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_a_token_that_is_not_ours_opens_nothing(server: ServerProcess, path: str, token: str) -> None:
    """Whatever is wrong with it, the client is told that it is wrong, and not what."""
    with server.connect(f"{path}?token={token}") as connection:
        assert close_of(connection) == (1008, "Unauthorized")


@pytest.mark.parametrize("path", WITH_LOGIN)
def test_a_token_that_is_too_large_for_a_head_is_told_as_such(server: ServerProcess, path: str) -> None:
    """431 before there is a WebSocket; the library would have said nothing at all."""
    with pytest.raises(InvalidStatus) as refused, server.connect(f"{path}?token={'x' * 10_000}"):
        pass

    assert refused.value.response.status_code == 431


@pytest.mark.parametrize("path", WITH_LOGIN)
def test_a_token_may_come_in_every_way_and_in_several_at_once(server: ServerProcess, path: str) -> None:
    """In the query, as a header, as a subprotocol: a client that is unsure sends it twice."""
    token = signed(claims())
    header, offered = {"Authorization": f"Bearer {token}"}, [f"bearer.{token}"]

    assert "ann" in greeting(server, f"{path}?token={token}")
    assert "ann" in greeting(server, path, additional_headers=header)
    assert "ann" in greeting(server, path, subprotocols=offered)
    assert "ann" in greeting(server, f"{path}?token={token}&token={token}", additional_headers=header)


@pytest.mark.parametrize("path", WITH_LOGIN)
@pytest.mark.parametrize("second", ["query", "header", "subprotocol"])
def test_two_tokens_are_refused_though_both_are_good(server: ServerProcess, path: str, second: str) -> None:
    """Which of them counts is a question that a proxy and a server may answer differently."""
    ann, bob = signed(claims()), signed(claims(sub="bob"))
    query = f"?token={ann}" + (f"&token={bob}" if second == "query" else "")
    headers = {"Authorization": f"Bearer {bob}"} if second == "header" else None
    offered = [f"bearer.{bob}"] if second == "subprotocol" else None
    with server.connect(path + query, additional_headers=headers, subprotocols=offered) as connection:
        assert close_of(connection) == (1008, "Unauthorized: several tokens")


# --- origins


@pytest.mark.parametrize("path", [*WITH_LOGIN, *WITHOUT_LOGIN])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_foreign_page_gets_nowhere(server: ServerProcess, path: str, origin: str) -> None:
    """Not even with a good token: it is the user's, and the page made the browser send it."""
    with server.connect(f"{path}?token={signed(claims())}", origin=origin) as connection:
        assert close_of(connection) == (1008, "Forbidden: foreign origin")


@pytest.mark.parametrize("path", [*WITH_LOGIN, "/ws"])
@pytest.mark.parametrize("origin", [None, "ours", FRIEND, "http://localhost:3000", "https://other.example"])
def test_our_pages_and_those_we_were_told_of_are_let_in(server: ServerProcess, path: str, origin: str | None) -> None:
    """And programs, which have no origin."""
    with server.connect(
        f"{path}?token={signed(claims())}", origin=server.url if origin == "ours" else origin
    ) as connection:
        connection.send('{"type":"ping"}')
        assert text_from(connection)


def test_no_page_elsewhere_may_read_our_answers(server: ServerProcess) -> None:
    """No CORS headers, for whoever asks, and no leave to ask for more."""
    asking = {"Origin": FRIEND, "Access-Control-Request-Method": "POST"}
    answers = [ask(server, method, "/login", headers=asking) for method in ("OPTIONS", "GET", "POST")]
    answers += [ask(server, "GET", path, headers=asking) for path in ("/healthz", "/docs", "/openapi.json")]

    assert not [name for answer in answers for name in answer.headers if name.lower().startswith("access-control")]


# --- connections of a user


@pytest.mark.parametrize("path", WITH_LOGIN)
def test_one_user_has_so_many_connections_and_no_more(server: ServerProcess, path: str) -> None:
    """One too many is told why; another user, and the same one after leaving, are let in."""
    one, other = (f"{path}?token={signed(claims(sub=name))}" for name in (f"one{path}", f"other{path}"))
    with ExitStack() as stack:
        opened = [stack.enter_context(unread(server, one)) for _ in range(Limits().connections_per_user)]
        for connection in opened:
            text_from(connection)
        with server.connect(one) as one_too_many:
            assert close_of(one_too_many) == (1008, "Too many connections")
        greeting(server, other)

        opened[0].close()
        let_in_again(server, one)


def unread(server: ServerProcess, path: str) -> ClientConnection:
    """A connection whose end waits for nothing: in the chat, it would wait for us to read who else has left."""
    return server.connect(path, close_timeout=0)


def let_in_again(server: ServerProcess, path: str) -> None:
    """Try until it works: the server learns a moment later that somebody has left."""
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            greeting(server, path)
        except ConnectionClosed:
            assert time.monotonic() < give_up_at, "never let in again"
        else:
            return


def test_refused_connections_are_not_counted(server: ServerProcess) -> None:
    """Neither by health nor against the user: nothing is left of them."""
    before = server.request("/healthz")[1]
    foreign = f"/ws/rooms?token={signed(claims(sub='refused'))}"
    for _ in range(2 * Limits().connections_per_user):
        with server.connect(foreign, origin="https://evil.example") as connection:
            close_of(connection)

    assert json.loads(greeting(server, foreign))["user"] == "refused"
    give_up_at = time.monotonic() + PATIENCE_S
    while server.request("/healthz")[1]["connections"] > before["connections"]:
        assert time.monotonic() < give_up_at, "a refused connection is still counted"


@pytest.mark.parametrize("path", WITH_LOGIN)
def test_limits_can_be_lifted(lifted: ServerProcess, path: str) -> None:
    """For load that comes from one place, or as one user."""
    path = f"{path}?token={signed(claims())}"
    with ExitStack() as stack:
        for _ in range(Limits().connections_per_user + 1):
            text_from(stack.enter_context(unread(lifted, path)))


@pytest.fixture(scope="module")
def lifted() -> Iterator[ServerProcess]:
    with server_process("--lift-limits") as running:
        yield running


def test_with_lifted_limits_nobody_is_too_fast(lifted: ServerProcess) -> None:
    """Thousands of frames at once are answered one by one."""
    with lifted.connect(f"/ws/rooms?token={signed(claims())}") as connection:
        assert heard(connection)["type"] == "welcome"
        for _ in range(2_000):
            connection.send('{"type":"ping"}')
        assert [heard(connection)["type"] for _ in range(2_000)] == ["pong"] * 2_000


def test_with_lifted_limits_passwords_may_be_wrong_for_ever(lifted: ServerProcess) -> None:
    """A load test of failing logins is a load test as well."""
    wrong = Limits().wrong_passwords_per_user
    assert wrong is not None
    assert {lifted.login("user1", "wrong")[0] for _ in range(wrong + 1)} == {401}
    assert lifted.login("user1", "password1")[0] == 200
