"""`GET /docs` and `/openapi.json`: every endpoint is there, described, and as it is described."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import BaseRoute, Route, WebSocketRoute

from target_app.app import create_app
from target_app.settings import Settings
from target_app.socket_guide import By, socket_guides
from tests.support.http_answers import ask
from tests.support.patience import PATIENCE_S
from tests.support.server_process import ServerProcess, server_process

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process() as running:
        yield running


def routes(found: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Every route, also those of routers within routers."""
    for route in found:
        router = getattr(route, "original_router", None)
        if router is None:
            yield route
        else:
            yield from routes(router.routes)


ROUTES = list(routes(create_app(Settings()).routes))
HTTP = [
    # Without converters, as OpenAPI has it: {room} and not {room:any}.
    (method.lower(), route.path_format)
    for route in ROUTES
    if isinstance(route, Route | APIRoute) and route.include_in_schema
    for method in sorted(route.methods or ())
]
SOCKETS = [route.path for route in ROUTES if isinstance(route, WebSocketRoute | APIWebSocketRoute)]
GUIDES = {guide.path: guide for guide in socket_guides()}


@pytest.fixture(scope="module")
def document(server: ServerProcess) -> Any:
    return ask(server, "GET", "/openapi.json").json


@pytest.fixture(scope="module")
def page(server: ServerProcess) -> str:
    answer = ask(server, "GET", "/docs")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return answer.body.decode()


@pytest.mark.parametrize(("method", "path"), HTTP)
def test_every_endpoint_is_described(document: Any, page: str, method: str, path: str) -> None:
    """A summary, more than a line of text, a tag that is explained, and its place on the page."""
    operation = document["paths"][path][method]

    assert operation["summary"]
    assert len(operation["description"]) > 60
    assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}
    assert f"<code>{path}</code>" in page


@pytest.mark.parametrize(("method", "path"), HTTP)
def test_every_refusal_is_described(document: Any, method: str, path: str) -> None:
    """With our shapes, not FastAPI's: whoever takes input tells of 422, whoever wants a login of 401."""
    operation = document["paths"][path][method]
    refusals = {status: each for status, each in operation["responses"].items() if status >= "400"}

    assert "500" in refusals
    if "422" in refusals:
        assert "WrongFields" in json.dumps(refusals["422"])
    if operation.get("parameters") or "schema" in json.dumps(operation.get("requestBody")):
        assert "422" in refusals
    if operation.get("security"):
        assert "401" in refusals
    for status, each in refusals.items():
        assert len(each["description"]) > 10, status


@pytest.mark.parametrize("path", SOCKETS)
def test_every_websocket_is_described(page: str, path: str) -> None:
    """OpenAPI knows none of them, so nothing else would notice one that is missing."""
    guide = GUIDES[path]

    assert {frame.by for frame in guide.frames} == set(By)
    assert all(frame.text for frame in guide.frames)
    assert f"<code>{path}</code>" in page


def test_no_websocket_is_described_that_is_not_there() -> None:
    """An endpoint that went takes its guide along."""
    assert set(GUIDES) == set(SOCKETS)


def shape_of(frame: Any) -> tuple[str, frozenset[str]]:
    """The type of a frame and the names of its fields, save the `id` that only an answer to a named frame has."""
    return frame["type"], frozenset(frame) - {"id"}


def test_the_rooms_protocol_is_as_described(server: ServerProcess) -> None:
    """A client's frames, sent as they stand in the guide, are understood; each answer has the fields of one there."""
    guide = GUIDES["/ws/rooms"]
    examples = [json.loads(frame.example) for frame in guide.frames if frame.by is By.SERVER]
    described = {shape_of(example) for example in examples}
    heard = set()
    with server.connect(f"/ws/rooms?token={server.token('user1')}") as connection:

        def hear_until(kind: str) -> None:
            while True:
                frame = json.loads(connection.recv(timeout=PATIENCE_S))
                assert frame.get("code") != "unknown_type", frame
                assert frame.get("code") != "bad_field", frame
                heard.add(shape_of(frame))
                if frame["type"] == kind:
                    return

        for frame in guide.frames:
            if frame.by is By.CLIENT:
                connection.send(frame.example)
        connection.send('{"type":"ping"}')
        hear_until("welcome")
        hear_until("pong")

    assert heard <= described


@pytest.mark.parametrize("path", ["/ws", "/ws/chat", "/ws/protected"])
def test_a_plain_websocket_says_what_is_described(server: ServerProcess, path: str) -> None:
    """Word by word, for the user of the examples."""
    with server.connect(f"{path}?token={server.token('user1')}") as connection:
        for frame in GUIDES[path].frames:
            if frame.by is By.CLIENT:
                connection.send(frame.example)
            elif "left" not in frame.example:
                assert connection.recv(timeout=PATIENCE_S) == frame.example


def test_the_page_may_load_and_run_nothing(server: ServerProcess, page: str) -> None:
    """No script, nothing from elsewhere, and a policy that would stop both."""
    policy = ask(server, "GET", "/docs").headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page


@pytest.mark.parametrize(("method", "path"), HTTP)
def test_every_refusal_is_told_as_json(document: Any, method: str, path: str) -> None:
    """Also of an endpoint whose answer is a page or a text; and 429 says that it tells how long to wait."""
    if path == "/openapi.json" or method == "head":
        return
    responses = document["paths"][path][method]["responses"]

    for status, told in responses.items():
        if status >= "400":
            assert set(told["content"]) == {"application/json"}
        assert ("Retry-After" in told.get("headers", {})) == (status == "429")
