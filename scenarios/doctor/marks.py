"""What became of a marker on its way through a server: intact, or spoilt in one of the ways that servers have. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from loadgen.measure.disguises import in_base64
from loadgen.measure.marker import PREFIX_WIDTH
from scenarios.doctor.attempts import Talk

# Shorter pieces of a text may be there by chance.
TELLING_CHARACTERS = 12


class Fate(StrEnum):
    """What became of it; the better comes first."""

    INTACT = "intact"
    OTHER_CASE = "other case"
    ENTITIES = "entities"
    BROKEN_UP = "broken up"
    BASE64 = "base64"
    CUT = "cut"
    ALTERED = "altered"
    BEHEADED = "beheaded"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Mark:
    """What became of a marker, and how many characters of it, or where it was dropped of the text, are as they were."""

    fate: Fate
    kept: int

    def says(self, talk: Talk) -> str:
        """What happened, in a sentence."""
        size = len(talk.marker)
        match self.fate:
            case Fate.INTACT:
                return "it came through as it was sent"
            case Fate.OTHER_CASE:
                return "its letters were changed to upper or mixed case"
            case Fate.ENTITIES:
                return "its characters were written as HTML entities"
            case Fate.BROKEN_UP:
                return "other characters were put between its own"
            case Fate.BASE64:
                return "the text came in base64"
            case Fate.CUT:
                return f"the text was shortened: {self.kept} of the marker's {size} characters are left"
            case Fate.ALTERED:
                return f"it was altered from character {self.kept + 1} of {size} on"
            case Fate.BEHEADED:
                return f"only its last {self.kept} of {size} characters came"
            case _:  # dropped
                return f"the text came without it: {self.kept} of its {len(talk.text)} characters are left"

    def advice(self, talk: Talk) -> str:
        """What to try."""
        match self.fate:
            case Fate.CUT | Fate.DROPPED:
                kept = self.kept + (talk.text.index(talk.marker) if self.fate is Fate.CUT else 0)
                least = len(talk.marker)
                if kept >= least:
                    return f"the server shortens texts: a run needs --payload {kept} or less"
                return f"the server shortens texts to less than the {least} characters of a marker: lift that limit"
            case Fate.BASE64:
                return "the message must reach others as it is: is there another frame for plain text?"
            case _:
                return "the server changes texts: a filter of long words or numbers, or mark-up? Switch it off"


def mark_in(talk: Talk, frames: Sequence[bytes]) -> Mark | None:
    """What became of the marker in the frames that came; None where none of them has anything of the message."""
    marks = [mark for frame in frames if (mark := _mark_of(talk, frame.decode(errors="replace"))) is not None]
    ranks = list(Fate)
    return min(marks, key=lambda mark: (ranks.index(mark.fate), -mark.kept), default=None)


def _mark_of(talk: Talk, frame: str) -> Mark | None:
    marker, size = talk.marker, len(talk.marker)
    if marker in frame:
        return Mark(Fate.INTACT, size)
    if marker in frame.lower():
        return Mark(Fate.OTHER_CASE, size)
    if "&#" in frame and marker in html.unescape(frame):
        return Mark(Fate.ENTITIES, size)
    if marker in re.sub(r"[^0-9a-z]", "", frame):
        return Mark(Fate.BROKEN_UP, size)
    if any(code in frame for code in in_base64(marker.encode())):
        return Mark(Fate.BASE64, size)
    head = _longest(frame, (marker[:length] for length in range(size - 1, PREFIX_WIDTH - 1, -1)))
    if head is not None:
        follows = frame[frame.index(head) + len(head) :][:1]
        return Mark(Fate.ALTERED if follows.isalnum() or follows in ("*", "#") else Fate.CUT, len(head))
    tail = _longest(frame, (marker[-length:] for length in range(size - 1, PREFIX_WIDTH - 1, -1)))
    if tail is not None:
        return Mark(Fate.BEHEADED, len(tail))
    words = talk.text[: talk.text.index(marker)]
    head = _longest(frame, (words[:length] for length in range(len(words), TELLING_CHARACTERS - 1, -1)))
    return None if head is None else Mark(Fate.DROPPED, len(head))


def _longest(text: str, parts: Iterable[str]) -> str | None:
    """The first of the parts that is in the text; they come longest first."""
    return next((part for part in parts if part in text), None)
