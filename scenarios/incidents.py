"""What goes wrong by plan: the tables [[incident]] of a scenario, settled."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from loadgen.dialects.script import DialectScript
from loadgen.errors import InputError
from loadgen.plan.incidents import Backoff, Incident, IncidentKind
from loadgen.plan.pacing import NS_PER_S
from scenarios.layers import Layers
from scenarios.schema import Incident as IncidentSection
from scenarios.schema import Scenario
from scenarios.target import Wish
from scenarios.validation import duration_text, moment_ns

if TYPE_CHECKING:
    from scenarios.settle import Settled

_K = IncidentKind
# What each kind takes beside `at`, and what it is where the file does not say.
DEFAULTS: Mapping[IncidentKind, Mapping[str, Any]] = {
    _K.RECONNECT_STORM: {"share": 0.5, "within": "0s", "backoff": Backoff.EXPONENTIAL_JITTER},
    _K.HERD_JOIN: {"share": 0.5, "within": "25%", "backoff": Backoff.NONE},
    _K.ABRUPT_CLOSE: {"share": 0.5, "within": "0s"},
    _K.HALF_OPEN: {"share": 0.5, "within": "0s", "backoff": Backoff.EXPONENTIAL_JITTER},
    _K.SLOW_READERS: {"share": 0.1, "within": "0s", "bytes_per_s": 0},
    _K.TOKEN_EXPIRY: {"backoff": Backoff.EXPONENTIAL_JITTER},
    _K.SERVER_RESTART: {"backoff": Backoff.EXPONENTIAL_JITTER, "down": NS_PER_S, "kill": False},
    _K.OUTAGE: {"within": "25%", "backoff": Backoff.EXPONENTIAL_JITTER},
    _K.ANNOUNCEMENT: {"share": 0.1, "within": "25%"},
}
_PHASES_OF_ENTRANCE = 3
# Barriers between the phases, the start of the messages, and tokens that last for whole seconds.
_ENTRANCE_SLACK_S = 2
_KEYS = ("share", "within", "backoff", "bytes_per_s", "down", "kill")


def settle_incidents(scenario: Scenario, layers: Layers, dialect: DialectScript) -> tuple[Incident, ...]:
    """The incidents, in the order of the file; InputError for one that the run cannot have."""
    settled = []
    for number, section in enumerate(scenario.incident):
        place = f"incident[{number}]"
        _check_target(section, place, scenario, layers, dialect)
        settled.append(_settled(section, number, scenario.phases.measure, layers))
    return tuple(settled)


def _settled(section: IncidentSection, number: int, window_ns: int, layers: Layers) -> Incident:
    place, of_kind = f"incident[{number}]", DEFAULTS[section.kind]
    values = {}
    for key in _KEYS:
        given = getattr(section, key)
        if given is not None and key not in of_kind:
            raise InputError(
                f"{layers.label(f'{place}.{key}')}: expected none, since {section.kind} has no {key}, "
                f"got {json.dumps(duration_text(given) if key == 'down' else given)}"
            )
        values[key] = of_kind.get(key) if given is None else given
    at_ns, within_ns = moment_ns(section.at, window_ns), moment_ns(values["within"] or "0s", window_ns)
    lasts_ns = within_ns + (values["down"] or 0)
    if at_ns >= window_ns:
        raise InputError(
            f"{layers.label(f'{place}.at')}: expected a time before the end of the measured window "
            f"({duration_text(window_ns)}), got {json.dumps(section.at)}"
        )
    if at_ns + lasts_ns > window_ns:
        raise InputError(
            f"{layers.label(place)}: expected an end within the measured window ({duration_text(window_ns)}), got one "
            f"after {duration_text(at_ns + lasts_ns)}: it begins at {section.at} and takes {duration_text(lasts_ns)}"
        )
    return Incident(
        section.kind,
        at_ns,
        1.0 if values["share"] is None else values["share"],
        within_ns,
        Backoff.NONE if values["backoff"] is None else values["backoff"],
        number,
        values["bytes_per_s"] or 0,
        values["down"] or 0,
        bool(values["kill"]),
    )


def _check_target(
    section: IncidentSection, place: str, scenario: Scenario, layers: Layers, dialect: DialectScript
) -> None:
    label, kind = layers.label(f"{place}.kind"), json.dumps(section.kind)
    if section.kind is IncidentKind.SERVER_RESTART and scenario.target.url is not None:
        raise InputError(
            f"{label}: expected another kind, since the server is not ours to restart (target.url), got {kind}"
        )
    if section.kind is IncidentKind.SERVER_RESTART and scenario.target.nodes > 1:
        raise InputError(
            f"{label}: expected another kind, since a restart is of one server, and there are {scenario.target.nodes} "
            f"nodes of it (target.nodes), got {kind}"
        )
    if section.kind is IncidentKind.SERVER_RESTART and _count(scenario, section.kind) > 1:
        raise InputError(f"{label}: expected one restart a run, got {_count(scenario, section.kind)}")
    if section.kind is IncidentKind.TOKEN_EXPIRY and (dialect.login is None or scenario.users.tokens_file is not None):
        raise InputError(f"{label}: expected another kind, since nobody logs in, got {kind}")
    if section.kind is IncidentKind.HERD_JOIN and scenario.users.stages:
        raise InputError(
            f"{label}: expected another kind, since stages say who comes when ({layers.label('users.stages')}), "
            f"got {kind}"
        )


def _count(scenario: Scenario, kind: IncidentKind) -> int:
    return sum(section.kind is kind for section in scenario.incident)


def server_for(settled: Settled, cores: frozenset[int] | None) -> Wish:
    """The embedded server that the incidents of a scenario ask for."""
    kinds = {incident.kind: incident for incident in settled.incidents}
    expiry = kinds.get(IncidentKind.TOKEN_EXPIRY)
    users, phases = settled.scenario.users, settled.scenario.phases
    lifetime_s = None
    if expiry is not None:
        # From the first login on: everybody logs in, connects, joins; it must not end before the incident.
        entrance_s = _PHASES_OF_ENTRANCE * users.count / users.connect_rate_per_s
        lifetime_s = math.ceil(entrance_s + (phases.warmup + expiry.at_ns) / NS_PER_S) + _ENTRANCE_SLACK_S
    return Wish(
        users.count,
        cores,
        lifetime_s,
        restarts=IncidentKind.SERVER_RESTART in kinds,
        node_count=settled.scenario.target.nodes,
    )


def shown(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tables as the document has them: with the defaults of their kinds, times as texts; None: not of the kind."""
    tables = []
    for table in value:
        of_kind = DEFAULTS[IncidentKind(table["kind"])]
        full = table | {key: of_kind.get(key) if table[key] is None else table[key] for key in _KEYS}
        tables.append(full | {"down": None if full["down"] is None else duration_text(full["down"])})
    return tables
