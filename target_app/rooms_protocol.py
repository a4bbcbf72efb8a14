"""The rooms protocol, the client's side: a frame in, what it asks for out. `rooms_answers` has the server's.

    join  leave  message  direct  typing  history  ping; of admins  kick  close_room  announce

Checked by hand and not by pydantic: this is the message path, and a few frames of
strings do not pay for a model each.
"""

import json
from dataclasses import dataclass
from typing import Any

from target_app.refusal import ErrorCode, RefusedError
from target_app.settings import Limits

# What a client may name a message by; None where it did not.
MessageId = str | int | None

# The largest whole number that every JSON reader keeps exact (RFC 8259, 6).
SEQ_MAX = (1 << 53) - 1


@dataclass(frozen=True, slots=True)
class Join:
    """The client wants to hear a room; with ``presence``, also who comes and goes."""

    room: str
    presence: bool


@dataclass(frozen=True, slots=True)
class Leave:
    """The client has heard enough of a room."""

    room: str


@dataclass(frozen=True, slots=True)
class Publish:
    """The client says something to a room; with an id it wants an ack."""

    room: str
    text: str
    id: MessageId


@dataclass(frozen=True, slots=True)
class Direct:
    """The client says something to one user; with an id it wants an ack."""

    to: str
    text: str
    id: MessageId


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody is about to say something to a room."""

    room: str


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """The client wants what it missed after a seq; without one, what was said last."""

    room: str
    after: int | None
    limit: int


@dataclass(frozen=True, slots=True)
class Ping:
    """The client asks whether we are there."""


@dataclass(frozen=True, slots=True)
class Kick:
    """An admin wants a user out of a room; without one, off the server."""

    user: str
    room: str | None
    id: MessageId


@dataclass(frozen=True, slots=True)
class CloseRoom:
    """An admin wants everybody out of a room."""

    room: str
    id: MessageId


@dataclass(frozen=True, slots=True)
class Announce:
    """An admin says something to everybody."""

    text: str
    id: MessageId


ClientFrame = Join | Leave | Publish | Direct | Typing | ReadHistory | Ping | Kick | CloseRoom | Announce


def parse_json(raw: str | bytes) -> dict[str, Any]:
    """Return the JSON object in a frame; raises RefusedError when it holds none."""
    if isinstance(raw, bytes):
        raise RefusedError(ErrorCode.INVALID_JSON, "expected a text frame, got a binary one")
    try:
        fields = json.loads(raw)
    # A tower of brackets ends the parser's recursion; a number of 5,000 digits is a ValueError.
    except (ValueError, RecursionError) as error:
        raise RefusedError(ErrorCode.INVALID_JSON, "expected JSON") from error
    if not isinstance(fields, dict):
        raise RefusedError(ErrorCode.INVALID_JSON, f"expected a JSON object, got {type(fields).__name__}")
    return fields


def parse_frame(fields: dict[str, Any], limits: Limits) -> ClientFrame:
    """Return what the client asks for; raises RefusedError. Fields we do not know are ignored."""
    match fields.get("type"):
        case "message":
            return Publish(_room(fields, limits), _text(fields, limits), parse_id(fields, limits))
        case "direct":
            to = _name(fields, "to", limits.user_name_length)
            return Direct(to, _text(fields, limits), parse_id(fields, limits))
        case "typing":
            return Typing(_room(fields, limits))
        case "ping":
            return Ping()
        case "join":
            return Join(_room(fields, limits), _presence(fields))
        case "leave":
            return Leave(_room(fields, limits))
        case "history":
            limit = _whole(fields, "limit", 1) or limits.history_messages
            return ReadHistory(_room(fields, limits), _whole(fields, "after", 0), min(limit, limits.history_messages))
        case "kick":
            room = None if fields.get("room") is None else _room(fields, limits)
            return Kick(_name(fields, "user", limits.user_name_length), room, parse_id(fields, limits))
        case "close_room":
            return CloseRoom(_room(fields, limits), parse_id(fields, limits))
        case "announce":
            return Announce(_text(fields, limits), parse_id(fields, limits))
        case _:
            raise RefusedError(
                ErrorCode.UNKNOWN_TYPE,
                "type: expected join, leave, message, direct, typing, history, ping, kick, close_room or announce",
            )


def parse_id(fields: dict[str, Any], limits: Limits) -> MessageId:
    """Return the client's id for a message, None without one; raises RefusedError."""
    message_id = fields.get("id")
    if message_id is None or type(message_id) is int:
        return message_id
    if isinstance(message_id, str) and len(message_id) <= limits.message_id_length and _is_unicode(message_id):
        return message_id
    raise RefusedError(
        ErrorCode.BAD_FIELD,
        f"id: expected a whole number or a string of at most {limits.message_id_length} characters",
    )


def _room(fields: dict[str, Any], limits: Limits) -> str:
    return _name(fields, "room", limits.room_name_length)


def _name(fields: dict[str, Any], field: str, length_max: int) -> str:
    name = fields.get(field)
    if isinstance(name, str) and 0 < len(name) <= length_max and name.isprintable():
        return name
    raise RefusedError(ErrorCode.BAD_FIELD, f"{field}: expected 1 to {length_max} printable characters")


def _text(fields: dict[str, Any], limits: Limits) -> str:
    text = fields.get("text")
    if not isinstance(text, str) or not text:
        raise RefusedError(ErrorCode.BAD_FIELD, "text: expected a string that is not empty")
    if len(text) > limits.text_length:
        raise RefusedError(
            ErrorCode.TEXT_TOO_LONG,
            f"text: expected at most {limits.text_length} characters, got {len(text)}",
        )
    if not _is_unicode(text):
        raise RefusedError(ErrorCode.BAD_FIELD, "text: half of a surrogate pair is no character")
    return text


def _presence(fields: dict[str, Any]) -> bool:
    presence = fields.get("presence")
    if presence is None or isinstance(presence, bool):
        return bool(presence)
    raise RefusedError(ErrorCode.BAD_FIELD, "presence: expected true or false")


def _whole(fields: dict[str, Any], field: str, least: int) -> int | None:
    number = fields.get(field)
    if number is None or (type(number) is int and least <= number <= SEQ_MAX):
        return number
    raise RefusedError(ErrorCode.BAD_FIELD, f"{field}: expected a whole number from {least} to 2^53 - 1")


def _is_unicode(text: str) -> bool:
    # JSON can spell half a surrogate pair ("\ud800"), which no UTF-8 frame can carry on to the others.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
