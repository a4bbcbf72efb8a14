"""The document of a simulated run says what happened in it, and what was not measured is null."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from loadgen.errors import ErrorKind
from loadgen.measure.record import (
    EndedEarly,
    MachineReading,
    MachineRecord,
    Phase,
    PhaseSpan,
    ProcessRecord,
    Reading,
    Record,
)
from loadgen.measure.tally import Count, PerSecond, Tally
from loadgen.plan.pacing import NS_PER_S
from reports.budgets import parse
from reports.document import RunFacts, build, snapshot
from reports.summary import summarise
from tests.support.plans import a_plan
from tests.support.simulator import MS, Simulation, in_time

FACTS = RunFacts("id", "fanout", "one room", "2026-01-01T00:00:00Z", "chatbench run", ("http://127.0.0.1:1",), True, {})
BUDGETS = [parse("delivery_time: p(50) < 250ms"), parse("deliveries_lost: count == 0")]


def a_record(simulation: Simulation) -> Record:
    """A run of 100 users, ten messages a second for a second, on processes that use half a core."""
    tally = simulation.run()
    processes = [
        ProcessRecord(
            pid,
            [Reading(s * NS_PER_S, s * NS_PER_S // 2, 10**7 * (s + 1), 100 * (s + 1)) for s in range(4)],
            [Reading(NS_PER_S, NS_PER_S // 2, 10**7, 200), Reading(2 * NS_PER_S, NS_PER_S, 10**7, 300)],
        )
        for pid in (1, 2, 3)
    ]
    spans = [
        PhaseSpan(Phase.CONNECT, 0, 100 * MS),
        PhaseSpan(Phase.MEASURE, NS_PER_S, 2 * NS_PER_S),
        PhaseSpan(Phase.DRAIN, 2 * NS_PER_S, 4 * NS_PER_S),
    ]
    return Record(a_plan(100), tally, processes[0], spans, [processes[1]], processes[2])


def a_watched_record() -> Record:
    """Six seconds of a coordinator (pid 1), workers (2, 3) and target (4) on four cores, a quarter of a core each.

    In the measured window, from 2 s to 4 s, a program that is not ours uses a whole core; before and after it, none.
    """

    def of_process(pid: int, second: int) -> Reading:
        return Reading(second * NS_PER_S, second * NS_PER_S // 4, pid * 10**7, 100 * pid + second)

    def of_machine(second: int) -> MachineReading:
        others_s = min(max(second - 2, 0), 2)
        return MachineReading(second * NS_PER_S, (second + others_s) * NS_PER_S, 0, 4, second * 4096, 10)

    coordinator, first, second, target = (
        ProcessRecord(pid, [of_process(pid, s) for s in range(7)], [of_process(pid, s) for s in (2, 4)])
        for pid in (1, 2, 3, 4)
    )
    machine = MachineRecord([of_machine(s) for s in range(7)], [of_machine(s) for s in (2, 4)])
    spans = [PhaseSpan(Phase.MEASURE, 2 * NS_PER_S, 4 * NS_PER_S)]
    return Record(a_plan(), Tally(0), coordinator, spans, [first, second], target, machine=machine)


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


def test_a_worker_is_judged_by_its_own_lateness() -> None:
    """One that is late does not hide behind those that are not."""
    record = a_watched_record()
    for worker, late_ms in zip(record.workers, (1, 40), strict=True):
        worker.send_lateness.record(late_ms * MS)
        worker.loop_lag.record(2 * late_ms * MS)
    processes = build(FACTS, record, [], [])["generator"]["processes"]

    assert [process["send_lateness_p99_ms"] for process in processes] == [1.0, 40.0]
    assert [process["loop_lag_p99_ms"] for process in processes] == [2.0, 80.0]


def test_a_process_is_told_with_what_it_used() -> None:
    """CPU in the measured window; the most memory, files and sockets of the whole run."""
    document = build(FACTS, a_watched_record(), [], [])
    used = {"cpu_ratio": 0.25, "rss_bytes": 10**7, "descriptors": 106}

    assert document["generator"]["coordinator"] == {"pid": 1} | used
    assert document["server"]["descriptors"] == 406
    assert document["server"]["series"]["descriptors"] == document["series"]["server_descriptors"]


def test_what_others_used_is_what_was_busy_and_not_ours() -> None:
    """Of four cores two were busy in the window: one by our four processes, one by another program."""
    document = build(FACTS, a_watched_record(), [], [])

    assert document["machine"] == {
        "cpu_ratio": 0.5,
        "others_cpu_ratio": 0.25,
        "socket_memory_bytes": 6 * 4096,
        "cores": 4,
    }


def test_processes_and_machine_have_a_value_for_each_second() -> None:
    """Those of several workers are added up; a reading closes the second before it."""
    series = build(FACTS, a_watched_record(), [], [])["series"]

    assert series["generator_cpu_ratio"] == [0.5] * 6 + [None]
    assert series["generator_descriptors"] == [502, 504, 506, 508, 510, 512, None]
    assert series["server_descriptors"] == [401, 402, 403, 404, 405, 406, None]
    assert series["machine_cpu_ratio"] == [0.25, 0.25, 0.5, 0.5, 0.25, 0.25, None]
    assert series["others_cpu_ratio"] == [0.0, 0.0, 0.25, 0.25, 0.0, 0.0, None]
    assert series["socket_memory_bytes"] == [4096 * s for s in range(1, 7)] + [None]


def test_what_others_used_is_not_known_without_one_of_ours() -> None:
    """What a process used of which the readings end is not put down to others."""
    record = a_watched_record()
    del record.workers[0].readings[4:]
    del record.workers[0].window[1:]
    document = build(FACTS, record, [], [])

    assert document["series"]["others_cpu_ratio"] == [0.0, 0.0, 0.25, None, None, None, None]
    assert document["machine"]["others_cpu_ratio"] is None
    assert document["machine"]["cpu_ratio"] == 0.5


def test_two_readings_close_together_are_no_second() -> None:
    """A tick of the kernel's CPU clock would look like a core in full use."""
    record = a_watched_record()
    last = record.coordinator.readings[-1]
    record.coordinator.readings.append(replace(last, at_ns=last.at_ns + 10 * MS, cpu_ns=last.cpu_ns + 10 * MS))
    machine = record.machine.readings[-1]
    record.machine.readings.append(replace(machine, at_ns=machine.at_ns + 10 * MS, busy_ns=machine.busy_ns + 40 * MS))
    series = build(FACTS, record, [], [])["series"]

    assert series["machine_cpu_ratio"][-2:] == [0.25, None]


