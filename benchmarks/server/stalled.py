"""Members of a room who never read: raw sockets, so that no library reads for them."""

import base64
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

from websockets.frames import Frame, Opcode

from target_app.accounts import generated_password
from target_app.settings import DEFAULT_ACCOUNTS_KEY

# Names that the generator does not use: it counts from 1.
FIRST_ACCOUNT = 11_000
RECEIVE_BUFFER_BYTES = 4096


@contextmanager
def stalled_members(url: str, count: int, room: str) -> Iterator[None]:
    """So many have joined, and do not read, for as long as the block lasts."""
    host, port = urlsplit(url).hostname or "127.0.0.1", urlsplit(url).port or 80
    with ExitStack() as stack:
        for number in range(FIRST_ACCOUNT, FIRST_ACCOUNT + count):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            connection.connect((host, port))
            key = base64.b64encode(os.urandom(16)).decode()
            connection.sendall(
                f"GET /ws/rooms?token={_token(host, port, f'user-{number:06d}')} HTTP/1.1\r\nHost: {host}:{port}\r\n"
                f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                "Sec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(1024)
            join = json.dumps({"type": "join", "room": room}).encode()
            connection.sendall(Frame(Opcode.TEXT, join).serialize(mask=True))
        yield


def count_of(url: str, what: str) -> int:
    """What /healthz counts."""
    connection = HTTPConnection(urlsplit(url).hostname or "127.0.0.1", urlsplit(url).port, timeout=10)
    connection.request("GET", "/healthz")
    count: int = json.load(connection.getresponse())[what]
    connection.close()
    return count


def _token(host: str, port: int, name: str) -> str:
    connection = HTTPConnection(host, port, timeout=10)
    body = json.dumps({"username": name, "password": generated_password(DEFAULT_ACCOUNTS_KEY, name)})
    connection.request("POST", "/login", body, {"Content-Type": "application/json"})
    token: str = json.load(connection.getresponse())["access_token"]
    connection.close()
    return token
