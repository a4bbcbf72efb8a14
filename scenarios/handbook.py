"""docs/scenarios.md: its prose, what the catalogue says of its scenarios, and every key of the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_origin

from jinja2 import Environment, StrictUndefined

from scenarios.handbook_entries import entry_of
from scenarios.layers import FLAGS, leaves
from scenarios.schema import Scenario
from scenarios.toml_text import toml_text
from scenarios.validation import duration_ns, duration_text, fields_of, model_in

# Names like delivery_time, and flags with what they are given, as the comments of the catalogue have them.
_FLAG = r"--?[a-z][a-z-]*(?: \d(?:[\w:]*\w)?)?"
_CODE = re.compile(rf'(?<![\w"-])(?:{_FLAG}(?: {_FLAG})*|[a-z]+(?:_[a-z]+)+\b)')


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a scenario file, and where it stands: in several tables where these are alike."""

    paths: tuple[str, ...]
    flag: str | None
    variable: str | None
    meaning: str
    expected: str
    default: str | None
    """As a file would have it; None: it must be said."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table at the top of a scenario file."""

    name: str | None
    """As a file would have it, brackets and all; None for the keys above all tables."""
    meaning: str
    keys: tuple[Key, ...]


def render(template: str, catalogue: Mapping[str, str]) -> str:
    """The page: ``template`` with the ``catalogue`` (name -> text of the file) and the schema put in."""
    environment = Environment(
        autoescape=False,  # noqa: S701 - markdown, of our own words
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"code": _with_code, "cell": _cell}
    entries = [entry_of(name, text) for name, text in catalogue.items()]
    return environment.from_string(template).render(entries=entries, tables=list(tables()))


def tables() -> Iterator[Table]:
    """Every key, table by table, in the order of the schema."""
    by_table: dict[str | None, list[Key]] = {None: []}
    for key in _keys():
        top = re.split(r"[.\[]", key.paths[0])[0]
        by_table.setdefault(top if model_in(Scenario.model_fields[top].annotation) else None, []).append(key)
    for name, keys in by_table.items():
        if name is None:
            yield Table(None, _one_line(Scenario.__doc__), tuple(keys))
            continue
        annotation = Scenario.model_fields[name].annotation
        written = f"[[{name}]]" if get_origin(annotation) is list else f"[{name}]"
        yield Table(written, _one_line(getattr(model_in(annotation), "__doc__", None)), tuple(keys))


def _keys() -> list[Key]:
    defaults = dict(leaves(Scenario().model_dump(mode="json")))
    flags = {flag.key: flag for flag in FLAGS}
    found: dict[int, Key] = {}
    for path, field in fields_of(Scenario):
        known = found.get(id(field))  # the same field again: another table of the same model
        flag = flags.get(path)
        found[id(field)] = Key(
            (*known.paths, path) if known else (path,),
            flag.name if flag else known.flag if known else None,
            flag.variable if flag else known.variable if known else None,
            _one_line(field.description),
            field.json_schema_extra["expected"],
            None if field.is_required() else _written(field, defaults.get(path, field.default)),
        )
    return list(found.values())


def _written(field: Any, value: Any) -> str:
    is_duration = any(getattr(part, "func", None) is duration_ns for part in field.metadata)
    return toml_text(duration_text(value) if is_duration else value)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _with_code(text: str) -> str:
    """Names and flags in a monospaced font; the rest is kept from being read as HTML."""
    return _CODE.sub(lambda found: f"`{found[0]}`", text.replace("<", r"\<"))


def _cell(text: str) -> str:
    """What may stand in a cell of a table."""
    return text.replace("|", r"\|")
