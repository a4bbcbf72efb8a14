"""Bytes, made shorter on their way from machine to machine."""

from __future__ import annotations

import zlib
from typing import Any

from loadgen.measure import checked

# What is shorter is mostly not made shorter by zlib.
_WORTH_PACKING_BYTES = 32
# A typical second takes a third of the time of zlib's default level, and 15 % more bytes.
_PACKING_LEVEL = 1


def packed(content: bytes) -> list[Any]:
    """[size, content]; by zlib where that is shorter."""
    if len(content) < _WORTH_PACKING_BYTES:
        return [len(content), content]
    return [len(content), min(content, zlib.compress(content, _PACKING_LEVEL), key=len)]


def unpacked(data: object, most_bytes: int, where: str) -> bytes:
    """The bytes that were packed into ``data``; ValueError where none were, or more than ``most_bytes``."""
    size, sent = checked.row(data, 2, where)
    size, sent = checked.integer(size, where, 0, most_bytes), checked.binary(sent, where)
    if len(sent) == size:
        return sent
    inflater = zlib.decompressobj()
    try:
        # One byte more than there should be, so that what is too long is known and not unpacked.
        content = inflater.decompress(sent, size + 1)
    except zlib.error as error:
        raise ValueError(f"{where}: {error}") from None
    if len(content) != size or not inflater.eof or inflater.unused_data:
        raise ValueError(f"{where}: expected {size} bytes, packed; these are more or fewer")
    return content
