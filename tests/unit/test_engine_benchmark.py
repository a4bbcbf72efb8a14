"""What benchmarks.engine makes of cases that take several runs."""

from __future__ import annotations

import pytest

from benchmarks.common import BenchmarkError
from benchmarks.engine import entrance, on_time, splitting


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
