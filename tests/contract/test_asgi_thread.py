"""An application served by a thread: its lifespan, its address, and what is said where it does not start or end."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI, WebSocket
from websockets.sync.client import connect

from loadgen.errors import InputError
from scenarios.asgi_thread import Message, Receive, Send, serving_app
from scenarios.servers import ServerFailedError
from tests.support.patience import PATIENCE_S

# Nothing of a server is left when its block has ended.
THREAD = "chatbench-app"
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == THREAD]


def an_app(lifespan: Lifespan | None = None) -> FastAPI:
    app = FastAPI(lifespan=lifespan)

    @app.websocket("/ws")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    return app


def test_an_application_is_served_from_its_start_to_its_end() -> None:
    """Sockets that are still open then are closed, and nobody waits for them."""
    heard: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        heard.append("started")
        yield
        heard.append("ended")

    with ExitStack() as stack:
        with serving_app(an_app(lifespan)) as server:
            socket = stack.enter_context(connect(server.url.replace("http", "ws", 1) + "/ws", proxy=None))
            socket.send("hello")
            assert socket.recv(timeout=PATIENCE_S) == "hello"
            assert heard == ["started"]
            assert server.died() is None

        assert heard == ["started", "ended"]
        assert threads() == []


def test_an_application_need_not_know_of_a_lifespan() -> None:
    """Plain ASGI, as some frameworks are."""

    async def app(scope: Message, _: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with serving_app(app) as server:
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE_S)
        connection.request("GET", "/")
        assert connection.getresponse().status == 204
        connection.close()


def test_an_application_that_does_not_start_says_why() -> None:
    """In the words of its own exception."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    with (
        pytest.raises(ServerFailedError, match=r"^the application did not start: OSError: no database$"),
        serving_app(an_app(lifespan)),
    ):
        pass
    assert threads() == []


def test_an_application_that_never_starts_is_given_up() -> None:
    """And ended, though it waits for something that does not come."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    with (
        pytest.raises(ServerFailedError, match=r"^the application was not ready within 0\.05 s$"),
        serving_app(an_app(lifespan), ready_s=0.05),
    ):
        pass
    assert threads() == []


@pytest.mark.parametrize("app", [3, "chat:app", FastAPI, an_app])
def test_what_is_no_application_is_refused(app: object) -> None:
    """A class, or a function that would make one, too."""
    with pytest.raises(InputError, match=r"^app: expected an ASGI application"), serving_app(app):
        pass


def test_logging_is_left_as_it_was() -> None:
    """A line for each socket would cost the server its time, and is not wanted meanwhile."""
    logger = logging.getLogger("uvicorn")
    before = logger.level
    with serving_app(an_app()):
        assert logger.getEffectiveLevel() == logging.WARNING
    assert logger.level == before
