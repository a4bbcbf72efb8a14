"""TOML as a test's own data writes it."""

import datetime
import json
import math
from typing import Any


def toml_text(table: dict[str, Any]) -> str:
    """A TOML file that reads as ``table``: strings, numbers, truth, times, lists and tables, however nested."""
    return "".join(f"{_text(key)} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return _text(value)
        case float() if math.isnan(value) or math.isinf(value):
            return str(value)
        case int() | float():
            return repr(value)
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case list():
            return "[" + ", ".join(_value(part) for part in value) + "]"
        case dict():
            return "{" + ", ".join(f"{_text(key)} = {_value(part)}" for key, part in value.items()) + "}"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _text(text: str) -> str:
    # A basic string of TOML is one of JSON, but for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
