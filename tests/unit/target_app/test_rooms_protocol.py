"""The rooms protocol: what is understood, and how everything else is refused."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_app.refusal import ErrorCode, RefusedError
from target_app.rooms import Message
from target_app.rooms_answers import ack, announcement, direct_frame, error, message_frame
from target_app.rooms_protocol import (
    SEQ_MAX,
    Announce,
    CloseRoom,
    Direct,
    Join,
    Kick,
    Leave,
    Ping,
    Publish,
    ReadHistory,
    Typing,
    parse_frame,
    parse_id,
    parse_json,
)
from target_app.settings import Limits

LIMITS = Limits(text_length=10, room_name_length=5, user_name_length=6, message_id_length=4, history_messages=9)

# Half a surrogate pair is what JSON can say and UTF-8 cannot.
TEXT = st.text("aë\n\ud800", max_size=12)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = SCALAR | st.lists(SCALAR, max_size=2) | st.dictionaries(TEXT, SCALAR, max_size=2)
TYPES = ["join", "leave", "message", "direct", "typing", "history", "ping", "kick", "close_room", "announce"]
A_FRAME = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(TYPES) | JSON,
        "room": st.sampled_from(["tea", ""]) | JSON,
        "text": JSON,
        "id": JSON,
        "to": st.sampled_from(["ann"]) | JSON,
        "user": st.sampled_from(["ann"]) | JSON,
        "presence": JSON,
        "after": JSON,
        "limit": JSON,
    },
)


@pytest.mark.parametrize(
    ("raw", "frame"),
    [
        ('{"type": "join", "room": "tea"}', Join("tea", presence=False)),
        ('{"type": "join", "room": "tea", "presence": true}', Join("tea", presence=True)),
        ('{"type": "join", "room": "tea", "presence": null}', Join("tea", presence=False)),
        ('{"type": "leave", "room": "tea"}', Leave("tea")),
        ('{"type": "message", "room": "tea", "text": "Zo\\u00eb"}', Publish("tea", "Zoë", None)),
        ('{"type": "message", "room": "tea", "text": "x", "id": "m1"}', Publish("tea", "x", "m1")),
        ('{"type": "message", "room": "tea", "text": "x", "id": 7}', Publish("tea", "x", 7)),
        ('{"type": "message", "room": "tea", "text": "x", "id": null}', Publish("tea", "x", None)),
        ('{"type": "direct", "to": "bob", "text": "x", "id": 7}', Direct("bob", "x", 7)),
        ('{"type": "typing", "room": "tea"}', Typing("tea")),
        ('{"type": "history", "room": "tea"}', ReadHistory("tea", None, 9)),
        ('{"type": "history", "room": "tea", "after": 0, "limit": 1}', ReadHistory("tea", 0, 1)),
        ('{"type": "history", "room": "tea", "after": null, "limit": 10}', ReadHistory("tea", None, 9)),
        ('{"type": "kick", "user": "bob"}', Kick("bob", None, None)),
        ('{"type": "kick", "user": "bob", "room": "tea", "id": 7}', Kick("bob", "tea", 7)),
        ('{"type": "close_room", "room": "tea"}', CloseRoom("tea", None)),
        ('{"type": "announce", "text": "x"}', Announce("x", None)),
        ('{"type": "ping", "from": "the future"}', Ping()),
    ],
)
def test_a_frame_says_what_it_asks_for(raw: str, frame: object) -> None:
    """Fields we do not know are ignored: a newer client may speak to an older server."""
    assert parse_frame(parse_json(raw), LIMITS) == frame


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", ErrorCode.INVALID_JSON),
        ("null", ErrorCode.INVALID_JSON),
        ("[" * 100_000, ErrorCode.INVALID_JSON),
        ("1" * 5_000, ErrorCode.INVALID_JSON),
        (b"{}", ErrorCode.INVALID_JSON),
        ("{}", ErrorCode.UNKNOWN_TYPE),
        ('{"type": ["join"]}', ErrorCode.UNKNOWN_TYPE),
        ('{"type": "join"}', ErrorCode.BAD_FIELD),
        ('{"type": "join", "room": ""}', ErrorCode.BAD_FIELD),
        ('{"type": "join", "room": "too long"}', ErrorCode.BAD_FIELD),
        ('{"type": "join", "room": "a\\nb"}', ErrorCode.BAD_FIELD),
        ('{"type": "join", "room": "tea", "presence": 1}', ErrorCode.BAD_FIELD),
        ('{"type": "direct", "text": "x"}', ErrorCode.BAD_FIELD),
        ('{"type": "direct", "to": "too long", "text": "x"}', ErrorCode.BAD_FIELD),
        ('{"type": "direct", "to": "bob"}', ErrorCode.BAD_FIELD),
        ('{"type": "direct", "to": "bob", "text": "01234567890"}', ErrorCode.TEXT_TOO_LONG),
        ('{"type": "typing"}', ErrorCode.BAD_FIELD),
        ('{"type": "history"}', ErrorCode.BAD_FIELD),
        ('{"type": "history", "room": "tea", "after": -1}', ErrorCode.BAD_FIELD),
        ('{"type": "history", "room": "tea", "after": 1.0}', ErrorCode.BAD_FIELD),
        ('{"type": "history", "room": "tea", "after": true}', ErrorCode.BAD_FIELD),
        (f'{{"type": "history", "room": "tea", "after": {SEQ_MAX + 1}}}', ErrorCode.BAD_FIELD),
        ('{"type": "history", "room": "tea", "limit": 0}', ErrorCode.BAD_FIELD),
        ('{"type": "kick"}', ErrorCode.BAD_FIELD),
        ('{"type": "kick", "user": "bob", "room": ""}', ErrorCode.BAD_FIELD),
        ('{"type": "close_room"}', ErrorCode.BAD_FIELD),
        ('{"type": "announce"}', ErrorCode.BAD_FIELD),
        ('{"type": "message", "room": "tea"}', ErrorCode.BAD_FIELD),
        ('{"type": "message", "room": "tea", "text": ""}', ErrorCode.BAD_FIELD),
        ('{"type": "message", "room": "tea", "text": "\\ud800"}', ErrorCode.BAD_FIELD),
        ('{"type": "message", "room": "tea", "text": "01234567890"}', ErrorCode.TEXT_TOO_LONG),
        ('{"type": "message", "room": "tea", "text": "x", "id": true}', ErrorCode.BAD_FIELD),
        ('{"type": "message", "room": "tea", "text": "x", "id": "12345"}', ErrorCode.BAD_FIELD),
        ('{"type": "message", "room": "tea", "text": "x", "id": "\\ud800"}', ErrorCode.BAD_FIELD),
    ],
)
def test_anything_else_is_refused_with_a_code(raw: str | bytes, code: ErrorCode) -> None:
    """The code is for the client's program, the detail for whoever wrote it."""
    with pytest.raises(RefusedError) as refused:
        parse_frame(parse_json(raw), LIMITS)

    assert refused.value.code is code
    assert refused.value.detail


@given(fields=A_FRAME)
def test_whatever_json_a_client_sends_the_answer_can_be_sent(fields: dict[str, object]) -> None:
    """No input is our fault (1011): each is understood or refused, and what we would echo is UTF-8."""
    with contextlib.suppress(RefusedError):
        ack(parse_id(fields, LIMITS), 1).encode()
    try:
        frame = parse_frame(fields, LIMITS)
    except RefusedError as refused:
        error(refused, None).encode()
    else:
        match frame:
            case Publish(room, text, _):
                message_frame(Message(room, 1, "ann", text, 0)).encode()
            case Direct(to, text, _):
                direct_frame("ann", to, text, 0).encode()
            case Announce(text, _):
                announcement(text, "ann", 0).encode()


def test_an_error_names_the_message_only_if_it_had_a_name() -> None:
    """`id` is left out, not null."""
    refusal = RefusedError(ErrorCode.NOT_JOINED, "join 'tea' first")

    assert json.loads(error(refusal, 7)) == {
        "type": "error",
        "code": "not_joined",
        "detail": "join 'tea' first",
        "id": 7,
    }
    assert "id" not in json.loads(error(refusal, None))
