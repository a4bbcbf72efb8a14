"""Texts that came in another way than they were awaited."""

from __future__ import annotations

import pytest

from scenarios.doctor.near_misses import as_written, separator_in


@pytest.mark.parametrize(
    ("awaited", "frame", "written"),
    [
        ('"type":"joined"', '{"type" : "Joined"}', '"type" : "Joined"'),
        ("JOINED", "JOINED", None),
        ("JOINED", "LEFT", None),
    ],
)
def test_a_text_is_found_but_for_blanks_and_capitals(awaited: str, frame: str, written: str | None) -> None:
    """As the server writes it; None where it is right already, or not there."""
    assert as_written(awaited, frame.encode()) == written


@pytest.mark.parametrize(
    ("frame", "separator"),
    [
        (b"HELLO\nOK 1\n", "\n"),
        (b"HELLO\r\nOK 1\r\n", "\r\n"),
        (b"OK 1\0HELLO\0", "\0"),
        (b"{}\x1eOK 1\x1e", "\x1e"),
        (b"OK 1", None),
        (b"HELLO\nNO 1", None),
    ],
)
def test_what_stands_between_messages_is_found(frame: bytes, separator: str | None) -> None:
    """Where a part is what was looked for, and the frame is not."""
    assert separator_in(frame, lambda part: part == b"OK 1") == separator
