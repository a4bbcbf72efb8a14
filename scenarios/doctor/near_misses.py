"""Texts that a dialect awaits and that came in another way. Pure."""

from __future__ import annotations

import re


def as_written(awaited: str, frame: bytes) -> str | None:
    """The part of a frame that is the awaited text but for blanks and capitals; None where there is none."""
    pattern = r"\s*".join(re.escape(character) for character in awaited if not character.isspace())
    found = re.search(pattern, frame.decode(errors="replace"), re.IGNORECASE)
    return found[0] if found is not None and found[0] != awaited else None


def holds_all(awaited: str, frame: bytes) -> bool:
    """Whether the parts of a text, as commas divide it, all stand somewhere in the frame."""
    parts = [part for part in awaited.split(",") if part.strip()]
    return len(parts) > 1 and all(part.strip().encode() in frame or as_written(part, frame) for part in parts)
