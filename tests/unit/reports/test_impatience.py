"""When a run that goes on has failed for good."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loadgen.measure.histogram import Histogram
from reports import hdr
from reports.budgets import parse
from reports.impatience import SNAPSHOTS_IN_A_ROW, Impatience
from tests.support.documents import a_document

# The snapshot is of 4 s into the measured window.
NOW_S = 12.0


def a_snapshot(*, lost: int = 0, delivery_ms: float = 3.0, sample_count: int = 1_000) -> dict[str, Any]:
    """A run in its measured window, all deliveries equally slow."""
    histogram = Histogram()
    histogram.record_many(np.full(sample_count, round(delivery_ms * 1e6), np.int64))
    times = {"count": sample_count, "p50": delivery_ms, "max": delivery_ms, "hdr": hdr.encode(histogram)}
    document = a_document(snapshot=True, deliveries_lost=lost)
    document["metrics"]["delivery_time"] |= times
    return document


def answers(budget: str, *snapshots: dict[str, Any]) -> list[bool]:
    """What is said of each snapshot."""
    impatience = Impatience([parse(budget)])
    return [impatience.is_over(document, NOW_S) for document in snapshots]


@pytest.mark.parametrize("limit", ["< 5", "<= 4", "== 4"])
def test_a_count_over_its_limit_ends_the_run_at_once(limit: str) -> None:
    """It only grows; up to the limit it may still hold, and == may still be reached."""
    said = answers(f"deliveries_lost: count {limit}", *(a_snapshot(lost=lost) for lost in (0, 4, 5)))

    assert said == [False, False, True]


def test_a_quantile_must_be_over_its_limit_for_some_seconds_in_a_row() -> None:
    """One slow second is not yet a failed run: a good one in between begins the count anew."""
    good, slow = a_snapshot(delivery_ms=3), a_snapshot(delivery_ms=300)
    almost = [slow] * (SNAPSHOTS_IN_A_ROW - 1)

    said = answers("delivery_time: p(95) < 250ms", *almost, good, *almost, slow, slow)

    assert said == [False] * (2 * len(almost) + 1) + [True, True]


@pytest.mark.parametrize("limit", ["med < 100ms", "max <= 100ms", "p(90) < 100ms"])
def test_any_time_with_an_upper_limit_can_fail(limit: str) -> None:
    """Whatever is taken of it."""
    assert answers(f"delivery_time: {limit}", *[a_snapshot(delivery_ms=300)] * SNAPSHOTS_IN_A_ROW)[-1]


@pytest.mark.parametrize(
    "budget",
    [
        "messages_sent: count > 1000000",
        "messages_sent: count >= 1000000",
        "deliveries_received: rate > 1000000",
        "delivery_time: min > 1s",
        "delivery_time: p(99) == 1ms",
    ],
)
def test_what_has_to_become_larger_is_judged_at_the_end_alone(budget: str) -> None:
    """It is not there yet, and may still come."""
    assert answers(budget, *[a_snapshot()] * 10) == [False] * 10


def test_no_data_is_no_failure_yet() -> None:
    """Too few samples, or no window so far: there may be some at the end."""
    few = [a_snapshot(delivery_ms=300, sample_count=100)] * 10
    early = a_document(snapshot=True, empty=True)

    assert answers("delivery_time: p(99) < 250ms", *few) == [False] * 10
    assert answers("delivery_time: p(99) < 250ms", early) == answers("deliveries_lost: count == 0", early) == [False]


def test_seconds_without_data_do_not_count_as_slow_ones() -> None:
    """In a row means that each was seen to be slow."""
    slow, few = a_snapshot(delivery_ms=300), a_snapshot(delivery_ms=300, sample_count=5)

    assert not any(answers("delivery_time: p(95) < 250ms", slow, slow, few, slow, slow))


def test_one_broken_budget_is_enough_and_each_counts_its_own_seconds() -> None:
    """Two budgets that are broken in turn are not one that is broken for long."""
    impatience = Impatience([parse("delivery_time: p(95) < 250ms"), parse("deliveries_lost: count == 0")])

    assert not impatience.is_over(a_snapshot(delivery_ms=300), NOW_S)
    assert not impatience.is_over(a_snapshot(), NOW_S)
    assert impatience.is_over(a_snapshot(lost=1), NOW_S)


def test_without_budgets_a_run_is_never_over() -> None:
    """There is nothing to fail."""
    assert not Impatience([]).is_over(a_snapshot(lost=100, delivery_ms=5_000), NOW_S)


def test_nothing_is_looked_at_before_the_window_is_as_old_as_wanted() -> None:
    """A server may be slow at first; what it has lost by then is lost all the same."""
    impatience = Impatience([parse("deliveries_lost: count == 0")], after_s=3.0)
    window_s = next(phase["start_s"] for phase in a_snapshot()["phases"] if phase["name"] == "measure")

    said = [impatience.is_over(a_snapshot(lost=1), window_s + after_s) for after_s in (0.0, 2.9, 3.0)]

    assert said == [False, False, True]


def test_seconds_that_nobody_looked_at_do_not_count() -> None:
    """After the delay a quantile must be over its limit for as many seconds as otherwise."""
    impatience = Impatience([parse("delivery_time: p(95) < 250ms")], after_s=2.0)
    slow = a_snapshot(delivery_ms=300)
    window_s = next(phase["start_s"] for phase in slow["phases"] if phase["name"] == "measure")

    said = [impatience.is_over(slow, window_s + second) for second in range(2 + SNAPSHOTS_IN_A_ROW)]

    assert said == [False] * (1 + SNAPSHOTS_IN_A_ROW) + [True]


def test_before_the_window_there_is_nothing_to_wait_for() -> None:
    """The delay begins with the measured window, and not with the run."""
    early = a_document(snapshot=True, empty=True)
    early["phases"] = [phase for phase in early["phases"] if phase["name"] != "measure"]

    assert not Impatience([parse("connections_failed: count == 0")], after_s=1.0).is_over(early, 1_000.0)
