"""The distributions of several runs as a chart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reports.charts.model import Series
from reports.charts.several import Distribution, of_runs, of_sides
from reports.charts.tables import table_of
from tests.support.documents import a_document


def an_hdr(p50_ms: float = 3.2) -> str:
    return str(a_document(delivery_p50_ms=p50_ms)["metrics"]["delivery_time"]["hdr"])


def sides(base: list[str | None], new: list[str | None]) -> dict[str, Any]:
    return {"curves": {"base": base, "new": new}}


def listed(series: tuple[Series, ...]) -> list[str]:
    return [each.name for each in reversed(series) if each.is_listed]


def test_of_two_runs_each_is_a_line_that_is_read() -> None:
    """Base first."""
    (panel,) = of_sides(sides([an_hdr(3.0)], [an_hdr(4.0)])).panels

    assert listed(panel.series) == ["base", "new"]
    assert len({(each.role, each.dash) for each in panel.series}) == 2


def test_of_several_runs_a_side_their_median_is_read() -> None:
    """Ten values beside one another would tell less; each run has its line all the same."""
    chart = of_sides(sides([an_hdr(3.0), an_hdr(3.2), an_hdr(9.0)], [an_hdr(4.0), an_hdr(4.1)]))
    (panel,) = chart.panels

    assert listed(panel.series) == ["base, median of 3 runs", "new, median of 2 runs"]
    assert len(panel.series) == 3 + 1 + 2 + 1
    table = table_of(chart)
    assert table is not None
    assert table.rows[0].cells[0] == "3.20 ms"


def test_a_median_ends_where_the_first_of_its_runs_ends() -> None:
    """Beyond, it would be one of fewer runs."""
    few = a_document()["metrics"]["connect_time"]["hdr"]
    (panel,) = of_sides(sides([an_hdr(), few], [an_hdr()])).panels

    middle = next(each for each in panel.series if each.name == "base, median of 2 runs")
    known = panel.x[np.isfinite(middle.values)]
    assert known[-1] == pytest.approx(np.log10(500 / 10), abs=0.02)


def test_a_side_without_a_histogram_has_no_line() -> None:
    """A run in which nothing was delivered."""
    (panel,) = of_sides(sides([None], [an_hdr()])).panels

    assert listed(panel.series) == ["new"]
    assert not of_sides(sides([None], [])).panels[0].has_data()


def test_a_run_that_did_not_hold_is_dashed() -> None:
    """Not told by its colour alone."""
    runs = [Distribution("500", an_hdr(), held=True), Distribution("900", an_hdr(9.0), held=False)]
    (panel,) = of_runs(runs).panels

    assert listed(panel.series) == ["500", "900"]
    assert {each.name: each.dash for each in panel.series} == {"500": "solid", "900": "dashed"}
