"""The dialect that follows a dialect file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import quote, urlencode

from loadgen.dialects import Ack, Confirmation, Credentials, Heard, HttpAnswer, HttpRequest, KeepAlive, Opening
from loadgen.dialects.script import DialectScript, DirectScript, HttpScript, SideScript
from loadgen.dialects.template import fill, fill_all, json_text, placeholders

_NOTHING_HEARD = Heard()

# A message that says no more than this needs not all that is known of its user.
_OF_A_MESSAGE = frozenset({"room", "id", "text", "json:text"})


class ScriptedDialect:
    """One user of a server that a dialect file describes; implements :class:`loadgen.dialects.Dialect`."""

    __slots__ = ("_after", "_awaited", "_credentials", "_rooms", "_script", "_to_catch_up", "_token", "_unjoined")

    def __init__(self, script: DialectScript, credentials: Credentials) -> None:
        self._script = script
        self._credentials = credentials
        self._token = ""
        self._rooms: Sequence[str] = ("",)
        self._unjoined: Sequence[str] = ()
        """Whose joins the server has yet to confirm."""
        self._after: dict[str, str] | None = None
        """Room -> the number of the last message that is known to have come, or to have been there before the user."""
        self._to_catch_up: Sequence[str] = ()
        """Rooms whose history is being read: the first has been asked for, the others wait."""
        self._awaited: Confirmation | None = None
        """What the server is to confirm next; other frames are not searched for it."""

    @property
    def _values(self) -> dict[str, str]:
        return self._values_in(self._rooms[0])

    def _values_in(self, room: str) -> dict[str, str]:
        """What the placeholders stand for; made when asked for, since 10,000 of them would hold 4 MB."""
        return {
            "username": self._credentials.username,
            "password": self._credentials.password,
            "user_id": str(self._credentials.user + 1),
            "token": self._token,
            "room": room,
        }

    @property
    def has_login(self) -> bool:
        return self._script.login is not None

    @property
    def awaits_greeting(self) -> bool:
        return self._script.connect.until is not None

    @property
    def has_join(self) -> bool:
        return self._script.join is not None

    @property
    def awaits_join(self) -> bool:
        return self._script.join is not None and self._script.join.until is not None

    @property
    def has_ack(self) -> bool:
        return self._script.publish.ack is not None

    @property
    def has_direct_ack(self) -> bool:
        return self._script.direct is not None and self._script.direct.ack is not None

    def login(self) -> HttpRequest:
        assert self._script.login is not None, "asked to log in by a dialect without a login"
        return _http_request(self._script.login.http, self._values)

    def token_from(self, answer: HttpAnswer) -> str | None:
        assert self._script.login is not None, "asked for a token by a dialect without a login"
        place = self._script.login.token
        token = "" if place is None else _find_token(place, answer)
        if token is not None:
            self._token = token
        return token

    def use_token(self, token: str) -> None:
        self._token = token

    def open(self) -> Opening:
        connect = self._script.connect
        headers = tuple((name, fill(value, self._values)) for name, value in connect.headers.items())
        subprotocols = tuple(fill(name, self._values) for name in connect.subprotocols)
        return Opening(fill(connect.path, _for_url(self._values)), headers, subprotocols)

    def on_connected(self) -> list[bytes]:
        self._awaited = Confirmation.CONNECTED if self.awaits_greeting else None
        return [fill(frame, self._values).encode() for frame in self._script.connect.send]

    def join(self, rooms: Sequence[str]) -> list[bytes]:
        self._rooms = rooms
        if self._script.join is None:
            return []
        self._awaited = Confirmation.JOINED if self.awaits_join else None
        self._unjoined = rooms
        return [fill(frame, self._values_in(room)).encode() for room in rooms for frame in self._script.join.send]

    def publish(self, room: str, text: str, message_id: str) -> bytes | HttpRequest:
        publish = self._script.publish
        if publish.http is not None:
            values = self._values_in(room)
            values["id"], values["text"], values["json:text"] = message_id, text, json_text(text)
            return _http_request(publish.http, values)
        assert publish.send is not None, "a dialect file without publish.send and publish.http was let through"
        names = _names_in(publish.send)
        values = {"room": room} if names <= _OF_A_MESSAGE else self._values_in(room)
        values["id"], values["text"] = message_id, text
        if "json:text" in names:
            values["json:text"] = json_text(text)
        return fill(publish.send, values).encode()

    def direct(self, receiver: str, text: str, message_id: str) -> bytes | HttpRequest:
        direct = self._script.direct
        assert direct is not None, "asked for a direct message by a dialect without one"
        values = self._values
        values |= {"to": receiver, "id": message_id, "text": text, "json:text": json_text(text)}
        return _said(direct, values)

    def typing(self, room: str) -> bytes | HttpRequest:
        assert self._script.typing is not None, "asked for typing by a dialect without it"
        return _said(self._script.typing, self._values_in(room))

    def presence(self, room: str) -> bytes | HttpRequest:
        assert self._script.presence is not None, "asked for presence by a dialect without it"
        return _said(self._script.presence, self._values_in(room))

    def history(self, room: str) -> bytes | HttpRequest:
        history = self._script.history
        assert history is not None, "asked for history by a dialect without it"
        assert history.send is not None, "asked for the latest messages by a dialect that only catches up"
        return fill(history.send, self._values_in(room)).encode()

    def http(self, room: str) -> HttpRequest:
        assert self._script.http is not None, "asked for a request by a dialect without one"
        return _http_request(self._script.http, self._values_in(room))

    def has_heard(self, room: str, frame: bytes) -> None:
        number = self._last_number_in(frame)
        if number is not None:
            self._after = (self._after or {}) | {room: number}

    def catch_up(self) -> list[bytes]:
        self._to_catch_up = [room for room in self._rooms if room in (self._after or {})]
        return self._ask_for_the_rest()

    def _ask_for_the_rest(self) -> list[bytes]:
        history = self._script.history
        if history is None or history.catch_up is None or self._after is None or not self._to_catch_up:
            return []
        room = self._to_catch_up[0]
        return [fill(history.catch_up, self._values_in(room) | {"after": self._after[room]}).encode()]

    def _last_number_in(self, frame: bytes) -> str | None:
        history = self._script.history
        found = None if history is None or history.seq is None else number_pattern(history.seq).findall(frame)
        return found[-1].decode() if found else None

    def _next_page(self, frame: bytes) -> list[bytes]:
        """What asks for the rest of the room's history, or else for that of the next room."""
        history = self._script.history
        if not self._to_catch_up or history is None or not matcher(history.frame)(frame):
            return []
        room = self._to_catch_up[0]
        number = self._last_number_in(frame)
        known = None if self._after is None else self._after[room]
        is_part = history.more is not None and matcher(history.more)(frame)
        # One that leads nowhere, or back, is not followed for ever.
        if is_part and number is not None and known is not None and int(number) > int(known):
            self.has_heard(room, frame)
        else:
            self._to_catch_up = self._to_catch_up[1:]
        return self._ask_for_the_rest()

    def on_frame(self, frame: bytes) -> Heard:
        script = self._script
        reply = script.alive.reply.get(frame.decode(errors="replace")) if script.alive.reply else None
        confirmed = self._awaited if self._awaited is not None and self._confirms(frame) else None
        if confirmed is not None:
            self._awaited = None
        acks = _acks_in(frame, script.publish.ack) if script.publish.ack is not None else []
        if script.direct is not None and script.direct.ack is not None and not acks:
            acks = _acks_in(frame, script.direct.ack)
        replies = [] if reply is None else [fill(reply, self._values).encode()]
        replies += self._next_page(frame)
        if confirmed is None and not acks and not replies:
            return _NOTHING_HEARD
        return Heard(confirmed, acks, tuple(replies))

    def keep_alive(self) -> KeepAlive | None:
        alive = self._script.alive
        if alive.every_ns is None or alive.send is None:
            return None
        return KeepAlive(alive.every_ns, fill(alive.send, self._values).encode())

    def _confirms(self, frame: bytes) -> bool:
        """Whether it is what was awaited, or the last of it."""
        script = self._script
        if self._awaited is Confirmation.CONNECTED:
            return self._is(script.connect.until, frame, self._rooms[0])
        until = None if script.join is None else script.join.until
        joined = next((room for room in self._unjoined if self._is(until, frame, room)), None)
        if joined is None:
            return False
        if joined not in (self._after or {}):
            self.has_heard(joined, frame)
        self._unjoined = tuple(room for room in self._unjoined if room != joined)
        return not self._unjoined

    def _is(self, until: str | None, frame: bytes, room: str) -> bool:
        assert until is not None, "awaits a confirmation that the dialect does not know"
        values = self._values_in(room)
        if until.startswith("re:"):
            values = {name: re.escape(value) for name, value in values.items()}
        return matcher(fill(until, values))(frame)


