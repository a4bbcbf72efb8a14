"""What the history owes to those who were not there."""

from __future__ import annotations

import numpy as np

from loadgen.measure.debts import Debts
from loadgen.measure.entry import Entry
from loadgen.measure.marker import Stamp


def test_a_debt_is_forgotten_when_it_is_paid_and_long_ago() -> None:
    """Not before: another copy may still come."""
    debts = Debts()
    entry = Entry(b"", Stamp(0, 1, 10, 10), np.array([1, 2]), measured=True)
    debt = debts.missed(entry, [1])
    debts.excused(entry, [2])

    debts.forget_paid(11)
    assert debts.of((0, 1)) is debt, "nobody has got it"
    debt.away.clear()
    debt.excused.clear()
    debts.forget_paid(10)
    assert debts.of((0, 1)) is debt, "it was just sent"
    debts.forget_paid(11)
    assert debts.of((0, 1)) is None
