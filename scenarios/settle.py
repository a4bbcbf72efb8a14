"""A scenario becomes a plan: file, environment and flags are laid over the defaults, and every origin is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadgen.engine.limits import sockets_per_process
from loadgen.errors import InputError
from loadgen.plan.pacing import Gaps
from loadgen.plan.plan import Plan
from reports.budgets import Budget, parse, parse_limit
from scenarios.accounts import generated_accounts, read_accounts
from scenarios.dialect_files import load_dialect
from scenarios.schema import Run, Scenario
from scenarios.validation import duration_text, fields_of, parse_toml, validate

DEFAULT_RATE_PER_S = 40.0
DEFAULT_SCENARIO = "fanout"

# RFC 9110, 5.6.2 and 5.5: a line break in a header would be a second header.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


class Origin(StrEnum):
    """Where a value comes from; a later one beats an earlier one."""

    DEFAULT = "default"
    FILE = "file"
    ENV = "env"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of ``run``, the key it sets and the environment variable that sets it, too."""

    name: str
    key: str

    @property
    def variable(self) -> str:
        return "CHATBENCH_" + self.name.removeprefix("--").upper().replace("-", "_")


FLAGS = (
    Flag("--target", "target.url"),
    Flag("--dialect", "target.dialect"),
    Flag("--insecure", "target.insecure"),
    Flag("--header", "target.headers"),
    Flag("--users", "users.count"),
    Flag("--connect-rate", "users.connect_rate_per_s"),
    Flag("--rooms", "users.rooms.count"),
    Flag("--users-file", "users.file"),
    Flag("--loop", "traffic.loop"),
    Flag("--rate", "traffic.rate_per_s"),
    Flag("--payload", "traffic.payload_bytes"),
    Flag("--deadline", "traffic.deadline"),
    Flag("--warmup", "phases.warmup"),
    Flag("--duration", "phases.measure"),
    Flag("--drain", "phases.drain"),
    Flag("--seed", "run.seed"),
    Flag("--processes", "run.processes"),
    Flag("--out", "run.out"),
    Flag("--force", "run.force"),
    Flag("--html", "run.html"),
    Flag("--plots", "run.plots"),
    Flag("--json", "run.print_json"),
    Flag("--quiet", "run.quiet"),
    Flag("--budget", "budgets"),
)


@dataclass(frozen=True, slots=True)
class Settled:
    """A scenario with nothing left open."""

    name: str
    summary: str
    scenario: Scenario
    budgets: tuple[Budget, ...]
    rows: dict[str, dict[str, Any]]
    """Key path -> {value, origin}, as the document shows it."""
    _plan_fields: dict[str, Any]

    @property
    def run(self) -> Run:
        """How the run is carried out."""
        return self.scenario.run

    def plan_for(self, base_url: str, tag: str) -> Plan:
        """The plan against the server at ``base_url``; ``tag`` marks the run's messages."""
        return Plan(base_url=base_url, tag=tag, **self._plan_fields)


