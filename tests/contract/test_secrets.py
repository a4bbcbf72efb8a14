"""What the log never holds, whatever goes wrong: tokens, passwords."""

import json
import socket

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.http_answers import ask
from tests.support.server_process import COMMAND, ServerProcess, close_of, server_process, text_from

pytestmark = pytest.mark.system

A_PASSWORD = "correct-horse-battery"

# Everything that answers fails.
BROKEN = """
from target_app import __main__, chat_room, login
chat_room.ChatRoom.join = None
login.roles_of = None
raise SystemExit(__main__.main())
"""


def raw(server: ServerProcess, request: str) -> bytes:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(request.encode())
        return client.recv(4096)


def test_no_token_and_no_password_is_ever_logged() -> None:
    """Log files are where they are stolen from: not after errors either, ours and those of others."""
    with server_process("--accounts", "1", environment={"CHATBENCH_ADMIN_PASSWORD": A_PASSWORD}) as server:
        token = server.token("user1")
        for path in ("/ws/chat", "/ws/rooms", "/ws/protected"):
            with server.connect(f"{path}?token={token}") as connection:
                text_from(connection)
            with server.connect(f"{path}?token={token}x") as refused:
                close_of(refused)
            with server.connect(f"{path}?token={token}", origin="https://evil.example") as foreign:
                close_of(foreign)
        with pytest.raises(InvalidStatus), server.connect(f"/nowhere/at/all?token={token}"):
            pass
        with pytest.raises(InvalidStatus), server.connect(f"/ws/chat?token={token * 40}"):
            pass
        assert ask(server, "GET", f"/nowhere?token={token}").status == 404
        assert ask(server, "GET", f"/items/x?token={token}", headers={"Authorization": f"Bearer {token}"}).status == 422
        assert b" 400 " in raw(server, f"GET /ws/chat?token={token} HTTP/9.9\r\n: \r\n\r\n")
        for body in ({"username": "admin", "password": A_PASSWORD}, {"username": 1, "password": A_PASSWORD}):
            answer = ask(server, "POST", "/login", json.dumps(body).encode(), {"Content-Type": "application/json"})
            assert A_PASSWORD not in answer.body.decode()

        assert_silent(server, token)


def test_nor_when_it_is_we_who_fail() -> None:
    """A traceback quotes our code, and not what it worked on."""
    with server_process(environment={}, command=[*COMMAND[:1], "-c", BROKEN]) as server:
        body = json.dumps({"username": "user1", "password": "password1"}).encode()
        assert ask(server, "POST", "/login", body, {"Content-Type": "application/json"}).status == 500
        token = ask(server, "POST", "/login/guest").json["access_token"]
        with server.connect(f"/ws/chat?token={token}") as connection:
            assert close_of(connection) == (1011, "Internal server error")

        assert server.said().count("Traceback") == 2
        assert "password1" not in server.said()
        assert_silent(server, token)


def assert_silent(server: ServerProcess, token: str) -> None:
    """Neither on standard error nor on standard output, up to the end."""
    assert server.stop() == 0
    assert server.process.stdout is not None
    written = server.said() + server.process.stdout.read().decode()
    assert "?token=" not in written
    assert token not in written
    assert token.split(".")[1] not in written
    assert A_PASSWORD not in written
