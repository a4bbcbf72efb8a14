"""The reference server as a process of its own: started, logged in to, stopped."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from typing import IO, Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from target_app.accounts import KNOWN_PASSWORDS, generated_password
from target_app.settings import DEFAULT_ACCOUNTS_KEY
from tests.support.patience import PATIENCE_S

COMMAND = [sys.executable, "-m", "target_app"]
# Known here, so that a test can make tokens the server believes.
SECRET = "a secret for tests, of 32 bytes or more"


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A reference server that has said it is ready."""

    url: str
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    def request(self, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """GET, or POST with a JSON body; the status and the JSON answer."""
        with closing(HTTPConnection(self.url.removeprefix("http://"), timeout=PATIENCE_S)) as connection:
            method = "GET" if body is None else "POST"
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, json.load(response)

    def text(self, path: str) -> str:
        """GET; the body of the answer."""
        with closing(HTTPConnection(self.url.removeprefix("http://"), timeout=PATIENCE_S)) as connection:
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def headers(self, path: str) -> HTTPMessage:
        """GET; the headers of the answer, whatever their case."""
        with closing(HTTPConnection(self.url.removeprefix("http://"), timeout=PATIENCE_S)) as connection:
            connection.request("GET", path)
            return connection.getresponse().headers

    def login(self, name: str, password: str) -> tuple[int, Any]:
        """Try to log in; the status and the JSON answer."""
        return self.request("/login", json.dumps({"username": name, "password": password}).encode())

    def token(self, name: str) -> str:
        """Log in with the right password; the token."""
        password = KNOWN_PASSWORDS.get(name) or generated_password(DEFAULT_ACCOUNTS_KEY, name)
        status, grant = self.login(name, password)
        assert status == 200, grant
        token: str = grant["access_token"]
        return token

    def connect(self, path: str, **options: Any) -> ClientConnection:
        """Open a WebSocket, in a `with` block."""
        url = self.url.replace("http", "ws", 1) + path
        connection: ClientConnection = connect(url, proxy=None, compression=None, **options)
        return connection

    def peer_ports(self) -> set[int]:
        """Return the far ports of every TCP socket the server holds a descriptor of."""
        sockets = psutil.Process(self.process.pid).net_connections("tcp")
        return {each.raddr.port for each in sockets if each.raddr}

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send one signal and wait; the exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)

    def said(self) -> str:
        """Return all that went to standard error so far."""
        self.log.seek(0)
        return self.log.read().decode()


@contextmanager
def server_process(
    *flags: str, environment: dict[str, str] | None = None, command: Sequence[str] = COMMAND
) -> Iterator[ServerProcess]:
    """Run a server on a free port; enter the block when it is ready, kill it at the end of the block."""
    variables = {"CHATBENCH_SECRET": SECRET} if environment is None else environment
    arguments = [*command, "--port", "0", "--exit-with-stdin", *flags]
    with (
        tempfile.TemporaryFile() as log,
        # Killed, it cannot tidy up its database.
        tempfile.TemporaryDirectory() as scratch,
        subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "TMPDIR": scratch, **variables},
        ) as process,
    ):
        try:
            yield ServerProcess(url=_ready_url(process, log), process=process, log=log)
        finally:
            process.kill()


def text_from(connection: ClientConnection) -> str:
    """Return the next text the server sends."""
    text = connection.recv(timeout=PATIENCE_S)
    assert isinstance(text, str)
    return text


def heard(connection: ClientConnection) -> dict[str, Any]:
    """Return the next frame of the rooms protocol."""
    frame: dict[str, Any] = json.loads(text_from(connection))
    return frame


def asked(connection: ClientConnection, **fields: object) -> dict[str, Any]:
    """Send a frame of the rooms protocol; the next one that comes."""
    connection.send(json.dumps(fields))
    return heard(connection)


def close_of(connection: ClientConnection) -> tuple[int, str]:
    """Read until the server closes; its code and reason."""
    with pytest.raises(ConnectionClosed) as closed:
        _read_to_the_end(connection)
    assert closed.value.rcvd is not None, "cut without a close frame"
    return closed.value.rcvd.code, closed.value.rcvd.reason


def _read_to_the_end(connection: ClientConnection) -> None:
    while True:
        connection.recv(timeout=PATIENCE_S)


def _ready_url(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], PATIENCE_S)[0]:
        raise TimeoutError(f"no ready line in {PATIENCE_S} s")
    line = process.stdout.readline()
    if not line:
        code = process.wait(PATIENCE_S)
        log.seek(0)
        raise RuntimeError(f"ended with {code} before it was ready: {log.read().decode()}")
    ready = json.loads(line)
    assert ready["ready"] is True
    assert ready["pid"] == process.pid
    url: str = ready["url"]
    return url
