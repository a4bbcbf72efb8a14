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


def a_soak(seconds: int = 1_000, **series: Sequence[float | None]) -> dict[str, Any]:
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
    """A server that takes 1 kB each second; the first tenth of the window, in which it took 50 MB, is left out."""
    grown = [50.0 * MB if at < 200 else 100.0 * MB + 1_000.0 * at for at in range(1_100)]
    document = a_soak(server_rss_bytes=grown, server_descriptors=[7.0] * 1_100)

    drift = figures_of(document)

    assert drift is not None
    assert drift["window_s"] == 900
    assert drift["server_memory_per_h"] == pytest.approx(3.6 * MB)
    assert drift["server_descriptors_per_h"] == 0
    assert drift["generator_memory_per_h"] is None, "nobody read it"
    assert drift["delivery_time_p50"] is None


def test_getting_slower_is_the_ratio_of_the_thirds() -> None:
    """Medians, so that a second in which all stood still changes nothing; seconds without a p50 are left out."""
    times: list[float | None] = [2.0] * 500 + [None] * 100 + [3.0] * 500
    times[300] = 900.0

    drift = figures_of(a_soak(delivery_time_p50_ms=times))

    assert drift is not None
    assert drift["delivery_time_p50"] == {"first_ms": 2.0, "last_ms": 3.0, "ratio": 1.5}


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
        "window_s": 900.0,
        "delivery_time_p50": {"first_ms": 2.0, "last_ms": 3.0, "ratio": 1.5},
        "server_memory_per_h": 3.6 * MB,
        "generator_memory_per_h": -1.0 * MB,
        "coordinator_memory_per_h": 0.0,
        "server_descriptors_per_h": 12.0,
        "generator_descriptors_per_h": None,
    }

    rows = [(row.name, row.change) for row in drift_table({"drift": drift})]

    assert rows == [
        ("delivery time p50", "1.50 times"),
        ("server memory", "+3.60 MB/h"),
        ("generator memory", "-1.00 MB/h"),
        ("coordinator memory", "+0 kB/h"),
        ("server descriptors", "+12.0/h"),
    ]


@given(st.floats(-1e6, 1e6), st.floats(0, 1e9), st.integers(30, 2_000), st.sets(st.integers(0, 1_999), max_size=8))
def test_a_straight_line_has_its_own_slope_whatever_a_few_readings_say(
    per_s: float, start: float, count: int, outliers: set[int]
) -> None:
    """Fewer than a seventh of the readings may be anything."""
    points = [(float(at), start + per_s * at + (1e12 if at in outliers else 0)) for at in range(count)]

    growth = growth_per_h(points)

    assert growth is not None
    if len([at for at in outliers if at < count]) * 7 < min(count, 600) and count <= 600:
        assert growth == pytest.approx(per_s * 3_600, rel=1e-6, abs=1e-2)


def test_a_few_readings_have_no_slope() -> None:
    assert growth_per_h([(float(at), float(at)) for at in range(29)]) is None


def test_it_stands_in_page_comment_and_terminal() -> None:
    """Of a long run; of a short one nothing is said."""
    drift = dict.fromkeys(("generator_memory_per_h", "coordinator_memory_per_h", "server_descriptors_per_h"))
    told = drift | {"generator_descriptors_per_h": None, "delivery_time_p50": None, "server_memory_per_h": 3.6 * MB}
    long, short = a_document(drift=told), a_document()

    for render in (partial(page.render, plots=False), markdown.render, summary_text):
        assert "+3.60 MB/h" in render(long)
        assert "MB/h" not in render(short)