@lru_cache(maxsize=64)
def _names_in(template: str) -> frozenset[str]:
    return frozenset(placeholders(template))


def _said(script: DirectScript | SideScript, values: Mapping[str, str]) -> bytes | HttpRequest:
    if script.http is not None:
        return _http_request(script.http, values)
    assert script.send is not None, "a dialect file without send and http was let through"
    return fill(script.send, values).encode()


def prepare(script: DialectScript) -> None:
    """Load what a login needs, 40 ms and 5 MB, before anything is timed; without a login nothing."""
    if script.login is not None:
        import jsonpath  # noqa: F401


def _http_request(script: HttpScript, values: Mapping[str, str]) -> HttpRequest:
    headers = tuple((name, fill(value, values)) for name, value in script.headers.items())
    body, content_type = None, None
    if script.json is not None:
        # Filled before it is written as JSON: quotes in a password are escaped by that.
        raw = dict(values) | ({"json:text": values["text"]} if "text" in values else {})
        body, content_type = json.dumps(fill_all(script.json, raw)).encode(), "application/json"
    elif script.form is not None:
        body = urlencode(fill_all(script.form, values)).encode()
        content_type = "application/x-www-form-urlencoded"
    elif script.body is not None:
        body = fill(script.body, values).encode()
    return HttpRequest(script.method, fill(script.path, _for_url(values)), headers, body, content_type)


