"""Documents without the name and the paths of the machine on which they were made. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HOST = "reference (the name of the machine was taken out)"


def neutral(value: Any, paths: Sequence[str], key: str = "") -> Any:
    """The same without what names the machine: ``host`` says that it was taken out, paths go from all texts."""
    if isinstance(value, dict):
        return {name: neutral(each, paths, name) for name, each in value.items()}
    if isinstance(value, list):
        return [neutral(each, paths) for each in value]
    if not isinstance(value, str):
        return value
    if key == "host":
        return HOST
    for path in sorted(paths, key=len, reverse=True):
        value = value.replace(f"{path}/", "").replace(path, ".")
    return value


def named_in(text: str, names: Sequence[str]) -> list[str]:
    """Those of the names and paths that a page still has, which nobody may read."""
    return [name for name in names if name in text]
