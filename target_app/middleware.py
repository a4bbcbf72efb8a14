"""What every answer carries, whatever it answers: a request id, the time here, and how long it took.

    X-Request-ID: 5f0c9d2e41aa7b63           in our log beside whatever went wrong
    X-Server-Time: 2026-01-31T12:00:00.123Z  when the answer was begun
    Server-Timing: app;dur=1.62              ms from the request's last header to the answer's first (W3C)

Also an answer that no endpoint gave: 404, 405, 422, 500, the 101 of a WebSocket, and the refusal of one.

Plain ASGI and not Starlette's BaseHTTPMiddleware: that one knows no WebSockets, and costs every
request a task and a queue of its own.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

# A client's own id is taken over where it can do no harm in a log.
_HARMLESS_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

# What begins an answer, by the status that a client sees; 0 where the message tells it itself.
_BEGINNINGS = {"http.response.start": 0, "websocket.http.response.start": 0, "websocket.accept": 101}

log = logging.getLogger(__name__)


class StampAnswers:
    """Stamps each answer; answers itself where the app fails or refuses a handshake without a word.

    ``answered`` is told the route's path (None where there is no such route) and the status.
    """

    def __init__(self, app: ASGIApp, answered: Callable[[str | None, int], None]) -> None:
        self._app = app
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send, self._answered)
        try:
            await self._app(scope, receive, answer.send)
        except (ClientDisconnect, WebSocketDisconnect, ClientDisconnected):
            # The client has gone, the last of them in the middle of its handshake: nobody to answer, no fault of ours.
            return
        except Exception:
            # The route and not the path: a path may hold a session id, and a query a token.
            where = answer.route or "a path without a route"
            if answer.begun:
                # Half of it is out: only a cut connection tells the client that the rest is missing.
                log.error("request %s: %s failed in the middle of the answer", answer.request_id, where)
                raise
            log.exception("request %s: %s failed", answer.request_id, where)
            await answer.refuse(HTTPStatus.INTERNAL_SERVER_ERROR)


class _Answer:
    """One request's answer on its way out."""

    def __init__(self, scope: Scope, send: Send, answered: Callable[[str | None, int], None]) -> None:
        self._scope = scope
        self._send = send
        self._answered = answered
        self._started_ns = time.perf_counter_ns()
        self.request_id = _request_id(scope)
        self.begun = False

    @property
    def route(self) -> str | None:
        """The path of the route as it was written, `/items/{item_id}`; None without one."""
        return getattr(self._scope.get("route"), "path", None)

    async def send(self, message: Message) -> None:
        """Pass a message of the app on, stamped where it begins the answer."""
        kind = message["type"]
        if kind == "websocket.close" and not self.begun:
            # uvicorn would answer with an empty 403 of its own.
            known = self.route is not None
            await self.refuse(HTTPStatus.FORBIDDEN if known else HTTPStatus.NOT_FOUND)
            return
        if kind in _BEGINNINGS:
            self.begun = True
            self._stamp(message)
            self._answered(self.route, message.get("status", _BEGINNINGS[kind]))
        await self._send(message)

    async def refuse(self, status: HTTPStatus) -> None:
        """Answer in JSON, as every refusal here is."""
        response = JSONResponse({"detail": status.phrase}, status)
        await response(self._scope, _nothing_to_receive, self.send)

    def _stamp(self, message: Message) -> None:
        headers = MutableHeaders(raw=message.setdefault("headers", []))
        took_ms = (time.perf_counter_ns() - self._started_ns) / 1e6
        now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        headers["X-Request-ID"] = self.request_id
        headers["X-Server-Time"] = f"{now}Z"
        headers["Server-Timing"] = f"app;dur={took_ms:.2f}"


def _request_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _HARMLESS_ID.fullmatch(given) else secrets.token_hex(8)


async def _nothing_to_receive() -> Message:
    return {"type": "http.disconnect"}
