"""What benchmarks.engine makes of cases that take several runs."""

from __future__ import annotations

import pytest

from benchmarks.common import BenchmarkError
from benchmarks.engine import entrance, splitting


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
