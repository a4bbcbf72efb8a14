"""``extends``: a scenario file laid over another one, which may be laid over a third."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadgen.errors import InputError
from scenarios.budgets import spelled_alike
from scenarios.catalogue import catalogue, find_scenario
from scenarios.layers import Files, leaves
from scenarios.validation import parse_toml

# Where a file says the first, what a file beneath it says of the others is no longer meant: they contradict it.
_INSTEAD_OF = {
    "users.stages": ("phases.warmup", "phases.measure"),
    "users.file": ("users.tokens_file",),
    "users.tokens_file": ("users.file",),
    "traffic.rate_per_s": ("traffic.per_user_per_min",),
    "traffic.rate_stages": ("traffic.per_user_per_min",),
    "traffic.per_user_per_min": ("traffic.rate_per_s", "traffic.rate_stages"),
}
# Where a file chooses otherwise than one beneath it, what that says of its own choice is no longer meant.
_OF_A_CHOICE = {
    "users.rooms.shape": ("users.rooms",),
    "traffic.gaps": ("traffic.alpha", "traffic.think"),
}
# What settles how often users write, beside their thoughts.
_RATES = ("traffic.rate_per_s", "traffic.rate_stages", "traffic.per_user_per_min")


def read_scenario(name_or_path: str) -> tuple[str, Files]:
    """The name of a scenario, and what its file says, laid over all that it extends.

    InputError where one of them is missing, is no TOML file, or extends itself in the end.
    """
    name, source, text = find_scenario(name_or_path)
    tables = _tables_in(text, source)
    chain, seen = [(source, tables)], {_identity(name_or_path, source)}
    while "extends" in tables:
        source, tables, identity = _beneath(source, tables["extends"])
        chain.append((source, tables))
        if identity in seen:
            circle = " -> ".join(each for each, _ in chain)
            raise InputError(f"{chain[-2][0]}: extends: expected a file that leads to an end, got {circle}")
        seen.add(identity)
    source, tables = chain.pop()
    files = Files(source, tables, {key: f"{source}: {key}" for key, _ in leaves(tables)})
    for source, tables in reversed(chain):
        files = laid_over(files, source, tables, {key: f"{source}: {key}" for key, _ in leaves(tables)})
    return name, files


def laid_over(files: Files, source: str, tables: Mapping[str, Any], places: Mapping[str, str]) -> Files:
    """``tables`` over ``files``: table by table and key by key, while lists, and the limits of a metric, replace.

    ``places`` says of each key path of ``tables`` what errors call it.
    """
    beneath = _given_way(files.tables, tables)
    merged = _merged(beneath, tables)
    known = {**files.places, **places}
    return Files(source, merged, {key: known[key] for key, _ in leaves(merged)}, (files.source, *files.beneath))


def _beneath(source: str, wanted: object) -> tuple[str, dict[str, Any], str]:
    """Of the file that ``source`` extends: what errors call it, its tables, and its identity."""
    place = f"{source}: extends"
    if not isinstance(wanted, str) or not wanted:
        found = json.dumps(wanted, default=str)
        raise InputError(f"{place}: expected a name of the catalogue or the path of a file, got {found}")
    try:
        _, beneath, text = find_scenario(wanted, Path(source).parent)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    return beneath, _tables_in(text, beneath), _identity(wanted, beneath)


def _tables_in(text: str, source: str) -> dict[str, Any]:
    tables = parse_toml(text, source)
    if isinstance(tables.get("budgets"), dict):
        tables["budgets"] = spelled_alike(tables["budgets"], f"{source}: budgets.")
    return tables


def _identity(name_or_path: str, source: str) -> str:
    """The same for the same file, whatever it is called: a path may be that of a file with a name of the catalogue."""
    return name_or_path if name_or_path in catalogue() else str(Path(source).resolve())


def _given_way(beneath: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``beneath`` without what cannot stand beside the values of ``above``."""
    said, under = dict(leaves(above)), dict(leaves(beneath))
    gone = {other for key, others in _INSTEAD_OF.items() if key in said for other in others}
    for key, others in _OF_A_CHOICE.items():
        if key in said and said[key] != under.get(key):
            gone.update(others)
    if said.get("traffic.gaps") == "think":
        gone.update(_RATES)
    swept = dict(leaves(beneath.get("sweep", {}))) if isinstance(beneath.get("sweep"), dict) else {}
    if "sweep" in above or any(f".{name}." in f".{key}." for key in said for name in swept):
        gone.add("sweep")
    return _without(beneath, gone)


def _without(tables: Mapping[str, Any], gone: set[str], prefix: str = "") -> dict[str, Any]:
    """The tables without the keys at these paths, and without tables that had nothing else."""
    left = {}
    for key, value in tables.items():
        if f"{prefix}{key}" in gone:
            continue
        kept = _without(value, gone, f"{prefix}{key}.") if isinstance(value, dict) else value
        if kept != {} or value == {}:
            left[key] = kept
    return left


def _merged(beneath: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(beneath)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
