"""Plain data from another machine, looked at before it is believed.

Each function gives back what it was given where that is what it should be. Elsewhere ValueError says in one line where
that was (``where``), what was expected, and what was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from reprlib import repr as short
from typing import Any, TypeVar

_Name = TypeVar("_Name", bound=StrEnum)

HIGHEST = 2**63 - 1
# 146 years: the difference of two such instants is an int64 as well.
LATEST_NS = 2**62

# Reports come each second: nobody has a quarter of an hour of them to tell.
_MOST_ROWS = 1_000
_MOST_CHARACTERS = 300


def fields(data: object, where: str, *names: str) -> dict[str, object]:
    """A dictionary with exactly these names."""
    found = dict(items(data, where))
    if found.keys() != set(names):
        raise ValueError(f"{where}: expected {', '.join(names)}, got {short(sorted(found))}")
    return found


def items(data: object, where: str) -> Iterator[tuple[str, object]]:
    """What a dictionary holds, whose names are texts; which ones is for the caller to look at."""
    if not isinstance(data, dict):
        raise unexpected(data, "a dictionary", where)
    for name, value in data.items():
        if not isinstance(name, str):
            raise unexpected(name, "a name", where)
        yield name, value


def rows(data: object, width: int, where: str) -> Iterator[list[Any]]:
    """A list of lists of ``width`` each, and not too many of them."""
    if not isinstance(data, list) or len(data) > _MOST_ROWS:
        raise unexpected(data, f"a list of at most {_MOST_ROWS} rows", where)
    for each in data:
        yield row(each, width, where)


def row(data: object, width: int, where: str) -> list[Any]:
    """A list of ``width`` of whatever it may be."""
    if not isinstance(data, list) or len(data) != width:
        raise unexpected(data, f"a list of {width}", where)
    return data


def member(names: type[_Name], data: object, where: str) -> _Name:
    """One of a closed list of names."""
    try:
        return names(text(data, where))
    except ValueError:
        raise ValueError(f"{where}: no such {names.__name__}: {short(data)}") from None


def text(data: object, where: str) -> str:
    """A text of bounded length."""
    if not isinstance(data, str) or len(data) > _MOST_CHARACTERS:
        raise unexpected(data, f"a text of at most {_MOST_CHARACTERS} characters", where)
    return data


def binary(data: object, where: str) -> bytes:
    """Bytes of any length."""
    if not isinstance(data, bytes):
        raise unexpected(data, "bytes", where)
    return data


def truth(data: object, where: str) -> bool | None:
    """True, false, or None where it is not known."""
    if data is not None and not isinstance(data, bool):
        raise unexpected(data, "true, false or nothing", where)
    return data


def integer(data: object, where: str, lowest: int = 0, highest: int = HIGHEST) -> int:
    """A whole number from ``lowest`` to ``highest``, both included."""
    # Of whole numbers bool is one, for Python.
    if not isinstance(data, int) or isinstance(data, bool) or not lowest <= data <= highest:
        raise unexpected(data, f"a whole number from {lowest} to {highest}", where)
    return data


def integer_or_none(data: object, where: str) -> int | None:
    """A whole number that is not negative, or None."""
    return None if data is None else integer(data, where)


def unexpected(data: object, wanted: str, where: str) -> ValueError:
    """The error to raise where ``data`` is not what is ``wanted``."""
    return ValueError(f"{where}: expected {wanted}, got {short(data)}")
