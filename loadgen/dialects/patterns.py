"""How frames are recognised: by a text that they hold, or by a regular expression after ``re:``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple


@lru_cache(maxsize=4096)
def matcher(until: str) -> Callable[[bytes], bool]:
    """Tells whether a frame is the awaited one: it holds a text, or matches ``re:...`` (re.error if that is none)."""
    if until.startswith("re:"):
        pattern = re.compile(until[3:].encode())
        return lambda frame: pattern.search(frame) is not None
    text = until.encode()
    return lambda frame: text in frame


class Acknowledged(NamedTuple):
    """What an acknowledgement says of a message: its id or its number; neither where they come in order."""

    message_id: str | None = None
    number: int | None = None
    room_sequence: int | None = None


def acknowledged_in(frame: bytes, ack: str) -> list[Acknowledged]:
    """Every acknowledgement in a frame."""
    pattern = ack_pattern(ack)
    groups = pattern.groupindex
    if pattern.groups == 1 and "our_id" in groups:  # as in most: 0.6 us less than the general way
        return [Acknowledged(our_id.decode()) for our_id in pattern.findall(frame) if our_id]
    found = []
    for match in pattern.finditer(frame):
        our_id = match["our_id"] if "our_id" in groups else None
        our_number = match["our_number"] if "our_number" in groups else None
        if our_id is None and our_number is None and names_message(ack):
            continue  # an alternative that names none
        in_room = match["in_room"] if "in_room" in groups else None
        found.append(
            Acknowledged(
                None if our_id is None else our_id.decode(),
                None if our_number is None else int(our_number),
                None if in_room is None else int(in_room),
            )
        )
    return found


def names_message(ack: str) -> bool:
    """Whether acknowledgements say which message they are of."""
    return "{id}" in ack or "{n}" in ack


# How a placeholder of a pattern is found again: our ids are letters, digits and dashes, numbers have at most 18 digits.
_GROUPS = {
    "{id}": ("our_id", "[0-9a-z-]+"),
    "{n}": ("our_number", r"\d{1,18}"),
    "{seq}": ("in_room", r"\d{1,18}"),
}


@lru_cache(maxsize=64)
def ack_pattern(ack: str) -> re.Pattern[bytes]:
    """Finds acknowledgements, and in each the groups ``our_id``, ``our_number`` and ``in_room``, where they stand.

    They are those of ``{id}`` and ``{n}``, the id and the number of the message, and ``{seq}``, its number in its room.
    """
    is_pattern = ack.startswith("re:")
    pattern = ack[3:] if is_pattern else re.escape(ack)
    for placeholder, (group, what) in _GROUPS.items():
        place = placeholder if is_pattern else re.escape(placeholder)
        # Where it comes twice, it is the same one.
        pattern = pattern.replace(place, f"(?P<{group}>{what})", 1).replace(place, f"(?P={group})")
    return re.compile(pattern.encode())


# As hosts, processes and machines are called.
_NODE = r"([\w.:@/-]{1,200})"


@lru_cache(maxsize=64)
def node_pattern(node: str) -> re.Pattern[bytes]:
    """Finds the name of a node, where ``{node}`` stands; the only group."""
    pattern, place = (node[3:], "{node}") if node.startswith("re:") else (re.escape(node), re.escape("{node}"))
    return re.compile(pattern.replace(place, _NODE, 1).encode())


@lru_cache(maxsize=64)
def number_pattern(seq: str) -> re.Pattern[bytes]:
    """Finds the numbers of messages, where ``{seq}`` stands; the only group."""
    pattern, place = (seq[3:], "{seq}") if seq.startswith("re:") else (re.escape(seq), re.escape("{seq}"))
    return re.compile(pattern.replace(place, r"(\d{1,18})", 1).encode())
