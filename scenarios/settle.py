"""A scenario becomes a plan: file, environment and flags are laid over the defaults, and every origin is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loadgen.dialects.script import DialectScript
from loadgen.errors import InputError
from loadgen.plan.access import Access, without_passwords
from loadgen.plan.incidents import Incident
from loadgen.plan.pacing import NS_PER_S, Loop
from loadgen.plan.payload_sizes import LogNormal, OneOf, PayloadBytes
from loadgen.plan.plan import Plan, TransportKind
from loadgen.plan.secrets import HIDDEN, is_secret_header
from loadgen.plan.stages import Stage
from reports.budgets import Budget
from scenarios.access import check_metrics, settle_access, why_not_of_our_own
from scenarios.accounts import generated_accounts, read_accounts
from scenarios.address import settle_target
from scenarios.asked_of_dialect import check_loop, settle_dialect, settle_tokens
from scenarios.budgets import budgets_path, rows_of, settle_budgets
from scenarios.extends import read_scenario
from scenarios.incidents import settle_incidents
from scenarios.incidents import shown as incidents_shown
from scenarios.layers import Layers, Origin, leaves
from scenarios.machine import Machine, settle_processes, settle_source_addresses, this_machine
from scenarios.mix import settle_mix
from scenarios.outputs import check_writable
from scenarios.pace import settle_pace, settled_values, with_one_rate
from scenarios.rooms import settle_rooms
from scenarios.schema import PayloadSizes, Run, Scenario
from scenarios.slices import slicing_of
from scenarios.sweep import Sweep, check_time, is_given, sweep_of
from scenarios.timeline import with_stages, with_time_scale
from scenarios.validation import duration_text, validate

# Logins, connections and joins have a phase each, in which users come one after the other.
PHASES_OF_ENTRY = 3

# They have a row of their own, or none.
_NOT_OF_A_RUN = {"summary", "extends", "sweep", "budgets"}

# RFC 9110, 5.6.2 and 5.5: a line break in a header would be a second header.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


@dataclass(frozen=True, slots=True)
class Settled:
    """A scenario with nothing left open."""

    name: str
    summary: str
    scenario: Scenario
    base_urls: tuple[str, ...]
    """The nodes of the target; none: the embedded reference server."""
    process_count: int
    budgets: tuple[Budget, ...]
    rows: dict[str, dict[str, Any]]
    """Key path -> {value, origin}, as the document shows it."""
    _plan_fields: dict[str, Any]
    worker_cores: frozenset[int] | None = None
    """Cores that the processes keep to where the target is not ours; None: any."""
    start_with: int | None = None
    """Descriptor of a socket over which it is settled when users begin to talk; None: when all are there."""
    adds_events: bool = False
    """Whether the file of events goes on after what others have written into it."""
    sweep: Sweep | None = None
    """What differs from run to run where there are several, of which this is the first."""
    runs: tuple[Settled, ...] = ()
    """Those of a sweep, in its order."""
    why_not_of_our_own: str | None = None
    """What to say where the target is the embedded server, though it cannot be; None: it can."""

    @property
    def run(self) -> Run:
        """How the run is carried out."""
        return self.scenario.run

    @property
    def access(self) -> Access:
        """How the target is reached."""
        access: Access = self._plan_fields["access"]
        return access

    def check_target(self) -> None:
        """InputError where the target is the embedded server, and what was asked for makes no sense of it."""
        if not self.base_urls and self.why_not_of_our_own is not None:
            raise InputError(self.why_not_of_our_own)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """By which users come and go; none where they all stay."""
        stages: tuple[Stage, ...] = self._plan_fields["stages"]
        return stages

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """What goes wrong by plan."""
        incidents: tuple[Incident, ...] = self._plan_fields["incidents"]
        return incidents

    @property
    def planned_s(self) -> float:
        """How long a run takes by its plan, from the first login to the end of the drain."""
        users, phases = self.scenario.users, self.scenario.phases
        entry_s = 0.0 if users.stages else PHASES_OF_ENTRY * users.count / users.connect_rate_per_s
        return entry_s + (phases.warmup + phases.measure + phases.drain) / NS_PER_S

    def is_the_same_as(self, other: Settled) -> bool:
        """Whether both would do the same against the same server."""
        return (self.base_urls, self.process_count, self._plan_fields) == (
            other.base_urls,
            other.process_count,
            other._plan_fields,
        )

    def plan_for(self, base_urls: tuple[str, ...], tag: str) -> Plan:
        """The plan against the server at ``base_urls``; ``tag`` marks the run's messages."""
        return Plan(base_urls=base_urls, tag=tag, **self._plan_fields)


