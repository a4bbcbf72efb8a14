"""The rooms protocol, the server's side: what happened in, a frame out. `rooms_protocol` has the client's.

    welcome  joined  left  message  direct  ack  typing  presence  history  pong  error
    kicked  closed  announcement

Every frame is encoded here and nowhere else.
"""

import json
from collections.abc import Sequence
from enum import StrEnum

from target_app.refusal import RefusedError
from target_app.rooms import Message
from target_app.rooms_protocol import MessageId
from target_app.settings import Limits
from target_app.tokens import Identity


class Presence(StrEnum):
    """What a user has done in a room."""

    JOINED = "joined"
    LEFT = "left"


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
            "history_messages": limits.history_messages,
        },
        instance=instance,
    )


def joined(room: str, member_count: int, seq: int) -> str:
    """Return the confirmation of a join; the joiner is counted, and ``seq`` is the last it is not sent live."""
    return _encode(type="joined", room=room, members=member_count, seq=seq)


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


def direct_frame(sender: str, to: str, text: str, now_ms: int) -> str:
    """Return a direct message as both sides get it."""
    fields = {"type": "direct", "from": sender, "to": to, "text": text, "ts": now_ms}
    return _encode(**fields)


def ack(message_id: MessageId, seq: int | None = None) -> str:
    """Return the answer to a frame that had an id: a message to a room is stored, all else is done."""
    given_seq = {} if seq is None else {"seq": seq}
    return _encode(type="ack", id=message_id, **given_seq)


def typing(room: str, user: str) -> str:
    """Return that somebody is about to say something."""
    return _encode(type="typing", room=room, user=user)


def presence(room: str, user: str, state: Presence) -> str:
    """Return that a user came or went."""
    return _encode(type="presence", room=room, user=user, state=state)


def history(room: str, messages: Sequence[Message], more: bool) -> str:
    """Return a part of what was said; with ``more``, there is more on the side it was cut."""
    kept = [{"seq": each.seq, "from": each.sender, "text": each.text, "ts": each.sent_at_ms} for each in messages]
    return _encode(type="history", room=room, messages=kept, more=more)


def pong() -> str:
    """Return the answer to a ping."""
    return _encode(type="pong")


def kicked(room: str | None, by: str) -> str:
    """Return that one was put out of a room, or off the server."""
    given_room = {} if room is None else {"room": room}
    return _encode(type="kicked", **given_room, by=by)


def closed(room: str, by: str) -> str:
    """Return that everybody was put out of a room."""
    return _encode(type="closed", room=room, by=by)


def announcement(text: str, by: str, now_ms: int) -> str:
    """Return what is said to everybody."""
    fields = {"type": "announcement", "from": by, "text": text, "ts": now_ms}
    return _encode(**fields)


def error(refusal: RefusedError, message_id: MessageId) -> str:
    """Return why a frame was refused, with the id it had, if it had one."""
    given_id = {} if message_id is None else {"id": message_id}
    return _encode(type="error", code=refusal.code, detail=refusal.detail, **given_id)


# json.dumps makes an encoder at every call where it is told how to write: half of the time that a frame takes.
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _encode(**fields: object) -> str:
    return _written(fields)
