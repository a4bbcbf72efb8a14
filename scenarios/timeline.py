"""What happens by itself in the measured window: users who come and go, and what goes wrong."""

from __future__ import annotations

import json

from loadgen.errors import InputError
from loadgen.plan.incidents import Backoff, ReconnectStorm
from scenarios.layers import Layers, Origin
from scenarios.schema import Scenario
from scenarios.validation import duration_text, moment_ns


def with_stages(scenario: Scenario, layers: Layers) -> Scenario:
    """The scenario with the users, the window and the warm-up that its stages ask for; as it was where it has none.

    InputError where something else was asked for beside them.
    """
    stages = scenario.users.stages
    if not stages:
        return scenario
    largest = max(stage.count for stage in stages)
    if not largest:
        raise InputError(f"{layers.label('users.stages')}: expected a stage with users, got none above 0")
    _check_beside_stages(scenario, layers)
    for key in ("users.count", "phases.measure", "phases.warmup"):
        layers.follow(key, "users.stages")
    measure_ns = sum(stage.within for stage in stages)
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


def settle_storms(scenario: Scenario, layers: Layers) -> tuple[ReconnectStorm, ...]:
    """The incidents, in the order of the file; InputError for one that would come after the measured window."""
    window_ns = scenario.phases.measure
    storms = []
    for i, incident in enumerate(scenario.incident):
        at_ns = moment_ns(incident.at, window_ns)
        if at_ns >= window_ns:
            raise InputError(
                f"{layers.label(f'incident[{i}].at')}: expected a time before the end of the measured window "
                f"({duration_text(window_ns)}), got {json.dumps(incident.at)}"
            )
        storms.append(ReconnectStorm(at_ns, incident.share, Backoff(incident.backoff), i))
    return tuple(storms)
