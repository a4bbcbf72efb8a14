"""Servers that misbehave in one way each; they live in threads of the test, which sees what they see."""

from __future__ import annotations

import itertools
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.support.patience import PATIENCE_S
from tests.support.raw_websocket import BINARY, CLOSE, TEXT, accepting, frame
from tests.support.tongues import LOGIN_ANSWER, Tongue

Talk = Callable[[socket.socket, int], None]
"""What is done with one client; those who say something are numbered from 0, in the order in which they do."""


@contextmanager
def talking_server(talk: Talk) -> Iterator[str]:
    """Hold ``talk`` with each client in a thread of its own, and hang up; the address."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        clients: list[socket.socket] = []
        threads: list[threading.Thread] = []
        numbers = itertools.count()

        def hold(client: socket.socket) -> None:
            with suppress(OSError):
                if client.recv(1, socket.MSG_PEEK):
                    talk(client, next(numbers))
                client.shutdown(socket.SHUT_RDWR)

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return  # the listener was shut down
                clients.append(client)
                threads.append(threading.Thread(target=hold, args=(client,)))
                threads[-1].start()

        accepting_clients = threading.Thread(target=accept)
        accepting_clients.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting_clients.join(PATIENCE_S)
            for client in clients:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(PATIENCE_S)
            for client in clients:
                client.close()


def request_of(client: socket.socket) -> bytes:
    """The client's next request, its body included; b"" where it has hung up."""
    request = b""
    while b"\r\n\r\n" not in request:
        data = client.recv(4096)
        if not data:
            return b""
        request += data
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length is not None and len(body) < int(length[1]):
        body += client.recv(4096)
    return head + b"\r\n\r\n" + body


def stay_with(client: socket.socket) -> None:
    """Take all it says, until it goes, or wants to."""
    while not _wants_to_leave(client.recv(65536)):
        pass


def _wants_to_leave(data: bytes) -> bool:
    return not data or data[0] == 0x80 | CLOSE


@dataclass(slots=True)
class Seen:
    """What a silent server has seen of its clients."""

    url: str
    request: threading.Event = field(default_factory=threading.Event)
    """Somebody has asked for something, be it a login or a WebSocket."""
    frame: threading.Event = field(default_factory=threading.Event)
    """Somebody has sent a frame."""
    close: threading.Event = field(default_factory=threading.Event)
    """Somebody wants to leave."""


@contextmanager
def silent_server(*, upgrades: bool) -> Iterator[Seen]:
    """Take every connection and never answer; with ``upgrades``, answer the handshake and nothing after it."""
    seen = Seen("")

    def listen_to(client: socket.socket, _: int) -> None:
        request = request_of(client)
        seen.request.set()
        if upgrades:
            client.sendall(accepting(request))
        while data := client.recv(4096):
            seen.frame.set()
            if _wants_to_leave(data):
                seen.close.set()

    with talking_server(listen_to) as seen.url:
        yield seen


@dataclass(frozen=True, slots=True)
class Misdeed:
    """What a server says to a client's first frame, and whether it hangs up then."""

    answer: bytes
    hangs_up: bool = False


@contextmanager
def misbehaving_server(*misdeeds: Misdeed) -> Iterator[str]:
    """Let everybody in; each client has a misdeed of its own, in turn. The address."""

    def misbehave(client: socket.socket, number: int) -> None:
        misdeed = misdeeds[number % len(misdeeds)]
        client.sendall(accepting(request_of(client)))
        if not _wants_to_leave(client.recv(4096)):
            client.sendall(misdeed.answer)
            if not misdeed.hangs_up:
                stay_with(client)

    with talking_server(misbehave) as url:
        yield url


@dataclass(slots=True)
class Door:
    """What a server with a door has seen, and whether logins are answered yet."""

    url: str
    asked_count: int = 0
    """Logins that wait, or have waited, for the door."""
    is_open: threading.Event = field(default_factory=threading.Event)


@contextmanager
def door_server(waits: Callable[[int], bool] = lambda _: True) -> Iterator[Door]:
    """Log in and echo, as DOOR_DIALECT says; the client ``n`` with ``waits(n)`` has no answer before the door opens."""
    door = Door("")
    lock = threading.Lock()

    def serve_one(client: socket.socket, number: int) -> None:
        request = request_of(client)
        if request.startswith(b"GET"):
            client.sendall(accepting(request))
            echo(client)
        else:
            with lock:
                door.asked_count += 1
            if waits(number):
                door.is_open.wait()
            body = b'{"access_token": "let-me-in"}'
            client.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with talking_server(serve_one) as door.url:
        try:
            yield door
        finally:
            door.is_open.set()


DOOR_DIALECT = """
[login]
path = "/login"
json = { username = "{username}", password = "{password}" }
token = "$.access_token"
[connect]
path = "/ws?token={token}"
[publish]
send = "{text}"
reach = "self"
"""


def echo(client: socket.socket) -> None:
    """Send every message back until the client closes."""
    for opcode, payload in frames_of(client):
        client.sendall(frame(opcode, payload))
        if opcode == CLOSE:
            return


