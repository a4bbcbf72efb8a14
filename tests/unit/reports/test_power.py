"""How often pairs would mislead: in a world where that is known."""

from __future__ import annotations

import numpy as np
import pytest

from reports.power import LARGEST_EFFECT, Look, Pairs, rates_of, smallest_effect

TOLERANCES = {"p50": 0.05, "p95": 0.10}
SEED = 5
LOOKS = (Look(16, 0.01), Look(32, 0.04))


def pairs(noise: float, count: int = 16) -> Pairs:
    """Of a server beside itself, with so much noise in the logarithm of the ratio."""
    drawn = np.random.default_rng(SEED).normal(0, noise, (2, count))
    return Pairs({"p50": drawn[0], "p95": 2 * drawn[1]}, TOLERANCES)


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.1, 0.3])
def test_false_alarms_stay_within_what_was_promised(noise: float) -> None:
    """However noisy the machine: at most 5 in 100, two metrics and two looks together."""
    assert rates_of(pairs(noise), LOOKS, {}, 200, SEED).regression <= 0.05


def test_the_rates_are_shares_of_all() -> None:
    """Each repetition comes to one of three."""
    rates = rates_of(pairs(0.1), LOOKS, {"p50": 0.07}, 100, SEED)

    assert rates.regression + rates.fine + rates.inconclusive == pytest.approx(1.0)


def test_a_quiet_machine_finds_a_fifth_and_calls_what_is_alike_fine() -> None:
    """And never calls a tenth fine."""
    quiet = pairs(0.03)

    assert rates_of(quiet, LOOKS, {"p50": 0.2, "p95": 0.2}, 100, SEED).regression >= 0.95
    assert rates_of(quiet, LOOKS, {"p50": 0.1, "p95": 0.1}, 100, SEED).fine == 0.0
    assert rates_of(quiet, LOOKS, {}, 100, SEED).fine >= 0.95


def test_what_can_be_found_grows_with_the_noise() -> None:
    """It is never less than the tolerance, and None where even five times as slow goes unseen."""
    found = [smallest_effect(pairs(noise), LOOKS, "p50", 60, SEED) for noise in (0.01, 0.1, 0.3)]

    assert all(effect is not None for effect in found)
    assert 0.05 <= found[0] < found[1] < found[2] < LARGEST_EFFECT  # type: ignore[operator]
    assert smallest_effect(pairs(8.0), LOOKS, "p50", 30, SEED) is None


def test_pairs_are_of_two_sides() -> None:
    """What is kept is the logarithm of head to base."""
    made = Pairs.of({"p50": ([1.0, 2.0], [1.0, 4.0])}, TOLERANCES)

    assert made.count == 2
    assert made.logs["p50"].tolist() == pytest.approx([0.0, np.log(2)])
    assert made.tolerances == TOLERANCES


def alike(log: float, tolerance: float = 0.05) -> Pairs:
    """In all pairs head was so much slower, in the logarithm."""
    return Pairs({"p50": np.full(16, log)}, {"p50": tolerance})


ONE_LOOK = (Look(16, 0.05),)


def test_which_side_was_slower_is_chance_and_by_how_much_is_not() -> None:
    """What all pairs have in common is drawn as often one way as the other, so nothing of it is left in the middle."""
    assert rates_of(alike(0.2), ONE_LOOK, {}, 200, SEED).regression <= 0.05
    assert rates_of(alike(0.03), ONE_LOOK, {}, 200, SEED).fine == 1.0
    assert rates_of(alike(0.03), ONE_LOOK, {"p50": 0.06}, 200, SEED).regression >= 0.9


def test_without_noise_what_is_found_begins_at_the_tolerance() -> None:
    """To within the steps of the search: 0.16 % and the tolerance."""
    effect = smallest_effect(alike(0.0), ONE_LOOK, "p50", 20, SEED)

    assert effect == pytest.approx(0.05, abs=0.002)


def test_one_seed_gives_the_same_figures() -> None:
    """They are printed, and somebody will look whether they are right."""
    noisy = pairs(0.1)

    assert rates_of(noisy, LOOKS, {"p50": 0.1}, 50, SEED) == rates_of(noisy, LOOKS, {"p50": 0.1}, 50, SEED)
    assert smallest_effect(noisy, LOOKS, "p50", 20, SEED) == smallest_effect(noisy, LOOKS, "p50", 20, SEED)
