"""The stamp inside each message's text: who sent it, which one it is, when it was due and sent.

Printable letters and digits only, so it survives JSON, XML, MQTT and URLs unescaped; its width is fixed.

    cbm  1a2b3c  0000002a  00000007  0000123456789abc  000000001f40  ffffffff  89abcdef
         tag     sender    sequence  due_ns            sent - due    receiver  CRC-32 of all before

All figures are hexadecimal. The receiver is a user, or ffffffff for everybody in the sender's room; where users have
several rooms, ffffffff is the first of the sender's, fffffffe the second, and so on. The tag is the run's, so what
another run has left in a room is told apart.
"""

from __future__ import annotations

import re
import zlib
from binascii import hexlify
from struct import Struct
from typing import NamedTuple

from loadgen.plan.rooms import MOST_LAYERS

_MAGIC = b"cbm"
_DIGITS = b"0123456789abcdef"
_NO_DIGITS = _MAGIC.translate(None, _DIGITS)
"""What is left of a marker without its digits."""
_NO_CLOCK_NS = 1 << 63
"""A monotonic clock stands there after 292 years: later times are nobody's, and fit into no int64."""
TAG_DIGITS = 6
PREFIX_WIDTH = len(_MAGIC) + TAG_DIGITS
WIDTH = PREFIX_WIDTH + 8 + 8 + 16 + 12 + 8 + 8
# As bytes, whose hexadecimal digits stand in the marker: 0.9 us for all, and 1.7 by formatting one after the other. Of
# sent - due the upper 16 bits and the lower 32.
_FIGURES = Struct(">IIQHII")
_FIGURES_AND_CHECK = Struct(">IIQHIII")
_THE_ROOM = 0xFFFFFFFF
RECEIVER_AT = slice(PREFIX_WIDTH + 8 + 8 + 16 + 12, WIDTH - 8)
"""Where in a marker it is said whom the message is for."""


class Stamp(NamedTuple):
    """What a marker says; times are monotonic ns."""

    sender: int
    sequence: int
    due_ns: int
    sent_ns: int
    receiver: int | None = None
    """Whom it is for; None: everybody in the sender's room."""
    layer: int = 0
    """Which of the sender's rooms that is."""


def sender_of(text: bytes) -> int:
    """Who has sent the message of a sound marker."""
    return int(text[PREFIX_WIDTH : PREFIX_WIDTH + 8], 16)


def prefix_of(tag: str) -> bytes:
    """What every marker of the run ``tag`` (six hexadecimal digits) starts with."""
    if not re.fullmatch(r"[0-9a-f]{%d}" % TAG_DIGITS, tag):
        raise ValueError(f"a run tag has {TAG_DIGITS} hexadecimal digits, got {tag!r}")
    return _MAGIC + tag.encode()


def write(prefix: bytes, stamp: Stamp) -> bytes:
    """The marker of WIDTH bytes; ``stamp.sent_ns`` must not lie before ``stamp.due_ns``, or struct.error is raised."""
    sender, sequence, due_ns, sent_ns, receiver, layer = stamp
    late_ns = sent_ns - due_ns
    to = _THE_ROOM - layer if receiver is None else receiver
    figures = _FIGURES.pack(sender, sequence, due_ns, late_ns >> 32, late_ns & 0xFFFFFFFF, to)
    body = prefix + hexlify(figures)
    return body + hexlify(zlib.crc32(body).to_bytes(4))


def read(marker: bytes) -> Stamp | None:
    """What the marker says; None where its check digits do not fit, it is cut short, or no clock shows such times."""
    if len(marker) != WIDTH:
        return None
    # Spaces and capitals are read as well, and are not what we have written.
    if marker.translate(None, _DIGITS) != _NO_DIGITS or not marker.startswith(_MAGIC):
        return None
    figures = bytes.fromhex(marker[PREFIX_WIDTH:].decode())
    sender, sequence, due_ns, late_above, late_below, receiver, check = _FIGURES_AND_CHECK.unpack(figures)
    sent_ns = due_ns + (late_above << 32 | late_below)
    if check != zlib.crc32(marker[:-8]) or sent_ns >= _NO_CLOCK_NS:
        return None
    if receiver > _THE_ROOM - MOST_LAYERS:
        return Stamp(sender, sequence, due_ns, sent_ns, None, _THE_ROOM - receiver)
    return Stamp(sender, sequence, due_ns, sent_ns, receiver)


def receiver_text(layer: int) -> bytes:
    """What stands at RECEIVER_AT in a message for everybody in one of the sender's rooms."""
    return b"%08x" % (_THE_ROOM - layer)


def foreign_in(payload: bytes, prefix: bytes) -> bool:
    """Whether the payload holds a sound marker of another run than the one whose markers start with ``prefix``."""
    at = payload.find(_MAGIC)
    while at >= 0:
        if not payload.startswith(prefix, at) and read(payload[at : at + WIDTH]) is not None:
            return True
        at = payload.find(_MAGIC, at + 1)
    return False