def frames_of(client: socket.socket) -> Iterator[tuple[int, bytes]]:
    """What a client sends, up to 64 KB a frame: opcode and payload."""
    with client.makefile("rb") as stream:
        while head := stream.read(2):
            size = head[1] & 0x7F
            if size == 126:
                size = int.from_bytes(stream.read(2), "big")
            mask, payload = stream.read(4), stream.read(size)
            yield head[0] & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


@contextmanager
def pouring_server(chunk: bytes) -> Iterator[str]:
    """Let everybody in, say ``chunk`` again and again, and read nothing. The address."""

    def pour(client: socket.socket, _: int) -> None:
        client.sendall(accepting(request_of(client)))
        while True:
            client.sendall(chunk)

    with talking_server(pour) as url:
        yield url


# A name that no cookie may have, and more of it than anybody wants to read.
STRANGE_COOKIE = b"@" * 8000


@contextmanager
def speaking_server(tongue: Tongue, noise: bytes = b"", turns: int | None = None) -> Iterator[str]:
    """Speak to everybody in a dialect, with ``noise`` before each turn, and fall silent after so many. The address.

    Whoever logs in gets a cookie besides, which is none.
    """
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nSet-Cookie: %b=1\r\nContent-Length: %d\r\n\r\n"
    kind = BINARY if tongue.is_binary else TEXT

    def speak(client: socket.socket, _: int) -> None:
        request = request_of(client)
        if request.startswith(b"POST"):
            client.sendall(head % (STRANGE_COOKIE, len(LOGIN_ANSWER)) + LOGIN_ANSWER)
            return
        client.sendall(accepting(request))
        turn = itertools.count()

        def say(answers: Sequence[bytes]) -> None:
            if answers and (turns is None or next(turn) < turns):
                client.sendall(noise + b"".join(frame(kind, each) for each in answers))

        say(tongue.hello)
        for opcode, payload in frames_of(client):
            if opcode == CLOSE:
                client.sendall(frame(CLOSE, payload))
                return
            if opcode in (TEXT, BINARY):
                say(tongue.answers(payload))

    with talking_server(speak) as url:
        yield url


@contextmanager
def forging_server(forge: Callable[[bytes], list[bytes]]) -> Iterator[str]:
    """Echo every frame of text, and ``forge(text)`` after it. The address."""

    def answer(client: socket.socket, _: int) -> None:
        client.sendall(accepting(request_of(client)))
        for opcode, payload in frames_of(client):
            client.sendall(frame(opcode, payload))
            if opcode == CLOSE:
                return
            client.sendall(b"".join(frame(opcode, each) for each in forge(payload)))

    with talking_server(answer) as url:
        yield url


@contextmanager
def unwilling_server() -> Iterator[str]:
    """Let everybody in, say nothing, and answer whatever is posted with 503 and a long page. The address."""
    page = b"<html>" + b"come back later " * 200
    refusal = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: %d\r\n\r\n" % len(page) + page

    def refuse(client: socket.socket, _: int) -> None:
        while request := request_of(client):
            if request.startswith(b"GET"):
                client.sendall(accepting(request))
                stay_with(client)
                return
            client.sendall(refusal)

    with talking_server(refuse) as url:
        yield url


@contextmanager
def storm_server(welcome_count: int) -> Iterator[str]:
    """Let the first ``welcome_count`` clients in and say nothing to them; hang up on all others. The address."""

    def welcome(client: socket.socket, number: int) -> None:
        if number < welcome_count:
            client.sendall(accepting(request_of(client)))
            stay_with(client)

    with talking_server(welcome) as url:
        yield url


@contextmanager
def refusing_server() -> Iterator[str]:
    """Answer every handshake with 503; the address."""

    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "come back later\n")

    def handle(_: ServerConnection) -> None:
        raise AssertionError("nobody gets in")

    with serve(handle, "127.0.0.1", 0, process_request=refuse, logger=_quiet()) as server, _running(server) as url:
        yield url


@contextmanager
def restarting_server(after_count: int) -> Iterator[str]:
    """Send each message back; at message ``after_count``, close everybody with 1012. The address."""
    lock = threading.Lock()
    connections: list[ServerConnection] = []
    heard_count = 0

    def handle(connection: ServerConnection) -> None:
        nonlocal heard_count
        with lock:
            connections.append(connection)
        with suppress(ConnectionClosed):
            for message in connection:
                connection.send(message)
                with lock:
                    heard_count += 1
                    is_last = heard_count == after_count
                if is_last:
                    for each in connections:
                        each.close(1012, "restarting")

    with serve(handle, "127.0.0.1", 0, logger=_quiet()) as server, _running(server) as url:
        yield url


@contextmanager
def _running(server: Server) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        server.shutdown()
        thread.join(PATIENCE_S)


def _quiet() -> logging.Logger:
    logger = logging.Logger("rude_servers")
    logger.addHandler(logging.NullHandler())
    return logger
