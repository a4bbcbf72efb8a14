"""Text from outside into checked data, or one clear line: file, key path, what was expected, found, and meant."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from loadgen.errors import InputError
from loadgen.plan.access import without_passwords
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.secrets import HIDDEN, is_secret_header

Model = TypeVar("Model", bound=BaseModel)

_UNIT_NS = {
    "h": 3600 * NS_PER_S,
    "m": 60 * NS_PER_S,
    "s": NS_PER_S,
    "ms": NS_PER_S // 1000,
    "us": NS_PER_S // 10**6,
}
# A year; what is longer is a slip, and would not fit into the arithmetic.
LONGEST_NS = 365 * 24 * 3600 * NS_PER_S
_TOO_LONG = "longer than a year"

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|us|m|s))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|m|s)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")


class Section(BaseModel):
    """A table of a file: unknown keys and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


def duration_ns(value: Any) -> Any:
    """Nanoseconds of a text like "90s", "1h30m" or "250ms"; ValueError for any other text."""
    if not isinstance(value, str) or not _DURATION.fullmatch(value.strip()):
        raise ValueError("not a duration")
    length_ns = sum(float(n) * _UNIT_NS[unit] for n, unit in _DURATION_PART.findall(value))
    if length_ns > LONGEST_NS:
        raise ValueError(_TOO_LONG)
    return round(length_ns)


Duration = Annotated[int, BeforeValidator(duration_ns)]


def duration_text(value_ns: int) -> str:
    """The shortest text that :func:`duration_ns` reads back."""
    if not value_ns:
        return "0s"
    for unit in ("h", "m", "s", "ms", "us"):
        if value_ns % _UNIT_NS[unit] == 0:
            return f"{value_ns // _UNIT_NS[unit]}{unit}"
    return f"{value_ns // NS_PER_S}.{value_ns % NS_PER_S:09}s"


def moment_ns(text: str, whole_ns: int) -> int:
    """How long after the start of a window ``whole_ns`` long: a share of it like "50%", or a time like "10s".

    ValueError for any other text.
    """
    share = _SHARE.fullmatch(text.strip())
    if share is None:
        return int(duration_ns(text))
    if float(share[1]) > 100:
        raise ValueError("more than the whole")
    return round(whole_ns * float(share[1]) / 100)


def _moment(text: str) -> str:
    moment_ns(text, 0)
    return text


Moment = Annotated[str, AfterValidator(_moment)]
"""A text for :func:`moment_ns`."""


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML file called ``name``; InputError names the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: not a TOML file: {error}") from None
    except RecursionError:
        raise InputError(f"{name}: not a TOML file for people: nested too deeply") from None


def validate(model: type[Model], data: dict[str, Any], label: Callable[[str], str]) -> Model:
    """``data`` as a ``model``; InputError with the first thing wrong, at ``label(key path)``."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError(_line(error.errors()[0], model, data, label)) from None


def _line(error: ErrorDetails, model: type[BaseModel], data: dict[str, Any], label: Callable[[str], str]) -> str:
    *tables, last = error["loc"]
    if error["type"] == "extra_forbidden":
        unknown = (*(part for part in tables if not _is_branch(part)), last)
        return f"{label(_path(unknown))}: unknown key{_hint(unknown, model)}"
    keys = [part for part in error["loc"] if not _is_branch(part)]
    path = _path(keys)
    field = _field_at(keys, model)
    expected = field.get("expected") if field else None
    if error["type"] == "missing":
        return f"{label(path)}: missing; expected {expected or 'a value'}"
    if error["type"] == "value_error" and expected is None:
        return f"{label(path)}: {error['msg'].removeprefix('Value error, ')}"
    found = without_passwords(json.dumps(_written(keys, data, error["input"]), default=str))
    if _is_secret(keys):
        found = HIDDEN
    found = found if len(found) <= 120 else found[:117] + "..."
    at_most = ", a year at most" if error["msg"].endswith(_TOO_LONG) else ""
    return f"{label(path)}: expected {expected or error['msg']}{at_most}, got {found}"


def _is_secret(keys: Sequence[int | str]) -> bool:
    """Whether what stands there is nobody's business: the value of a header, or what tokens are signed with."""
    *_, table, name = ("", "", *map(str, keys))
    return name in ("secret", "password", "headers") or (table == "headers" and is_secret_header(name))


def _path(keys: Sequence[int | str]) -> str:
    """Tables by name, the items of a list by number, from 0: ``incident[0].at``."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def _written(keys: Sequence[int | str], data: Any, otherwise: Any) -> Any:
    """The value as it stands in the file: pydantic shows a duration as the number we made of it."""
    for key in keys:
        if isinstance(data, str):  # a text that stands for a whole table
            return data
        try:
            data = data[key]
        except (LookupError, TypeError):
            return otherwise
    return data


def _is_branch(part: int | str) -> bool:
    # Where a union was tried, pydantic puts the names of its branches into the path.
    return isinstance(part, str) and (part in {"str", "int", "float", "list[str]"} or "[" in part or "-" in part)


def _hint(keys: Sequence[int | str], model: type[BaseModel]) -> str:
    key, siblings = str(keys[-1]), _siblings(keys, model)
    everywhere = {path.rpartition(".")[2]: path for path, _ in reversed(list(fields_of(model)))}
    if key in everywhere:  # the right key in the wrong table
        return f'; did you mean "{everywhere[key]}"?'
    near = get_close_matches(key, siblings, n=1, cutoff=0.5)
    if near:
        return f'; did you mean "{near[0]}"?'
    near = get_close_matches(key, everywhere, n=1, cutoff=0.5)
    if near:
        return f'; did you mean "{everywhere[near[0]]}"?'
    return f"; there are {', '.join(siblings)}"


def _siblings(keys: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    current = model
    for key in keys[:-1]:
        field = current.model_fields.get(str(key))
        if field is not None and (inner := model_in(field.annotation)):
            current = inner
    return list(current.model_fields)


def _field_at(keys: Sequence[int | str], model: type[BaseModel]) -> dict[str, Any] | None:
    current: type[BaseModel] | None = model
    extra: dict[str, Any] | None = None
    for key in keys:
        if isinstance(key, int):  # an item of a list, whose field we have
            continue
        if current is None or key not in current.model_fields:
            break
        field = current.model_fields[key]
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else None
        current = model_in(field.annotation)
    return extra


def fields_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key path of a model, leaves, lists and what can also be a table, with pydantic's description of the field.

    The keys of the tables in a list follow it, as ``incident[].at``.
    """
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        is_list = get_origin(field.annotation) is list
        if inner is None or is_list or _has_other_forms(field.annotation):
            yield f"{prefix}{name}", field
        if inner is not None:
            yield from fields_of(inner, f"{prefix}{name}{'[]' if is_list else ''}.")


def _has_other_forms(annotation: Any) -> bool:
    """Whether it is a union of more than a model and None."""
    return get_origin(annotation) in (UnionType, Union) and len(set(get_args(annotation)) - {NoneType}) > 1


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is, or holds as an item or a branch; None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is None:
        return None
    return next((inner for arg in get_args(annotation) if (inner := model_in(arg))), None)
