"""What types cannot tell of a dialect file: all that a run would trip over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches

import jsonpath
from pydantic import BaseModel

from loadgen.dialects.patterns import ack_pattern, matcher, names_message, node_pattern, number_pattern
from loadgen.dialects.script import Reach
from loadgen.dialects.template import ESCAPES, PLACEHOLDER, placeholders
from loadgen.errors import InputError
from scenarios.dialect_schema import (
    ConnectSection,
    DialectFile,
    DirectSection,
    HistorySection,
    HttpSection,
    LoginSection,
    PublishSection,
    SideSection,
    SpokenConnect,
    SpokenFile,
    SpokenPublish,
    TokenSection,
)

_WHO = ("username", "password", "user_id", "basic_auth", "sasl_plain")
_CONNECTED = (*_WHO, "token", "room")
_JOINED = (*_CONNECTED, "room_number")
_PUBLISHED = (*_JOINED, "id", "n", "text", "text_bytes")
_DIRECTED = (*_PUBLISHED, "to")
_KEYS_OF_THEIR_OWN: dict[tuple[str, str], tuple[str, ...]] = {
    ("connect", "node"): ("node",),
    ("publish", "ack"): ("id", "n", "seq"),
    ("direct", "ack"): ("id", "n"),
    ("history", "catch_up"): (*_JOINED, "after"),
    ("history", "frame"): (),
    ("history", "seq"): ("seq",),
    ("history", "more"): (),
    ("alive", "answer"): (),
    ("errors", "frames"): (),
}
OF_A_MESSAGE = _PUBLISHED
"""What may stand in what is sent for a message."""

# RFC 9110, 5.6.2 and 5.5; RFC 3986: what may stand in a path and a query, unquoted; RFC 6265, 4.1.1.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_PATH = re.compile(r"/[!$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~-]*")
_COOKIE_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")


def wrong(source: str, path: str, expected: str, found: object) -> InputError:
    """The one line about a key."""
    return InputError(f"{source}: {path}: expected {expected}, got {found}")


def _quoted(text: str) -> str:
    """In one line, whatever it holds."""
    return json.dumps(text)


def check_spoken(file: SpokenFile, source: str) -> None:
    """The same of a file whose protocol a class speaks."""
    check_texts(source, [("login", file.login, _WHO), ("connect", file.connect, _CONNECTED)])
    _check_entry(file, source)
    _check_echo(file.publish, source)
    check_names(source, "options", file.options, _PUBLISHED)


def check(file: DialectFile, source: str) -> None:
    """Everything that types cannot tell."""
    _check_placeholders(file, source)
    several = {"publish": file.publish, "direct": file.direct, "typing": file.typing, "presence": file.presence}
    requests: list[tuple[str, HttpSection | None]] = [("http", file.http)]
    requests += [(f"{name}.http", section.http) for name, section in several.items() if section is not None]
    for path, http in requests:
        if http is not None:
            _check_http(http, path, source)
    _check_entry(file, source)
    if file.connect.then and file.connect.until is None:
        raise wrong(source, "connect.until", "a text, since connect.then is what follows it", "none")
    _check_untils(file, source)
    _check_node(file.connect, source)
    _check_message(file.publish, "publish", source)
    if file.publish.acks_in_order and file.publish.ack is None:
        raise wrong(source, "publish.ack", "a text, since publish.acks_in_order is of them", "none")
    _check_echo(file.publish, source)
    if file.direct is not None:
        _check_message(file.direct, "direct", source)
        if "to" not in placeholders(file.direct.model_dump()):
            raise wrong(source, "direct", "{to} in it, which says whom it is for", "none")
    for name, side in (("typing", file.typing), ("presence", file.presence)):
        if side is not None:
            _check_one_way(side, name, source)
    if file.history is not None:
        _check_history(file.history, source)
    alive = file.alive
    if (alive.every is None) != (alive.send is None):
        there, missing = ("every", "send") if alive.send is None else ("send", "every")
        raise wrong(source, f"alive.{missing}", f"a value, since alive.{there} is given", "none")
    if alive.answer is not None and alive.send is None:
        raise wrong(source, "alive.send", "a frame, since alive.answer awaits what answers it", "none")


def _check_untils(file: DialectFile, source: str) -> None:
    """Every text that recognises a frame."""
    texts = [("connect.until", file.connect.until), ("join.until", file.join.until if file.join else None)]
    texts += [(f"connect.then[{i}].until", step.until) for i, step in enumerate(file.connect.then)]
    texts += [("alive.answer", file.alive.answer)]
    texts += [(f"errors.frames[{i}]", text) for i, text in enumerate(file.errors.frames)]
    for path, text in texts:
        if text == "" and not path.endswith(".until"):
            raise wrong(source, path, "a text that not every frame holds", '""')
        if text is not None:
            _check_pattern(path, text, lambda text: matcher(_example(text)), source)


def _check_node(connect: ConnectSection, source: str) -> None:
    if connect.node is None:
        return
    if connect.until is None:
        raise wrong(source, "connect.until", "a text, since connect.node is looked for in that frame", "none")
    if "{node}" not in connect.node:
        raise wrong(source, "connect.node", "{node} in it", _quoted(connect.node))
    _check_pattern("connect.node", connect.node, node_pattern, source)


def _check_entry(file: DialectFile | SpokenFile, source: str) -> None:
    """Logging in and connecting."""
    if file.login is not None:
        _check_http(file.login, "login", source)
        if file.login.token is not None:
            _check_token(file.login.token, source)
    if file.token is not None:
        _check_signing(file.token, file.login, source)
    _check_request(file.connect, "connect", source)
    for i, name in enumerate(file.connect.subprotocols):
        if not _TOKEN.fullmatch(_example(name)):
            raise wrong(source, f"connect.subprotocols[{i}]", "a name without spaces or commas", _quoted(name))
    for name, value in file.connect.cookies.items():
        if not _TOKEN.fullmatch(name):
            raise wrong(source, "connect.cookies", "the name of a cookie", _quoted(name))
        if not _COOKIE_VALUE.fullmatch(_example(value)):
            expected = "a text without spaces, quotes, commas, semicolons and backslashes"
            raise wrong(source, f"connect.cookies.{name}", expected, _quoted(value))


def _check_signing(token: TokenSection, login: LoginSection | None, source: str) -> None:
    if login is not None:
        raise wrong(source, "token", "one of [login] and [token]", "both")
    check_names(source, "token.claims", token.claims, _WHO)
    keys = {"secret": token.secret, "secret_env": token.secret_env, "secret_file": token.secret_file}
    given = [name for name, value in keys.items() if value is not None]
    if len(given) != 1:
        found = " and ".join(f"token.{name}" for name in given) or "none"
        raise wrong(source, "token.secret", "one of token.secret, token.secret_env and token.secret_file", found)
    try:
        json.dumps(token.claims, allow_nan=False)
    except (TypeError, ValueError):
        raise wrong(source, "token.claims", "what JSON can say", "a date, a time, nan or inf in it") from None


def _check_echo(publish: PublishSection | SpokenPublish, source: str) -> None:
    if publish.reach is Reach.SELF and not publish.echo:
        raise wrong(source, "publish.echo", 'true where reach is "self"', "false")


def _check_message(message: PublishSection | DirectSection, section: str, source: str) -> None:
    _check_one_way(message, section, source)
    path = f"{section}.http" if message.http is not None else f"{section}.send"
    names = placeholders(message.http.model_dump() if message.http is not None else message.send)
    if not any(name.rpartition(":")[2] == "text" for name in names):
        raise wrong(source, path, "{text} or {json:text} in it, which carries the marker", "neither")
    if message.ack is not None:
        if isinstance(message, PublishSection) and message.acks_in_order:
            if not message.ack or names_message(message.ack):
                expected = "a text without {id} and {n}, since publish.acks_in_order says that none is named"
                raise wrong(source, "publish.ack", expected, _quoted(message.ack))
        elif not names_message(message.ack):
            expected = "{id} or {n} in it" + (", or publish.acks_in_order = true" if section == "publish" else "")
            raise wrong(source, f"{section}.ack", expected, _quoted(message.ack))
        for name in ("id", "n"):
            if f"{{{name}}}" in message.ack and name not in names:
                raise wrong(source, path, f"{{{name}}} in it, since {section}.ack waits for it", "none")
        _check_pattern(f"{section}.ack", message.ack, ack_pattern, source)


def _check_one_way(section: PublishSection | DirectSection | SideSection, path: str, source: str) -> None:
    if (section.send is None) == (section.http is None):
        raise wrong(source, path, "one of send and http", "both" if section.send is not None else "neither")


def _check_history(history: HistorySection, source: str) -> None:
    if history.send is None and history.catch_up is None:
        raise wrong(source, "history", "one of send and catch_up, or both", "neither")
    if history.catch_up is not None:
        if "{after}" not in history.catch_up:
            raise wrong(source, "history.catch_up", "{after} in it", _quoted(history.catch_up))
        if history.seq is None:
            raise wrong(source, "history.seq", "a text with {seq}, since catch_up asks for what came after", "none")
    if history.seq is not None:
        if "{seq}" not in history.seq:
            raise wrong(source, "history.seq", "{seq} in it", _quoted(history.seq))
        _check_pattern("history.seq", history.seq, number_pattern, source)
    for key, text in (("frame", history.frame), ("more", history.more)):
        if text is not None:
            _check_pattern(f"history.{key}", text, matcher, source)


def _check_http(http: HttpSection, path: str, source: str) -> None:
    _check_request(http, path, source)
    if sum(part is not None for part in (http.json_, http.form, http.body)) > 1:
        raise wrong(source, path, "one of json, form and body", "several of them")
    try:
        json.dumps(http.json_, allow_nan=False)
    except (TypeError, ValueError):
        raise wrong(source, f"{path}.json", "what JSON can say", "a date, a time, nan or inf in it") from None


def _check_request(request: HttpSection | ConnectSection | SpokenConnect, path: str, source: str) -> None:
    """What would not survive as the head of an HTTP request."""
    if not _PATH.fullmatch(_example(request.path)):
        expected = 'a path like "/ws?token={token}", from / on, anything odd percent-encoded'
        raise wrong(source, f"{path}.path", expected, _quoted(request.path))
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name):
            raise wrong(source, f"{path}.headers", "the name of an HTTP header", _quoted(name))
        if not _HEADER_VALUE.fullmatch(value):
            raise wrong(source, f"{path}.headers.{name}", "a text in one line", _quoted(value))


def _example(text: str) -> str:
    """The text with something harmless in place of its placeholders."""
    return PLACEHOLDER.sub("x", text)


def _check_placeholders(file: DialectFile, source: str) -> None:
    check_texts(
        source,
        [
            ("login", file.login, _WHO),
            ("connect", file.connect, _CONNECTED),
            ("join", file.join, _JOINED),
            ("leave", file.leave, _JOINED),
            ("publish", file.publish, _PUBLISHED),
            ("direct", file.direct, _DIRECTED),
            ("typing", file.typing, _JOINED),
            ("presence", file.presence, _JOINED),
            ("history", file.history, _JOINED),
            ("http", file.http, _JOINED),
            ("alive", file.alive, _JOINED),
            ("errors", file.errors, ()),
        ],
    )


def check_texts(source: str, sections: Iterable[tuple[str, BaseModel | None, tuple[str, ...]]]) -> None:
    """InputError at the first placeholder that a section does not know."""
    for section, model, names in sections:
        for key, value in model.model_dump(by_alias=True).items() if model else ():
            check_names(source, f"{section}.{key}", value, _KEYS_OF_THEIR_OWN.get((section, key), names))


def check_names(source: str, path: str, value: object, allowed: tuple[str, ...]) -> None:
    """The same of one value; tables and lists are looked through."""
    for name in placeholders(value):
        *escapes, plain = name.split(":")
        if plain not in allowed or not ESCAPES.keys() >= set(escapes):
            raise InputError(f"{source}: {path}: unknown placeholder {{{name}}}{_hint(name, plain, allowed)}")


def _hint(name: str, plain: str, allowed: Iterable[str]) -> str:
    if plain in allowed:
        return "; what may stand before the colon is " + ", ".join(ESCAPES)
    near = get_close_matches(plain, list(allowed), n=1, cutoff=0.5)
    if near:
        return f"; did you mean {{{name.removesuffix(plain)}{near[0]}}}?"
    return "; here are " + ", ".join(f"{{{known}}}" for known in allowed)


def _check_pattern(path: str, text: str, compile_it: Callable[[str], object], source: str) -> None:
    try:
        compile_it(text)
    # Patterns are compiled for bytes, and there (?u) is a ValueError; the others are of patterns too large.
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise wrong(source, path, "a regular expression after re:", f"{_quoted(text[3:])}: {why}") from None


def _check_token(token: str, source: str) -> None:
    kind, colon, name = token.partition(":")
    if colon and kind in {"header", "cookie"} and name:
        return
    expected = 'a JSONPath like "$.access_token", header:NAME or cookie:NAME'
    try:
        jsonpath.compile(token)
    except (jsonpath.JSONPathError, ValueError, RecursionError) as error:
        why = " ".join(str(error).partition("\n")[0].split())
        raise wrong(source, "login.token", expected, f"{_quoted(token)}: {why}") from None
    if not token.startswith("$"):
        raise wrong(source, "login.token", expected, _quoted(token))
