"""The history of a run for its pages: put together from snapshots, of one size however long the run."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reports.live.history import MOST_ROWS, SERIES, History
from tests.support.documents import a_document

P99, COUNT = "delivery_time_p99_ms", "deliveries_received"


def told(first_s: int, values: list[float | None]) -> dict[str, Any]:
    """A document whose series begin at a second, all with the same values."""
    seconds = [float(first_s + i) for i in range(len(values))]
    return {"series": {"interval_s": 1.0, "t_s": seconds, **dict.fromkeys(SERIES, values)}}


def test_snapshots_that_overlap_are_one_series() -> None:
    """Each snapshot tells the last seconds again; what it says of them is what holds."""
    history = History()
    history.add(told(0, [1, 2, 3]))
    changed = history.add(told(1, [2, 30, 4]))

    assert changed == {2, 3}
    assert history.columns()["t_s"] == [0, 1, 2, 3]
    assert history.columns()[P99] == [1, 2, 30, 4]
    assert history.columns(changed)[P99] == [30, 4]


def test_a_second_that_nobody_told_of_has_no_row() -> None:
    """A gap is a gap, and nothing is made up."""
    history = History()
    history.add(told(0, [1]))
    history.add(told(9, [None]))

    assert history.columns()["t_s"] == [0, 9]
    assert history.columns()[COUNT] == [1, None]


def test_more_than_an_hour_is_thinned_and_keeps_its_peaks() -> None:
    """Two seconds become one row: the largest of times, the mean of counts; the whole run stays in sight."""
    values: list[float | None] = [1.0] * (MOST_ROWS + 2)
    values[7] = 500.0
    history = History()
    history.add(told(0, values))
    columns = history.columns()

    assert history.interval_s == columns["interval_s"] == 2
    assert columns["t_s"] == list(range(0, MOST_ROWS + 2, 2))
    assert columns[P99][3] == 500
    assert columns[COUNT][3] == 250.5


def test_a_day_takes_no_more_room_than_an_hour() -> None:
    """Memory is bounded by what can be seen."""
    history = History()
    for minute in range(24 * 60):
        history.add(told(60 * minute, [float(minute)] * 60))

    columns = history.columns()
    assert history.interval_s == 32
    assert len(columns["t_s"]) <= MOST_ROWS
    assert columns["t_s"][0] == 0
    assert columns[P99] == sorted(columns[P99])
    assert columns[COUNT][-1] == 24 * 60 - 1


def test_a_document_without_series_is_nothing_new() -> None:
    """As of a run that never began."""
    history = History()

    assert history.add({}) == history.add(a_document(empty=True)) == set()
    assert history.newest is None
    assert history.columns()["t_s"] == []


SNAPSHOTS = st.lists(
    st.tuples(
        st.integers(0, 300),
        st.lists(st.none() | st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=70),
    ),
    max_size=60,
)


@settings(max_examples=200)
@given(SNAPSHOTS, st.integers(0, 60))
def test_whoever_comes_late_has_what_whoever_was_there_has(steps: list[tuple[int, list[Any]]], late: int) -> None:
    """What is told of changes, laid over what was told when a page was opened, is all that is known."""
    history, pages, first_s = History(), [dict[int, tuple[Any, ...]]()], 0
    for number, (gap_s, values) in enumerate(steps):
        before = history.interval_s
        changed = history.add(told(first_s, values))
        first_s += max(0, len(values) - 30) + gap_s
        for rows in pages:
            if history.interval_s != before:
                rows.clear()
                rows.update(rows_in(history.columns()))
            rows.update(rows_in(history.columns(changed)))
        if number == late:
            pages.append(rows_in(history.columns()))

    for rows in pages:
        assert rows == rows_in(history.columns())


def rows_in(columns: dict[str, Any]) -> dict[int, tuple[Any, ...]]:
    """As a page keeps them."""
    return dict(zip(columns["t_s"], zip(*(columns[name] for name in SERIES), strict=True), strict=True))
