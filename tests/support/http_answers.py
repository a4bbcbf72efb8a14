"""One HTTP request to a server, and all of its answer."""

import json
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from typing import Any

from tests.support.patience import PATIENCE_S
from tests.support.server_process import ServerProcess


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which has to be JSON."""
        return json.loads(self.body)


def ask(
    server: ServerProcess, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """Send one request over a connection of its own."""
    with closing(HTTPConnection(server.url.removeprefix("http://"), timeout=PATIENCE_S)) as connection:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
