"""The scenarios that come with chatbench: each is a question, asked in a minute, with a limit on the answer."""

from __future__ import annotations

import tomllib

import pytest

from loadgen.dialects.script import Reach
from loadgen.measure.histogram import MIN_SAMPLES_BEYOND
from loadgen.measure.tally import Count, Metric
from loadgen.plan.acts import Act
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Plan
from scenarios.catalogue import catalogue
from scenarios.machine import Machine
from scenarios.settle import settle

# Of the least machine that the catalogue is for.
A_MACHINE = Machine(core_count=2, sockets_per_process=4000, ephemeral_port_count=28_232)

LONGEST_S = 60

# Their questions need no more than the line they have.
SHORT = frozenset({"echo", "fanout", "smoke"})


def plan_of(name: str) -> Plan:
    """What a run of it does when nothing else is asked for."""
    return settle(name, {}, {}, A_MACHINE).plan_for(("http://127.0.0.1:1",), "0" * 6)


def opening_comment_of(text: str) -> str:
    """The lines before the first key, in one."""
    lines = text.splitlines()
    above = lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]
    return " ".join(line.removeprefix("#").strip() for line in above)


def receivers_a_message(plan: Plan) -> float:
    """How many there are on average, of messages to rooms and to single users."""
    weights = dict(plan.mix)
    to_rooms, direct = weights.get(Act.MESSAGE, 0.0), weights.get(Act.DIRECT, 0.0)
    layers = plan.rooms.layers
    members = [plan.user_count / min(plan.user_count, layer.count) * layer.weight for layer in layers]
    room_size = sum(members) / sum(layer.weight for layer in layers)
    everybody = 1.0 if plan.dialect.publish.reach is Reach.SELF else room_size
    return (to_rooms * everybody + direct) / (to_rooms + direct)


@pytest.mark.parametrize("name", catalogue())
def test_a_scenario_of_the_catalogue_takes_no_longer_than_a_minute(name: str) -> None:
    """By its plan, all runs of a sweep together; a question that takes hours is asked with a flag."""
    settled = settle(name, {}, {}, A_MACHINE)

    assert sum(run.planned_s for run in settled.runs or (settled,)) <= LONGEST_S


@pytest.mark.parametrize("name", catalogue())
def test_a_scenario_of_the_catalogue_loses_nothing_and_drops_nobody(name: str) -> None:
    """What nobody would accept is in the budgets of each, beside the times."""
    budgets = settle(name, {}, {}, A_MACHINE).budgets

    assert {Count.DELIVERIES_LOST, Count.CONNECTIONS_DROPPED} <= {budget.metric for budget in budgets}


@pytest.mark.parametrize("name", catalogue())
def test_the_seed_settles_a_scenario_of_the_catalogue(name: str) -> None:
    """The same plan each time."""
    assert plan_of(name) == plan_of(name)


@pytest.mark.parametrize("name", sorted(catalogue().keys() - SHORT))
def test_a_scenario_says_what_it_asks_and_where_its_numbers_come_from(name: str) -> None:
    """The question, a published source or the reason, and what to look at."""
    text = catalogue()[name]
    comment = opening_comment_of(text)

    assert "?" in comment.split("Source: ")[0].split("Reason: ")[0]
    assert ("Source: " in comment) != ("Reason: " in comment)
    assert "Look at: " in comment
    assert tomllib.loads(text)["summary"]


@pytest.mark.parametrize("name", catalogue())
def test_a_scenario_of_the_catalogue_measures_enough_for_its_budgets(name: str) -> None:
    """Twice the ten deliveries that have to lie beyond a quantile: chance must not make a run invalid."""
    plan = plan_of(name)
    delivery_count = plan.rate_per_s * plan.measure_ns / NS_PER_S * receivers_a_message(plan)

    for budget in settle(name, {}, {}, A_MACHINE).budgets:
        if budget.metric == Metric.DELIVERY_TIME and budget.percent is not None:
            assert delivery_count * (1 - budget.percent / 100) >= 2 * MIN_SAMPLES_BEYOND
