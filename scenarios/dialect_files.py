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
    DirectScript,
    HistoryScript,
    HttpScript,
    JoinScript,
    LoginScript,
    PublishScript,
    Reach,
    SideScript,
)
from loadgen.dialects.scripted import ack_pattern, matcher, number_pattern
from loadgen.dialects.template import PLACEHOLDER, placeholders
from loadgen.errors import InputError
from scenarios.validation import Duration, Section, parse_toml, validate

_WHO = ("username", "password", "user_id")
_CONNECTED = (*_WHO, "token")
_JOINED = (*_CONNECTED, "room")
_PUBLISHED = (*_JOINED, "id", "text", "json:text")
_DIRECTED = (*_PUBLISHED, "to")
_KEYS_OF_THEIR_OWN: dict[tuple[str, str], tuple[str, ...]] = {
    ("publish", "ack"): ("id", "seq"),
    ("direct", "ack"): ("id",),
    ("history", "catch_up"): (*_JOINED, "after"),
    ("history", "frame"): (),
    ("history", "seq"): ("seq",),
    ("history", "more"): (),
}

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
    watch: Frames | None = _key("a frame, or a list of frames", None)


class _Publish(Section):
    send: str | None = _key("a frame with {text} or {json:text}", None)
    http: _Http | None = _key("a table with method, path and json, form or body", None)
    echo: bool = _key("true or false", True)
    reach: Annotated[Reach, Field(strict=False)] = _key('"room" or "self"', Reach.ROOM)
    ack: str | None = _key("a text with {id} that an acknowledgement holds", None)


class _Direct(Section):
    send: str | None = _key("a frame with {to}, and {text} or {json:text}", None)
    http: _Http | None = _key("a table with method, path and json, form or body", None)
    echo: bool = _key("true or false", False)
    ack: str | None = _key("a text with {id} that an acknowledgement holds", None)


class _Side(Section):
    send: str | None = _key("a frame", None)
    http: _Http | None = _key("a table with method and path", None)


class _History(Section):
    send: str | None = _key("a frame that asks for the latest messages", None)
    catch_up: str | None = _key("a frame with {after}, sent after a reconnect", None)
    frame: str = _key("a text that every answer holds, or re:...")
    seq: str | None = _key("a text with {seq} where a message has its number, or re:...", None)
    more: str | None = _key("a text that an answer holds which is not the last, or re:...", None)


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
    direct: _Direct | None = _key("a table with send or http", None)
    typing: _Side | None = _key("a table with send or http", None)
    presence: _Side | None = _key("a table with send or http", None)
    history: _History | None = _key("a table with frame, and send or catch_up", None)
    http: _Http | None = _key("a table with a path, and method, headers and json, form or body", None)
    alive: _Alive = _key("a table", _Alive())


def builtin_dialects() -> list[str]:
    """The names of the dialects that come with chatbench."""
    folder = resources.files("loadgen.dialects")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def builtin_text(name: str) -> str:
    """The file of a dialect that comes with chatbench; InputError where there is none of that name."""
    builtin = builtin_dialects()
    if name not in builtin:
        raise _unknown(name, f"built in: {', '.join(builtin)}")
    return (resources.files("loadgen.dialects") / f"{name}.toml").read_text(encoding="utf-8")


