"""True frames with something wrong in them: other types, other numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.support.tongues import as_json

OTHER_VALUES: tuple[Any, ...] = (None, True, -1, 1.5, 10**30, "", "5", [], {})
OTHER_NUMBERS = (b"", b"-1", b"1e999", b'"1"', b"9" * 5000, "\u0661".encode())  # the last is a 1 in Arabic


def with_other_types(frame: bytes) -> list[bytes]:
    """The frame once for each part of its JSON and each value that may stand there instead; none where it has none."""
    begin = re.search(rb"[\[{]", frame)
    if begin is None:
        return []
    head, rest = frame[: begin.start()], frame[begin.start() :]
    try:
        value = json.loads(rest)
    except ValueError:
        return []
    return [head + as_json(other) for other in _others(value)]


def _others(value: Any) -> Iterator[Any]:
    yield from (other for other in OTHER_VALUES if other != value)
    if isinstance(value, dict):
        for key, part in value.items():
            yield from ({**value, key: other} for other in _others(part))
    if isinstance(value, list):
        for at, part in enumerate(value):
            yield from ([*value[:at], other, *value[at + 1 :]] for other in _others(part))


def with_other_numbers(frame: bytes) -> list[bytes]:
    """The frame once for each number in it, and each thing that may stand there instead."""
    return [
        frame[: found.start()] + other + frame[found.end() :]
        for found in re.finditer(rb"\d+", frame)
        for other in OTHER_NUMBERS
    ]


# What is no message in any of our dialects, and no UTF-8 in part.
NONSENSE = (b"\xc3\x28 \xff\xfe \xed\xa0\x80", b"", b"\0" * 300, b"{", b'"', b"null", b"[]", b"\r\n", b"<", b"\xf0\x9f")
TOWERS = (b"[" * 100_000, b'{"type":' * 50_000, b"<a>" * 50_000)
