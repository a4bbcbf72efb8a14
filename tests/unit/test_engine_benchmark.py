"""What benchmarks.engine makes of cases that take several runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common import BenchmarkError
from benchmarks.engine import entrance, on_time, smaller_cores, splitting
from benchmarks.engine.shares import ROOTS, NoGroupsError, shares_for_workers
from tests.support.benches import WORKER, eventually


def test_splitting_is_told_beside_one_process_of_the_same_round() -> None:
    """A machine that was slower in one round was slower for all of them."""
    figures = splitting.figures_of("one room", [[5.0, 5.5, 6.0], [10.0, 10.5, 13.0], [5.0, 5.0, 6.5]])

    assert [figure.text for figure in figures] == ["5.00", "1.05", "1.30"]
    assert [figure.held for figure in figures] == [None, True, None]


def test_a_rate_is_of_the_whole_phase() -> None:
    """Not of its best second."""
    document = {
        "phases": [{"name": "login", "start_s": 0.5, "end_s": 2.5}],
        "series": {"logins": [0, 1_000, 3_000]},
        "counters": {"users_planned": 4_000},
    }

    assert entrance.rate_of(document, "login", "logins") == 2_000


def test_a_phase_that_did_not_bring_everybody_through_has_no_rate() -> None:
    """Those who were refused took less time."""
    document = {
        "phases": [{"name": "login", "start_s": 0.5, "end_s": 2.5}],
        "series": {"logins": [3_999]},
        "counters": {"users_planned": 4_000},
    }

    with pytest.raises(BenchmarkError, match="3,999 of 4,000"):
        entrance.rate_of(document, "login", "logins")


def test_logins_that_a_server_limits_hold_the_aim() -> None:
    """We must not be the slower side."""
    assert entrance.figures_of(instant=2_000, reference=900, connects=3_000)[0].held is True
    assert entrance.figures_of(instant=800, reference=900, connects=3_000)[0].held is False


def test_the_most_that_is_sent_on_time_is_closed_in_upon_and_confirmed() -> None:
    """Within a tenth, and the last word has a longer run."""
    tries = []

    def tried(rate_per_s: int, seconds: int) -> bool:
        tries.append((rate_per_s, seconds))
        return rate_per_s <= 27_300

    held, broke = on_time.most_on_time(tried)

    assert broke is not None
    assert 0.9 * broke <= held <= 27_300 < broke
    assert tries[-1] == (held, 12)


def test_where_nothing_was_sent_on_time_there_is_no_figure() -> None:
    """Not a 0."""
    with pytest.raises(BenchmarkError, match="no run was valid"):
        on_time.most_on_time(lambda _rate, _seconds: False)


def a_run(deliveries_per_s: float, us: float = 6.0, **counters: int) -> dict[str, Any]:
    """What smaller_cores reads of a document."""
    return {
        "verdict": "pass",
        "counters": {"messages_due": 9, "messages_sent": 9, "deliveries_expected": 90, "deliveries_received": 90}
        | counters,
        "rates": {"deliveries_received_per_s": deliveries_per_s},
        "generator": {"processes": [{"cpu_ratio": 0.4, "send_lateness_p99_ms": 6.0}], "cpu_us_per_delivery": us},
        "machine": {"others_cpu_ratio": 0.2},
    }


def test_what_two_processes_carry_is_told_beside_what_one_does() -> None:
    """With what was the next that was too much: the truth lies between."""
    one = smaller_cores.Carried({60_000: a_run(60_100, us=6.0), 65_000: a_run(65_000, us=5.0)}, 70_000)
    two = smaller_cores.Carried({60_000: a_run(120_250, us=6.3)}, None)

    figures = smaller_cores.figures_of(one, two)

    texts = {figure.what: figure.text for figure in figures}
    assert texts["one process: deliveries/s"] == "65,000"
    assert texts["one process: the next that was too much"] == "1.08 times as many"
    assert texts["two processes: the next that was too much"] == "none was tried"
    assert texts["at 60,000/s each: CPU, two beside one"] == "1.05"
    assert [(figure.text, figure.held) for figure in figures if figure.aim] == [("1.85", True)]


def test_what_was_not_all_received_was_not_carried() -> None:
    """Nor what was not sent, nor what cannot be believed."""
    assert smaller_cores.is_carried(a_run(1.0))
    assert not smaller_cores.is_carried(a_run(1.0, deliveries_received=89))
    assert not smaller_cores.is_carried(a_run(1.0, messages_sent=8))
    assert not smaller_cores.is_carried(a_run(1.0) | {"verdict": "invalid"})


def test_a_load_is_too_much_when_it_is_so_each_time() -> None:
    """A hiccup of the machine ends no search."""
    tries: list[int] = []

    def tried(load_per_s: int) -> dict[str, Any]:
        tries.append(load_per_s)
        is_hiccup = tries == [50_000, 55_000]
        return a_run(load_per_s, deliveries_received=90 if load_per_s < 70_000 and not is_hiccup else 89)

    carried = smaller_cores.most_carried(tried)

    assert tries == [50_000, 55_000, 55_000, 60_000, 65_000, 70_000, 70_000]
    assert list(carried.runs) == [50_000, 55_000, 60_000, 65_000]
    assert (carried.most_per_s, carried.too_much_per_s) == (65_000, 70_000)


def test_where_the_first_load_is_too_much_there_is_no_figure() -> None:
    """Not a 0."""
    with pytest.raises(BenchmarkError, match="not even 50,000"):
        smaller_cores.most_carried(lambda _: a_run(1.0, messages_sent=8))


def test_without_control_groups_there_is_no_data(tmp_path: Path) -> None:
    """Which is not a failure of anything."""
    with pytest.raises(NoGroupsError), shares_for_workers(1, 0.45, 0, roots=(tmp_path / "none",)):
        pass


@pytest.mark.system
def test_a_worker_gets_its_share_and_no_more() -> None:
    """In a group of its own, which is gone afterwards."""
    core = min(os.sched_getaffinity(0))
    try:
        with shares_for_workers(1, 0.45, core):
            # By its name it is a process of load.
            with subprocess.Popen(["sh", "-c", "cat; exit", WORKER], stdin=subprocess.PIPE) as worker:
                own = Path(f"/proc/{worker.pid}/cgroup")
                eventually(lambda: "chatbench-benchmark" in own.read_text(encoding="ascii"), "a group of its own")
                eventually(lambda: os.sched_getaffinity(worker.pid) == {core}, "a core of its own")
                lines = own.read_text(encoding="ascii").splitlines()
                name = next(line.rpartition("/")[2] for line in lines if "chatbench-benchmark" in line)
            assert any((root / name).exists() for root in ROOTS)
        assert not any((root / name).exists() for root in ROOTS)
    except NoGroupsError as error:
        pytest.skip(str(error))


@pytest.mark.system
def test_a_worker_that_never_came_is_told() -> None:
    """Nobody had a smaller core then."""
    core = min(os.sched_getaffinity(0))
    try:
        with pytest.raises(BenchmarkError, match="0 of 1"), shares_for_workers(1, 0.45, core):
            pass
    except NoGroupsError as error:
        pytest.skip(str(error))
