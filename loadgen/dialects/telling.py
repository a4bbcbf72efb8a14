"""What a frame must hold to say anything beside the messages that it brings: hardly any frame does."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from loadgen.dialects.script import DialectScript

_NUMBERS_AND_IDS = re.compile(r"\{(?:id|n|seq)\}")
# One element of a regular expression, and how often it is wanted.
_ELEMENT = re.compile(r"(\\x..|\\[0-9]+|\\.|[^\\])([?*+]|\{[0-9,]*\})?", re.DOTALL)
_MEANS_MORE = frozenset("^$.|?*+(){}[]")
# Of what nearly every frame is made.
_COMMON = frozenset(b'abcdefghijklmnopqrstuvwxyz0123456789 "{}:,')


class Telling(NamedTuple):
    """A text that makes a frame worth a look."""

    byte: int
    """One of its bytes, and one that few frames hold where there is such a one."""
    text: bytes


def telling_texts(script: DialectScript) -> tuple[Telling, ...] | None:
    """A frame without any of these is no acknowledgement, no error and nothing to reply to; None: any may be one.

    What is awaited besides, once, is not among them: a confirmation, an answer to a keep-alive, a page of the history.
    """
    acks = [script.publish.ack, None if script.direct is None else script.direct.ack]
    patterns = (*(ack for ack in acks if ack is not None), *script.errors.frames)
    return _texts_of(patterns, tuple(script.alive.reply))


@lru_cache(maxsize=64)
def _texts_of(patterns: tuple[str, ...], whole: tuple[str, ...]) -> tuple[Telling, ...] | None:
    texts = dict.fromkeys((*(held_text(pattern) for pattern in patterns), *whole))
    return None if "" in texts else tuple(Telling(_rarest_in(text.encode()), text.encode()) for text in texts)


def _rarest_in(text: bytes) -> int:
    return next((byte for byte in text if byte not in _COMMON), text[0])


def held_text(pattern: str) -> str:
    """A text that each frame holds which a pattern of a dialect file recognises; empty where none is certain."""
    if not pattern.startswith("re:"):
        return max(_NUMBERS_AND_IDS.split(pattern), key=len)
    pattern = _NUMBERS_AND_IDS.sub(".", pattern.removeprefix("re:"))
    if "|" in pattern:
        return ""
    longest = run = ""
    for what, times in _ELEMENT.findall(pattern):
        if what in ("(", "["):
            break  # groups and sets are not looked into, nor what follows them
        stands_for = what[-1]
        is_certain = times in ("", "+") and not (what[1].isalnum() if len(what) > 1 else what in _MEANS_MORE)
        run = run + stands_for if is_certain else ""
        longest = max(longest, run, key=len)
        if times:
            run = ""
    return longest
