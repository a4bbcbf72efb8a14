"""The rooms protocol: what is understood, and how everything else is refused."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_app.refusal import ErrorCode, RefusedError
from target_app.rooms import Message
from target_app.rooms_protocol import (
    Join,
    Leave,
    Ping,
    Publish,
    ack,
    error,
    message_frame,
    parse_frame,
    parse_id,
    parse_json,
)
from target_app.settings import Limits

LIMITS = Limits(text_length=10, room_name_length=5, message_id_length=4)

# Half a surrogate pair is what JSON can say and UTF-8 cannot.
TEXT = st.text("aë\n\ud800", max_size=12)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = SCALAR | st.lists(SCALAR, max_size=2) | st.dictionaries(TEXT, SCALAR, max_size=2)
A_FRAME = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["join", "leave", "message", "ping"]) | JSON,
        "room": st.sampled_from(["tea", ""]) | JSON,
        "text": JSON,
        "id": JSON,
    },
)


@pytest.mark.parametrize(
    ("raw", "frame"),
    [
        ('{"type": "join", "room": "tea"}', Join("tea")),
        ('{"type": "leave", "room": "tea"}', Leave("tea")),
        ('{"type": "message", "room": "tea", "text": "Zo\\u00eb"}', Publish("tea", "Zoë", None)),
        ('{"type": "message", "room": "tea", "text": "x", "id": "m1"}', Publish("tea", "x", "m1")),
        ('{"type": "message", "room": "tea", "text": "x", "id": 7}', Publish("tea", "x", 7)),
        ('{"type": "message", "room": "tea", "text": "x", "id": null}', Publish("tea", "x", None)),
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
        if isinstance(frame, Publish):
            message_frame(Message(frame.room, 1, "ann", frame.text, 0)).encode()


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
