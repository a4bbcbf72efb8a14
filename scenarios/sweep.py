"""``[sweep]``: one key, and the values that it has in one run after the other. Which they are; nothing is run here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from loadgen.errors import InputError
from scenarios.extends import laid_over
from scenarios.layers import FLAGS, Files, leaves
from scenarios.schema import Scenario
from scenarios.validation import fields_of

# As many as one can tell apart in a picture; what takes more is a search, and no sweep.
MOST_VALUES = 20
# What takes longer by plan is a slip.
LONGEST_S = 24 * 3600.0

# They say what a run leaves behind, or what it is called, and change nothing of what is measured.
_NOT_SWEPT = frozenset({"summary", "extends", "sweep", "budgets", "target.metrics_url", "target.metrics"}) | {
    f"run.{name}"
    for name in (
        *("out", "force", "html", "plots", "print_json", "quiet"),
        *("events", "prometheus_port", "web", "abort_on_fail", "abort_after", "budgets_file"),
    )
}


@dataclass(frozen=True, slots=True)
class Sweep:
    """What differs from run to run."""

    key: str
    """Its path, as ``traffic.payload_bytes``."""
    values: tuple[Any, ...]
    """As they stand in the file, each for a run of its own."""
    place: str
    """What errors call it: file and key."""

    def over(self, files: Files, number: int) -> Files:
        """``files`` with the value of run ``number``, from 0, and without the sweep."""
        *tables, leaf = self.key.split(".")
        said: dict[str, Any] = {leaf: self.values[number]}
        for table in reversed(tables):
            said = {table: said}
        place = f"{self.place}[{number}]"
        laid = laid_over(files, files.source, said, {key: place for key, _ in leaves(said)})
        return replace(laid, beneath=files.beneath)


def sweep_of(files: Files) -> Sweep | None:
    """What the files sweep over; None where they do not. InputError for anything but one key with some values."""
    if "sweep" not in files.tables:
        return None
    table, place = files.tables["sweep"], files.places.get("sweep", f"{files.source}: sweep")
    if not isinstance(table, dict) or not table:
        raise InputError(
            f"{place}: expected one key with a list of values like payload_bytes = [100, 1000], got {_found(table)}"
        )
    keys = leaves(table)
    if len(keys) > 1:
        raise InputError(f"{place}: expected one key, got {', '.join(key for key, _ in keys)}")
    name, values = keys[0]
    place = files.places[f"sweep.{name}"]
    key = _path_of(name, place)
    if not isinstance(values, list) or not 2 <= len(values) <= MOST_VALUES:
        found = f"{len(values)}" if isinstance(values, list) else _found(values)
        raise InputError(f"{place}: expected a list of 2 to {MOST_VALUES} values, got {found}")
    return Sweep(key, tuple(values), place)


def is_given(key: str, flags: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    """Whether a flag or a variable settles the key, so that it has one value and no others."""
    return key in flags or any(flag.key == key and flag.variable in environ for flag in FLAGS)


def check_time(sweep: Sweep, planned_s: Sequence[float]) -> None:
    """InputError where the runs would take too long, one after the other."""
    whole_s = sum(planned_s)
    if whole_s > LONGEST_S:
        raise InputError(
            f"{sweep.place}: expected runs that take {LONGEST_S / 3600:g} h together, at most, "
            f"got {len(planned_s)} that take {whole_s / 3600:,.1f} h"
        )


def refuse(sweep: Sweep | None, command: str) -> None:
    """InputError where there is a sweep, for a command that carries out a single scenario."""
    if sweep is not None:
        flag = next((flag.name for flag in FLAGS if flag.key == sweep.key), None)
        single = f"a file that extends it and sets {sweep.key} has" if flag is None else f"with {flag} it has"
        raise InputError(
            f"{sweep.place}: expected a single value for {command} ({single} one), got {len(sweep.values)}"
        )


def _path_of(name: str, place: str) -> str:
    """The path of the key that ``name`` stands for: the path itself, or its end where no other key is called so."""
    paths = [path for path, _ in fields_of(Scenario)]
    found = [name] if name in paths else [path for path in paths if path.rpartition(".")[2] == name]
    if not found:
        ends = {path.rpartition(".")[2]: path for path in paths}
        near = get_close_matches(name, [*ends, *paths], n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise InputError(f"{place}: unknown key{hint}")
    # Of a list there may be any number of items, and none of them is meant more than the others.
    sound = [path for path in found if "[]" not in path and path not in _NOT_SWEPT]
    if len(sound) > 1:
        raise InputError(f'{place}: expected the path of one key, {" or ".join(sound)}, got "{name}"')
    if not sound:
        why = "of a list of tables" if "[]" in found[0] else "that says nothing of what is measured"
        raise InputError(f"{place}: expected a key whose values can be compared, got {found[0]}, one {why}")
    return sound[0]


def _found(value: object) -> str:
    return json.dumps(value, default=str)
