"""The pictures of a calibration."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from reports.plots.calibration import draw_for_page
from tests.support.calibrations import FINDINGS, a_calibration


def drawn(document: dict[str, Any]) -> dict[str, str]:
    return {drawing.plot.name: drawing.wide_svg for drawing in draw_for_page(document)}


def ceiling_of(**changes: Any) -> dict[str, Any]:
    return a_calibration(ceiling=replace(FINDINGS.ceiling, **changes))


def test_what_was_received_stands_beside_what_was_asked_for() -> None:
    """With how late the generator was, and what it took: each can be the first to say that it is too much."""
    svg = drawn(a_calibration())["ceiling"]

    for text in ("received, of all asked for (dotted), a second", "sent late, p99", "CPU of the process"):
        assert text in svg, text
    assert "200,000/s" in svg, "the axis is what was asked for, of which 190,000 were received"


@pytest.mark.parametrize(("carried", "panels"), [(150_000.0, 3), (None, 0)])
def test_the_point_where_the_doubt_begins_is_marked(carried: float | None, panels: int) -> None:
    """In each panel; where nothing was carried, there is no such point."""
    svg = drawn(ceiling_of(deliveries_per_s_per_process=carried))["ceiling"]

    assert svg.count("all beyond is doubted") == panels


def test_a_ceiling_that_was_not_looked_for_is_an_empty_frame() -> None:
    """Three of them, which say so."""
    assert drawn(ceiling_of(curve=()))["ceiling"].count("no data") == 3


def test_the_bounds_of_what_is_allowed_leave_the_names_of_the_runs_alone() -> None:
    """Each row has its own: a line from top to bottom strikes out all names."""
    svg = drawn(a_calibration())["how_far_off"]
    lines = re.findall(r'd="M [\d.]+ ([\d.]+) *\n?L [\d.]+ ([\d.]+) *\n?"[^>]*?stroke: var\(--bad\)', svg)

    assert len(lines) == 4, "two runs, two bounds each"
    assert all(abs(float(top) - float(foot)) < 20 for top, foot in lines)