def _for_url(values: Mapping[str, str]) -> dict[str, str]:
    return {name: quote(value, safe="") for name, value in values.items()}


def _find_token(place: str, answer: HttpAnswer) -> str | None:
    kind, _, name = place.partition(":")
    if kind == "header":
        return next((value for key, value in answer.headers if key.lower() == name.lower()), None)
    if kind == "cookie":
        return next((value for key, value in answer.cookies if key == name), None)
    import jsonpath

    try:
        found = jsonpath.findall(place, json.loads(answer.body))
    # A tower of brackets ends the parser's recursion.
    except (ValueError, RecursionError, jsonpath.JSONPathError):
        return None
    return str(found[0]) if found and isinstance(found[0], str | int) else None


@lru_cache(maxsize=4096)
def matcher(until: str) -> Callable[[bytes], bool]:
    """Tells whether a frame is the awaited one: it holds a text, or matches ``re:...`` (re.error if that is none)."""
    if until.startswith("re:"):
        pattern = re.compile(until[3:].encode())
        return lambda frame: pattern.search(frame) is not None
    text = until.encode()
    return lambda frame: text in frame


def _acks_in(frame: bytes, ack: str) -> list[Ack]:
    pattern = ack_pattern(ack)
    has_number = "number" in pattern.groupindex
    return [
        Ack(found["our_id"].decode(), int(found["number"]) if has_number and found["number"] is not None else None)
        for found in pattern.finditer(frame)
        if found["our_id"] is not None
    ]


@lru_cache(maxsize=64)
def ack_pattern(ack: str) -> re.Pattern[bytes]:
    """Finds acknowledgements, and in each the group ``our_id``; our ids are letters, digits and dashes.

    Where ``{seq}`` stands in it, the group ``number`` is the message's number in its room.
    """
    is_pattern = ack.startswith("re:")
    pattern = ack[3:] if is_pattern else re.escape(ack)
    place = "{id}" if is_pattern else re.escape("{id}")
    number = "{seq}" if is_pattern else re.escape("{seq}")
    pattern = pattern.replace(number, r"(?P<number>\d{1,18})", 1).replace(number, "(?P=number)")
    # Where the id comes twice, it is the same one.
    return re.compile(pattern.replace(place, "(?P<our_id>[0-9a-z-]+)", 1).replace(place, "(?P=our_id)").encode())


@lru_cache(maxsize=64)
def number_pattern(seq: str) -> re.Pattern[bytes]:
    """Finds the numbers of messages, where ``{seq}`` stands; the only group."""
    pattern, place = (seq[3:], "{seq}") if seq.startswith("re:") else (re.escape(seq), re.escape("{seq}"))
    return re.compile(pattern.replace(place, r"(\d{1,18})", 1).encode())
