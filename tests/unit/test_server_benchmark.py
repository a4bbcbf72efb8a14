"""What benchmarks.server makes of the readings and rounds of its nodes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.common import BenchmarkError
from benchmarks.server.nodes_table import ONE_PROCESS, SIDES, Measured, capacity_ratio, figures_of, per_s, table_of

ALONE = Measured(1.0, 2.0, 3.0, 300.0, 6.0, None, None)
SHARED = Measured(2.0, 4.0, 5.0, 400.0, 8.0, 30.0, 2.0)
BOTH = SIDES[-1]
MACHINE = {"cpu": "a cpu", "kernel": "Linux 1", "python": "Python 3", "date": "2026-01-02T03:04:05+00:00"}


def test_two_nodes_are_held_beside_one_process_of_the_same_round() -> None:
    """A machine that was slower in one round was slower for both; a single node has no ratio."""
    slower = [replace(each, cpu_us_per_delivery=3 * each.cpu_us_per_delivery) for each in (ALONE, SHARED)]
    found = {ONE_PROCESS: [ALONE, slower[0]], BOTH: [SHARED, slower[1]]}

    assert capacity_ratio(found, BOTH) == 2 * 6 / 8
    assert capacity_ratio(found, ONE_PROCESS) is None
    assert [figure.held for figure in figures_of(found) if figure.aim] == [False]


def test_what_there_is_none_of_stands_as_a_dash() -> None:
    """No Redis has used no CPU: that is not 0."""
    text = table_of({ONE_PROCESS: [ALONE], BOTH: [SHARED]}, MACHINE)

    assert "| one process, no broker | 1.00 | 2.00 | 3.00 | 6.00 | 300 | - | - | - |" in text
    assert "| two nodes, each room on both | 2.00 | 4.00 | 5.00 | 8.00 | 400 | 30 | 2.00 | 1.50 |" in text
    assert text.endswith("Medians of 1 rounds, 2026-01-02: a cpu, Linux 1, Python 3.")


def test_a_count_grows_within_the_window_alone() -> None:
    """What came before and after belongs to connecting and leaving."""
    readings = [(0, 0), (10**9, 500), (2 * 10**9, 510), (3 * 10**9, 520), (4 * 10**9, 900)]

    assert per_s(readings, (10**9, 3 * 10**9)) == 10
    with pytest.raises(BenchmarkError, match="could not be watched"):
        per_s(readings, (10**9, 10**9))
