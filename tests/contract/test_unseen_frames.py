"""Frames that no endpoint sees, pings and pongs and parts of messages, have their limit too."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.support.server_process import ServerProcess, close_of, server_process, text_from

pytestmark = [pytest.mark.system, pytest.mark.faults]

# On a machine that stands still for half a minute they are too many still: 500 at once, and 50 a second.
FAR_TOO_MANY = 2_000


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process() as running:
        yield running


def ping(connection: ClientConnection, count: int) -> None:
    for _ in range(count):
        connection.ping()


def pong(connection: ClientConnection, count: int) -> None:
    for _ in range(count):
        connection.pong()


def send_in_parts(connection: ClientConnection, count: int) -> None:
    connection.send(["x", *[""] * count])


@pytest.mark.parametrize("send", [ping, pong, send_in_parts])
def test_far_too_many_of_them_end_the_connection(
    server: ServerProcess, send: Callable[[ClientConnection, int], None]
) -> None:
    """1008: they would keep the server busy, and empty parts fill its memory, past the limit on messages."""
    with server.connect("/ws") as connection:
        with suppress(ConnectionClosed):
            send(connection, FAR_TOO_MANY)

        assert close_of(connection) == (1008, "Too many messages")


@pytest.mark.parametrize("send", [ping, pong, send_in_parts])
def test_a_client_that_does_its_duty_never_meets_the_limit(
    server: ServerProcess, send: Callable[[ClientConnection, int], None]
) -> None:
    """A hundred at once are not many."""
    with server.connect("/ws") as connection:
        send(connection, 100)
        connection.send("still here")

        texts = [text_from(connection)]
        while texts[-1] != "Message text was: still here":
            texts.append(text_from(connection))
        assert texts[:-1] == (["Message text was: x"] if send is send_in_parts else [])
