"""Dialect files: found by name or path, read, and checked so far that a run cannot trip over them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import jsonpath
from pydantic import Field

from loadgen.dialects.script import (
    AliveScript,
    ConnectScript,
    DialectScript,
    HttpScript,
    JoinScript,
    LoginScript,
    PublishScript,
    Reach,
)
from loadgen.dialects.template import placeholders
from loadgen.errors import InputError
from scenarios.validation import Duration, Section, parse_toml, validate

_WHO = ("username", "password", "user_id")
_CONNECTED = (*_WHO, "token")
_JOINED = (*_CONNECTED, "room")
_PUBLISHED = (*_JOINED, "id", "text", "json:text")


def _key(expected: str, default: Any = ..., **limits: Any) -> Any:
    return Field(default, json_schema_extra={"expected": expected}, **limits)


Frames = Annotated[str | list[str], Field()]


class _Http(Section):
    path: str = _key('a path like "/login"')
    method: str = _key("an HTTP method", "POST", pattern="^[A-Z]+$")
    headers: dict[str, str] = _key("a table of texts", {})
    json_: Any = Field(None, alias="json")
    form: dict[str, str] | None = _key("a table of texts", None)
    body: str | None = _key("a text", None)


class _Login(_Http):
    token: str | None = _key('a JSONPath like "$.access_token", header:NAME or cookie:NAME', None)


class _Connect(Section):
    path: str = _key('a path like "/ws/chat?token={token}"')
    headers: dict[str, str] = _key("a table of texts", {})
    subprotocols: list[str] = _key("a list of texts", [])
    send: Frames = _key("a frame, or a list of frames", [])
    until: str | None = _key("a text the awaited frame holds, or re:...", None)


class _Join(Section):
    send: Frames = _key("a frame, or a list of frames")
    until: str | None = _key("a text the awaited frame holds, or re:...", None)


class _Publish(Section):
    send: str | None = _key("a frame with {text} or {json:text}", None)
    http: _Http | None = _key("a table with method, path and json, form or body", None)
    echo: bool = _key("true or false", True)
    reach: Annotated[Reach, Field(strict=False)] = _key('"room" or "self"', Reach.ROOM)
    ack: str | None = _key("a text with {id} that an acknowledgement holds", None)


class _Alive(Section):
    reply: dict[str, str] = _key("a table: this frame is answered with that one", {})
    every: Duration | None = _key('a time > 0 like "20s"', None, gt=0)
    send: str | None = _key("a frame", None)


class DialectFile(Section):
    """A dialect file as it is written (product.md)."""

    login: _Login | None = _key("a table", None)
    connect: _Connect = _key("a table with at least a path")
    join: _Join | None = _key("a table with send", None)
    publish: _Publish = _key("a table with send or http")
    alive: _Alive = _key("a table", _Alive())


def builtin_dialects() -> list[str]:
    """The names of the dialects that come with chatbench."""
    folder = resources.files("loadgen.dialects")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_dialect(name_or_path: str) -> DialectScript:
    """The dialect of that name, or in that file; InputError where there is none, or it is wrong."""
    builtin = builtin_dialects()
    if name_or_path in builtin:
        text = (resources.files("loadgen.dialects") / f"{name_or_path}.toml").read_text(encoding="utf-8")
        return read_dialect(text, name_or_path, f"{name_or_path}.toml")
    path = Path(name_or_path)
    if not name_or_path.endswith(".toml") and not path.exists():
        near = get_close_matches(name_or_path, builtin, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise InputError(
            f'unknown dialect "{name_or_path}"{hint} (built in: {", ".join(builtin)}; or the path of a dialect file)'
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name_or_path}: cannot read the dialect file: {_why(error)}") from None
    return read_dialect(text, path.stem, name_or_path)


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "?" if isinstance(error, OSError) else "it is not UTF-8 text"


def read_dialect(text: str, name: str, source: str) -> DialectScript:
    """The dialect ``name`` from the text of a file; ``source`` is what errors call it."""
    file = validate(DialectFile, parse_toml(text, source), lambda path: f"{source}: {path}")
    _check(file, source)
    return _script(file, name)


def _check(file: DialectFile, source: str) -> None:
    """Everything that types cannot tell."""

    def wrong(path: str, expected: str, found: object) -> InputError:
        return InputError(f"{source}: {path}: expected {expected}, got {found}")

    _check_placeholders(file, source)
    for section, http in (("login", file.login), ("publish.http", file.publish.http)):
        if http is not None and sum(part is not None for part in (http.json_, http.form, http.body)) > 1:
            raise wrong(section, "one of json, form and body", "several of them")
    for path, text in (("connect", file.connect.until), ("join", file.join.until if file.join else None)):
        _check_pattern(f"{path}.until", text, source)
    if file.login is not None and file.login.token is not None:
        _check_token(file.login.token, source)

    publish = file.publish
    if (publish.send is None) == (publish.http is None):
        raise wrong("publish", "one of send and http", "both" if publish.send is not None else "neither")
    sends = publish.send if publish.send is not None else publish.http.model_dump() if publish.http else None
    names = placeholders(sends)
    if not {"text", "json:text"} & set(names):
        raise wrong("publish", "{text} or {json:text} in what is sent: it carries the marker", "neither")
    if publish.ack is not None:
        if "{id}" not in publish.ack:
            raise wrong("publish.ack", "{id} in it", f'"{publish.ack}"')
        if "id" not in names:
            raise wrong("publish", "{id} in what is sent, since publish.ack waits for it", "none")
        _check_pattern("publish.ack", publish.ack.replace("{id}", "x"), source)
    if publish.reach is Reach.SELF and not publish.echo:
        raise wrong("publish.echo", 'true where reach is "self"', "false")
    if (file.alive.every is None) != (file.alive.send is None):
        raise wrong("alive", "every and send together", "one of them")


def _check_placeholders(file: DialectFile, source: str) -> None:
    known: list[tuple[str, object, tuple[str, ...]]] = [
        ("login", file.login.model_dump() if file.login else None, _WHO),
        ("connect", file.connect.model_dump(), _CONNECTED),
        ("join", file.join.model_dump() if file.join else None, _JOINED),
        ("publish", file.publish.model_dump(exclude={"ack"}), _PUBLISHED),
        ("publish.ack", file.publish.ack, ("id",)),
        ("alive", file.alive.model_dump(), _JOINED),
    ]
    for path, value, allowed in known:
        for name in placeholders(value):
            if name not in allowed:
                raise InputError(f"{source}: {path}: unknown placeholder {{{name}}}{_hint(name, allowed)}")


def _hint(name: str, allowed: Iterable[str]) -> str:
    near = get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    if near:
        return f"; did you mean {{{near[0]}}}?"
    return "; here are " + ", ".join(f"{{{known}}}" for known in allowed)


def _check_pattern(path: str, text: str | None, source: str) -> None:
    if text is None or not text.startswith("re:"):
        return
    try:
        re.compile(text[3:])
    except re.error as error:
        raise InputError(
            f'{source}: {path}: expected a regular expression after re:, got "{text[3:]}": {error}'
        ) from None


def _check_token(token: str, source: str) -> None:
    kind, colon, name = token.partition(":")
    if colon and kind in {"header", "cookie"} and name:
        return
    try:
        jsonpath.compile(token)
    except jsonpath.JSONPathError as error:
        why = str(error).partition("\n")[0]
        raise InputError(
            f'{source}: login.token: expected a JSONPath like "$.access_token", header:NAME or cookie:NAME, '
            f'got "{token}": {why}'
        ) from None
    if not token.startswith("$"):
        raise InputError(
            f'{source}: login.token: expected a JSONPath like "$.access_token", header:NAME or cookie:NAME, '
            f'got "{token}"'
        )


def _script(file: DialectFile, name: str) -> DialectScript:
    login, join, publish, alive = file.login, file.join, file.publish, file.alive
    return DialectScript(
        name=name,
        connect=ConnectScript(
            path=file.connect.path,
            headers=file.connect.headers,
            subprotocols=tuple(file.connect.subprotocols),
            send=_frames(file.connect.send),
            until=file.connect.until,
        ),
        publish=PublishScript(
            send=publish.send,
            http=_http(publish.http) if publish.http else None,
            echo=publish.echo,
            reach=publish.reach,
            ack=publish.ack,
        ),
        login=LoginScript(_http(login), login.token) if login else None,
        join=JoinScript(_frames(join.send), join.until) if join else None,
        alive=AliveScript(alive.reply, alive.every, alive.send),
    )


def _http(http: _Http) -> HttpScript:
    return HttpScript(http.path, http.method, http.headers, http.json_, http.form, http.body)


def _frames(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
