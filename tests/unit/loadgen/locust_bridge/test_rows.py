"""Rows for Locust: nothing is left out, nothing told twice, and no time is that of unlike things."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.errors import ErrorKind
from loadgen.locust_bridge.rows import Failure, Method, Name, Row, Rows, rows_of
from loadgen.measure.histogram import FINE, HIGHEST_NS, Int64s, bucket_of, bucket_upper_ns
from loadgen.measure.tally import Count, Metric, Note, Tally

AT_S = 1_700_000_000.25
NS_PER_MS = 10**6

TIMED = {
    Metric.LOGIN_TIME: Name.LOGIN,
    Metric.CONNECT_TIME: Name.CONNECT,
    Metric.JOIN_TIME: Name.JOIN,
    Metric.ACK_TIME: Name.ACK,
    Metric.DELIVERY_TIME: Name.DELIVERY,
}
FAILED_REQUESTS = (
    Count.MESSAGES_UNSENT,
    Count.DELIVERIES_LOST,
    Count.DELIVERIES_DUPLICATED,
    Count.DELIVERIES_UNEXPECTED,
    Count.FRAMES_DAMAGED,
)
FLAWS = (Count.DELIVERIES_LATE, Count.DELIVERIES_REORDERED)

DURATIONS_NS = st.lists(st.integers(0, 10**10), max_size=20)


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    """What a second may have brought; deliveries that were timed are received, others may be."""
    tally = Tally(0)
    for metric in Metric:
        tally.metrics[metric].record_many(np.array(draw(DURATIONS_NS), np.int64))
    for name in Count:
        tally.counts[name] += draw(st.integers(0, 50))
    tally.counts[Count.DELIVERIES_RECEIVED] += tally.metrics[Metric.DELIVERY_TIME].count
    errors = st.tuples(
        st.sampled_from(ErrorKind),
        st.sampled_from(["login", "connect", "join", "measure", "drain"]),
        st.sampled_from(["a", "b", "c"]),
    )
    for kind, phase, example in draw(st.lists(errors, max_size=10)):
        tally.error(kind, phase, example)
    return tally


def tally_of(**counts: int) -> Tally:
    """A tally that has counted so much."""
    tally = Tally(0)
    tally.counts.update(counts)
    return tally


def row_of(rows: Rows, name: Name) -> Row:
    """The one row of that name."""
    (row,) = [row for row in rows.entries if row.name == name]
    return row


def keys_ms(values_ns: Int64s) -> list[float]:
    """What the times are called in Locust's tables, each told by itself."""
    names: list[float] = []
    for value_ns in values_ns.tolist():
        tally = Tally(0)
        tally.metrics[Metric.LOGIN_TIME].record(value_ns)
        times = row_of(rows_of(tally, AT_S), Name.LOGIN).times
        assert times is not None
        names += times.counts
    return names


def as_locust_adds(rows: list[Rows]) -> object:
    """What is in the tables when all have been added: sums, extremes, and failures by their kind."""
    sums: dict[str, Counter[object]] = {}
    extremes: dict[str, list[float]] = {}
    failures: Counter[tuple[str, str]] = Counter()
    for each in rows:
        for row in (*each.entries, each.aggregated):
            into = sums.setdefault(row.name, Counter())
            into.update({"untimed": row.untimed_count, "failed": row.failure_count})
            if row.times is not None:
                into.update(row.times.counts)
                into["total_ns"] += round(row.times.total_ms * NS_PER_MS)
                extremes.setdefault(row.name, []).extend((row.times.min_ms, row.times.max_ms))
        failures.update({(failure.name, failure.kind): failure.count for failure in each.failures})
    return (
        {name: dict(+counts) for name, counts in sums.items()},
        {name: (min(values), max(values)) for name, values in extremes.items()},
        dict(failures),
    )


@given(tallies(), tallies())
def test_two_seconds_one_after_the_other_are_told_as_both_at_once(first: Tally, second: Tally) -> None:
    """However often workers report, Locust's tables say the same in the end."""
    both = Tally(0)
    both.merge(first)
    both.merge(second)

    one_by_one = as_locust_adds([rows_of(first, AT_S), rows_of(second, AT_S + 1)])

    assert one_by_one == as_locust_adds([rows_of(both, AT_S)])


