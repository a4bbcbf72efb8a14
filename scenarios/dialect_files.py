"""Dialect files: found by name or path, read, and checked so far that a run cannot trip over them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
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
from loadgen.dialects.scripted import ack_pattern, matcher
from loadgen.dialects.template import PLACEHOLDER, placeholders
from loadgen.errors import InputError
from scenarios.validation import Duration, Section, parse_toml, validate

_WHO = ("username", "password", "user_id")
_CONNECTED = (*_WHO, "token")
_JOINED = (*_CONNECTED, "room")
_PUBLISHED = (*_JOINED, "id", "text", "json:text")

# RFC 9110, 5.6.2 and 5.5; RFC 3986: what may stand in a path and a query, unquoted.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_PATH = re.compile(r"/[!$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~-]*")


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
    if not name_or_path.endswith(".toml") and not os.path.exists(name_or_path):  # noqa: PTH110 - Path raises on some names
        near = get_close_matches(name_or_path, builtin, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise InputError(
            f"unknown dialect {_quoted(name_or_path)}{hint} "
            f"(built in: {', '.join(builtin)}; or the path of a dialect file)"
        )
    path = Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{name_or_path}: cannot read the dialect file: {_why(error)}") from None
    return read_dialect(text, path.stem, name_or_path)


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def read_dialect(text: str, name: str, source: str) -> DialectScript:
    """The dialect ``name`` from the text of a file; ``source`` is what errors call it."""
    file = validate(DialectFile, parse_toml(text, source), lambda path: f"{source}: {path}")
    _check(file, source)
    return _script(file, name)


def _wrong(source: str, path: str, expected: str, found: object) -> InputError:
    return InputError(f"{source}: {path}: expected {expected}, got {found}")


def _quoted(text: str) -> str:
    """In one line, whatever it holds."""
    return json.dumps(text)


def _check(file: DialectFile, source: str) -> None:
    """Everything that types cannot tell."""
    _check_placeholders(file, source)
    for section, http in (("login", file.login), ("publish.http", file.publish.http)):
        if http is not None:
            _check_http(http, section, source)
    _check_request(file.connect, "connect", source)
    for i, name in enumerate(file.connect.subprotocols):
        if not _TOKEN.fullmatch(_example(name)):
            raise _wrong(source, f"connect.subprotocols[{i}]", "a name without spaces or commas", _quoted(name))
    for path, until in (("connect.until", file.connect.until), ("join.until", file.join.until if file.join else None)):
        if until is not None:
            _check_pattern(path, until, lambda text: matcher(_example(text)), source)
    if file.login is not None and file.login.token is not None:
        _check_token(file.login.token, source)
    _check_publish(file.publish, source)
    alive = file.alive
    if (alive.every is None) != (alive.send is None):
        there, missing = ("every", "send") if alive.send is None else ("send", "every")
        raise _wrong(source, f"alive.{missing}", f"a value, since alive.{there} is given", "none")


def _check_publish(publish: _Publish, source: str) -> None:
    if (publish.send is None) == (publish.http is None):
        raise _wrong(source, "publish", "one of send and http", "both" if publish.send is not None else "neither")
    path = "publish.http" if publish.http is not None else "publish.send"
    names = placeholders(publish.http.model_dump() if publish.http is not None else publish.send)
    if not {"text", "json:text"} & set(names):
        raise _wrong(source, path, "{text} or {json:text} in it, which carries the marker", "neither")
    if publish.ack is not None:
        if "{id}" not in publish.ack:
            raise _wrong(source, "publish.ack", "{id} in it", _quoted(publish.ack))
        if "id" not in names:
            raise _wrong(source, path, "{id} in it, since publish.ack waits for it", "none")
        _check_pattern("publish.ack", publish.ack, ack_pattern, source)
    if publish.reach is Reach.SELF and not publish.echo:
        raise _wrong(source, "publish.echo", 'true where reach is "self"', "false")


def _check_http(http: _Http, path: str, source: str) -> None:
    _check_request(http, path, source)
    if sum(part is not None for part in (http.json_, http.form, http.body)) > 1:
        raise _wrong(source, path, "one of json, form and body", "several of them")
    try:
        json.dumps(http.json_, allow_nan=False)
    except (TypeError, ValueError):
        raise _wrong(source, f"{path}.json", "what JSON can say", "a date, a time, nan or inf in it") from None


def _check_request(request: _Http | _Connect, path: str, source: str) -> None:
    """What would not survive as the head of an HTTP request."""
    if not _PATH.fullmatch(_example(request.path)):
        expected = 'a path like "/ws?token={token}", from / on, anything odd percent-encoded'
        raise _wrong(source, f"{path}.path", expected, _quoted(request.path))
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name):
            raise _wrong(source, f"{path}.headers", "the name of an HTTP header", _quoted(name))
        if not _HEADER_VALUE.fullmatch(value):
            raise _wrong(source, f"{path}.headers.{name}", "a text in one line", _quoted(value))


def _example(text: str) -> str:
    """The text with something harmless in place of its placeholders."""
    return PLACEHOLDER.sub("x", text)


def _check_placeholders(file: DialectFile, source: str) -> None:
    known: list[tuple[str, Section | None, tuple[str, ...]]] = [
        ("login", file.login, _WHO),
        ("connect", file.connect, _CONNECTED),
        ("join", file.join, _JOINED),
        ("publish", file.publish, _PUBLISHED),
        ("alive", file.alive, _JOINED),
    ]
    for section, model, names in known:
        for key, value in model.model_dump(by_alias=True).items() if model else ():
            allowed = ("id", "seq") if (section, key) == ("publish", "ack") else names
            for name in placeholders(value):
                if name not in allowed:
                    raise InputError(f"{source}: {section}.{key}: unknown placeholder {{{name}}}{_hint(name, allowed)}")


def _hint(name: str, allowed: Iterable[str]) -> str:
    near = get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    if near:
        return f"; did you mean {{{near[0]}}}?"
    return "; here are " + ", ".join(f"{{{known}}}" for known in allowed)


def _check_pattern(path: str, text: str, compile_it: Callable[[str], object], source: str) -> None:
    try:
        compile_it(text)
    # Patterns are compiled for bytes, and there (?u) is a ValueError; the others are of patterns too large.
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise _wrong(source, path, "a regular expression after re:", f"{_quoted(text[3:])}: {why}") from None


def _check_token(token: str, source: str) -> None:
    kind, colon, name = token.partition(":")
    if colon and kind in {"header", "cookie"} and name:
        return
    expected = 'a JSONPath like "$.access_token", header:NAME or cookie:NAME'
    try:
        jsonpath.compile(token)
    except (jsonpath.JSONPathError, ValueError, RecursionError) as error:
        why = " ".join(str(error).partition("\n")[0].split())
        raise _wrong(source, "login.token", expected, f"{_quoted(token)}: {why}") from None
    if not token.startswith("$"):
        raise _wrong(source, "login.token", expected, _quoted(token))


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
