"""File, environment and flags, laid one over the other, and where each value comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from loadgen.errors import InputError
from scenarios.schema import Scenario
from scenarios.validation import fields_of


class Origin(StrEnum):
    """Where a value comes from; a later one beats an earlier one."""

    DEFAULT = "default"
    FILE = "file"
    BUDGETS = "budgets"
    """A file of budgets for many scenarios."""
    ENV = "env"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of ``run``, the key it sets and the environment variable that sets it, too."""

    name: str
    key: str

    @property
    def parameter(self) -> str:
        """What a function calls it that takes it."""
        return self.name.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        return "CHATBENCH_" + self.parameter.upper()


FLAGS = (
    Flag("--target", "target.url"),
    Flag("--dialect", "target.dialect"),
    Flag("--insecure", "target.insecure"),
    Flag("--ca", "target.ca"),
    Flag("--client-cert", "target.client_cert"),
    Flag("--client-key", "target.client_key"),
    Flag("--proxy", "target.proxy"),
    Flag("--unix-socket", "target.unix_socket"),
    Flag("--header", "target.headers"),
    Flag("--target-metrics", "target.metrics_url"),
    Flag("--users", "users.count"),
    Flag("--connect-rate", "users.connect_rate_per_s"),
    Flag("--rooms", "users.rooms.count"),
    Flag("--stage", "users.stages"),
    Flag("--users-file", "users.file"),
    Flag("--tokens-file", "users.tokens_file"),
    Flag("--loop", "traffic.loop"),
    Flag("--rate", "traffic.rate_per_s"),
    Flag("--payload", "traffic.payload_bytes"),
    Flag("--deadline", "traffic.deadline"),
    Flag("--warmup", "phases.warmup"),
    Flag("--duration", "phases.measure"),
    Flag("--drain", "phases.drain"),
    Flag("--seed", "run.seed"),
    Flag("--processes", "run.processes"),
    Flag("--transport", "run.transport"),
    Flag("--out", "run.out"),
    Flag("--force", "run.force"),
    Flag("--html", "run.html"),
    Flag("--plots", "run.plots"),
    Flag("--json", "run.print_json"),
    Flag("--quiet", "run.quiet"),
    Flag("--events", "run.events"),
    Flag("--prometheus", "run.prometheus_port"),
    Flag("--web", "run.web"),
    Flag("--abort-on-fail", "run.abort_on_fail"),
    Flag("--abort-after", "run.abort_after"),
    Flag("--budgets", "run.budgets_file"),
    Flag("--budget", "budgets"),
)
_FLAG_OF = {flag.parameter: flag for flag in FLAGS}


@dataclass(frozen=True, slots=True)
class Files:
    """What a scenario file says, together with what it extends."""

    source: str
    """What errors call the file."""
    tables: dict[str, Any]
    places: Mapping[str, str]
    """Key path -> what errors call the place where the value stands."""
    beneath: tuple[str, ...] = ()
    """What errors call the files that it extends, from the nearest on."""


CONFIDED = "CHATBENCH_CONFIDED"
"""The variable that names flags whose variables stand for what the user has typed (scenarios/confided.py)."""

# Whose flags can be repeated, and whose variables hold several.
_LISTS = frozenset({"target.url", "users.stages"})
_BETWEEN_ITEMS = re.compile(r"[\s,]+")