def settle(
    name_or_path: str, flags: Mapping[str, Any], environ: Mapping[str, str], machine: Machine | None = None
) -> Settled:
    """Settle a scenario for a machine, this one by default; InputError with the first thing wrong.

    ``flags`` are those given, by key path, as typed. What is swept over is
    settled once for each value, unless a flag or a variable says which.
    """
    machine = machine or this_machine()
    name, files = read_scenario(name_or_path)
    sweep = sweep_of(files)
    if sweep is None or is_given(sweep.key, flags, environ):
        return _settled(name, Layers(files, environ, flags), machine)
    runs = tuple(
        _settled(name, Layers(sweep.over(files, number), environ, flags), machine)
        for number in range(len(sweep.values))
    )
    if all(run.is_the_same_as(runs[0]) for run in runs[1:]):
        raise InputError(f"{sweep.place}: expected values that make a difference here, got runs that are all the same")
    check_time(sweep, [run.planned_s for run in runs])
    return replace(runs[0], sweep=sweep, runs=runs)


def _settled(name: str, layers: Layers, machine: Machine) -> Settled:
    """One run of a scenario."""
    layers.merged.pop("sweep", None)
    scenario = with_time_scale(validate(Scenario, layers.merged, layers.label), layers)
    scenario = with_one_rate(with_stages(scenario, layers), layers)
    base_urls = settle_target(scenario, layers)
    process_count = settle_processes(scenario, machine, layers)
    access = settle_access(scenario, base_urls, layers)
    source_addresses = _settle_source_addresses(scenario, base_urls, access, machine, layers)
    if scenario.run.events is not None:
        check_writable(scenario.run.events, layers.label("run.events"), scenario.run.out)
    _check_impatience(scenario, layers)
    check_metrics(scenario, layers)
    fields = _settle_plan(scenario, base_urls, layers) | {"access": access, "source_addresses": source_addresses}
    values = settled_values(fields) | {"run.processes": process_count}
    if (path := budgets_path(scenario, layers)) is not None:
        values["run.budgets_file"] = str(path)
    limits = settle_budgets(scenario, layers, Plan(base_urls=base_urls, tag="", **fields))
    rows = {
        key: {"value": _shown(key, values.get(key, value)), "origin": str(layers.origin_of(key))}
        for key, value in leaves(scenario.model_dump(mode="json", exclude=_NOT_OF_A_RUN))
    }
    if scenario.extends is not None:
        rows["extends"] = {"value": scenario.extends, "origin": str(Origin.FILE)}
    rows |= rows_of(limits)
    budgets = tuple(limit.budget for limit in limits)
    return Settled(
        name,
        scenario.summary,
        scenario,
        base_urls,
        process_count,
        budgets,
        rows,
        fields,
        why_not_of_our_own=why_not_of_our_own(scenario, layers),
    )


def _settle_plan(scenario: Scenario, base_urls: tuple[str, ...], layers: Layers) -> dict[str, Any]:
    """The fields of the plan, but those that depend on where the target or the generator is, and the tag."""
    users, traffic, phases = scenario.users, scenario.traffic, scenario.phases
    dialect = settle_dialect(scenario, layers)
    rooms = settle_rooms(scenario, layers, dialect)
    check_loop(scenario, layers, dialect)
    _check_compression(scenario, layers)
    _check_headers(scenario, layers)
    tokens = settle_tokens(scenario, layers, dialect)
    accounts = generated_accounts(users.count) if users.file is None else read_accounts(Path(users.file))
    mix = settle_mix(scenario, layers, dialect, len(accounts))
    stages, incidents = users.stages, settle_incidents(scenario, layers, dialect)
    lengths_ns = [stage.within for stage in stages] + [stage.within for stage in traffic.rate_stages]
    if stages and traffic.rate_stages:
        lengths_ns.clear()  # nobody would know which are meant
    return settle_pace(scenario, layers, mix) | {
        "seed": scenario.run.seed,
        "dialect": dialect,
        "accounts": accounts,
        "mix": mix,
        "tokens": tokens,
        "user_count": users.count,
        "connect_rate_per_s": users.connect_rate_per_s,
        "rooms": rooms,
        "loop": Loop(traffic.loop),
        "payload_bytes": _settle_payload(scenario, layers),
        "compressible": traffic.compressible,
        "warmup_ns": phases.warmup,
        "measure_ns": phases.measure,
        "drain_ns": phases.drain,
        "deadline_ns": traffic.deadline,
        "headers": tuple(scenario.target.headers.items()),
        "transport": TransportKind(scenario.run.transport),
        "compression": scenario.target.compression,
        "stages": tuple(Stage(stage.within, stage.count) for stage in stages),
        "incidents": incidents,
        "slicing": slicing_of(
            rooms, users.count, mix, lengths_ns, incidents, nodes=_has_nodes(scenario, base_urls, dialect)
        ),
    }


