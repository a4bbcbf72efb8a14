"""What was sent is counted by when it was due, and timed by how late it left."""

from __future__ import annotations

from loadgen.measure.sends import Sends
from loadgen.measure.tally import Count, Metric, PerSecond, Tally
from loadgen.plan.pacing import NS_PER_S

MS = 10**6
WINDOW_NS = (1 * NS_PER_S, 2 * NS_PER_S)


def test_what_was_due_in_the_window_is_measured_whenever_it_left() -> None:
    """The end of the window does not belong to it."""
    sends, tally = Sends(), Tally(0)
    for due_ns, late_ms in ((NS_PER_S - 1, 5), (NS_PER_S, 7), (2 * NS_PER_S - 1, 3_000), (2 * NS_PER_S, 1)):
        sends.note((due_ns, due_ns + late_ms * MS))

    sends.account(tally, WINDOW_NS)

    assert tally.counts[Count.MESSAGES_DUE] == tally.counts[Count.MESSAGES_SENT] == 2
    lateness = tally.metrics[Metric.SEND_LATENESS]
    assert (lateness.count, lateness.min_ns, lateness.max_ns) == (2, 7 * MS, 3_000 * MS)


def test_each_second_has_what_was_due_and_what_was_sent_in_it() -> None:
    """Warm-up and drain as well: the pictures show them."""
    sends, tally = Sends(), Tally(0)
    for due_ns, late_ms in ((100 * MS, 1), (900 * MS, 200), (1_500 * MS, 1)):
        sends.note((due_ns, due_ns + late_ms * MS))

    sends.account(tally, WINDOW_NS)

    seconds = tally.seconds
    assert [seconds[second][PerSecond.MESSAGES_DUE] for second in (0, 1)] == [2, 1]
    assert [seconds[second][PerSecond.MESSAGES_SENT] for second in (0, 1)] == [1, 2]
    assert tally.of_second(Metric.SEND_LATENESS, 1).count == 2


def test_nothing_is_counted_twice() -> None:
    """However often the books are looked at."""
    sends, tally = Sends(), Tally(0)
    sends.note((NS_PER_S, NS_PER_S))

    for _ in range(3):
        sends.account(tally, WINDOW_NS)

    assert tally.counts[Count.MESSAGES_SENT] == 1