class Layers:
    """File, environment and flags, one over the other."""

    def __init__(self, files: Files, environ: Mapping[str, str], flags: Mapping[str, Any]) -> None:
        """``flags`` are those given, by key path, as typed."""
        self._source = files.source
        self.names = tuple(Path(source).stem for source in (files.source, *files.beneath))
        """Of the scenario, and of those that it extends, from the nearest on."""
        self.merged = deepcopy(files.tables)
        """All of them, for validation."""
        self._origins: dict[str, tuple[Origin, str]] = {}
        self.extra_budgets: list[tuple[Origin, str, str]] = []
        """Budgets of variables and flags: (which, what errors call it, text)."""
        for key, value in leaves(files.tables):
            if value != {}:  # an empty table says nothing of what could stand in it
                self._origins[key] = Origin.FILE, files.places[key]
        names = {flag.key: flag.name for flag in FLAGS}
        confided = environ.get(CONFIDED, "").split()
        for key, (variable, value) in _from_environment(environ).items():
            if names[key] in confided:
                self._put(key, value, Origin.FLAG, names[key])
            else:
                self._put(key, value, Origin.ENV, variable)
        for key, value in flags.items():
            self._put(key, _value_of(key, value), Origin.FLAG, names[key])

    def _put(self, key: str, value: Any, origin: Origin, label: str) -> None:
        if key == "budgets":
            self.extra_budgets += [(origin, label, text) for text in ([value] if isinstance(value, str) else value)]
        else:
            *tables, leaf = key.split(".")
            table = self.merged
            for part in tables:
                inner = table.setdefault(part, {})
                if not isinstance(inner, dict):
                    return  # the file is wrong there, and validation will say so
                table = inner
            table[leaf] = value
            self._origins = {known: at for known, at in self._origins.items() if not known.startswith(f"{key}.")}
        if key == "users.rooms.count":
            # --rooms N means N equal rooms, whatever shape the file names.
            self._put("users.rooms.shape", "uniform", origin, label)
            if isinstance(self.merged["users"], dict) and self.merged["users"].get("more_rooms"):
                self._put("users.more_rooms", [], origin, label)
        self._origins[key] = origin, label

    def follow(self, key: str, leader: str) -> None:
        """From now on the value at ``key`` comes from where that of ``leader``, which was given, comes from."""
        self._origins[key] = self._origins[leader]

    def origin_of(self, key: str) -> Origin:
        """Where the value at a key path comes from."""
        if key in self._origins:
            return self._origins[key][0]
        for known, (origin, _) in self._origins.items():
            if known == key or known.startswith(key + ".") or key.startswith(known + "."):
                return origin
        return Origin.DEFAULT

    def folder_of(self, key: str) -> Path:
        """Where a path at a key path starts from: where the file is that says it, or where we are."""
        origin, label = self._origins.get(key, (Origin.DEFAULT, ""))
        return Path(label.removesuffix(f": {key}")).parent if origin is Origin.FILE else Path()

    def label(self, key: str) -> str:
        """What an error calls the place: file and key path, flag, or variable."""
        if key in self._origins:
            return self._origins[key][1]
        for known, (origin, label) in self._origins.items():
            within = key.startswith((f"{known}.", f"{known}["))
            if within and not label.endswith(f": {known}"):
                return label  # a flag, or whatever else stands for the whole of it
            if within or (origin is Origin.FILE and known.startswith(f"{key}.")):
                return label.removesuffix(known) + key
        return f"{self._source}: {key}"


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    found: dict[str, tuple[str, Any]] = {}
    for flag in FLAGS:
        text = environ.get(flag.variable)
        if text is None:
            continue
        if flag.key == "target.headers":
            lines = [line for line in text.split("\n") if line.strip()]
            found[flag.key] = flag.variable, headers_from(lines or [text], flag.variable)
        else:
            found[flag.key] = flag.variable, _value_of(flag.key, text)
    return found


def _value_of(key: str, value: Any) -> Any:
    """A list, number or truth value where the key takes one and the text is one; else what was given."""
    if key in _LISTS:
        return _items(value, one_alone=key == "target.url")
    kinds = {known: field.annotation for known, field in fields_of(Scenario)}
    if not isinstance(value, str) or kinds.get(key) in (str, str | None):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _items(value: Any, *, one_alone: bool) -> Any:
    """The items of a text, apart by blanks or commas, or of a list; ``one_alone``: a single one is no list."""
    items = [item for item in _BETWEEN_ITEMS.split(value) if item] if isinstance(value, str) else value
    if not items:
        return value
    return items[0] if one_alone and len(items) == 1 else items


def flags_typed(**typed: Any) -> dict[str, Any]:
    """What was typed of the flags of ``run``, by key path; a flag that was not is None, or an empty list."""
    flags = {_FLAG_OF[parameter].key: value for parameter, value in typed.items() if value not in (None, [])}
    if "target.headers" in flags:
        flags["target.headers"] = headers_from(flags["target.headers"], "--header")
    return flags


def headers_from(lines: list[str], label: str) -> dict[str, str]:
    """Headers from "Name: value" lines; InputError at ``label`` for one that is none, and may be a password."""
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise InputError(f'{label}: expected "Name: value", got a text without a name and a colon')
        headers[name.strip()] = value.strip()
    return headers


def leaves(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Every key path of nested tables, with its value; an empty table is a value."""
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, dict) and value:
            found += leaves(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found
