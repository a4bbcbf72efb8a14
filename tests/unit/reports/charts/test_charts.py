"""The charts that one can look into: which lines, and what of them a page is told."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import numbers
from reports.charts import charts_of
from reports.charts.data import chart_data, shortened
from reports.charts.model import Chart, Panel
from reports.charts.tables import table_of
from reports.charts.timeline import MOST_POINTS, timed
from tests.support.documents import a_document, a_failed_document, a_storm_document, an_incidents_document

METRIC_OF = {"delivery time, from due": "delivery_time", "service time, from sent": "delivery_service_time"}


def chart(document: dict[str, Any], name: str) -> Chart:
    return next(each for each in charts_of(document) if each.name == name)


def panel(document: dict[str, Any], name: str, heading: str = "") -> Panel:
    return next(each for each in chart(document, name).panels if heading in each.heading)


def a_long_document(seconds: int) -> dict[str, Any]:
    """A run of so many seconds, with one slow second in its second half."""
    slow = seconds // 2 + 1
    times = [float(n % 3 + 1) for n in range(seconds)]
    times[slow] = 900.0
    names = ("p50", "p90", "p99", "max")
    return {
        "phases": [{"name": "measure", "start_s": 0.0, "end_s": float(seconds)}],
        "series": {
            "interval_s": 1.0,
            "t_s": [float(n) for n in range(seconds)],
            "messages_sent": [n % 10 for n in range(seconds)],
            **{f"delivery_time_{name}_ms": times for name in names},
        },
    }


def test_the_seconds_of_a_chart_are_those_of_the_document() -> None:
    """A point for each, in the middle of its second."""
    document = a_document()
    shown = panel(document, "delivery_over_time")
    p99 = next(each for each in shown.series if each.name == "p99")

    told = document["series"]["delivery_time_p99_ms"]
    assert shown.x.tolist() == [t_s + 0.5 for t_s in document["series"]["t_s"]]
    assert [None if math.isnan(value) else value for value in p99.values] == told


@pytest.mark.parametrize("name", METRIC_OF)
def test_the_distribution_passes_through_the_quantiles_of_the_document(name: str) -> None:
    """One truth for the table of times and for what is read off the curve."""
    document = a_document()
    shown = panel(document, "delivery_distribution")
    line = next(each for each in shown.series if each.name == name)

    for quantile, nines in (("p90", 1.0), ("p95", -math.log10(0.05)), ("p99", 2.0), ("p99_9", 3.0)):
        at = int(np.flatnonzero(np.isclose(shown.x, nines))[0])
        assert line.values[at] == document["metrics"][METRIC_OF[name]][quantile]


def test_an_hour_is_kept_second_by_second() -> None:
    """So that one can look into it."""
    shown = chart(a_long_document(3_600), "delivery_over_time")

    assert shown.seconds_a_point == 1
    assert len(shown.panels[0].x) == 3_600


def test_a_day_is_thinned_and_keeps_its_worst_second() -> None:
    """A page must open, and a spike must not hide."""
    shown = chart(a_long_document(86_400), "delivery_over_time")

    (times,) = shown.panels
    assert shown.seconds_a_point == 12
    assert len(times.x) <= MOST_POINTS
    assert all(np.nanmax(each.values) == 900.0 for each in times.series)
    assert "the highest of 12 s" in times.heading


def test_a_budget_in_sight_is_drawn_and_one_far_off_is_not() -> None:
    """A limit thirty times higher than anything measured would press the lines flat."""
    (limit,) = panel(a_failed_document(), "delivery_over_time").limits

    assert (limit.value, limit.text) == (250.0, "budget: p99 under 250 ms")
    assert panel(a_document(), "delivery_over_time").limits == ()


def test_a_server_that_is_not_ours_has_no_lines() -> None:
    """What was not measured is not drawn, as 0 least of all."""
    names = [each.name for each in panel(a_document(owned=False), "generator_and_server", "CPU").series]

    assert names == ["generator"]


def test_lines_of_one_colour_differ_in_their_dashes_or_width() -> None:
    """Nothing is told by colour alone."""
    for each in charts_of(a_storm_document()):
        for shown in each.panels:
            looks = [(series.dash, series.width_px) for series in shown.series]
            assert len(looks) == len(set(looks)), shown.heading


@pytest.mark.parametrize(
    "document",
    [{}, {"series": {}}, {"metrics": {"delivery_time": {"count": 0}}}, a_document(empty=True, verdict="invalid")],
)
def test_a_document_with_almost_nothing_in_it_has_charts_that_say_so(document: dict[str, Any]) -> None:
    """A run that died at its start has a report all the same."""
    data = chart_data(charts_of(document))

    assert {each["withoutData"] for told in data["charts"] for each in told["panels"]} == {"no data"}
    assert [table_of(each) for each in charts_of(document)] == [None] * len(data["charts"])


def test_too_few_deliveries_for_a_curve_are_counted() -> None:
    """That there is no data would not be true."""
    document = a_document()
    document["metrics"]["delivery_time"] |= {"count": 15, "hdr": None}
    document["metrics"]["delivery_service_time"] |= {"count": 15, "hdr": None}

    assert panel(document, "delivery_distribution").without_data == "15 deliveries are too few"


@pytest.mark.parametrize(
    "document", [a_document(), a_document(snapshot=True), an_incidents_document(), a_storm_document()]
)
def test_what_a_page_is_told_is_plain_json_of_equal_lengths(document: dict[str, Any]) -> None:
    """No NaN, which is no JSON, and a value or a gap at each place."""
    data = json.loads(json.dumps(chart_data(charts_of(document)), allow_nan=False))

    for told in data["charts"]:
        for each in told["panels"]:
            lengths = {len(series["values"]) for series in each["series"]}
            assert lengths <= {len(data["columns"][each["x"]])}


def test_a_column_of_seconds_is_told_once() -> None:
    """All charts over time share it."""
    data = chart_data(charts_of(a_document()))

    assert len({told["x"] for each in data["charts"] if each["over"] == "time" for told in each["panels"]}) == 1


@given(st.floats(1e-5, 1e12))
def test_rounding_for_the_page_changes_nothing_that_is_read(value: float) -> None:
    """Rounded twice is rounded once, however many digits were cut off first."""
    (short,) = shortened(np.array([value])).tolist()

    for write in (numbers.duration, numbers.size):
        assert write(short) == write(value)
    assert short == pytest.approx(value, rel=1.1e-3)


@given(st.floats(1e-4, 3.0).filter(lambda ratio: abs(1 - ratio) > 1e-4))
def test_a_core_that_is_nearly_full_is_read_as_in_the_tables(ratio: float) -> None:
    """What is nearly all keeps more of its digits than other values do."""
    (short,) = shortened(np.array([ratio]), 7).tolist()

    assert numbers.percent(short) == numbers.percent(ratio)


def test_the_table_behind_a_chart_has_what_the_chart_has() -> None:
    """Line by line, in the words of the report."""
    document = a_document()
    table = table_of(chart(document, "delivery_over_time"))
    assert table is not None

    assert table.groups[0].names == ("p50", "p90", "p99", "max")
    assert [row.head for row in table.rows[:2]] == ["0:05", "0:06"]
    assert table.rows[0].cells[2] == numbers.duration(document["series"]["delivery_time_p99_ms"][5])


def test_the_table_of_a_long_run_is_short_and_says_what_a_line_stands_for() -> None:
    """Nobody reads 3,600 lines; of times it tells the longest."""
    table = table_of(chart(a_long_document(3_600), "delivery_over_time"))
    assert table is not None

    assert len(table.rows) == 60
    assert table.note == "Each line: the highest of 60 s."
    assert table.rows[30].cells[0] == "900 ms"


def test_the_table_of_a_distribution_has_round_quantiles() -> None:
    """As people quote them."""
    document = a_document()
    table = table_of(chart(document, "delivery_distribution"))
    assert table is not None

    assert [row.head for row in table.rows][:6] == ["50 %", "75 %", "90 %", "95 %", "99 %", "99.9 %"]
    assert table.rows[4].cells[0] == numbers.duration(document["metrics"]["delivery_time"]["p99"])


@pytest.mark.parametrize(("end_s", "seen_s"), [(13.3, 13.5), (13.8, 13.8), (14.0, 14.0)])
def test_the_last_second_is_seen_however_little_there_was_of_it(end_s: float, seen_s: float) -> None:
    """Its point lies in its middle; beyond the edge it would be missing from the highest values, and be cut off."""
    document = {"phases": [{"name": "measure", "start_s": 0.0, "end_s": end_s}]}

    assert timed(document, "any", ()).end == seen_s
