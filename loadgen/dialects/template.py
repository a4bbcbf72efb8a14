"""Text with placeholders like {username}. Braces that hold no bare word, as in JSON, stand for themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*(?::[A-Za-z_]+)?)\}")


def placeholders(value: Any) -> list[str]:
    """The placeholders in a string, or in the strings of a list or table, in order."""
    if isinstance(value, str):
        return PLACEHOLDER.findall(value)
    if isinstance(value, Mapping):
        return [name for part in value.values() for name in placeholders(part)]
    if isinstance(value, list | tuple):
        return [name for part in value for name in placeholders(part)]
    return []


def fill(value: str, values: Mapping[str, str]) -> str:
    """``value`` with every placeholder replaced; KeyError for one that has no value."""
    parts = _parts(value)
    if len(parts) == 1:
        return value
    # Every second part is the name of a placeholder.
    return "".join([values[part] if i % 2 else part for i, part in enumerate(parts)])


@lru_cache(maxsize=1024)
def _parts(value: str) -> list[str]:
    return PLACEHOLDER.split(value)


def fill_all(value: Any, values: Mapping[str, str]) -> Any:
    """The same in every string of a list or table."""
    if isinstance(value, str):
        return fill(value, values)
    if isinstance(value, Mapping):
        return {key: fill_all(part, values) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [fill_all(part, values) for part in value]
    return value


def json_text(text: str) -> str:
    """``text`` escaped for the inside of a JSON string."""
    return encode_basestring(text)[1:-1]
