"""First and last receivers: put together from processes that report in any order, or die."""

from __future__ import annotations

from itertools import groupby
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadgen.measure.spread import SpreadJoin, Spreads, record_spreads
from loadgen.measure.tally import Metric, Tally
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import Slicing, Stretch

NEVER_NS = np.iinfo(np.int64).max
NOBODY = (NEVER_NS, -1)

# Of each message, in each of three processes: first and last arrival there; nobody has got it in some.
ARRIVALS = st.one_of(st.just(NOBODY), st.tuples(st.integers(100, 150), st.integers(150, 300)))
MESSAGES = st.lists(st.tuples(ARRIVALS, ARRIVALS, ARRIVALS), max_size=8)


def spreads(*rows: tuple[int, int, int, int]) -> Spreads:
    """Rows of (key, due_ns, first_ns, last_ns), all in one cell."""
    return Spreads(np.array([(*row, 0) for row in rows], dtype=np.int64).reshape(-1, 5))


BOTH = (Metric.FIRST_DELIVERY_TIME, Metric.LAST_DELIVERY_TIME)


def recorded(tally: Tally) -> list[tuple[int, int | None, int | None, float | None]]:
    """What is known of first and last receivers."""
    both = (tally.metrics[metric] for metric in BOTH)
    return [(times.count, times.min_ns, times.max_ns, times.mean_ns) for times in both]


def joined(reports: list[Spreads], process_count: int, *, close: bool = True) -> Tally:
    """What a join of these reports, in this order, has recorded."""
    join, tally = SpreadJoin(process_count), Tally(0)
    for report in reports:
        join.add(report, tally)
    if close:
        join.close(tally)
    return tally


@given(MESSAGES, st.randoms(use_true_random=False))
def test_reports_may_come_in_any_order_and_any_portions(
    messages: list[tuple[tuple[int, int], ...]], random: Random
) -> None:
    """Each process reports its messages as they end; what is recorded is what one process would have seen."""
    rows = [(key, 10, *part) for key, parts in enumerate(messages) for part in parts]
    random.shuffle(rows)
    portions = [spreads(*group) for _, group in groupby(rows, key=lambda _: random.random() < 0.5)]
    whole = [(key, 10, min(p[0] for p in parts), max(p[1] for p in parts)) for key, parts in enumerate(messages)]
    expected = Tally(0)
    record_spreads(spreads(*whole), expected)

    assert recorded(joined(portions, 3, close=False)) == recorded(expected)
    assert recorded(joined(portions, 3)) == recorded(expected)


def test_a_message_is_recorded_once_all_processes_have_reported_it() -> None:
    """Not before: the last receiver may be in the process that is still silent."""
    join, tally = SpreadJoin(2), Tally(0)

    join.add(spreads((1, 10, 20, 25), (2, 10, 30, 31)), tally)
    assert recorded(tally)[0][0] == 0
    join.add(spreads((1, 10, 15, 40)), tally)

    assert [times[:3] for times in recorded(tally)] == [(1, 5, 5), (1, 30, 30)]


def test_what_a_dead_process_did_not_report_is_recorded_without_it_at_the_close() -> None:
    """What the others saw is true all the same."""
    tally = joined([spreads((1, 10, 20, 25), (2, 10, 30, 31)), spreads((1, 10, 15, 40))], 3)

    assert [times[:3] for times in recorded(tally)] == [(2, 5, 20), (2, 21, 30)]


def test_a_message_that_nobody_has_got_has_no_times() -> None:
    """Neither at one process, nor at all of them together."""
    silent = spreads((1, 10, *NOBODY))

    assert [times[0] for times in recorded(joined([silent, silent], 2))] == [0, 0]
    assert [times[:3] for times in recorded(joined([silent, spreads((1, 10, 20, 25))], 2))] == [
        (1, 10, 10),
        (1, 15, 15),
    ]


def test_what_arrived_before_it_was_due_is_not_timed() -> None:
    """One clock cannot do this: it is doubted elsewhere."""
    assert [times[0] for times in recorded(joined([spreads((1, 10, 9, 25))], 1))] == [0, 0]


def test_nothing_reported_is_nothing_recorded() -> None:
    """A process that has no news sends an empty report each second."""
    assert Spreads.joined([]).rows.shape == Spreads.of([]).rows.shape == (0, 5)
    assert [times[0] for times in recorded(joined([Spreads.joined([])], 2))] == [0, 0]


def test_first_and_last_receivers_are_told_by_slice() -> None:
    """Each message lies in one cell, and so do the reports of it from all processes."""
    slicing = Slicing(Rooms.alike(1), 3, (), (Stretch("stage: 1", 0, 50), Stretch("stage: 2", 50, None)))
    join, tally = SpreadJoin(2, slicing), Tally(0)
    for rows in ([(1, 10, 20, 25, 0), (2, 60, 70, 75, 1)], [(2, 60, 65, 66, 1), (1, 10, 30, 40, 0)]):
        join.add(Spreads(np.array(rows, np.int64)), tally)

    first, last = ([tally.of_slice(name).of(metric).max_ns for name in slicing.names] for metric in BOTH)
    assert (first, last) == ([10, 5], [30, 15])
    assert recorded(tally)[0][0] == 2
