"""What a long window tells of growth and of getting slower, in exact numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import markdown, page
from reports.drift import LEAST_WINDOW_S, drift_table, figures_of, growth_per_h
from reports.terminal.summary import summary_text
from tests.support.documents import a_document

MB = 1_000_000


def a_soak(seconds: int = 900, **series: Sequence[float | None]) -> dict[str, Any]:
    """A measured window of ``seconds`` that begins after 100 s, and what was read in each second of the run."""
    length = 100 + seconds
    return {
        "phases": [
            {"name": "warmup", "start_s": 0.0, "end_s": 100.0},
            {"name": "measure", "start_s": 100.0, "end_s": float(length)},
        ],
        "series": {"t_s": [float(at) for at in range(length)], **series},
    }


def test_growth_is_told_by_the_hour() -> None:
    """A server that takes 1 kB each second; the first third of the window, in which it took 50 MB, is left out."""
    grown = [50.0 * MB if at < 400 else 100.0 * MB + 1_000.0 * at for at in range(1_000)]
    document = a_soak(server_rss_bytes=grown, server_descriptors=[7.0] * 1_000)

    drift = figures_of(document)

    assert drift is not None
    assert drift["window_s"] == 600
    assert drift["server_memory"] == pytest.approx({"first": 100.4995e6, "last": 100.8995e6, "per_h": 3.6 * MB})
    assert drift["server_descriptors"] == {"first": 7, "last": 7, "per_h": 0}
    assert drift["generator_memory"] is None, "nobody read it"
    assert drift["delivery_time_p50"] is None


def test_getting_slower_is_the_ratio_of_the_thirds() -> None:
    """Medians, so that a second in which all stood still changes nothing; seconds without a p50 are left out."""
    times: list[float | None] = [9.0] * 400 + [2.0] * 250 + [None] * 100 + [3.0] * 250
    times[500] = 900.0

    drift = figures_of(a_soak(delivery_time_p50_ms=times))

    assert drift is not None
    assert drift["delivery_time_p50"] == {"first": 2.0, "last": 3.0, "ratio": 1.5}


def test_a_few_readings_tell_nothing() -> None:
    """Of a server that was there for half a minute."""
    for known in (29, 30):
        read = [None] * (1_000 - known) + [5.0] * known

        drift = figures_of(a_soak(server_rss_bytes=read, delivery_time_p50_ms=read))

        assert drift is not None
        assert (drift["server_memory"] is None) is (drift["delivery_time_p50"] is None) is (known == 29)


@pytest.mark.parametrize("seconds", [30, int(LEAST_WINDOW_S) - 1])
def test_a_short_window_tells_nothing(seconds: int) -> None:
    """In it caches fill, and that goes on for no hour."""
    document = a_soak(seconds, server_rss_bytes=[float(at) for at in range(100 + seconds)])

    assert figures_of(document) is None
    assert list(drift_table(document | {"drift": None})) == []


def test_nothing_is_told_of_a_run_that_did_not_come_so_far() -> None:
    """Nor of one that was cut off while it measured."""
    document = a_soak()

    assert figures_of(document | {"phases": document["phases"][:1]}) is None
    document["phases"][1]["end_s"] = None
    assert figures_of(document) is None


def test_it_is_told_in_words() -> None:
    """What was not measured has no row; less is told as less."""
    drift = {
        "window_s": 600.0,
        "delivery_time_p50": {"first": 2.0, "last": 3.0, "ratio": 1.5},
        "server_memory": {"first": 100 * MB, "last": 101 * MB, "per_h": 3.6 * MB},
        "generator_memory": {"first": 70 * MB, "last": 69 * MB, "per_h": -1.0 * MB},
        "coordinator_memory": {"first": 70 * MB, "last": 70 * MB, "per_h": 0.0},
        "server_descriptors": {"first": 1_310.0, "last": 1_312.0, "per_h": 12.0},
        "generator_descriptors": None,
    }

    rows = [(row.name, row.first, row.last, row.change) for row in drift_table({"drift": drift})]

    assert rows == [
        ("delivery time p50", "2.00 ms", "3.00 ms", "1.50 times"),
        ("server memory", "100 MB", "101 MB", "+3.60 MB/h"),
        ("generator memory", "70.0 MB", "69.0 MB", "-1.00 MB/h"),
        ("coordinator memory", "70.0 MB", "70.0 MB", "+0 kB/h"),
        ("server descriptors", "1,310", "1,312", "+12.0/h"),
    ]


@given(st.floats(-1e6, 1e6), st.floats(0, 1e9), st.integers(30, 2_000), st.sets(st.integers(0, 1_999), max_size=8))
def test_a_straight_line_has_its_own_slope_whatever_a_few_readings_say(
    per_s: float, start: float, count: int, outliers: set[int]
) -> None:
    """Fewer than a seventh of the readings may be anything."""
    points = [(float(at), start + per_s * at + (1e12 if at in outliers else 0)) for at in range(count)]

    growth = growth_per_h(points)

    if len([at for at in outliers if at < count]) * 7 < count <= 600:
        assert growth == pytest.approx(per_s * 3_600, rel=1e-6, abs=1e-2)


def test_it_stands_in_page_comment_and_terminal() -> None:
    """Of a long run; of a short one nothing is said."""
    told = {"server_memory": {"first": 100 * MB, "last": 101 * MB, "per_h": 3.6 * MB}}
    long, short = a_document(drift=told), a_document()

    for render in (partial(page.render, plots=False), markdown.render, summary_text):
        assert "+3.60 MB/h" in render(long)
        assert "MB/h" not in render(short)
