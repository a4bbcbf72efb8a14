"""What docs/scale.md is calculated by: from one process to a crowd."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.scale.arithmetic import (
    PORTS_PER_PAIR,
    Crowd,
    Machine,
    limits,
    messages_heard_per_s,
    need_of,
)
from benchmarks.scale.measured import Measured, from_engine, from_merge, joined, learnt, written
from benchmarks.scale.page import core_table, crowd_table, leading_table, limit_table
from loadgen.engine.limits import SPARE_FILES

MEASURED = Measured(
    deliveries_per_s=300_000,
    receive_cpu_ratio=0.8,
    crowd_deliveries_per_s=160_000,
    crowd_cpu_ratio=0.8,
    messages_per_s=20_000,
    send_cpu_ratio=0.7,
    socket_count=18_000,
    worker_rss_bytes=180_000_000,
    kernel_bytes_per_socket=4_000,
    delivery_bytes=184,
    logins_per_s=2_000,
    connects_per_s=2_000,
    hearing_us=20,
)
MACHINE = Machine(cores=4, open_files=20_000, memory_bytes=8 * 10**9, pairs=4)
TABLES = (core_table, limit_table, crowd_table, leading_table)


def test_the_limit_that_bites_first_comes_first() -> None:
    """160,000 deliveries/s at 0.8 of a core, and at most so much of it: busy sockets are limited by CPU."""
    order = [(limit.name, limit.sockets) for limit in limits(MEASURED, MACHINE, 10)]

    assert order == [
        ("CPU", 4 * 16_000),
        ("tried in a process", 4 * 18_000),
        ("open files", 4 * (20_000 - SPARE_FILES)),
        ("ephemeral ports", 4 * PORTS_PER_PAIR),
        ("memory", 8 * 10**9 // 14_000),
    ]


def test_sockets_that_hear_nothing_take_no_cpu() -> None:
    """Then files, ports and memory are what there is."""
    assert "CPU" not in {limit.name for limit in limits(MEASURED, MACHINE, 0)}


def test_a_crowd_takes_as_many_processes_as_its_first_limit_says() -> None:
    """Rounded up, and machines as well."""
    need = need_of(MEASURED, MACHINE, Crowd(1_000_000, 10))

    assert (need.first_limit, need.processes, need.machines) == ("CPU", 63, 16)
    assert need.memory_bytes == 14e9
    assert need.network_bits_per_s == 1_000_000 * 10 * (184 + 66) * 8
    assert need.pairs == 40
    assert need.entrance_s == pytest.approx(1_000_000 / 63 / 1_000)


def test_a_machine_without_ports_for_more_needs_no_worker_for_each_core() -> None:
    """One pair of addresses: 40 machines, of 25,408 sockets each, and a process was tried with 18,000."""
    need = need_of(MEASURED, replace(MACHINE, pairs=1), Crowd(1_000_000, 1))

    assert (need.first_limit, need.machines, need.processes) == ("ephemeral ports", 40, 56)


def test_what_was_not_measured_gives_no_number() -> None:
    """A crowd without a limit that nobody knows would be planned too small."""
    need = need_of(replace(MEASURED, crowd_cpu_ratio=None), MACHINE, Crowd(1_000_000, 10))

    assert (need.processes, need.machines, need.first_limit, need.entrance_s) == (None, None, None, None)
    assert limits(replace(MEASURED, crowd_cpu_ratio=None), MACHINE, 10)[-1].sockets is None


def test_pages_say_where_there_is_no_data() -> None:
    """In each table; none where all is known but what nobody has led."""
    for table in TABLES:
        assert "no data" in table(Measured())
    for table in TABLES[:3]:
        assert "no data" not in table(MEASURED)


def test_hearing_of_everything_limits_the_messages_of_all() -> None:
    """A tenth of a core at 20 us each."""
    assert messages_heard_per_s(MEASURED, 0.1) == 5_000
    assert messages_heard_per_s(Measured(), 0.1) is None


def test_figures_are_kept_and_learnt_again() -> None:
    """So that tables can be made anew."""
    assert learnt(written(MEASURED)) == MEASURED


def test_of_several_measurements_the_last_one_counts() -> None:
    """And what it does not know is known of the one before."""
    assert joined([MEASURED, Measured(hearing_us=7)]) == replace(MEASURED, hearing_us=7)


def test_documents_tell_what_they_were_made_for() -> None:
    """Each of one thing."""
    worker = {"cpu_ratio": 0.5, "rss_bytes": 90_000_000}
    receive = {
        "rates": {"deliveries_received_per_s": 150_000.0},
        "counters": {"bytes_received": 1_840, "frames_received": 10},
        "generator": {"processes": [worker]},
    }
    sockets = {
        "rates": {"deliveries_received_per_s": 72_000.0},
        "counters": {"connections_opened": 18_000},
        "generator": {"processes": [worker]},
    }
    cost = {"cpu_ratio": 0.4, "peak_rss_bytes": 1, "final_s": 0.1}
    merge = {
        "hearing_us_per_message": 9.0,
        "attempts": [
            {"leader": "coordinator", "worker_count": 64, "cost": cost},
            {"leader": "master", "worker_count": 64, "cost": None},
        ],
    }

    assert from_engine({"receive": receive, "sockets": sockets}) == Measured(
        deliveries_per_s=150_000.0,
        receive_cpu_ratio=0.5,
        delivery_bytes=184.0,
        socket_count=18_000,
        worker_rss_bytes=90_000_000,
        crowd_deliveries_per_s=72_000.0,
        crowd_cpu_ratio=0.5,
    )
    assert from_merge(merge) == Measured(hearing_us=9.0, coordinator_cpu_ratio=0.4)