def summary_of(text: str) -> str:
    """The first comment of a dialect file, which says what it is; empty where it has none."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(lines)


def _unknown(name: str, there_is: str) -> InputError:
    near = get_close_matches(name, builtin_dialects(), n=1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    return InputError(f"unknown dialect {_quoted(name)}{hint} ({there_is})")


def load_dialect(name_or_path: str) -> DialectScript:
    """The dialect of that name, or in that file; InputError where there is none, or it is wrong."""
    builtin = builtin_dialects()
    if name_or_path in builtin:
        return read_dialect(builtin_text(name_or_path), name_or_path, f"{name_or_path}.toml")
    if not name_or_path.endswith(".toml") and not os.path.exists(name_or_path):  # noqa: PTH110 - Path raises on some names
        raise _unknown(name_or_path, f"built in: {', '.join(builtin)}; or the path of a dialect file")
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
    several = {"publish": file.publish, "direct": file.direct, "typing": file.typing, "presence": file.presence}
    requests: list[tuple[str, _Http | None]] = [("login", file.login), ("http", file.http)]
    requests += [(f"{name}.http", section.http) for name, section in several.items() if section is not None]
    for path, http in requests:
        if http is not None:
            _check_http(http, path, source)
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
    if file.direct is not None:
        _check_message(file.direct, "direct", source)
        if "to" not in placeholders(file.direct.model_dump()):
            raise _wrong(source, "direct", "{to} in it, which says whom it is for", "none")
    for name, side in (("typing", file.typing), ("presence", file.presence)):
        if side is not None:
            _check_one_way(side, name, source)
    if file.history is not None:
        _check_history(file.history, source)
    alive = file.alive
    if (alive.every is None) != (alive.send is None):
        there, missing = ("every", "send") if alive.send is None else ("send", "every")
        raise _wrong(source, f"alive.{missing}", f"a value, since alive.{there} is given", "none")


def _check_publish(publish: _Publish, source: str) -> None:
    _check_message(publish, "publish", source)
    if publish.reach is Reach.SELF and not publish.echo:
        raise _wrong(source, "publish.echo", 'true where reach is "self"', "false")


def _check_message(message: _Publish | _Direct, section: str, source: str) -> None:
    _check_one_way(message, section, source)
    path = f"{section}.http" if message.http is not None else f"{section}.send"
    names = placeholders(message.http.model_dump() if message.http is not None else message.send)
    if not {"text", "json:text"} & set(names):
        raise _wrong(source, path, "{text} or {json:text} in it, which carries the marker", "neither")
    if message.ack is not None:
        if "{id}" not in message.ack:
            raise _wrong(source, f"{section}.ack", "{id} in it", _quoted(message.ack))
        if "id" not in names:
            raise _wrong(source, path, f"{{id}} in it, since {section}.ack waits for it", "none")
        _check_pattern(f"{section}.ack", message.ack, ack_pattern, source)


def _check_one_way(section: _Publish | _Direct | _Side, path: str, source: str) -> None:
    if (section.send is None) == (section.http is None):
        raise _wrong(source, path, "one of send and http", "both" if section.send is not None else "neither")


def _check_history(history: _History, source: str) -> None:
    if history.send is None and history.catch_up is None:
        raise _wrong(source, "history", "one of send and catch_up, or both", "neither")
    if history.catch_up is not None:
        if "{after}" not in history.catch_up:
            raise _wrong(source, "history.catch_up", "{after} in it", _quoted(history.catch_up))
        if history.seq is None:
            raise _wrong(source, "history.seq", "a text with {seq}, since catch_up asks for what came after", "none")
    if history.seq is not None:
        if "{seq}" not in history.seq:
            raise _wrong(source, "history.seq", "{seq} in it", _quoted(history.seq))
        _check_pattern("history.seq", history.seq, number_pattern, source)
    for key, text in (("frame", history.frame), ("more", history.more)):
        if text is not None:
            _check_pattern(f"history.{key}", text, matcher, source)


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
        ("direct", file.direct, _DIRECTED),
        ("typing", file.typing, _JOINED),
        ("presence", file.presence, _JOINED),
        ("history", file.history, _JOINED),
        ("http", file.http, _JOINED),
        ("alive", file.alive, _JOINED),
    ]
    for section, model, names in known:
        for key, value in model.model_dump(by_alias=True).items() if model else ():
            allowed = _KEYS_OF_THEIR_OWN.get((section, key), names)
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
    direct, history = file.direct, file.history
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
        join=JoinScript(_frames(join.send), join.until, _frames(join.watch or [])) if join else None,
        direct=DirectScript(direct.send, _http(direct.http) if direct.http else None, direct.echo, direct.ack)
        if direct
        else None,
        typing=_side(file.typing) if file.typing else None,
        presence=_side(file.presence) if file.presence else None,
        history=HistoryScript(history.frame, history.send, history.catch_up, history.seq, history.more)
        if history
        else None,
        http=_http(file.http) if file.http else None,
        alive=AliveScript(alive.reply, alive.every, alive.send),
    )


def _side(side: _Side) -> SideScript:
    return SideScript(side.send, _http(side.http) if side.http else None)


def _http(http: _Http) -> HttpScript:
    return HttpScript(http.path, http.method, http.headers, http.json_, http.form, http.body)


def _frames(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
