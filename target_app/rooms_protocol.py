"""The rooms protocol as text: client frames in, server frames out.

    client: join  leave  message  ping
    server: welcome  joined  left  message  ack  pong  error

Checked by hand and not by pydantic: this is the message path, and four frames of
strings do not pay for a model each.
"""

import json
from dataclasses import dataclass
from typing import Any

from target_app.refusal import ErrorCode, RefusedError
from target_app.rooms import Message
from target_app.settings import Limits
from target_app.tokens import Identity

# What a client may name a message by; None where it did not.
MessageId = str | int | None


@dataclass(frozen=True, slots=True)
class Join:
    """The client wants to hear a room."""

    room: str


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
class Ping:
    """The client asks whether we are there."""


ClientFrame = Join | Leave | Publish | Ping


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
        case "join":
            return Join(_room(fields, limits))
        case "leave":
            return Leave(_room(fields, limits))
        case "ping":
            return Ping()
        case _:
            raise RefusedError(ErrorCode.UNKNOWN_TYPE, "type: expected join, leave, message or ping")


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
    room = fields.get("room")
    if isinstance(room, str) and 0 < len(room) <= limits.room_name_length and room.isprintable():
        return room
    raise RefusedError(ErrorCode.BAD_FIELD, f"room: expected 1 to {limits.room_name_length} printable characters")


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


def _is_unicode(text: str) -> bool:
    # JSON can spell half a surrogate pair ("\ud800"), which no UTF-8 frame can carry on to the others.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def welcome(identity: Identity, limits: Limits, instance: str) -> str:
    """Return the first frame of every connection."""
    return _encode(
        type="welcome",
        user=identity.user,
        roles=identity.roles,
        limits={
            "frame_bytes": limits.frame_bytes,
            "text_length": limits.text_length,
            "room_name_length": limits.room_name_length,
            "rooms_per_connection": limits.rooms_per_connection,
        },
        instance=instance,
    )


def joined(room: str, member_count: int) -> str:
    """Return the confirmation of a join; the joiner is counted."""
    return _encode(type="joined", room=room, members=member_count)


def left(room: str, member_count: int) -> str:
    """Return the confirmation of a leave; the count is of those who stayed."""
    return _encode(type="left", room=room, members=member_count)


def message_frame(message: Message) -> str:
    """Return a message as every member of its room gets it."""
    fields = {
        "type": "message",
        "room": message.room,
        "seq": message.seq,
        "from": message.sender,
        "text": message.text,
        "ts": message.sent_at_ms,
    }
    return _encode(**fields)


def ack(message_id: MessageId, seq: int) -> str:
    """Return the answer to a message that had an id."""
    return _encode(type="ack", id=message_id, seq=seq)


def pong() -> str:
    """Return the answer to a ping."""
    return _encode(type="pong")


def error(refusal: RefusedError, message_id: MessageId) -> str:
    """Return why a frame was refused, with the id it had, if it had one."""
    given_id = {} if message_id is None else {"id": message_id}
    return _encode(type="error", code=refusal.code, detail=refusal.detail, **given_id)


def _encode(**fields: object) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
