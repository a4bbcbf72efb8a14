"""The highest number that each of some receivers has got."""

from __future__ import annotations

import numpy as np

from loadgen.measure.highest import NOTHING, Highest


def known(highest: Highest, *users: int) -> list[int]:
    return [int(number) for number in highest.of(np.array(users))]


def test_of_nobody_anything_is_known_who_is_not_watched() -> None:
    """Memory is for those who miss something."""
    highest = Highest()
    highest.note(np.array([1, 2]), 5)

    assert known(highest, 1, 9) == [NOTHING, NOTHING]


def test_of_whom_is_watched_the_highest_number_stays() -> None:
    """Numbers come in any order; who is watched later begins with nothing."""
    highest = Highest()
    highest.watch(np.array([2, 7]))
    highest.note(np.array([7, 2, 3]), 5)
    highest.note(np.array([2]), 4)
    highest.watch(np.array([2]))
    highest.watch(np.array([1, 2, 9]))
    highest.note(np.array([9]), 6)

    assert known(highest, 9, 1, 2, 7, 3, 10) == [6, NOTHING, 5, 5, NOTHING, NOTHING]