def _has_nodes(scenario: Scenario, base_urls: tuple[str, ...], dialect: DialectScript) -> bool:
    """Whether the server may have several nodes that we can tell apart, by address or by name."""
    if not base_urls:
        return scenario.target.nodes > 1
    return len(set(base_urls)) > 1 or dialect.connect.node is not None


def _settle_payload(scenario: Scenario, layers: Layers) -> PayloadBytes:
    match scenario.traffic.payload_bytes:
        case list() as sizes:
            return OneOf(tuple(sizes))
        case PayloadSizes(median=median, sigma=sigma, most=most):
            if most < median:
                label = layers.label("traffic.payload_bytes.most")
                raise InputError(f"{label}: expected at least the median ({median:g}), got {most}")
            return LogNormal(median, sigma, most)
        case size:
            return size


def _settle_source_addresses(
    scenario: Scenario, base_urls: tuple[str, ...], access: Access, machine: Machine, layers: Layers
) -> tuple[str, ...]:
    """Of the connections to whatever comes first: the target, or the proxy; a unix socket needs no port."""
    if access.unix_socket is not None:
        return ()
    first = base_urls if access.proxy is None else (access.proxy,)
    return settle_source_addresses(first, scenario.users.count, machine.ephemeral_port_count, layers)


def _check_impatience(scenario: Scenario, layers: Layers) -> None:
    run = scenario.run
    if run.abort_after and not run.abort_on_fail:
        raise InputError(
            f"{layers.label('run.abort_after')}: expected with --abort-on-fail (run.abort_on_fail = true), since "
            f"nothing else ends a run early, got {json.dumps(duration_text(run.abort_after))} alone"
        )


def _check_compression(scenario: Scenario, layers: Layers) -> None:
    if scenario.target.compression and scenario.run.transport is TransportKind.PICOWS:
        raise InputError(
            f"{layers.label('target.compression')}: expected false, since picows has no permessage-deflate "
            f'(run.transport = "websockets" has), got true'
        )


def _check_headers(scenario: Scenario, layers: Layers) -> None:
    for name, value in scenario.target.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            label = layers.label(f"target.headers.{name}")
            found = json.dumps(f"{name}: {HIDDEN if is_secret_header(name) else value}")
            raise InputError(f"{label}: expected the name and value of an HTTP header, got {found}")


_URL_KEYS = frozenset({"target.url", "target.proxy", "target.metrics_url"})
_DURATION_KEYS = frozenset(
    {
        "traffic.deadline",
        "traffic.think.min",
        "traffic.think.max",
        "phases.warmup",
        "phases.measure",
        "phases.drain",
        "run.abort_after",
    }
)


def _shown(key: str, value: Any) -> Any:
    if key == "incident":
        return incidents_shown(value)
    if key.startswith("target.headers."):
        return HIDDEN if is_secret_header(key.removeprefix("target.headers.")) else value
    if key in _URL_KEYS and value is not None:
        return without_passwords(value) if isinstance(value, str) else [without_passwords(url) for url in value]
    if key in ("users.stages", "traffic.rate_stages"):
        return [stage | {"within": duration_text(stage["within"])} for stage in value]
    return duration_text(value) if key in _DURATION_KEYS and value is not None else value
