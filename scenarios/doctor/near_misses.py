"""Texts that a dialect awaits and that came in another way. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

# What stands between the messages of a frame in the protocols that we know: lines, STOMP, SignalR.
SEPARATORS = ("\r\n", "\n", "\0", "\x1e")


def as_written(awaited: str, frame: bytes) -> str | None:
    """The part of a frame that is the awaited text but for blanks and capitals; None where there is none."""
    pattern = r"\s*".join(re.escape(character) for character in awaited if not character.isspace())
    found = re.search(pattern, frame.decode(errors="replace"), re.IGNORECASE)
    return found[0] if found is not None and found[0] != awaited else None


def holds_all(awaited: str, frame: bytes) -> bool:
    """Whether the parts of a text, as commas divide it, all stand somewhere in the frame."""
    parts = [part for part in awaited.split(",") if part.strip()]
    return len(parts) > 1 and all(part.strip().encode() in frame or as_written(part, frame) for part in parts)


def separator_in(frame: bytes, is_it: Callable[[bytes], object]) -> str | None:
    """What divides a frame so that one of its parts is what was looked for; None where nothing does."""
    for separator in SEPARATORS:
        parts = frame.split(separator.encode())
        if len(parts) > 1 and any(is_it(part) for part in parts):
            return separator
    return None
