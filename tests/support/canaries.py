"""Secrets that would be known again wherever they came out, and servers that repeat what they are told."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

from tests.support.raw_websocket import accepting, close_frame, frame
from tests.support.rude_servers import frames_of, request_of, stay_with

A_TOKEN, A_PASSWORD = "token-b7f3c1", "word-91ac5e"
A_HEADER, AN_API_KEY, ITS_OWNER, OF_FIGURES = "basic-c0ffee", "key-5eed77", "url-deafed", "metrics-ca5cade"
SECRETS = (A_TOKEN, A_PASSWORD, A_HEADER, AN_API_KEY, ITS_OWNER, OF_FIGURES)
# The reference server lets in whoever has them.
HEADERS = ("--header", f"X-Auth: Bearer {A_HEADER}", "--header", f"X-Api-Key: {AN_API_KEY}")

BY_HANDSHAKE = """
[connect]
path = "/ws?token={token}"
cookies = { who = "{token}" }
subprotocols = ["chat", "{token}"]
[connect.headers]
X-Mine = "{token}"
[publish]
send = "{text}"
reach = "self"
"""
BY_FRAME = """
[connect]
path = "/"
send = "AUTH {token}"
until = "welcome"
[publish]
send = "{text}"
reach = "self"
[errors]
frames = ["AUTH"]
"""
BY_POST = """
[connect]
path = "/"
[publish]
http = { method = "POST", path = "/say/{token}", json = { text = "{text}", by = "{token}" } }
"""


def owned(url: str) -> str:
    """The address with a name and a password in it."""
    return url.replace("//", f"//me:{ITS_OWNER}@")


def repeat(client: socket.socket, _: int) -> None:
    """Refuse, and show what was asked for."""
    refuse(client, request_of(client))


def repeat_frames(client: socket.socket, _: int) -> None:
    """Let somebody in, and throw them out at their first word, which is repeated twice."""
    client.sendall(accepting(request_of(client)))
    opcode, payload = next(iter(frames_of(client)))
    client.sendall(frame(opcode, payload) + close_frame(1008, payload.decode()[:100]))


def repeat_posts(client: socket.socket, _: int) -> None:
    """Let everybody in, and refuse what they say beside their sockets."""
    request = request_of(client)
    if b"upgrade: websocket" in request.lower():
        client.sendall(accepting(request))
        stay_with(client)
    else:
        refuse(client, request)


def refuse(client: socket.socket, body: bytes) -> None:
    client.sendall(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def files_with_secrets(files: Iterable[Path]) -> list[tuple[str, str]]:
    """The names of those that hold one, and which."""
    return [(path.name, secret) for path in files for secret in SECRETS if secret.encode() in path.read_bytes()]


def secrets_in(*texts: str) -> list[str]:
    """Those that stand in one of them."""
    return [secret for secret in SECRETS if any(secret in text for text in texts)]
