"""What happens when in the measured window: how fast its time passes, and users who come and go by themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from loadgen.errors import InputError
from scenarios.layers import Layers, Origin
from scenarios.schema import Incident, Scenario
from scenarios.validation import LONGEST_NS, duration_ns, duration_text

# What is shorter has been scaled away.
_SHORTEST_NS = 1_000


def with_time_scale(scenario: Scenario, layers: Layers) -> Scenario:
    """The scenario with its measured window, stages and incidents as much shorter as its scale of time says.

    What it leaves to a default stays. InputError where a time becomes too short, or too long.
    """
    phases = scenario.phases
    if phases.time_scale == 1:
        return scenario
    scaled = _Scale(phases.time_scale, layers)
    users, traffic = scenario.users, scenario.traffic
    stages = [
        stage.model_copy(update={"within": scaled(stage.within, f"users.stages[{number}]")})
        for number, stage in enumerate(users.stages)
    ]
    rate_stages = [
        stage.model_copy(update={"within": scaled(stage.within, f"traffic.rate_stages[{number}]")})
        for number, stage in enumerate(traffic.rate_stages)
    ]
    measure_ns = phases.measure
    if layers.origin_of("phases.measure") is not Origin.DEFAULT:
        measure_ns = scaled(measure_ns, "phases.measure")
    return scenario.model_copy(
        update={
            "users": users.model_copy(update={"stages": stages}),
            "traffic": traffic.model_copy(update={"rate_stages": rate_stages}),
            "phases": phases.model_copy(update={"measure": measure_ns}),
            "incident": [
                _scaled_incident(incident, f"incident[{number}]", scaled)
                for number, incident in enumerate(scenario.incident)
            ],
        }
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    times: float
    layers: Layers

    def __call__(self, length_ns: int, key: str) -> int:
        scaled_ns = length_ns / self.times
        if length_ns and not _SHORTEST_NS <= scaled_ns <= LONGEST_NS:
            raise InputError(
                f"{self.layers.label('phases.time_scale')}: expected a number that leaves from 1us to a year of "
                f"{duration_text(length_ns)} ({self.layers.label(key)}), got {self.times:g}"
            )
        return round(scaled_ns)


def _scaled_incident(incident: Incident, place: str, scaled: _Scale) -> Incident:
    update: dict[str, Any] = {}
    if incident.down is not None:
        update["down"] = scaled(incident.down, f"{place}.down")
    for name, text in (("at", incident.at), ("within", incident.within)):
        if text is not None and not text.strip().endswith("%"):
            update[name] = duration_text(scaled(duration_ns(text), f"{place}.{name}"))
    return incident.model_copy(update=update)


def with_stages(scenario: Scenario, layers: Layers) -> Scenario:
    """The scenario with the users, the window and the warm-up that its stages ask for; as it was where it has none.

    InputError where something else was asked for beside them.
    """
    stages = scenario.users.stages
    if not stages:
        return scenario
    largest, measure_ns = max(stage.count for stage in stages), sum(stage.within for stage in stages)
    if not largest:
        raise InputError(f"{layers.label('users.stages')}: expected a stage with users, got none above 0")
    if not measure_ns:
        raise InputError(f"{layers.label('users.stages')}: expected stages that take some time together, got 0s")
    _check_beside_stages(scenario, layers)
    for key in ("users.count", "phases.measure", "phases.warmup"):
        layers.follow(key, "users.stages")
    return scenario.model_copy(
        update={
            "users": scenario.users.model_copy(update={"count": largest}),
            "phases": scenario.phases.model_copy(update={"warmup": 0, "measure": measure_ns}),
        }
    )


def _check_beside_stages(scenario: Scenario, layers: Layers) -> None:
    """A file gives way to a flag's stages; what was typed, or stands in the same file, contradicts them.

    A file's number of users gives way in any case: it is the default for runs without stages.
    """
    phases = scenario.phases
    typed = {Origin.ENV, Origin.FLAG}
    asked = typed | {layers.origin_of("users.stages")}
    if layers.origin_of("users.count") in typed:
        raise _beside_stages(layers, "users.count", "no number of users", str(scenario.users.count))
    if layers.origin_of("phases.measure") in asked:
        raise _beside_stages(layers, "phases.measure", "no measured time", json.dumps(duration_text(phases.measure)))
    if phases.warmup and layers.origin_of("phases.warmup") in asked:
        raise _beside_stages(layers, "phases.warmup", '"0s"', json.dumps(duration_text(phases.warmup)))


def _beside_stages(layers: Layers, key: str, expected: str, found: str) -> InputError:
    return InputError(
        f"{layers.label(key)}: expected {expected}, since stages settle it ({layers.label('users.stages')}), "
        f"got {found}"
    )