@given(tallies())
def test_everything_is_told_once(tally: Tally) -> None:
    """Each timed, sent and received thing is a request, and so is each failure but those of deliveries received."""
    rows = rows_of(tally, AT_S)

    counts = tally.counts
    error_count = sum(error.count for error in tally.errors.values())
    timed_count = sum(tally.metrics[metric].count for metric in TIMED if metric is not Metric.DELIVERY_TIME)
    failed_count = sum(counts[name] for name in FAILED_REQUESTS) + error_count
    told = rows.aggregated
    assert told.request_count == (
        timed_count + counts[Count.MESSAGES_SENT] + counts[Count.DELIVERIES_RECEIVED] + failed_count
    )
    assert told.failure_count == failed_count + sum(counts[name] for name in FLAWS)
    assert told.failure_count == sum(failure.count for failure in rows.failures)


@given(tallies())
def test_each_row_has_the_times_of_its_own_metric(tally: Tally) -> None:
    """Count, sum and extremes are those of the histogram, to the nanosecond."""
    rows = rows_of(tally, AT_S)

    times = {row.name: row.times for row in rows.entries if row.times is not None}
    assert times.keys() == {name for metric, name in TIMED.items() if tally.metrics[metric].count}
    for metric, name in TIMED.items():
        histogram, told = tally.metrics[metric], times.get(name)
        if told is not None:
            assert told.count == histogram.count
            assert histogram.mean_ns is not None
            assert told.total_ms == pytest.approx(histogram.mean_ns * histogram.count / NS_PER_MS)
            assert (told.min_ms, told.max_ms) == (
                (histogram.min_ns or 0) / NS_PER_MS,
                (histogram.max_ns or 0) / NS_PER_MS,
            )


@given(tallies(), st.floats(0, 0.999))
def test_what_locust_is_given_is_the_row(tally: Tally, into_the_second: float) -> None:
    """What is counted per second adds up to what is counted, and Locust's own words are all there."""
    at_s = 1_700_000_000 + into_the_second

    for row in rows_of(tally, at_s).entries:
        told = row.serialized(at_s)
        assert told["num_requests"] == row.request_count
        assert told["num_none_requests"] == row.untimed_count
        for name, count in (("num_reqs_per_sec", row.request_count), ("num_fail_per_sec", row.failure_count)):
            by_second = told[name]
            assert isinstance(by_second, dict)
            assert sum(by_second.values()) == count
            assert min(by_second.values()) >= 0
            assert max(by_second) == int(at_s)


def test_the_requests_of_a_second_are_spread_over_the_seconds_of_the_clock_it_lies_in() -> None:
    """Put into one second, a rate would jump by a tenth whenever two reports fall into one second or none does."""
    rows = rows_of(tally_of(messages_sent=1000), 1_700_000_000.25)

    told = row_of(rows, Name.SEND).serialized(rows.at_s)

    assert told["num_reqs_per_sec"] == {1_699_999_999: 750, 1_700_000_000: 250}


def test_the_names_of_all_times_are_fewer_than_5000_and_rise() -> None:
    """Locust copies and sorts them all, whatever a run brings."""
    every_bucket = bucket_upper_ns(np.arange(bucket_of(np.array([HIGHEST_NS]), FINE)[0]), FINE)
    tally = Tally(0)
    tally.metrics[Metric.DELIVERY_TIME].record_counts(every_bucket, np.ones_like(every_bucket))
    tally.counts[Count.DELIVERIES_RECEIVED] += len(every_bucket)

    times = row_of(rows_of(tally, AT_S), Name.DELIVERY).times

    assert times is not None
    assert len(times.counts) < 5000
    assert list(times.counts) == sorted(times.counts)


@given(st.integers(0, 250 * NS_PER_MS))
def test_up_to_250_ms_a_time_is_told_to_a_tenth(value_ns: int) -> None:
    """Beyond that of the histogram, at most half a tenth is lost."""
    (key_ms,) = keys_ms(np.array([value_ns]))

    assert key_ms == round(key_ms, 1)
    assert abs(key_ms - value_ns / NS_PER_MS) <= 0.051 + 0.001 * value_ns / NS_PER_MS


@given(st.integers(250 * NS_PER_MS, HIGHEST_NS))
def test_above_250_ms_a_time_is_told_within_half_a_percent(value_ns: int) -> None:
    """Enough for a table whose own rounding is ten times as coarse."""
    (key_ms,) = keys_ms(np.array([value_ns]))

    assert key_ms == pytest.approx(value_ns / NS_PER_MS, rel=0.005)


def test_a_second_in_which_nothing_happened_tells_nothing() -> None:
    """Rows appear in Locust's table when there is something to see in them."""
    rows = rows_of(Tally(0), AT_S)

    assert (rows.entries, rows.failures) == ((), ())


