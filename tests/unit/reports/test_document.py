"""The document of a simulated run says what happened in it, and what was not measured is null."""

from __future__ import annotations

import json

import pytest

from loadgen.errors import ErrorKind
from loadgen.measure.record import EndedEarly, Phase, PhaseSpan, ProcessRecord, Reading, Record
from loadgen.measure.tally import Count
from loadgen.plan.pacing import NS_PER_S
from reports.budgets import parse
from reports.document import RunFacts, build, snapshot
from tests.support.simulator import MS, Simulation, in_time
from tests.unit.loadgen.test_plan import a_plan

FACTS = RunFacts("id", "fanout", "one room", "2026-01-01T00:00:00Z", "chatbench run", "http://127.0.0.1:1", True, {})
BUDGETS = [parse("delivery_time: p(50) < 250ms"), parse("deliveries_lost: count == 0")]


def a_record(simulation: Simulation) -> Record:
    """A run of 100 users, ten messages a second for a second, on processes that use half a core."""
    tally = simulation.run()
    processes = [
        ProcessRecord(
            pid,
            [Reading(s * NS_PER_S, s * NS_PER_S // 2, 10**7 * (s + 1)) for s in range(4)],
            [Reading(NS_PER_S, NS_PER_S // 2, 10**7), Reading(2 * NS_PER_S, NS_PER_S, 10**7)],
        )
        for pid in (1, 2, 3)
    ]
    spans = [
        PhaseSpan(Phase.CONNECT, 0, 100 * MS),
        PhaseSpan(Phase.MEASURE, NS_PER_S, 2 * NS_PER_S),
        PhaseSpan(Phase.DRAIN, 2 * NS_PER_S, 4 * NS_PER_S),
    ]
    return Record(a_plan(100), tally, processes[0], spans, [processes[1]], processes[2])


def test_a_run_in_good_order_passes() -> None:
    """Counters, rates, metrics and verdict of a run whose numbers are known."""
    document = build(FACTS, a_record(Simulation(user_count=100, fate=in_time(5 * MS))), [], BUDGETS)

    assert document["verdict"] == "pass"
    assert document["counters"]["deliveries_received"] == 1_000
    assert document["rates"]["deliveries_received_per_s"] == 1_000
    assert document["metrics"]["delivery_time"]["p50"] == 5.0
    assert document["metrics"]["delivery_time"]["max"] == 5.0
    assert document["metrics"]["delivery_time"]["count"] == 1_000
    assert [budget["ok"] for budget in document["budgets"]] == [True, True]
    assert document["limit"]["side"] == "none"
    assert document["schema"] == "chatbench.result/1"


def test_what_was_not_measured_is_null() -> None:
    """Not 0, and not left out."""
    metric = build(FACTS, a_record(Simulation()), [], [])["metrics"]["login_time"]

    assert metric.pop("count") == 0
    assert metric.pop("unit") == "ms"
    assert set(metric.values()) == {None}


def test_a_quantile_with_too_few_samples_is_null() -> None:
    """A thousand deliveries have a p99, and no p99.9."""
    metric = build(FACTS, a_record(Simulation(user_count=100)), [], [])["metrics"]["delivery_time"]

    assert metric["p99"] is not None
    assert metric["p99_9"] is None


def test_every_counter_of_the_run_is_there() -> None:
    """Zeros that were counted are zeros."""
    counters = build(FACTS, a_record(Simulation()), [], [])["counters"]

    assert set(counters) == set(Count)
    assert counters["deliveries_lost"] == 0


def test_the_series_has_a_value_for_each_second() -> None:
    """All lists are of one length; messages and deliveries stand in the second they happened."""
    series = build(FACTS, a_record(Simulation(user_count=100)), [], [])["series"]
    lengths = {len(values) for name, values in series.items() if name != "interval_s"}

    assert len(lengths) == 1
    assert series["connections"] == [100] * len(series["t_s"])
    assert series["messages_sent"][:3] == [0, 10, 0]
    assert series["deliveries_received"][:3] == [0, 1_000, 0]
    assert series["delivery_time_p50_ms"][0] is None
    assert series["delivery_time_p50_ms"][1] == pytest.approx(5.0, rel=0.016)
    assert series["generator_cpu_ratio"][:3] == [0.5, 0.5, 0.5]


def test_the_cost_of_a_delivery_counts_the_whole_generator() -> None:
    """Workers and coordinator, in the measured window, over the deliveries received in it."""
    generator = build(FACTS, a_record(Simulation(user_count=100)), [], [])["generator"]

    assert generator["cpu_us_per_delivery"] == pytest.approx(2 * 500_000 / 1_000)
    assert generator["processes"][0]["cpu_ratio"] == 0.5
    assert generator["processes"][0]["rss_bytes"] == 4 * 10**7


def test_a_server_that_is_not_ours_is_null() -> None:
    """What we cannot watch we do not describe."""
    record = a_record(Simulation())
    record.target = None
    document = build(FACTS, record, [], [])

    assert document["server"] is None
    assert set(document["series"]["server_cpu_ratio"]) == {None}


def test_a_run_that_never_began_has_a_document() -> None:
    """Interrupted before the first phase: everything is there, nothing has a figure, no budget is kept."""
    record = Record(a_plan(), Simulation().tally, ProcessRecord(1), ended_early=EndedEarly.INTERRUPTED)
    document = build(FACTS, record, [], BUDGETS)

    assert document["run"]["interrupted"] is True
    assert document["verdict"] == "invalid"
    assert [budget["ok"] for budget in document["budgets"]] == [None, None]
    json.dumps(document, allow_nan=False)


def test_a_broken_budget_at_an_easy_generator_names_the_server() -> None:
    """The limit of a valid run that fails is the server."""
    record = a_record(Simulation(user_count=100, fate=in_time(400 * MS)))
    document = build(FACTS, record, [], BUDGETS)

    assert document["verdict"] == "fail"
    assert document["limit"]["side"] == "server"
    assert "delivery_time" in document["limit"]["reason"]


def test_errors_are_listed_with_kind_phase_count_and_example() -> None:
    """What the server did wrong is data."""
    record = a_record(Simulation())
    record.tally.error(ErrorKind.REFUSED, "connect", "no")
    record.tally.error(ErrorKind.REFUSED, "connect", "no again")

    assert build(FACTS, record, [], [])["errors"] == [
        {"kind": "refused", "phase": "connect", "count": 2, "example": "no"}
    ]


def test_a_snapshot_is_cheap_and_shows_complete_seconds_only() -> None:
    """While a run goes on there is no verdict, no histogram, and no half-filled second."""
    record = a_record(Simulation(user_count=100))
    document = snapshot(FACTS, record)

    assert document["verdict"] is None
    assert "hdr" not in document["metrics"]["delivery_time"]
    assert len(document["series"]["t_s"]) < len(build(FACTS, record, [], [])["series"]["t_s"])
