"""What the users of a scenario do, and how often: messages, and what there is beside them."""

from __future__ import annotations

from loadgen.dialects.script import DialectScript
from loadgen.errors import InputError
from loadgen.plan.acts import Act, Mix
from scenarios.layers import Layers
from scenarios.schema import Scenario


def settle_mix(scenario: Scenario, layers: Layers, dialect: DialectScript, account_count: int) -> Mix:
    """What the users do, each with its weight; InputError where the dialect or the accounts cannot."""
    weights = scenario.traffic.mix.model_dump()
    mix = tuple((act, weights[act]) for act in Act if weights[act] > 0)
    if not mix:
        raise InputError(f"{layers.label('traffic.mix')}: expected a weight > 0 for something, got none")
    can = {
        Act.MESSAGE: True,
        Act.DIRECT: dialect.direct is not None,
        Act.TYPING: dialect.typing is not None,
        Act.HISTORY: dialect.history is not None and dialect.history.send is not None,
        Act.PRESENCE: dialect.presence is not None,
        Act.HTTP: dialect.http is not None,
    }
    for act, weight in mix:
        if not can[act]:
            section = "[history] with send" if act is Act.HISTORY else f"[{act}]"
            raise InputError(
                f'{layers.label(f"traffic.mix.{act}")}: expected 0, since the dialect "{dialect.name}" has no '
                f"{section}, got {weight:g}"
            )
    users, label = scenario.users, layers.label("traffic.mix.direct")
    if any(act is Act.DIRECT for act, _ in mix):
        if users.count < 2:
            raise InputError(f"{label}: expected 0, since there is nobody else to write to, got {weights['direct']:g}")
        if users.tokens_file is not None:
            raise InputError(
                f"{label}: expected 0, since users.tokens_file does not say what the users are called, "
                f"got {weights['direct']:g}"
            )
        if account_count < users.count:
            raise InputError(
                f"{label}: expected 0 where several users share an account ({account_count} for {users.count} users): "
                f"each of them would get what is for one, got {weights['direct']:g}"
            )
    return mix
