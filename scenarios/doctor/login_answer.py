"""The answer to a login: where in it a token may be, and its shape without one. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from loadgen.dialects import HttpAnswer
from loadgen.plan.secrets import HIDDEN

# Whatever it is called, a token is long.
TOKEN_CHARACTERS = 16

_TOKEN_NAME = re.compile(r"(?i)token|jwt|session|auth|ticket|sid$")


def token_places(answer: HttpAnswer) -> Iterator[str]:
    """Where a token may be, the likeliest first, as a dialect file says it."""
    texts = [*_texts_in(_json_of(answer.body), "$")]
    yield from (path for path, _ in texts if _TOKEN_NAME.search(path.rpartition(".")[2]) and not path.endswith("type"))
    yield from (f"cookie:{name}" for name, _ in answer.cookies)
    yield from (f"header:{name}" for name, _ in answer.headers if _TOKEN_NAME.search(name))
    yield from (path for path, value in texts if len(value) >= TOKEN_CHARACTERS and not _TOKEN_NAME.search(path))


def shape_of(body: bytes) -> str:
    """The keys of an answer that may hold a token, and no value."""
    value = _json_of(body)
    return f"({len(body)} bytes, no JSON)" if value is None else json.dumps(_emptied(value))


def _json_of(body: bytes) -> Any:
    try:
        return json.loads(body)
    # A tower of brackets ends the parser's recursion.
    except (ValueError, RecursionError):
        return None


def _texts_in(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """JSONPath and text of every string in it."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _texts_in(part, f"{path}.{key}" if re.fullmatch(r"[A-Za-z_]\w*", key) else f"{path}['{key}']")
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from _texts_in(part, f"{path}[{i}]")
    elif isinstance(value, str):
        yield path, value


def _emptied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _emptied(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_emptied(part) for part in value]
    return value if value is None or isinstance(value, bool) else HIDDEN
