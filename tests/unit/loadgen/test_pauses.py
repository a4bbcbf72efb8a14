"""How long pauses are, and what is left of one: the mean that was asked for, and a steady beginning."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.pauses import AlikePauses, EvenPauses, ExponentialPauses, ParetoPauses, Pauses

MEAN_NS = 2.0 * NS_PER_S
ALPHAS = st.floats(1.0, 5.0, exclude_min=True)
UNIFORM = st.floats(0.0, 1.0, exclude_max=True)
# Midpoints: an integral over them is exact for a straight line, and off by little for these.
GRID = [(i + 0.5) / 200_000 for i in range(200_000)]
OF_EACH_KIND: tuple[Pauses, ...] = (
    AlikePauses(MEAN_NS),
    ExponentialPauses(MEAN_NS),
    ParetoPauses(MEAN_NS, 1.8),
    ParetoPauses(MEAN_NS, 5.0),
    EvenPauses(1.0 * NS_PER_S, 3.0 * NS_PER_S),
    EvenPauses(0.0, 4.0 * NS_PER_S),
    EvenPauses(MEAN_NS, MEAN_NS),
)


@pytest.mark.parametrize("pauses", OF_EACH_KIND)
def test_pauses_have_their_mean(pauses: Pauses) -> None:
    """The integral over all random numbers; heavy tails hide some of theirs in the last ones."""
    mean_ns = sum(map(pauses.pause_ns, GRID)) / len(GRID)

    assert pauses.mean_ns == MEAN_NS
    assert mean_ns == pytest.approx(MEAN_NS, rel=0.01)


@pytest.mark.parametrize("pauses", OF_EACH_KIND)
def test_the_rest_of_a_pause_is_that_of_somebody_who_has_long_been_at_it(pauses: Pauses) -> None:
    """Up to x is left with the probability E[min(pause, x)] / mean (Cox, 1962), for short and for long x."""
    lengths_ns = np.array(list(map(pauses.pause_ns, GRID)))
    rests_ns = np.array(list(map(pauses.rest_ns, GRID)))

    for x_ns in (0.1 * MEAN_NS, 0.5 * MEAN_NS, 0.9 * MEAN_NS, 1.2 * MEAN_NS, 3 * MEAN_NS, 30 * MEAN_NS):
        expected = np.minimum(lengths_ns, x_ns).mean() / MEAN_NS
        assert (rests_ns <= x_ns).mean() == pytest.approx(expected, abs=0.003)


@given(st.one_of(ALPHAS.map(lambda alpha: ParetoPauses(MEAN_NS, alpha)), st.sampled_from(OF_EACH_KIND)), UNIFORM)
def test_no_pause_is_negative_or_without_end(pauses: Pauses, uniform: float) -> None:
    """Whatever is drawn, and for any alpha that a file may say: arithmetic on instants holds."""
    for length_ns in (pauses.pause_ns(uniform), pauses.rest_ns(uniform)):
        assert math.isfinite(length_ns)
        assert 0 <= length_ns <= 1e6 * MEAN_NS


@given(st.sampled_from(OF_EACH_KIND), UNIFORM, UNIFORM)
def test_a_larger_random_number_is_never_a_shorter_pause(pauses: Pauses, one: float, other: float) -> None:
    """They are inverse distribution functions; to the rounding of a float."""
    less, more = sorted((one, other))

    assert pauses.pause_ns(less) <= pauses.pause_ns(more)
    assert pauses.rest_ns(less) <= pauses.rest_ns(more) * (1 + 1e-9)


def test_heavy_tails_are_as_heavy_as_alpha_says() -> None:
    """Ten times as long are 10 ** -alpha of them; and half of all are far below the mean."""
    pauses = ParetoPauses(MEAN_NS, 1.8)
    lengths_ns = np.array(list(map(pauses.pause_ns, GRID)))

    for times in (1, 2, 10, 100):
        assert (lengths_ns > times * pauses.shortest_ns).mean() == pytest.approx(times**-1.8, rel=0.02)
    assert np.median(lengths_ns) < 0.7 * MEAN_NS
    assert lengths_ns.min() >= pauses.shortest_ns
