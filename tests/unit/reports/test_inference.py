"""What pairs of runs say: beside scipy where it says the same, and against what may never happen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from reports.inference import FEWEST_PAIRS, Finding, errors_of_looks, estimate_of, estimate_of_sets, judged
from tests.support.hunting import examples

VALUES = st.floats(0.1, 1000.0)
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=20)


def pairs(ratio: float, count: int, noise: float, seed: int) -> tuple[list[float], list[float]]:
    """Runs of two systems, one of which is so many times as slow; both sides of a pair share most of the noise."""
    rng = np.random.default_rng(seed)
    weather = rng.normal(0, 5 * noise, count)
    base, head = (np.exp(weather + rng.normal(0, noise, count)) for _ in range(2))
    return (10 * base).tolist(), (10 * ratio * head).tolist()


@given(PAIRS)
def test_how_unlikely_a_difference_is_agrees_with_scipy(values: list[tuple[float, float]]) -> None:
    """The exact signed-rank test, wherever its distribution is known: without zeros and ties."""
    base, head = zip(*values, strict=True)
    logs = np.log(np.array(head)) - np.log(np.array(base))
    if len(np.unique(np.abs(logs))) < len(logs) or not logs.all():
        return

    assert estimate_of(base, head, 0.95).p_value == pytest.approx(stats.wilcoxon(logs, method="exact").pvalue)


@given(PAIRS, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_holds_what_the_test_would_not_reject(
    values: list[tuple[float, float]], confidence: float
) -> None:
    """Shifted by a ratio within it, pairs are as likely as that; by one beyond it, they are not."""
    base, head = zip(*values, strict=True)
    estimate = estimate_of(base, head, confidence)

    assert estimate.low <= estimate.ratio * (1 + 1e-9)
    assert estimate.ratio <= estimate.high * (1 + 1e-9)
    for ratio, inside in (
        (estimate.low * 1.001, True),
        (estimate.high / 1.001, True),
        (estimate.low / 1.001, False),
        (estimate.high * 1.001, False),
    ):
        if 0 < ratio < math.inf and estimate.low * 1.01 < estimate.high:
            shifted = estimate_of(base, [value / ratio for value in head], confidence)
            assert (shifted.p_value > 1 - confidence) is inside


SETS = st.tuples(st.lists(VALUES, min_size=1, max_size=9), st.lists(VALUES, min_size=1, max_size=9))


@given(SETS)
def test_how_unlikely_two_sets_are_agrees_with_scipy(sets: tuple[list[float], list[float]]) -> None:
    """The exact rank-sum test, without ties."""
    base, head = sets
    if len(np.unique(np.log([*base, *head]))) < len(base) + len(head):
        return

    expected = stats.mannwhitneyu(base, head, method="exact").pvalue

    assert estimate_of_sets(base, head, 0.95).p_value == pytest.approx(expected)


def test_four_runs_on_either_side_can_bound_a_ratio_and_three_cannot() -> None:
    """At 95 %: three of each lie apart by chance in one of ten."""
    three = estimate_of_sets([1.0, 1.1, 1.2], [2.0, 2.1, 2.2], 0.95)
    four = estimate_of_sets([1.0, 1.1, 1.2, 1.3], [2.0, 2.1, 2.2, 2.3], 0.95)

    assert (three.low, three.high) == (0.0, math.inf)
    assert 1 < four.low < four.ratio < four.high < math.inf


@example([(1.0, 2.0), (75.0, 471.5), (471.5, 75.0)])
@given(PAIRS)
def test_the_other_way_round_everything_is_the_other_way_round(values: list[tuple[float, float]]) -> None:
    """Neither side is favoured."""
    base, head = zip(*values, strict=True)
    there, back = estimate_of(base, head, 0.95), estimate_of(head, base, 0.95)

    assert there.p_value == back.p_value
    assert there.ratio * back.ratio == pytest.approx(1.0)
    if there.low > 0:
        assert there.low * back.high == pytest.approx(1.0)


def test_five_pairs_bound_nothing_at_95_per_cent() -> None:
    """Even if all of them point one way: that happens in 6 of 100."""
    estimate = estimate_of([1.0] * 5, [2.0, 2.1, 2.2, 2.3, 2.4], 0.95)

    assert (estimate.low, estimate.high, estimate.p_value) == (0.0, math.inf, 0.0625)
    assert estimate.smallest_effect == math.inf


def test_the_same_numbers_twice_differ_in_nothing() -> None:
    """And the interval is a point."""
    estimate = estimate_of([3.0] * 16, [3.0] * 16, 0.95)

    assert (estimate.ratio, estimate.low, estimate.high, estimate.p_value) == (1.0, 1.0, 1.0, 1.0)


def test_a_head_that_is_slower_is_a_regression() -> None:
    """By 20 %, on a machine where pairs differ by 3 %."""
    base, head = pairs(1.2, 16, 0.02, seed=1)
    (judgement,) = judged({"p50": (base, head, 0.05)}, 0.05)

    assert judgement.finding is Finding.REGRESSION
    assert judgement.estimate.ratio == pytest.approx(1.2, rel=0.03)


def test_what_is_certain_but_small_is_tolerated() -> None:
    """2 % are there, for certain, and 5 % are allowed."""
    base, head = pairs(1.02, 16, 0.001, seed=1)
    (judgement,) = judged({"p50": (base, head, 0.05)}, 0.05)

    assert judgement.estimate.low > 1
    assert judgement.finding is Finding.FINE


@pytest.mark.parametrize("count", [1, 5, FEWEST_PAIRS - 1])
def test_a_few_pairs_find_nothing(count: int) -> None:
    """However clear they seem to be."""
    base, head = pairs(3.0, count, 0.001, seed=1)
    (judgement,) = judged({"p50": (base, head, 0.05)}, 0.05)

    assert judgement.finding is Finding.INCONCLUSIVE


def test_noise_that_hides_everything_is_inconclusive() -> None:
    """Neither a regression nor fine: a head 20 % slower may be among what is seen."""
    base, head = pairs(1.0, 16, 0.5, seed=3)
    (judgement,) = judged({"p50": (base, head, 0.05)}, 0.05)

    assert judgement.finding is Finding.INCONCLUSIVE


def test_systems_that_are_alike_are_rarely_called_a_regression() -> None:
    """Of 400 comparisons of eight metrics each, at most as many as the error allows, give or take what chance does."""
    alarms = 0
    for seed in range(400):
        metrics = {f"m{i}": (*pairs(1.0, 16, 0.05, seed=1000 * i + seed), 0.0) for i in range(8)}
        alarms += any(each.finding is Finding.REGRESSION for each in judged(metrics, 0.05))

    assert alarms <= 400 * 0.05 + 3 * (400 * 0.05 * 0.95) ** 0.5


def test_one_of_eight_metrics_that_regressed_is_found_and_named() -> None:
    """The others are not blamed."""
    metrics = {f"m{i}": (*pairs(1.25 if i == 3 else 1.0, 16, 0.02, seed=i), 0.05) for i in range(8)}

    assert [each.metric for each in judged(metrics, 0.05) if each.finding is Finding.REGRESSION] == ["m3"]


@examples(50)
@given(st.floats(0.001, 0.2), st.integers(1, 6))
def test_looks_share_the_error(error: float, look_count: int) -> None:
    """Together they have all of it; most is for the last."""
    errors = errors_of_looks(error, look_count)

    assert len(errors) == look_count
    assert sum(errors) == pytest.approx(error)
    assert errors == sorted(errors)


def test_two_looks_have_one_and_four_per_cent() -> None:
    """Of five."""
    assert errors_of_looks(0.05, 2) == pytest.approx([0.01, 0.04])


# The ranks of ten differences, of which one is negative: its rank says how likely that is by chance, of 1,024 ways.
CERTAIN, LIKELY = 0, 7


def ten_pairs(negative: int) -> tuple[list[float], list[float], float]:
    """Head is slower, by 10 % to 100 %, in all of ten pairs but that of the rank that is told; 5 % are tolerated."""
    logs = [-0.1 * rank if rank == negative else 0.1 * rank for rank in range(1, FEWEST_PAIRS + 1)]
    return [1.0] * len(logs), np.exp(logs).tolist(), 0.05


def test_the_least_certain_metric_has_the_whole_error_where_all_others_regressed() -> None:
    """The step-down of Holm: 0.025 for the first of two, and 0.05 for the second."""
    first, second = judged({"second": ten_pairs(LIKELY), "first": ten_pairs(CERTAIN)}, 0.05)[::-1]

    assert first.estimate.p_value == pytest.approx(2 / 1024)
    assert 0.025 < second.estimate.p_value < 0.05
    assert [each.finding for each in (first, second)] == [Finding.REGRESSION] * 2
    assert [each.estimate.confidence for each in (first, second)] == pytest.approx([0.975, 0.95])
    assert first.tolerance == second.tolerance == 0.05


def test_after_one_metric_that_is_not_certain_enough_no_other_is_a_regression() -> None:
    """Though by itself it would be one, at the larger error that would be left for it."""
    assert judged({"a": ten_pairs(LIKELY)}, 0.05)[0].finding is Finding.REGRESSION

    both = judged({"a": ten_pairs(LIKELY), "b": ten_pairs(LIKELY)}, 0.05)
    assert [each.finding for each in both] == [Finding.INCONCLUSIVE] * 2


def test_what_is_just_as_unlikely_as_the_error_is_found() -> None:
    """The interval leaves it out, and so does the test."""
    p_value = estimate_of(*ten_pairs(LIKELY)[:2], 0.95).p_value

    assert judged({"a": ten_pairs(LIKELY)}, p_value)[0].finding is Finding.REGRESSION
    assert judged({"a": ten_pairs(LIKELY)}, p_value * 0.999)[0].finding is Finding.INCONCLUSIVE


def test_sets_of_runs_tell_how_many_there_are_of_the_fewer() -> None:
    """And how sure their interval is."""
    estimate = estimate_of_sets([1.0, 2.0], [1, 2, 3], 0.9)

    assert (estimate.pair_count, estimate.confidence) == (2, 0.9)


def test_what_is_just_as_much_as_is_tolerated_is_fine() -> None:
    """Twice as slow in every pair, where twice is allowed."""
    (judgement,) = judged({"p50": ([1.0] * FEWEST_PAIRS, [2.0] * FEWEST_PAIRS, 1.0)}, 0.05)

    assert judgement.estimate.ratio == 2.0
    assert judgement.finding is Finding.FINE


@pytest.mark.parametrize(("confidence", "critical"), [(0.95, 8), (0.99, 3)])
def test_the_interval_of_ten_pairs_leaves_out_as_many_as_the_table_of_the_test_says(
    confidence: float, critical: int
) -> None:
    """The critical values of Wilcoxon's signed-rank test; here no two of the means are equal."""
    logs = [0.01 * 2**n for n in range(10)]
    means = sorted((a + b) / 2 for i, a in enumerate(logs) for b in logs[i:])
    estimate = estimate_of([1.0] * 10, np.exp(logs).tolist(), confidence)

    assert np.log([estimate.low, estimate.high]) == pytest.approx([means[critical], means[-1 - critical]])


@pytest.mark.parametrize(("confidence", "critical"), [(0.95, 2), (0.99, 0)])
def test_the_interval_of_two_sets_of_five_is_that_of_the_table_of_mann_and_whitney(
    confidence: float, critical: int
) -> None:
    """Of all differences between one of each side."""
    base, head = [0.01 * n for n in range(5)], [0.1 * 2**n for n in range(5)]
    differences = sorted(b - a for a in base for b in head)
    estimate = estimate_of_sets(np.exp(base).tolist(), np.exp(head).tolist(), confidence)

    assert np.log([estimate.low, estimate.high]) == pytest.approx([differences[critical], differences[-1 - critical]])
    assert math.log(estimate.ratio) == pytest.approx(differences[12])
