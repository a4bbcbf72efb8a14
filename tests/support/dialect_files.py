"""The smallest dialect file, changed here and there, and what is told where it is refused."""

from typing import Any

import pytest

from loadgen.errors import InputError
from scenarios.dialect_files import read_dialect
from tests.support.toml_text import toml_text

SMALLEST = {"connect": {"path": "/ws"}, "publish": {"send": "{text}"}}


def a_file(**changes: dict[str, Any]) -> str:
    """The smallest file, with keys of some tables changed; None takes a key away."""
    table: dict[str, dict[str, Any]] = {name: dict(section) for name, section in SMALLEST.items()}
    for name, change in changes.items():
        table[name] = {key: value for key, value in (table.get(name, {}) | change).items() if value is not None}
    return toml_text(table)


def refusal(text: str) -> str:
    with pytest.raises(InputError) as refused:
        read_dialect(text, "mine", "mine.toml")
    return str(refused.value)


WHO = "; here are {username}, {password}, {user_id}, {basic_auth}, {sasl_plain}"
