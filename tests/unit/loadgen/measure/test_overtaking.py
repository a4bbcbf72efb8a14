"""Which of some arrivals were overtaken; what is kept between two questions is tried in test_order."""

from __future__ import annotations

import numpy as np

from loadgen.measure.entry import Arrivals, Entry
from loadgen.measure.marker import Stamp
from loadgen.measure.overtaking import Compared, overtaken_among, overtaken_by


def a_message(sequence: int, sender: int = 0) -> Entry:
    return Entry(b"", Stamp(sender, sequence, 0, 0), np.array([1, 2, 3]), measured=True)


def arrivals(*receivers: int, at_ns: int) -> Arrivals:
    return Arrivals(np.array(receivers, np.int64), np.full(len(receivers), at_ns))


def test_only_what_is_asked_about_is_told() -> None:
    """What it is compared with may be out of order itself; another sender's messages have nothing to do with it."""
    first, second, third = (
        Compared(a_message(sequence), arrivals(1, 2, at_ns=30 - 10 * sequence)) for sequence in range(3)
    )
    asked = Compared(first.entry, first.arrivals, counts=True)
    other = Compared(a_message(0, sender=1), arrivals(1, 2, at_ns=40), counts=True)

    ((entry, late),) = overtaken_among([asked, second, third, other])

    assert entry is first.entry
    assert (late.receivers.tolist(), late.times_ns.tolist()) == ([1, 2], [30, 30])


def test_what_is_known_to_be_out_of_order_is_not_told_again() -> None:
    """Each delivery is counted once, however many have overtaken it."""
    entry = a_message(0)
    new = arrivals(1, 2, 3, at_ns=20)

    ((_, late),) = overtaken_by(arrivals(2, at_ns=10), entry, new)
    assert late.receivers.tolist() == [2]
    ((_, late),) = overtaken_by(arrivals(1, 2, at_ns=10), entry, new)
    assert late.receivers.tolist() == [1]
    assert overtaken_by(arrivals(3, at_ns=20), entry, new) == []
    assert overtaken_by(arrivals(at_ns=10), entry, new) == []
