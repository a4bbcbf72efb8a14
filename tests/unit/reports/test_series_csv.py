"""series.csv."""

from __future__ import annotations

import csv

from reports.series_csv import render
from tests.support.documents import a_document


def test_a_second_is_a_line_and_what_is_missing_is_empty() -> None:
    """Word for word: no data is not 0."""
    series = {"interval_s": 1.0, "t_s": [0.0, 1.0], "connections": [0, 12], "delivery_time_p50_ms": [None, 3.25]}

    assert render({"series": series}) == "t_s,connections,delivery_time_p50_ms\n0.0,0,\n1.0,12,3.25\n"


def test_the_whole_series_reads_back() -> None:
    """Every name and every second, in the document's own order."""
    document = a_document()
    series = document["series"]
    head, *lines = csv.reader(render(document).splitlines())

    assert head == [name for name in series if name != "interval_s"]
    assert len(lines) == len(series["t_s"])
    for name, column in zip(head, zip(*lines, strict=True), strict=True):
        assert [float(value) if value else None for value in column] == series[name]


def test_a_run_without_series_has_a_head_alone() -> None:
    """Nobody got in, or it was stopped before the first second was over."""
    assert render(a_document(empty=True)) == "t_s\n"


def test_what_the_server_told_has_columns_of_its_own() -> None:
    """After ours, and not to be taken for them."""
    series = {"interval_s": 1.0, "t_s": [0.0, 1.0], "connections": [0, 12]}
    told = {"series": [{"name": "rate(x_total)", "unit": "1/s", "values": [None, 2.5]}]}

    text = render({"series": series, "target_series": told})

    assert text == "t_s,connections,target:rate(x_total)\n0.0,0,\n1.0,12,2.5\n"