def test_only_deliveries_are_timed_in_the_row_over_all() -> None:
    """An average of logins and deliveries is the time of nothing."""
    tally = tally_of(messages_sent=3, deliveries_received=2)
    tally.metrics[Metric.LOGIN_TIME].record(900 * NS_PER_MS)
    tally.metrics[Metric.DELIVERY_TIME].record_many(np.array([10, 20]) * NS_PER_MS)

    over_all = rows_of(tally, AT_S).aggregated

    assert over_all.times is not None
    assert dict(over_all.times.counts) == {10.0: 1, 20.0: 1}
    assert (over_all.request_count, over_all.untimed_count) == (6, 4)


def test_deliveries_from_another_host_are_counted_without_a_time() -> None:
    """Its clock is not ours."""
    tally = tally_of(deliveries_received=5)
    tally.metrics[Metric.DELIVERY_TIME].record(10 * NS_PER_MS)

    row = row_of(rows_of(tally, AT_S), Name.DELIVERY)

    assert (row.request_count, row.untimed_count, row.failure_count) == (5, 4, 0)


def test_a_delivery_that_came_late_fails_without_being_a_second_request() -> None:
    """It was received, and is counted as that."""
    rows = rows_of(tally_of(deliveries_received=5, deliveries_late=2, deliveries_reordered=1), AT_S)

    row = row_of(rows, Name.DELIVERY)
    assert (row.request_count, row.failure_count) == (5, 3)
    assert [(failure.error, failure.count) for failure in rows.failures] == [("late", 2), ("out of order", 1)]


@pytest.mark.parametrize(
    ("counter", "name", "error"),
    [
        (Count.MESSAGES_UNSENT, Name.SEND, "unsent"),
        (Count.DELIVERIES_LOST, Name.DELIVERY, "lost"),
        (Count.DELIVERIES_DUPLICATED, Name.DELIVERY, "duplicated"),
        (Count.DELIVERIES_UNEXPECTED, Name.DELIVERY, "unexpected"),
        (Count.FRAMES_DAMAGED, Name.DELIVERY, "damaged"),
    ],
)
def test_what_went_wrong_is_a_failed_request_without_a_time(counter: Count, name: Name, error: str) -> None:
    """What never came has no time, and what came too often none of its own."""
    rows = rows_of(tally_of(**{counter: 3}), AT_S)

    assert rows.entries == (Row(Method.WS, name, None, 3, 3),)
    assert rows.failures == (Failure(Method.WS, name, error, error, 3),)


def test_an_excused_delivery_is_no_failure() -> None:
    """Nobody was to get it any more."""
    rows = rows_of(tally_of(deliveries_excused=7, deliveries_recovered=2), AT_S)

    assert (rows.entries, rows.failures) == ((), ())


@pytest.mark.parametrize(
    ("phase", "method", "name"),
    [
        ("login", Method.HTTP, Name.LOGIN),
        ("connect", Method.WS, Name.CONNECT),
        ("join", Method.WS, Name.JOIN),
        ("measure", Method.WS, Name.CONNECTION),
    ],
)
def test_an_error_is_a_failed_request_of_the_step_it_befell(phase: str, method: Method, name: Name) -> None:
    """Who is in already has failed in no step: that is the connection's."""
    tally = Tally(0)
    tally.error(ErrorKind.REFUSED, phase, "nobody listens")

    rows = rows_of(tally, AT_S)

    assert rows.entries == (Row(method, name, None, 1, 1),)
    assert rows.failures == (Failure(method, name, "refused", "refused: nobody listens", 1),)


def test_one_kind_of_error_in_two_phases_is_one_line() -> None:
    """Closed while measuring or while draining: the connection's, both."""
    tally = Tally(0)
    tally.error(ErrorKind.CLOSE_1006, "measure", "gone")
    tally.error(ErrorKind.CLOSE_1006, "drain", "also gone")

    (failure,) = rows_of(tally, AT_S).failures

    assert (failure.error, failure.count) == ("close_1006: also gone", 2)


def test_the_tally_is_left_as_it_was() -> None:
    """It goes on into the books of the run."""
    tally = tally_of(messages_sent=1)

    rows_of(tally, AT_S)

    assert tally.counts == {Count.MESSAGES_SENT: 1}


def test_who_is_away_by_plan_has_not_failed_to_send() -> None:
    """A storm cuts sockets on purpose."""
    tally = Tally(0)
    tally.counts[Count.MESSAGES_UNSENT], tally.counts[Note.UNSENT_AWAY] = 3, 2

    assert [failure.count for failure in rows_of(tally, 1.0).failures] == [1]
