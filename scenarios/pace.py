"""Who writes, and how often: rate, gaps, thoughts and stages of the rate, settled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from loadgen.errors import InputError
from loadgen.plan.acts import Mix, acts_per_message
from loadgen.plan.pacing import NS_PER_S, OF_EACH_USER, Gaps, Loop
from loadgen.plan.pauses import Think
from loadgen.plan.plan import DEFAULT_ALPHA
from loadgen.plan.ramps import RateStage
from loadgen.plan.senders import ActiveUsers
from loadgen.plan.thinking import thoughts_per_s
from scenarios.layers import Layers, Origin
from scenarios.schema import Scenario
from scenarios.validation import duration_text

DEFAULT_RATE_PER_S = 40.0
# Mattermost's load test.
_DEFAULT_THINK_NS = (NS_PER_S, 39 * NS_PER_S)

_OF_GAPS = {
    "alpha": Gaps.PARETO,
    "think.min": Gaps.THINK,
    "think.max": Gaps.THINK,
    "think.factors": Gaps.THINK,
}


def with_one_rate(scenario: Scenario, layers: Layers) -> Scenario:
    """The scenario without stages of the rate where a rate was typed, which is meant for the whole run."""
    key, typed = "traffic.rate_stages", "traffic.rate_per_s"
    of_file = layers.origin_of(key) is Origin.FILE and bool(scenario.traffic.rate_stages)
    if not of_file or layers.origin_of(typed) not in (Origin.ENV, Origin.FLAG):
        return scenario
    layers.follow(key, typed)
    return scenario.model_copy(update={"traffic": scenario.traffic.model_copy(update={"rate_stages": []})})


def settle_pace(scenario: Scenario, layers: Layers, mix: Mix) -> dict[str, Any]:
    """The fields of the plan that say who writes, and when; InputError where they contradict one another."""
    users, traffic = scenario.users, scenario.traffic
    gaps = Gaps(traffic.gaps)
    _check_gaps(scenario, layers, gaps)
    active = ActiveUsers(scenario.run.seed, users.active, users.count)
    think = _settle_think(scenario, layers) if gaps is Gaps.THINK else None
    if think is None:
        rate_per_s, rate_follows_users = _settle_rate(scenario, layers, active)
    else:
        acts_per_s = thoughts_per_s(think, scenario.run.seed, active, users.count)
        rate_per_s, rate_follows_users = acts_per_s / acts_per_message(mix), True
    return {
        "rate_per_s": rate_per_s,
        "rate_follows_users": rate_follows_users or gaps in OF_EACH_USER,
        "gaps": gaps,
        "active_share": users.active,
        "alpha": DEFAULT_ALPHA if traffic.alpha is None else traffic.alpha,
        "think": think,
        "rate_stages": _settle_rate_stages(scenario, layers),
    }


def settled_values(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What the document shows at key paths that a file may leave open."""
    values = {"traffic.rate_per_s": fields["rate_per_s"]}
    if fields["gaps"] is Gaps.PARETO:
        values["traffic.alpha"] = fields["alpha"]
    if fields["think"] is not None:
        values["traffic.think.min"], values["traffic.think.max"] = fields["think"].least_ns, fields["think"].most_ns
    return values


def _check_gaps(scenario: Scenario, layers: Layers, gaps: Gaps) -> None:
    """What is said of other gaps, or beside thoughts, contradicts them."""
    traffic = scenario.traffic
    said = {f"think.{name}": value for name, value in traffic.think.model_dump().items()} | {"alpha": traffic.alpha}
    for name, of in _OF_GAPS.items():
        if said[name] and of is not gaps:
            found = duration_text(said[name]) if name in ("think.min", "think.max") else said[name]
            raise InputError(
                f'{layers.label(f"traffic.{name}")}: expected none where traffic.gaps is "{gaps}" (it is of {of}), '
                f"got {json.dumps(found)}"
            )
    for name in ("rate_per_s", "per_user_per_min"):
        if gaps is Gaps.THINK and (rate := getattr(traffic, name)) is not None:
            raise InputError(
                f"{layers.label(f'traffic.{name}')}: expected none, since users write as often as they have thought "
                f'({layers.label("traffic.gaps")} = "think"), got {rate:g}'
            )


def _settle_think(scenario: Scenario, layers: Layers) -> Think:
    think = scenario.traffic.think
    least_ns = _DEFAULT_THINK_NS[0] if think.min is None else think.min
    most_ns = _DEFAULT_THINK_NS[1] if think.max is None else think.max
    if most_ns < least_ns:
        raise InputError(
            f"{layers.label('traffic.think.max')}: expected at least the min ({duration_text(least_ns)}), "
            f"got {json.dumps(duration_text(most_ns))}"
        )
    return Think(least_ns, most_ns, tuple((factor.times, factor.weight) for factor in think.factors))


def _settle_rate(scenario: Scenario, layers: Layers, active: ActiveUsers) -> tuple[float, bool]:
    """Messages a second of all users together, and whether fewer users write fewer."""
    traffic = scenario.traffic
    if traffic.per_user_per_min is None:
        return DEFAULT_RATE_PER_S if traffic.rate_per_s is None else traffic.rate_per_s, False
    if traffic.rate_per_s is not None:
        if layers.origin_of("traffic.rate_per_s") is not layers.origin_of("traffic.per_user_per_min"):
            return traffic.rate_per_s, False  # a flag or variable beats the file
        raise InputError(
            f"{layers.label('traffic.rate_per_s')}: expected one of rate_per_s and per_user_per_min, got both"
        )
    return traffic.per_user_per_min * active.count_of(scenario.users.count) / 60, True


def _settle_rate_stages(scenario: Scenario, layers: Layers) -> tuple[RateStage, ...]:
    traffic, window_ns = scenario.traffic, scenario.phases.measure
    stages = tuple(RateStage(stage.within, stage.rate_per_s) for stage in traffic.rate_stages)
    if not stages:
        return ()
    label = layers.label("traffic.rate_stages")
    why_not = None
    if traffic.per_user_per_min is not None:
        why_not = f"since the number of users settles the rate ({layers.label('traffic.per_user_per_min')})"
    elif traffic.loop is Loop.CLOSED:
        why_not = "since in a closed loop the answers settle the rate"
    elif traffic.gaps in OF_EACH_USER:
        why_not = f'since each user has a pace of its own (traffic.gaps = "{traffic.gaps}")'
    if why_not is not None:
        raise InputError(f"{label}: expected none, {why_not}, got {len(stages)}")
    whole_ns = sum(stage.length_ns for stage in stages)
    if whole_ns > window_ns:
        raise InputError(
            f"{label}: expected stages that fit into the measured window ({duration_text(window_ns)}), "
            f"got {duration_text(whole_ns)} of them"
        )
    return stages
