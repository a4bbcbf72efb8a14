"""What a scenario asks of its dialect: that it can be read, tells who is there, takes tokens, and answers."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from loadgen.dialects.script import DialectScript
from loadgen.dialects.template import placeholders
from loadgen.errors import InputError
from loadgen.plan.pacing import Loop
from scenarios.accounts import read_tokens
from scenarios.dialect_files import load_dialect
from scenarios.layers import Layers, Origin
from scenarios.schema import Scenario


def settle_dialect(scenario: Scenario, layers: Layers) -> DialectScript:
    """The dialect; its other join where users are to be told who is there. InputError where it has none."""
    dialect = _loaded_dialect(scenario, layers)
    if not scenario.users.watch_presence:
        return dialect
    if dialect.join is None or not dialect.join.watch:
        raise InputError(
            f'{layers.label("users.watch_presence")}: expected false, since the dialect "{dialect.name}" has no '
            f"join.watch, got true"
        )
    return replace(dialect, join=replace(dialect.join, send=dialect.join.watch))


def _loaded_dialect(scenario: Scenario, layers: Layers) -> DialectScript:
    try:
        return load_dialect(scenario.target.dialect)
    except InputError as error:
        if layers.origin_of("target.dialect") is Origin.DEFAULT or str(error).startswith(scenario.target.dialect):
            raise
        raise InputError(f"{layers.label('target.dialect')}: {error}") from None


def settle_tokens(scenario: Scenario, layers: Layers, dialect: DialectScript) -> tuple[str, ...]:
    """The tokens of the file, if one is named; InputError where the dialect has no place for a token."""
    users, label = scenario.users, layers.label("users.tokens_file")
    if users.tokens_file is None:
        return ()
    if users.file is not None:
        raise InputError(f"{label}: expected one of users.file and users.tokens_file, got both")
    parts: list[Any] = [dialect.connect, dialect.join, dialect.publish, dialect.presence, dialect.http, dialect.alive]
    parts += [dialect.direct, dialect.history, dialect.options]
    used = [asdict(part) for part in parts if part]
    if "token" not in placeholders(used):
        raise InputError(
            f'{label}: expected none, since the dialect "{dialect.name}" has no {{token}} to put one in, '
            f"got {json.dumps(users.tokens_file)}"
        )
    return read_tokens(Path(users.tokens_file))


def check_loop(scenario: Scenario, layers: Layers, dialect: DialectScript) -> None:
    """InputError where a closed loop would wait for an answer that never comes.

    An echo server sends its messages back, so ``publish.echo`` is true of it, too.
    """
    if scenario.traffic.loop is Loop.CLOSED and dialect.publish.ack is None and not dialect.publish.echo:
        raise InputError(
            f'{layers.label("traffic.loop")}: expected "open", since the dialect "{dialect.name}" has no answer to '
            f'wait for (publish.ack, or publish.echo = true, would be one), got "closed"'
        )
