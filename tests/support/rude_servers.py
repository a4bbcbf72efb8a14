"""Servers that misbehave in one way each; they live in threads of the test, which sees what they see."""

from __future__ import annotations

import base64
import hashlib
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.support.patience import PATIENCE_S

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_CLOSE_FRAME = 0x88


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
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = Seen(f"http://127.0.0.1:{listener.getsockname()[1]}")
        clients: list[socket.socket] = []
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return  # the listener was shut down
                clients.append(client)
                threads.append(threading.Thread(target=_listen_to, args=(client, seen, upgrades)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield seen
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(PATIENCE_S)
            for client in clients:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(PATIENCE_S)
            for client in clients:
                client.close()


def _listen_to(client: socket.socket, seen: Seen, upgrades: bool) -> None:
    with suppress(OSError):
        request = b""
        while b"\r\n\r\n" not in request:
            data = client.recv(4096)
            if not data:
                return
            request += data
        seen.request.set()
        if upgrades:
            client.sendall(_handshake(request))
        while data := client.recv(4096):
            seen.frame.set()
            if data[0] == _CLOSE_FRAME:
                seen.close.set()


def _handshake(request: bytes) -> bytes:
    headers = dict(line.lower().split(b": ", 1) for line in request.split(b"\r\n")[1:] if b": " in line)
    at = request.lower().index(b"sec-websocket-key: ") + len(b"sec-websocket-key: ")
    key = request[at : at + len(headers[b"sec-websocket-key"])]
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


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