def test_several_processes_of_the_server_are_told_together_and_each() -> None:
    """Two nodes that use a quarter of a core each use half of one; nothing of them is another program's."""
    record, alone = a_watched_record(), build(FACTS, a_watched_record(), [], [])
    assert record.target is not None
    record.target.name = "node-1"
    record.companions = [replace(record.target, pid=5, name="node-2")]
    document = build(FACTS, record, [], [])
    server = document["server"]

    assert server["cpu_ratio"] == 0.5
    assert [(each["name"], each["pid"], each["cpu_ratio"]) for each in server["processes"]] == [
        ("node-1", 4, 0.25),
        ("node-2", 5, 0.25),
    ]
    assert server["rss_bytes"] == 2 * alone["server"]["rss_bytes"]
    assert document["series"]["server_cpu_ratio"][1:4] == [0.5, 0.5, 0.5]
    assert "processes" not in alone["server"]
    assert {row.name for row in summarise(document).processes} >= {"node-1", "node-2"}


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


def test_a_snapshot_shows_what_the_newest_seconds_used() -> None:
    """Those of the series, not the first ones of the run."""
    record = a_watched_record()
    series = snapshot(FACTS, record)["series"]

    assert series["t_s"] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert series["others_cpu_ratio"] == [0.0, 0.0, 0.25, 0.25, 0.0]


def test_what_was_open_before_the_seconds_that_are_shown_counts_in_them() -> None:
    """A snapshot of a long run shows its newest seconds, and sockets were opened in the first one."""
    record = a_record(Simulation(user_count=100))
    record.tally.happened(PerSecond.MESSAGES_SENT, 200 * NS_PER_S)
    whole, newest = build(FACTS, record, [], [])["series"], snapshot(FACTS, record)["series"]

    assert newest["t_s"][0] > 0
    assert newest["connections"][0] == whole["connections"][round(newest["t_s"][0])] == 100


def test_what_the_kernel_does_not_tell_is_null() -> None:
    """Descriptors that nobody counted, and socket buffers of a machine without that file."""
    record = a_watched_record()
    for process in record.processes:
        process.readings[:] = [replace(reading, descriptor_count=None) for reading in process.readings]
    machine = record.machine
    machine.readings[:] = [replace(reading, socket_memory_bytes=None) for reading in machine.readings]
    series = build(FACTS, record, [], [])["series"]

    assert set(series["generator_descriptors"]) == {None}
    assert None not in series["generator_cpu_ratio"][1:4]
    assert set(series["socket_memory_bytes"]) == {None}
