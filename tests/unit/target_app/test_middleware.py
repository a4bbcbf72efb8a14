"""The stamps, where the app below does not come to a good end."""

import asyncio
import logging

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

from target_app.middleware import StampAnswers

HTTP: Scope = {"type": "http", "method": "GET", "path": "/tea", "headers": []}
WEBSOCKET: Scope = {"type": "websocket", "path": "/tea", "headers": []}


def answers(app: ASGIApp, scope: Scope) -> tuple[list[Message], list[tuple[str | None, int]]]:
    """Let the app handle one request; what it sent, and what was counted."""
    sent: list[Message] = []
    counted: list[tuple[str | None, int]] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing to receive")

    asyncio.run(StampAnswers(app, lambda route, status: counted.append((route, status)))(dict(scope), receive, send))
    return sent, counted


def failing(error: Exception, *messages: Message) -> ASGIApp:
    """An app that sends something and fails."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(dict(message))
        raise error

    return app


@pytest.mark.parametrize("scope", [HTTP, WEBSOCKET])
@pytest.mark.parametrize("error", [ClientDisconnect(), WebSocketDisconnect(1006), ClientDisconnected()])
def test_a_client_that_has_gone_is_no_fault_of_ours(
    scope: Scope, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is left to answer, and there is nothing to log."""
    assert answers(failing(error), scope) == ([], [])
    assert caplog.records == []


@pytest.mark.parametrize(
    ("scope", "kind"), [(HTTP, "http.response.start"), (WEBSOCKET, "websocket.http.response.start")]
)
def test_a_fault_before_the_answer_is_answered(scope: Scope, kind: str) -> None:
    """A 500 like every refusal: stamped, counted, and in JSON."""
    sent, counted = answers(failing(KeyError("tea")), scope)

    assert (sent[0]["type"], sent[0]["status"]) == (kind, 500)
    assert b"x-request-id" in dict(sent[0]["headers"])
    assert sent[1]["body"] == b'{"detail":"Internal Server Error"}'
    assert counted == [(None, 500)]


def test_a_fault_in_the_middle_of_an_answer_goes_on_to_the_server(caplog: pytest.LogCaptureFixture) -> None:
    """Only a cut connection tells the client that the rest is missing."""
    with caplog.at_level(logging.ERROR), pytest.raises(KeyError):
        answers(failing(KeyError("tea"), {"type": "http.response.start", "status": 200}), HTTP)

    assert "in the middle of the answer" in caplog.text
