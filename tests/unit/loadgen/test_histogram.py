"""Histograms: within 0.1 % of the truth, and the same in whatever order they are filled and merged."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from loadgen.measure.histogram import COARSE, FINE, HIGHEST_NS, Histogram
from reports import hdr
from tests.support.histograms import contents, histogram_of
from tests.support.hunting import examples

VALUES = st.lists(st.integers(0, HIGHEST_NS), max_size=200)
QUANTILES = st.floats(0.001, 0.999)


@given(st.lists(st.integers(0, HIGHEST_NS), min_size=1, max_size=200), QUANTILES)
def test_a_quantile_is_at_most_a_thousandth_above_the_exact_one_and_never_below(values: list[int], q: float) -> None:
    """The promise that stands in the docstring, for any values."""
    exact = sorted(values)[max(1, math.ceil(round(q * len(values), 6))) - 1]

    found = histogram_of(values).quantile_ns(q, beyond=0)

    assert found is not None
    assert exact <= found <= exact * 1.001


@given(st.lists(st.integers(0, HIGHEST_NS), min_size=1, max_size=100), QUANTILES)
def test_a_coarse_histogram_is_within_two_percent(values: list[int], q: float) -> None:
    """Good enough for a picture."""
    exact = sorted(values)[max(1, math.ceil(round(q * len(values), 6))) - 1]

    found = histogram_of(values, COARSE).quantile_ns(q, beyond=0)

    assert found is not None
    assert exact <= found <= exact * 1.016


@pytest.mark.parametrize(
    ("count", "q", "known"), [(19, 0.5, False), (20, 0.5, True), (999, 0.99, False), (1000, 0.99, True)]
)
def test_a_quantile_needs_ten_samples_beyond_it(count: int, q: float, known: bool) -> None:
    """With fewer, one outlier more or less would move it: no data."""
    assert (histogram_of(list(range(count))).quantile_ns(q) is not None) is known


def test_an_empty_histogram_knows_nothing() -> None:
    """Missing is None, not 0."""
    histogram = Histogram()

    assert histogram.count == 0
    assert histogram.min_ns is histogram.max_ns is histogram.mean_ns is None
    assert histogram.quantile_ns(0.5) is histogram.quantile_ns(0.5, beyond=0) is None


@given(VALUES)
def test_count_mean_and_extremes_are_exact(values: list[int]) -> None:
    """Buckets cost precision only between them."""
    histogram = histogram_of(values)

    assert histogram.count == len(values)
    if values:
        assert histogram.min_ns == min(values)
        assert histogram.max_ns == max(values)
        assert histogram.mean_ns == sum(values) / len(values)


@given(VALUES)
def test_one_by_one_or_all_at_once_is_the_same(values: list[int]) -> None:
    """However they come: single values, arrays, counts, or pickled half-way."""
    single = Histogram()
    for value in values:
        single.record(value)
    counted = Histogram()
    distinct, counts = np.unique(np.array(values, dtype=np.int64), return_counts=True)
    counted.record_counts(distinct, counts)

    assert contents(single) == contents(histogram_of(values)) == contents(counted)
    assert contents(pickle.loads(pickle.dumps(histogram_of(values)))) == contents(single)  # noqa: S301


@given(VALUES, VALUES, VALUES)
def test_merging_is_associative_and_commutative(a: list[int], b: list[int], c: list[int]) -> None:
    """So it does not matter which process reports first."""

    def merged(*parts: Histogram) -> Histogram:
        total = Histogram()
        for part in parts:
            total.merge(part)
        return total

    left = merged(merged(histogram_of(a), histogram_of(b)), histogram_of(c))
    right = merged(histogram_of(c), merged(histogram_of(b), histogram_of(a)))

    assert contents(left) == contents(right) == contents(histogram_of(a + b + c))


@given(VALUES, VALUES, st.sampled_from([COARSE, FINE]))
def test_a_packed_histogram_is_the_same_and_can_be_added_to(a: list[int], b: list[int], bits: int) -> None:
    """Whichever of two is packed, before or after they are merged."""
    packed, other = histogram_of(a, bits), histogram_of(b, bits)
    packed.pack()
    state = packed.state()
    assert contents(packed) == contents(histogram_of(a, bits))
    assert state is None or contents(Histogram.restored(state, bits)) == contents(packed)

    other.merge(packed)
    packed.merge(histogram_of(b, bits))
    packed.pack()
    packed.pack()

    assert contents(packed) == contents(other) == contents(histogram_of(a + b, bits))


def test_a_packed_histogram_takes_what_it_holds_and_not_what_it_spans() -> None:
    """A hundred values between a microsecond and a second, often: the series of a run keeps three such each second."""
    values = [int(1_000 * 1.07**n) for n in range(100)]
    spread = histogram_of(values * 100, COARSE)
    assert spread.max_ns == values[-1], "and all are in their buckets"
    before = len(pickle.dumps(spread))

    spread.pack()

    assert len(pickle.dumps(spread)) < before / 4


@pytest.mark.parametrize("value", [-1, HIGHEST_NS + 1])
def test_a_value_out_of_range_is_refused(value: int) -> None:
    """Never clamped, never dropped: it is a bug."""
    with pytest.raises(ValueError, match=str(value)):
        Histogram().record(value)
    with pytest.raises(ValueError, match=str(value)):
        Histogram().record_many(np.array([5, value]))


@pytest.mark.parametrize("q", [0.0, 1.0, -0.1, 1.5])
def test_a_quantile_lies_between_0_and_1(q: float) -> None:
    """The ends are min and max."""
    with pytest.raises(ValueError, match="quantile"):
        histogram_of([1, 2, 3]).quantile_ns(q)


def test_histograms_of_different_precision_do_not_mix() -> None:
    """Their buckets mean different things."""
    with pytest.raises(ValueError, match="bits"):
        Histogram().merge(histogram_of([1], COARSE))


@examples(10)  # that library walks through its 39,000 buckets: 0.1 s an example
@given(VALUES)
def test_the_hdr_text_is_read_as_its_own_library_reads_it(values: list[int]) -> None:
    """The same values, the same counts."""
    text = hdr.encode(histogram_of(values))

    # It hands out one and the same item each time.
    items = [
        (min(item.value_iterated_to, HIGHEST_NS), item.count_added_in_this_iter_step)
        for item in HdrHistogram.decode(text).get_recorded_iterator()
    ]
    theirs = Histogram()
    theirs.record_counts(*np.array(items, dtype=np.int64).reshape(-1, 2).T)
    for ours, read in zip(hdr.decode(text).buckets(), theirs.buckets(), strict=True):
        assert ours.tolist() == read.tolist()


@examples(20)  # all buckets as lists, most of them empty: 0.1 s an example, too
@given(VALUES)
def test_the_hdr_text_keeps_every_bucket(values: list[int]) -> None:
    """What other tools read has the same counts in the same buckets."""
    histogram = histogram_of(values)

    decoded = hdr.decode(hdr.encode(histogram))

    assert decoded.buckets()[1].tolist() == histogram.buckets()[1].tolist()
    assert decoded.buckets()[0].tolist() == histogram.buckets()[0].tolist()


def test_there_is_no_value_in_a_place_beyond_the_last() -> None:
    """Nor before the first."""
    histogram = Histogram()
    histogram.record(5)
    histogram.record(7)

    assert [histogram.value_at_ns(rank) for rank in (-1, 0, 1, 2, 3)] == [None, None, 5, 7, None]
    assert Histogram().value_at_ns(1) is None
