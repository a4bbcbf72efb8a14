"""The keys of a dialect file (docs/dialects.md), and the script that comes of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from loadgen.dialects.script import (
    AliveScript,
    ConnectScript,
    DialectScript,
    DirectScript,
    ErrorsScript,
    FrameKind,
    FramesScript,
    HistoryScript,
    HttpScript,
    JoinScript,
    LeaveScript,
    LoginScript,
    PublishScript,
    Reach,
    SideScript,
    StepScript,
    TokenScript,
)
from scenarios.validation import Duration, Section


def _key(expected: str, default: Any = ..., **limits: Any) -> Any:
    return Field(default, json_schema_extra={"expected": expected}, **limits)


Frames = Annotated[str | list[str], Field()]


class HttpSection(Section):
    """An HTTP request."""

    path: str = _key('a path like "/login"')
    method: str = _key("an HTTP method", "POST", pattern="^[A-Z]+$")
    headers: dict[str, str] = _key("a table of texts", {})
    json_: Any = Field(None, alias="json")
    form: dict[str, str] | None = _key("a table of texts", None)
    body: str | None = _key("a text", None)


class LoginSection(HttpSection):
    """The request that brings a token."""

    token: str | None = _key('a JSONPath like "$.access_token", header:NAME or cookie:NAME', None)


class TokenSection(Section):
    """A token that is signed here."""

    claims: dict[str, Any] = _key("a table")
    secret: str | None = _key("a text", None)
    secret_env: str | None = _key("the name of an environment variable", None)
    secret_file: str | None = _key("the path of a file", None)
    algorithm: str = _key('"HS256", or another that PyJWT knows', "HS256")
    lifetime: Duration = _key('a time > 0 like "1h"', "1h", validate_default=True, gt=0)


class _Frames(Section):
    kind: Annotated[FrameKind, Field(strict=False)] = _key('"text" or "binary"', FrameKind.TEXT)
    separator: str | None = _key("a text that stands between messages", None, min_length=1)


class _Step(Section):
    send: Frames = _key("a frame, or a list of frames")
    until: str = _key("a text the awaited frame holds, or re:...")


class ConnectSection(Section):
    """How a connection is opened."""

    path: str = _key('a path like "/ws/chat?token={token}"')
    query: dict[str, str] = _key("a table of texts", {})
    headers: dict[str, str] = _key("a table of texts", {})
    cookies: dict[str, str] = _key("a table of texts", {})
    subprotocols: list[str] = _key("a list of texts", [])
    send: Frames = _key("a frame, or a list of frames", [])
    until: str | None = _key("a text the awaited frame holds, or re:...", None)
    then: list[_Step] = _key("a list of tables with send and until", [])
    node: str | None = _key("a text with {node} where the server says which node it is, or re:...", None)


class _Join(Section):
    send: Frames = _key("a frame, or a list of frames")
    until: str | None = _key("a text the awaited frame holds, or re:...", None)
    watch: Frames | None = _key("a frame, or a list of frames", None)


class _Leave(Section):
    send: Frames = _key("a frame, or a list of frames")


class PublishSection(Section):
    """How a message to a room is sent."""

    send: str | None = _key("a frame with {text} or {json:text}", None)
    http: HttpSection | None = _key("a table with method, path and json, form or body", None)
    echo: bool = _key("true or false", True)
    reach: Annotated[Reach, Field(strict=False)] = _key('"room" or "self"', Reach.ROOM)
    ack: str | None = _key("a text that an acknowledgement holds, with {id} or {n}, or re:...", None)
    acks_in_order: bool = _key("true or false", False)


class DirectSection(Section):
    """How a message to one user is sent."""

    send: str | None = _key("a frame with {to}, and {text} or {json:text}", None)
    http: HttpSection | None = _key("a table with method, path and json, form or body", None)
    echo: bool = _key("true or false", False)
    ack: str | None = _key("a text that an acknowledgement holds, with {id} or {n}, or re:...", None)


class SideSection(Section):
    """What users send beside messages."""

    send: str | None = _key("a frame", None)
    http: HttpSection | None = _key("a table with method and path", None)


class HistorySection(Section):
    """How it is asked for earlier messages."""

    send: str | None = _key("a frame that asks for the latest messages", None)
    catch_up: str | None = _key("a frame with {after}, sent after a reconnect", None)
    frame: str = _key("a text that every answer holds, or re:...")
    seq: str | None = _key("a text with {seq} where a message has its number, or re:...", None)
    more: str | None = _key("a text that an answer holds which is not the last, or re:...", None)


class _Alive(Section):
    reply: dict[str, str] = _key("a table: this frame is answered with that one", {})
    every: Duration | None = _key('a time > 0 like "20s"', None, gt=0)
    send: str | None = _key("a frame", None)
    answer: str | None = _key("a text the answer to it holds, or re:...", None)


class _Errors(Section):
    frames: list[str] = _key("a list of texts that such a frame holds, or re:...", [])


class DialectFile(Section):
    """A dialect file as it is written."""

    protocol: str | None = _key("the name of a protocol that a class speaks", None)
    login: LoginSection | None = _key("a table", None)
    token: TokenSection | None = _key("a table with claims, and secret, secret_env or secret_file", None)
    frames: _Frames = _key("a table with kind or separator", _Frames())
    connect: ConnectSection = _key("a table with at least a path")
    join: _Join | None = _key("a table with send", None)
    leave: _Leave | None = _key("a table with send", None)
    publish: PublishSection = _key("a table with send or http")
    direct: DirectSection | None = _key("a table with send or http", None)
    typing: SideSection | None = _key("a table with send or http", None)
    presence: SideSection | None = _key("a table with send or http", None)
    history: HistorySection | None = _key("a table with frame, and send or catch_up", None)
    http: HttpSection | None = _key("a table with a path, and method, headers and json, form or body", None)
    alive: _Alive = _key("a table", _Alive())
    errors: _Errors = _key("a table with frames", _Errors())


class SpokenPublish(Section):
    """What a file may say of messages where a class writes them."""

    echo: bool = _key("true or false", True)
    reach: Annotated[Reach, Field(strict=False)] = _key('"room" or "self"', Reach.ROOM)


class SpokenConnect(Section):
    """What a file may say of connecting where a class does it."""

    path: str = _key('a path like "/mqtt"')
    query: dict[str, str] = _key("a table of texts", {})
    headers: dict[str, str] = _key("a table of texts", {})
    cookies: dict[str, str] = _key("a table of texts", {})
    subprotocols: list[str] = _key("a list of texts", [])


class SpokenFile(Section):
    """A file whose protocol a class speaks; what it wants to know besides is the table [options]."""

    protocol: str = _key("the name of a protocol that a class speaks")
    login: LoginSection | None = _key("a table", None)
    token: TokenSection | None = _key("a table with claims, and secret, secret_env or secret_file", None)
    connect: SpokenConnect = _key("a table with at least a path")
    publish: SpokenPublish = _key("a table with echo or reach", SpokenPublish())
    options: dict[str, Any] = _key("a table", {})


def script_of(file: DialectFile, name: str, token: TokenScript | None) -> DialectScript:
    """The script of a file that was checked; ``token`` is its section [token], its secret at hand."""
    login, join, publish, alive = file.login, file.join, file.publish, file.alive
    direct, history, connect = file.direct, file.history, file.connect
    return DialectScript(
        name=name,
        connect=connect_script(
            connect,
            _frames(connect.send),
            connect.until,
            tuple(StepScript(_frames(step.send), step.until) for step in connect.then),
            connect.node,
        ),
        publish=PublishScript(
            send=publish.send,
            http=_http(publish.http) if publish.http else None,
            echo=publish.echo,
            reach=publish.reach,
            ack=publish.ack,
            acks_in_order=publish.acks_in_order,
        ),
        login=login_script(login),
        token=token,
        frames=FramesScript(file.frames.kind, file.frames.separator),
        join=JoinScript(_frames(join.send), join.until, _frames(join.watch or [])) if join else None,
        leave=LeaveScript(_frames(file.leave.send)) if file.leave else LeaveScript(),
        direct=DirectScript(direct.send, _http(direct.http) if direct.http else None, direct.echo, direct.ack)
        if direct
        else None,
        typing=_side(file.typing) if file.typing else None,
        presence=_side(file.presence) if file.presence else None,
        history=HistoryScript(history.frame, history.send, history.catch_up, history.seq, history.more)
        if history
        else None,
        http=_http(file.http) if file.http else None,
        alive=AliveScript(alive.reply, alive.every, alive.send, alive.answer),
        errors=ErrorsScript(tuple(file.errors.frames)),
    )


def connect_script(
    connect: ConnectSection | SpokenConnect,
    send: tuple[str, ...] = (),
    until: str | None = None,
    then: tuple[StepScript, ...] = (),
    node: str | None = None,
) -> ConnectScript:
    """How a connection is opened, and what is said first."""
    return ConnectScript(
        path=connect.path,
        query=connect.query,
        headers=connect.headers,
        cookies=connect.cookies,
        subprotocols=tuple(connect.subprotocols),
        send=send,
        until=until,
        then=then,
        node=node,
    )


def login_script(login: LoginSection | None) -> LoginScript | None:
    """How one logs in."""
    return None if login is None else LoginScript(_http(login), login.token)


def _side(side: SideSection) -> SideScript:
    return SideScript(side.send, _http(side.http) if side.http else None)


def _http(http: HttpSection) -> HttpScript:
    return HttpScript(http.path, http.method, http.headers, http.json_, http.form, http.body)


def _frames(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
