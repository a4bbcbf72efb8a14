"""The two servers of the live page, and a client that listens as a browser does."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import psutil

from scenarios.live_server import LiveServer
from tests.support.patience import PATIENCE_S


class Place(Protocol):
    """Where a live page is served."""

    @property
    def base(self) -> str:
        """What its paths begin with: ``/``, or a path with a slash at its end."""

    @property
    def address(self) -> tuple[str, int]: ...


@dataclass(frozen=True, slots=True)
class At:
    """One of a run, by its address."""

    url: str
    base: str = "/"

    @property
    def address(self) -> tuple[str, int]:
        return address_in(self.url)


class Served(Place, Protocol):
    """A live page that is told what the test says."""

    def tell(self, document: dict[str, Any]) -> None:
        """Have every page told of a document."""

    def descriptor_count(self) -> int:
        """How many files and sockets the process has open."""


@dataclass(slots=True)
class ServedByRun:
    """By ``chatbench run --web``."""

    server: LiveServer
    base: str = "/"

    @property
    def address(self) -> tuple[str, int]:
        return address_in(self.server.url)

    def tell(self, document: dict[str, Any]) -> None:
        self.server.note(document)

    def descriptor_count(self) -> int:
        return psutil.Process().num_fds()


@dataclass(slots=True)
class ServedByLocust:
    """Inside Locust's web UI, in a process of its own, since gevent changes all of it."""

    process: subprocess.Popen[str]
    address: tuple[str, int]
    base: str = "/chatbench/"

    def tell(self, document: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(document) + "\n")
        self.process.stdin.flush()

    def descriptor_count(self) -> int:
        return psutil.Process(self.process.pid).num_fds()


@contextmanager
def served_by_run() -> Iterator[ServedByRun]:
    with LiveServer(0) as server:
        yield ServedByRun(server)


@contextmanager
def served_by_locust() -> Iterator[ServedByLocust]:
    command = [sys.executable, "-m", "tests.support.locust_page"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield ServedByLocust(process, address_in(process.stdout.readline()))
        finally:
            process.kill()


def address_in(url: str) -> tuple[str, int]:
    parts = urlsplit(url.strip())
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def get(address: tuple[str, int], path: str, **headers: str) -> Answer:
    """Ask once, over a connection of its own."""
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers=headers | {"Connection": "close"})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


class Listener:
    """An open page: what the stream tells it, event by event."""

    def __init__(self, served: Place) -> None:
        self._connection = http.client.HTTPConnection(*served.address, timeout=PATIENCE_S)
        self._connection.request("GET", f"{served.base}events", headers={"Accept": "text/event-stream"})
        self._response = self._connection.getresponse()
        self.status = self._response.status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()
        self._connection.close()

    def next(self) -> dict[str, Any]:
        """The next event."""
        data = b""
        while True:
            line = self._response.readline()
            if not line:
                raise EOFError("the stream has ended")
            if line.startswith(b"data: "):
                data += line.removeprefix(b"data: ")
            if line == b"\n":
                answer: dict[str, Any] = json.loads(data)
                return answer

    def until(self, phase: str) -> dict[str, Any]:
        """The first event of that phase."""
        while (answer := self.next())["phase"] != phase:
            pass
        return answer


def an_idle_listener(served: Place) -> socket.socket:
    """One that asks for the stream and never reads it; its own buffer is small."""
    idle = socket.socket()
    idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    idle.settimeout(PATIENCE_S)
    idle.connect(served.address)
    idle.sendall(f"GET {served.base}events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return idle
