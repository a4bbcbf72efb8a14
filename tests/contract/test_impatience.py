"""Requests and handshakes that do not come to an end: cut, and nothing is left of them."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.support.patience import PATIENCE_S
from tests.support.server_process import COMMAND, ServerProcess, server_process

pytestmark = [pytest.mark.system, pytest.mark.faults]

# With a time limit that a test can wait for.
IMPATIENT = """
from target_app import __main__, impatience
impatience.REQUEST_S = 0.5
impatience.ANSWER_S = 0.5
raise SystemExit(__main__.main())
"""

A_HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
END = b"\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process(command=[*COMMAND[:1], "-c", IMPATIENT]) as running:
        yield running


def connected(server: ServerProcess) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)


def all_of(client: socket.socket) -> bytes:
    """What comes until the server hangs up."""
    received = b""
    try:
        while data := client.recv(65_536):
            received += data
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\nHost: test\r\nX-Slow: ",
        A_HANDSHAKE,
        b"POST /login HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n{",
    ],
    ids=["nothing", "a letter", "half a head", "half a handshake", "half a body"],
)
def test_a_request_that_is_not_finished_in_time_is_cut(server: ServerProcess, begun: bytes) -> None:
    """Its descriptor is free again, and health answers meanwhile."""
    with connected(server) as client:
        port = client.getsockname()[1]
        client.sendall(begun)
        assert server.request("/healthz")[0] == 200

        assert all_of(client) == b""
        assert port not in server.peer_ports()


def test_a_byte_now_and_then_does_not_buy_time(server: ServerProcess) -> None:
    """The limit is for the whole request, or a client could hold its descriptor for ever."""
    with connected(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        client.settimeout(0.05)
        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < give_up_at, "still waited for"
            try:
                client.sendall(b"X")
                if client.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                break


def test_blank_lines_between_two_requests_do_not_buy_time(server: ServerProcess) -> None:
    """They begin no request, and stop the clock that runs between two."""
    with connected(server) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
        received = b""
        while not received.endswith(b"}"):
            received += client.recv(65_536)

        client.sendall(END)

        assert all_of(client) == b""


def test_who_asks_and_never_reads_is_cut(server: ServerProcess) -> None:
    """The answers would wait for it as long as it likes."""
    with connected(server) as client:
        port = client.getsockname()[1]
        # Accepted before this answer.
        assert server.request("/healthz")[0] == 200
        assert port in server.peer_ports()
        # Their answers are more than the kernel's buffers take.
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: test\r\n\r\n" * 400)

        give_up_at = time.monotonic() + PATIENCE_S
        while port in server.peer_ports():
            assert time.monotonic() < give_up_at, "the descriptor was never freed"
            assert server.request("/healthz")[0] == 200


def test_many_requests_in_one_read_are_all_answered(server: ServerProcess) -> None:
    """Together they are larger than a head may be; each of them is not."""
    count = 4_000
    with connected(server) as client:
        client.sendall(b"GET /no-such-page HTTP/1.1\r\nHost: test\r\n\r\n" * (count - 1))
        client.sendall(b"GET /no-such-page HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")

        assert all_of(client).count(b"HTTP/1.1 404 ") == count


def test_a_request_and_a_handshake_that_are_finished_are_not_cut(server: ServerProcess) -> None:
    """Longer than the limit, a WebSocket says nothing, and is still there."""
    with server.connect("/ws") as quiet, connected(server) as slow:
        # Cut after the limit: by then, the quiet one has lived longer.
        assert all_of(slow) == b""
        quiet.send("still there")
        assert quiet.recv(timeout=PATIENCE_S) == "Message text was: still there"


@pytest.mark.parametrize(
    "head",
    [
        A_HANDSHAKE + b"Cookie: " + b"x" * 8_192 + END + END,
        A_HANDSHAKE + b"X: y\r\n" * 100 + END,
        A_HANDSHAKE.replace(b"/ws", b"/ws?" + b"x" * 8_192) + END,
        b"GET / HTTP/1.1\r\nHost: test\r\nX-Endless: " + b"x" * 10_000,
    ],
    ids=["a large header", "many headers", "a large query", "no end"],
)
def test_a_head_that_is_too_large_is_answered_with_431(server: ServerProcess, head: bytes) -> None:
    """At once: the client learns why, and we do not gather what nobody will read."""
    with connected(server) as client:
        client.sendall(head)

        assert all_of(client).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


def test_a_broken_handshake_has_a_status(server: ServerProcess) -> None:
    """What is no WebSocket is told so in the language it spoke."""
    with connected(server) as client:
        client.sendall(A_HANDSHAKE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"short") + END)

        assert all_of(client).startswith(b"HTTP/1.1 400 ")
