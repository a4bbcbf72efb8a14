"""Dialects found by name or path, and read: those that come with chatbench, those of other packages, and files."""

from __future__ import annotations

import json
import os
import time
from dataclasses import MISSING, fields
from difflib import get_close_matches
from importlib import import_module, metadata, resources
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import Field, create_model

from loadgen.dialects.script import DialectScript, PublishScript, TokenScript
from loadgen.dialects.scripted import ScriptedDialect
from loadgen.dialects.signing import sign
from loadgen.dialects.template import Values
from loadgen.errors import InputError
from loadgen.plan.pacing import NS_PER_S
from scenarios.dialect_checks import check, check_spoken, wrong
from scenarios.dialect_schema import (
    DialectFile,
    SpokenFile,
    TokenSection,
    connect_script,
    login_script,
    script_of,
)
from scenarios.validation import Section, parse_toml, validate

ENTRY_POINTS = "chatbench.dialects"
"""Where a package names the classes that speak its protocols; docs/dialects.md."""
# Ours are known without being installed.
_OURS = {"mqtt": "loadgen.dialects.mqtt:MqttDialect"}


def builtin_dialects() -> list[str]:
    """The names of the dialects that come with chatbench."""
    folder = resources.files("loadgen.dialects")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def named_dialects() -> list[str]:
    """The same, and those of other packages."""
    return sorted({*builtin_dialects(), *(entry.name for entry in metadata.entry_points(group=ENTRY_POINTS))})


def named_text(name: str) -> str:
    """The file of one of them; InputError where there is none of that name."""
    known = named_dialects()
    if name not in known:
        raise _unknown(name, f"there are {', '.join(known)}")
    if name not in builtin_dialects():
        return _speaker(name).FILE
    return (resources.files("loadgen.dialects") / f"{name}.toml").read_text(encoding="utf-8")


def summary_of(text: str) -> str:
    """The first comment of a dialect file, which says what it is; empty where it has none."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(lines)


def _unknown(name: str, there_is: str) -> InputError:
    near = get_close_matches(name, named_dialects(), n=1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    return InputError(f"unknown dialect {json.dumps(name)}{hint} ({there_is})")


def load_dialect(name_or_path: str) -> DialectScript:
    """The dialect of that name, or in that file; InputError where there is none, or it is wrong."""
    known = named_dialects()
    if name_or_path in known:
        return read_dialect(named_text(name_or_path), name_or_path, f"{name_or_path}.toml")
    if not name_or_path.endswith(".toml") and not os.path.exists(name_or_path):  # noqa: PTH110 - Path raises on some names
        raise _unknown(name_or_path, f"there are {', '.join(known)}; or give the path of a dialect file")
    path = Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{name_or_path}: cannot read the dialect file: {_why(error)}") from None
    return read_dialect(text, path.stem, name_or_path)


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def read_dialect(text: str, name: str, source: str) -> DialectScript:
    """The dialect ``name`` from the text of a file; ``source`` is what errors call it."""
    data = parse_toml(text, source)
    label = lambda path: f"{source}: {path}"  # noqa: E731
    if "protocol" in data:
        return _read_spoken(validate(SpokenFile, data, label), name, source)
    file = validate(DialectFile, data, label)
    check(file, source)
    return script_of(file, name, _token_script(file.token, source))


# --- tokens that are signed here


def _token_script(token: TokenSection | None, source: str) -> TokenScript | None:
    if token is None:
        return None
    script = TokenScript(
        token.claims, _secret(token, source), token.algorithm, token.lifetime // NS_PER_S, int(time.time())
    )
    try:
        sign(script, Values(username="x", password="x", user_id="1"))  # noqa: S106 - an example
    except ValueError as error:
        raise InputError(
            f"{source}: token: nothing can be signed with this secret by {token.algorithm}: {error}"
        ) from None
    return script


def _secret(token: TokenSection, source: str) -> str:
    if token.secret is not None:
        return token.secret
    if token.secret_env is not None:
        secret = os.environ.get(token.secret_env, "")
        if not secret:
            raise wrong(source, "token.secret_env", "an environment variable that is set", json.dumps(token.secret_env))
        return secret
    assert token.secret_file is not None, "a file without a secret was let through"
    try:
        return Path(token.secret_file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{source}: token.secret_file: cannot read {token.secret_file}: {_why(error)}") from None


# --- protocols that a class speaks


def _read_spoken(file: SpokenFile, name: str, source: str) -> DialectScript:
    check_spoken(file, source)
    try:
        speaker = _speaker(file.protocol)
    except InputError as error:
        raise InputError(f"{source}: protocol: {error}") from None
    script = DialectScript(
        name=name,
        connect=connect_script(file.connect),
        publish=PublishScript(echo=file.publish.echo, reach=file.publish.reach),
        login=login_script(file.login),
        token=_token_script(file.token, source),
        speaker=speaker,
        options=_options(speaker, file.options, source),
    )
    try:
        return speaker.complete(script)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def _speaker(protocol: str) -> type[ScriptedDialect]:
    """The class that speaks a protocol; InputError where there is none, or it cannot be had."""
    places = {entry.name: entry.value for entry in metadata.entry_points(group=ENTRY_POINTS)} | _OURS
    place = places.get(protocol)
    if place is None:
        near = get_close_matches(protocol, places, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise InputError(f"unknown protocol {json.dumps(protocol)}{hint} (there are {', '.join(sorted(places))})")
    module, _, attribute = place.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{protocol}: cannot load {place}: {error}") from None
    if not (isinstance(found, type) and issubclass(found, ScriptedDialect)):
        raise InputError(f"{protocol}: {place} is no subclass of loadgen.dialects.scripted.ScriptedDialect")
    return found


def _options(speaker: type[ScriptedDialect], given: dict[str, Any], source: str) -> Any:
    """The speaker's options, with the types that their dataclass gives them; InputError at the first that is wrong."""
    kind = speaker.Options
    if kind is None:
        if given:
            raise wrong(source, "options", "none, since this protocol has no options", json.dumps(sorted(given)))
        return None
    hints = get_type_hints(kind)
    known: dict[str, Any] = {
        each.name: (hints[each.name], Field(... if each.default is MISSING else each.default)) for each in fields(kind)
    }
    model = create_model("Options", __base__=Section, **known)
    return kind(**validate(model, given, lambda path: f"{source}: options.{path}").model_dump())
