"""What the pictures show."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.measure.histogram import Histogram
from reports import hdr
from reports.curves import (
    MAX_POINTS,
    at_nines,
    clock_step,
    has_data,
    line,
    log_bounds,
    log_ticks,
    quantile_curve,
    spans,
    spread,
)
from tests.support.documents import a_document


def a_series(values: list[float | None]) -> dict[str, object]:
    return {"series": {"interval_s": 1.0, "t_s": [float(t) for t in range(len(values))], "figure": values}}


def test_a_second_without_data_is_a_gap_in_the_line() -> None:
    """A gap is not 0."""
    t_s, values = line(a_series([1.0, None, 3.0]), "figure")

    assert t_s.tolist() == [0.5, 1.5, 2.5]
    assert np.isnan(values).tolist() == [False, True, False]


def test_a_series_that_is_missing_or_all_gaps_has_no_data() -> None:
    """Older documents lack some series."""
    document = a_series([None, None])

    assert not has_data(line(document, "figure"), line(document, "not there"), line({}, "figure"))


def test_a_long_run_keeps_its_worst_second() -> None:
    """Folding points for the screen must not hide a spike."""
    values: list[float | None] = [1.0] * 3_600
    values[1_801] = 500.0

    t_s, folded = line(a_series(values), "figure", "max")

    assert len(t_s) <= MAX_POINTS
    assert folded.max() == 500.0
    assert abs(t_s[folded.argmax()] - 1_801.5) <= 3


def test_the_quantile_curve_agrees_with_the_histogram() -> None:
    """One truth for the table and the picture."""
    histogram = Histogram()
    values_ns = np.random.default_rng(1).integers(1_000_000, 9_000_000, 50_000)
    histogram.record_counts(values_ns, np.ones(len(values_ns), dtype=np.int64))

    curve = quantile_curve(hdr.encode(histogram))

    for nines, q in ((1.0, 0.9), (2.0, 0.99), (3.0, 0.999)):
        exact_ns = histogram.quantile_ns(q)
        assert exact_ns is not None
        assert at_nines(curve, nines) == pytest.approx(exact_ns / 1e6, rel=0.005)


def test_the_quantile_curve_ends_where_ten_samples_lie_beyond() -> None:
    """1,000 samples show 99 %, and nothing further right."""
    histogram = Histogram()
    histogram.record_counts(np.arange(1, 1_001) * 1_000, np.ones(1_000, dtype=np.int64))

    nines, values_ms = quantile_curve(hdr.encode(histogram))

    assert nines[-1] == pytest.approx(2.0)
    assert values_ms[-1] == pytest.approx(0.990, rel=0.002)


def test_a_curve_of_too_few_samples_is_not_drawn() -> None:
    """Not even a median."""
    histogram = Histogram()
    histogram.record_counts(np.array([5_000_000]), np.array([19]))

    assert not has_data(quantile_curve(hdr.encode(histogram)), quantile_curve(None))


def test_a_phase_that_goes_on_lasts_to_the_newest_second() -> None:
    """A snapshot's last phase has no end yet."""
    assert spans(a_document(snapshot=True))[-1].end_s == 12.0


def test_labels_that_would_touch_are_moved_apart() -> None:
    """In the same order, and no further than needed."""
    assert spread([10.0, 12.0, 50.0], gap=14) == pytest.approx([4.0, 18.0, 50.0])


def test_no_labels_and_labels_that_lie_apart_stay() -> None:
    """There is nothing to move."""
    assert spread([], 0.1) == []
    assert spread([0.9, 0.1], 0.1) == [0.9, 0.1]


def test_a_stretch_without_data_is_a_gap_however_many_seconds_a_point_stands_for() -> None:
    """A point of five seconds, none of which is known, is none."""
    values: list[float | None] = [1.0] * 3_600
    values[1_800:1_830] = [None] * 30

    _, folded = line(a_series(values), "figure", "max")

    assert 0 < np.isnan(folded).sum() < 30
    assert np.nanmax(folded) == 1.0


def test_a_log_axis_ends_on_round_numbers_and_has_few_ticks() -> None:
    """1-2-5 steps, or powers of ten when those are too many."""
    low, high = log_bounds(3.2, 730.0)

    assert (low, high) == (2.0, 1000.0)
    assert log_ticks(low, high, most=12) == [2, 5, 10, 20, 50, 100, 200, 500, 1000]
    assert log_ticks(low, high, most=5) == [10, 100, 1000]


@pytest.mark.parametrize(("length_s", "step_s"), [(20, 2), (60, 5), (3_600, 300), (360_000, 32_400)])
def test_time_is_ticked_as_a_clock_is_read(length_s: float, step_s: float) -> None:
    """Nobody reads 16:40, 33:20, 50:00."""
    assert clock_step(length_s, most=12) == step_s
