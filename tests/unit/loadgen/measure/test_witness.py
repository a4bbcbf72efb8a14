"""A few examples of what went wrong, however much does."""

from __future__ import annotations

import numpy as np

from loadgen.measure.examples import MOST, Fault
from loadgen.measure.marker import Stamp
from loadgen.measure.tally import Tally
from loadgen.measure.witness import Witness


def test_of_what_is_not_brought_the_first_ones_are_kept() -> None:
    """A server that loses all of a history fills no memory."""
    tally = Tally(0)
    witness = Witness(tally, lambda stamp: 0)
    for number in range(10 * MOST):
        witness.not_brought(Stamp(0, number, number, number), np.array([number]))

    assert {each.sequence for each in tally.examples.of(Fault.LOST)} == set(range(MOST))