def catalogue() -> dict[str, str]:
    """Every scenario that comes with chatbench: name -> text of its file."""
    folder = resources.files("scenarios") / "catalog"
    entries = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda e: e.name)
    return {entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8") for entry in entries}


def find_scenario(name_or_path: str) -> tuple[str, str, str]:
    """(name, what errors call the file, its text); InputError where there is none."""
    known = catalogue()
    if name_or_path in known:
        return name_or_path, f"{name_or_path}.toml", known[name_or_path]
    path = Path(name_or_path)
    if not name_or_path.endswith(".toml") and not path.exists():
        near = get_close_matches(name_or_path, known, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise InputError(
            f'unknown scenario "{name_or_path}"{hint} (catalogue: {", ".join(known)}; or the path of a file)'
        )
    try:
        return path.stem, name_or_path, path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{name_or_path}: cannot read the scenario: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{name_or_path}: cannot read the scenario: it is not UTF-8 text") from None


def settle(name_or_path: str, flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settled:
    """Settle a scenario; ``flags`` are those given, by key path, as typed. InputError with the first thing wrong."""
    name, source, text = find_scenario(name_or_path)
    given = {key: _value_of(key, value) for key, value in flags.items()}
    layers = _Layers(source, parse_toml(text, source), _from_environment(environ), given)
    scenario = validate(Scenario, layers.merged, layers.label)
    fields, values = _settle_plan(scenario, layers)
    budgets = _settle_budgets(scenario, layers)
    rows = {
        key: {"value": _shown(key, values.get(key, value)), "origin": str(layers.origin_of(key))}
        for key, value in _leaves(scenario.model_dump(mode="json", exclude={"summary", "budgets"}))
    }
    rows["budgets"] = {"value": [b.expression for b in budgets], "origin": str(layers.origin_of("budgets"))}
    return Settled(name, scenario.summary, scenario, budgets, rows, fields)


class _Layers:
    """File, environment and flags, one over the other."""

    def __init__(
        self, source: str, file: dict[str, Any], env: dict[str, tuple[str, Any]], flags: Mapping[str, Any]
    ) -> None:
        self._source = source
        self.merged = file
        self._origins: dict[str, tuple[Origin, str]] = {}
        self.extra_budgets: list[tuple[str, str]] = []  # (where it stands, text)
        for key, value in _leaves(file):
            if value != {}:  # an empty table says nothing of what could stand in it
                self._origins[key] = Origin.FILE, f"{source}: {key}"
        names = {flag.key: flag.name for flag in FLAGS}
        for key, (variable, value) in env.items():
            self._put(key, value, Origin.ENV, variable)
        for key, value in flags.items():
            self._put(key, value, Origin.FLAG, names[key])

    def _put(self, key: str, value: Any, origin: Origin, label: str) -> None:
        if key == "budgets":
            self.extra_budgets += [(label, text) for text in ([value] if isinstance(value, str) else value)]
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
        self._origins[key] = origin, label

    def origin_of(self, key: str) -> Origin:
        """Where the value at a key path comes from."""
        if key in self._origins:
            return self._origins[key][0]
        for known, (origin, _) in self._origins.items():
            if known == key or known.startswith(key + ".") or key.startswith(known + "."):
                return origin
        return Origin.DEFAULT

    def label(self, key: str) -> str:
        """What an error calls the place: file and key path, flag, or variable."""
        for known, (_, label) in self._origins.items():
            if known == key or key.startswith(known + "."):
                return label
        return f"{self._source}: {key}"


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    found: dict[str, tuple[str, Any]] = {}
    for flag in FLAGS:
        text = environ.get(flag.variable)
        if text is None:
            continue
        if flag.key == "target.headers":
            found[flag.key] = flag.variable, headers_from([text], flag.variable)
        else:
            found[flag.key] = flag.variable, _value_of(flag.key, text)
    return found


def _value_of(key: str, value: Any) -> Any:
    """A number or truth value where the key takes one and the text is one; else what was given, for validation."""
    kinds = {known: field.annotation for known, field in fields_of(Scenario)}
    if not isinstance(value, str) or kinds.get(key) in (str, str | None):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def headers_from(lines: list[str], label: str) -> dict[str, str]:
    """Headers from "Name: value" lines; InputError at ``label`` for one that is none."""
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise InputError(f'{label}: expected "Name: value", got "{line}"')
        headers[name.strip()] = value.strip()
    return headers


def _settle_plan(scenario: Scenario, layers: _Layers) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of the plan but address and tag, and the values to show where a default was worked out."""
    users, traffic, phases = scenario.users, scenario.traffic, scenario.phases
    try:
        dialect = load_dialect(scenario.target.dialect)
    except InputError as error:
        if layers.origin_of("target.dialect") is Origin.DEFAULT or str(error).startswith(scenario.target.dialect):
            raise
        raise InputError(f"{layers.label('target.dialect')}: {error}") from None
    room_count = users.rooms.count
    if users.rooms.shape == "single" and room_count != 1:
        raise InputError(
            f'{layers.label("users.rooms.count")}: expected 1 where users.rooms.shape is "single", got {room_count}'
        )
    if room_count > users.count:
        raise InputError(
            f"{layers.label('users.rooms.count')}: expected at most a room a user ({users.count}), got {room_count}"
        )
    if room_count > 1 and dialect.join is None:
        raise InputError(
            f'{layers.label("users.rooms.count")}: expected 1, since the dialect "{dialect.name}" has no join '
            f"and all users share one room, got {room_count}"
        )
    limit = sockets_per_process()
    if users.count > limit:
        raise InputError(
            f"{layers.label('users.count')}: expected at most {limit}, the sockets that one process may open here "
            f"(ulimit -Hn), got {users.count}"
        )
    accounts = generated_accounts(users.count) if users.file is None else read_accounts(Path(users.file))
    rate_per_s = _settle_rate(scenario, layers)
    for name, value in scenario.target.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            label = layers.label(f"target.headers.{name}")
            found = json.dumps(f"{name}: {value}")
            raise InputError(f"{label}: expected the name and value of an HTTP header, got {found}")
    if scenario.target.url is not None:
        base_url_of(scenario.target.url, layers.label("target.url"))
    fields = {
        "seed": scenario.run.seed,
        "dialect": dialect,
        "accounts": accounts,
        "user_count": users.count,
        "connect_rate_per_s": users.connect_rate_per_s,
        "room_count": room_count,
        "rate_per_s": rate_per_s,
        "gaps": Gaps(traffic.gaps),
        "payload_bytes": traffic.payload_bytes,
        "warmup_ns": phases.warmup,
        "measure_ns": phases.measure,
        "drain_ns": phases.drain,
        "deadline_ns": traffic.deadline,
        "headers": tuple(scenario.target.headers.items()),
        "verify_tls": not scenario.target.insecure,
    }
    return fields, {"traffic.rate_per_s": rate_per_s}


def _settle_rate(scenario: Scenario, layers: _Layers) -> float:
    traffic = scenario.traffic
    if traffic.per_user_per_min is None:
        return DEFAULT_RATE_PER_S if traffic.rate_per_s is None else traffic.rate_per_s
    if traffic.rate_per_s is not None:
        if layers.origin_of("traffic.rate_per_s") is not layers.origin_of("traffic.per_user_per_min"):
            return traffic.rate_per_s  # a flag or variable beats the file
        raise InputError(
            f"{layers.label('traffic.rate_per_s')}: expected one of rate_per_s and per_user_per_min, got both"
        )
    return traffic.per_user_per_min * scenario.users.count / 60


def base_url_of(url: str, label: str) -> str:
    """The http:// or https:// form of a target's address, without a slash at the end; InputError at ``label``."""
    wrong = InputError(
        f'{label}: expected an address like "http://127.0.0.1:8000" or "wss://chat.example.org", got {json.dumps(url)}'
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    scheme = {"http": "http", "https": "https", "ws": "http", "wss": "https"}.get(parts.scheme)
    if scheme is None or not parts.hostname or port == 0 or parts.query or parts.fragment or not url.isprintable():
        raise wrong
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _settle_budgets(scenario: Scenario, layers: _Layers) -> tuple[Budget, ...]:
    """The file's budgets; those from flags and environment take the place of the file's for the same metric."""
    extra = []
    for label, text in layers.extra_budgets:
        try:
            extra.append(parse(text))
        except InputError as error:
            raise InputError(f"{label}: {error}") from None
    replaced = {budget.metric for budget in extra}
    budgets = []
    for metric, limits in scenario.budgets.items():
        for text in [limits] if isinstance(limits, str) else limits:
            try:
                budget = parse_limit(metric, text)
            except InputError as error:
                raise InputError(f"{layers.label(f'budgets.{metric}')}: {error}") from None
            if metric not in replaced:
                budgets.append(budget)
    return (*budgets, *extra)


def _leaves(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    leaves: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, dict) and value:
            leaves += _leaves(value, f"{prefix}{key}.")
        else:
            leaves.append((f"{prefix}{key}", value))
    return leaves


_DURATION_KEYS = frozenset({"traffic.deadline", "phases.warmup", "phases.measure", "phases.drain"})


def _shown(key: str, value: Any) -> Any:
    return duration_text(value) if key in _DURATION_KEYS else value
