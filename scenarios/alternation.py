"""Two servers in turns of half a second: the scenarios of two runs that begin at the same instant.

What disturbs a machine lasts for seconds, and so hits one of two runs that come one after the other, and both of two
whose users talk in turns: the medians of the same server differed by 10 to 14 % in runs of 2 s one after the other, and
by 4 % in turns. Only one of them is ever under load.
"""

from __future__ import annotations

import random
from math import ceil
from pathlib import Path
from typing import Any

from loadgen.plan.pacing import NS_PER_S, OF_EACH_USER, Loop
from reports import store
from reports.trials import Side
from scenarios.catalogue import catalogue
from scenarios.settle import Settled
from scenarios.toml_text import toml_text

TURN_S = 0.5
SETTLED_HERE = frozenset({"--rate", "--duration"})
"""Flags of ``run`` that the scenarios of a pair hold themselves."""
VARIABLES = frozenset({"CHATBENCH_RATE", "CHATBENCH_DURATION"})
"""Variables that would say otherwise."""


def why_not(settled: Settled) -> str | None:
    """What keeps a scenario from being carried out in turns; None where nothing does."""
    scenario = settled.scenario
    reasons = {
        "users come and go in stages": bool(scenario.users.stages),
        "its rate changes": bool(scenario.traffic.rate_stages),
        "something goes wrong by plan": bool(scenario.incident),
        "answers settle its pace": scenario.traffic.loop is Loop.CLOSED,
        "each user has a pace of its own": scenario.traffic.gaps in OF_EACH_USER,
        "its hours are scaled": scenario.phases.time_scale != 1,
        "a budget limits a rate": any(budget.aggregate == "rate" for budget in settled.budgets),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def scenarios_of(source: str, settled: Settled, coin: random.Random, stem: Path) -> dict[Side, Path]:
    """The files of a pair, beside one another; both have the same messages, each in the turns of its side.

    Of each two turns one is base's and one head's, and chance says which comes first.
    """
    couples = ceil(settled.scenario.phases.measure / (TURN_S * NS_PER_S))
    turns = [side for _ in range(couples) for side in coin.sample(list(Side), 2)]
    rate_per_s = settled.rows["traffic.rate_per_s"]["value"]
    extended = source if source in catalogue() else str(Path(source).resolve())
    paths = {}
    for side in Side:
        traffic: dict[str, Any] = {
            "rate_per_s": rate_per_s,
            "rate_stages": _stages([rate_per_s if turn is side else 0.0 for turn in turns]),
        }
        path = stem.with_name(f"{stem.name}-{side}.toml")
        phases = {"measure": f"{len(turns) * TURN_S:g}s"}
        lines = (f"extends = {toml_text(extended)}", f"traffic = {toml_text(traffic)}", f"phases = {toml_text(phases)}")
        store.write(path, "\n".join(lines) + "\n")
        paths[side] = path
    return paths


def _stages(rates: list[float]) -> list[str]:
    """Steps from turn to turn; neighbours of one rate are one."""
    stages: list[tuple[float, float]] = []
    for rate in rates:
        length_s = stages.pop()[0] if stages and stages[-1][1] == rate else 0.0
        stages.append((length_s + TURN_S, rate))
    return [text for length_s, rate in stages for text in (f"0s:{rate!r}", f"{length_s:g}s:{rate!r}")]
