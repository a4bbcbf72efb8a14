"""Corners of the histogram, number by number: what mutants of it have shown to be left to chance."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.measure.histogram import COARSE, FINE, HIGHEST_NS, Histogram, State, bucket_of, bucket_upper_ns
from tests.support.histograms import contents, histogram_of

# About where one more bit of a value is left out.
EDGES = [0, 1, 2, 127, 128, 129, 130, 255, 256, 2047, 2048, 2049, 2050, 4095, 4096, 2**20 - 1, 2**20, 2**46, HIGHEST_NS]


def test_the_buckets_are_those_of_the_specification() -> None:
    """Exact below 2,048 ns, then 1,024 for each power of two; a coarse one has 64."""
    fine = bucket_of(np.array([0, 1, 2047, 2048, 2049, 2050, 4095, 4096, 4099, 4100]), FINE)
    coarse = bucket_of(np.array([127, 128, 129, 130, 256, 259]), COARSE)

    assert fine.tolist() == [0, 1, 2047, 2048, 2048, 2049, 3071, 3072, 3072, 3073]
    assert coarse.tolist() == [127, 128, 128, 129, 192, 192]
    assert bucket_upper_ns(fine, FINE).tolist() == [0, 1, 2047, 2049, 2049, 2051, 4095, 4099, 4099, 4103]


@pytest.mark.parametrize("bits", [FINE, COARSE])
def test_buckets_lie_one_after_the_other(bits: int) -> None:
    """Each value is in one of them, and none is wider than a histogram promises."""
    values_ns = np.array(EDGES)
    buckets = bucket_of(values_ns, bits)
    upper_ns = bucket_upper_ns(buckets, bits)

    assert (upper_ns >= values_ns).all()
    assert bucket_of(upper_ns, bits).tolist() == buckets.tolist()
    assert bucket_of(upper_ns + 1, bits).tolist() == (buckets + 1).tolist()
    assert ((upper_ns - values_ns) * 2 ** (bits - 1) <= values_ns).all()


def test_the_shortest_and_the_longest_duration_are_recorded() -> None:
    """One by one or many at once."""
    single, many = Histogram(), histogram_of([0, HIGHEST_NS])
    for value_ns in (0, HIGHEST_NS):
        single.record(value_ns)

    assert (single.count, single.min_ns, single.max_ns) == (2, 0, HIGHEST_NS)
    assert contents(single) == contents(many)


@pytest.mark.parametrize(("values_ns", "named"), [([0, HIGHEST_NS + 1], HIGHEST_NS + 1), ([-1, 5], -1), ([0, -3], -3)])
def test_of_many_values_the_one_that_cannot_be_is_named(values_ns: list[int], named: int) -> None:
    """And nothing is recorded."""
    histogram = Histogram()
    with pytest.raises(ValueError, match=rf"got {named}$"):
        histogram.record_many(np.array(values_ns))
    with pytest.raises(ValueError, match=rf"got {named}$"):
        histogram.record_counts(np.array(values_ns), np.array([1, 1]))

    assert histogram.count == 0


def test_a_quantile_is_the_value_in_its_place() -> None:
    """The first that so many do not exceed; in floating point 0.07 * 100 is a little more than 7."""
    hundred = histogram_of(list(range(1, 101)))

    assert [hundred.quantile_ns(q, beyond=0) for q in (0.001, 0.01, 0.07, 0.074, 0.5, 0.999)] == [1, 1, 7, 8, 50, 100]
    assert (hundred.quantile_ns(0.9), hundred.quantile_ns(0.901)) == (90, None)


def test_nothing_is_recorded_of_no_values() -> None:
    """Nor is there a state of it, nor anything to pack or to merge."""
    histogram, nothing = Histogram(), np.empty(0, np.int64)
    histogram.record_many(nothing)
    histogram.record_counts(nothing, nothing)
    histogram.pack()
    histogram.merge(Histogram())

    assert histogram.state() is None
    assert histogram.count == 0
    histogram.record(5)
    assert contents(histogram) == contents(histogram_of([5]))


# --- however it was filled


PARTS = ([5000], [70, 70], [3_000_000], [5001, 4_000_000], [70], [2_000_000])


@pytest.mark.parametrize("first", range(len(PARTS)))
def test_what_is_added_finds_its_place_below_within_and_above(first: int) -> None:
    """And what it comes to can be taken down and made again, to the bucket."""
    parts = (*PARTS[first:], *PARTS[:first])
    expected = contents(histogram_of([value for part in parts for value in part]))
    merged, recorded, counted = Histogram(), Histogram(), Histogram()
    for part in parts:
        merged.merge(histogram_of(part))
        recorded.record_many(np.array(part))
        assert recorded.max_ns is not None, "and all are in their buckets"
        counted.record_counts(*np.unique(np.array(part), return_counts=True))

    for each in (merged, recorded, counted):
        assert contents(each) == expected
        state = each.state()
        assert state is not None
        assert state.counts.dtype == np.int64
        assert contents(Histogram.restored(state)) == expected


def test_a_coarse_histogram_is_restored_as_one() -> None:
    """It goes on being added to those of its kind."""
    coarse = histogram_of([100, 1_000, 5_000], COARSE)
    state = coarse.state()
    assert state is not None
    restored = Histogram.restored(state, COARSE)
    assert contents(restored) == contents(coarse)

    restored.merge(coarse)
    assert contents(restored) == contents(histogram_of([100, 1_000, 5_000] * 2, COARSE))


@pytest.mark.parametrize("count", [1, 2**32 - 1, 2**32, 2**33, 2**40])
def test_a_packed_histogram_cuts_no_count(count: int) -> None:
    """However often one value came."""
    histogram = Histogram()
    histogram.record_counts(np.array([5, HIGHEST_NS]), np.array([count, 1]))
    expected = contents(histogram)
    histogram.pack()

    assert contents(histogram) == expected
    assert histogram.count == count + 1
    histogram.record(5)
    assert histogram.count == count + 2


# --- what another host says of its histograms


def a_state(counts: list[int], sum_ns: int, min_ns: int, max_ns: int) -> State:
    return State(np.array(counts, np.int64), sum_ns, min_ns, max_ns)


@pytest.mark.parametrize(
    "state",
    [
        a_state([1], 0, 0, 0),
        a_state([1], HIGHEST_NS, HIGHEST_NS, HIGHEST_NS),
        a_state([3], 15, 5, 5),
        a_state([1, 0, 1], 12, 5, 7),
        a_state([2, 0, 1], 17, 5, 7),
        a_state([1, 0, 2], 19, 5, 7),
        a_state([2**40], 5 * 2**40, 5, 5),
    ],
)
def test_any_state_that_a_histogram_can_have_is_restored(state: State) -> None:
    """To the bucket, and in a copy of its own."""
    histogram = Histogram.restored(state)
    again = histogram.state()
    assert again is not None
    assert (again.counts.tolist(), *again[1:]) == (state.counts.tolist(), *state[1:])

    histogram.record(state.min_ns)
    assert histogram.count == int(state.counts.sum()) + 1


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (a_state([1] * 7, 12, -1, 5), "expected 0 <= min <= max <= .* ns, got -1 and 5"),
        (a_state([1, 0, 1], 12, 7, 5), "expected 0 <= min <= max <= .* ns, got 7 and 5"),
        (a_state([1], HIGHEST_NS + 1, HIGHEST_NS + 1, HIGHEST_NS + 1), "expected 0 <= min <= max"),
        (a_state([1, 1], 12, 5, 7), "expected 3 buckets from min to max, got 2"),
        (a_state([1, 0, 0, 1], 12, 5, 7), "expected 3 buckets from min to max, got 4"),
        (a_state([1, -1, 1], 12, 5, 7), "a bucket holds 0 to .*, got -1 to 1"),
        (a_state([1, 2**40 + 1, 1], 6 * 2**40, 5, 7), "a bucket holds 0 to .*, got 1 to"),
        (a_state([0, 1, 1], 13, 5, 7), "^nothing in the bucket of min or of max$"),
        (a_state([1, 1, 0], 11, 5, 7), "^nothing in the bucket of min or of max$"),
        (a_state([2, 0, 1], 16, 5, 7), "^3 values of 5 to 7 ns do not add up to 16"),
        (a_state([2, 0, 1], 20, 5, 7), "^3 values of 5 to 7 ns do not add up to 20"),
    ],
)
def test_a_state_that_no_histogram_can_have_is_refused(state: State, says: str) -> None:
    """What comes from elsewhere is checked before it is added to what we have measured ourselves."""
    with pytest.raises(ValueError, match=says):
        Histogram.restored(state)
