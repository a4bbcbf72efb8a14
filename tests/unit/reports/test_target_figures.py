"""The server's own figures as picture and chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from reports.charts import charts_of
from reports.page import render
from reports.plots import draw_all, plots_of
from tests.support.documents import a_document


def told(*series: tuple[str, str, Any], failed: int = 0) -> dict[str, Any]:
    """A run whose server told of itself: (name, unit, value of each second)."""
    document = a_document()
    seconds = document["series"]["t_s"]
    document["target_series"] = {
        "interval_s": 1.0,
        "t_s": seconds,
        "series": [{"name": name, "unit": unit, "values": [value] * len(seconds)} for name, unit, value in series],
    }
    document["target_metrics"] = {"url": "http://x/metrics", "scrapes": 29, "failed": failed, "error": "timeout"}
    return document


CPU = ("rate(process_cpu_seconds_total)", "ratio", 0.5)
MEMORY = ("process_resident_memory_bytes", "bytes", 25e6)
NOTHING = ("rate(<b>never</b>_total)", "1/s", None)


def test_each_figure_has_a_panel_in_its_unit() -> None:
    """A line each; what was never told has none."""
    chart = next(chart for chart in charts_of(told(CPU, MEMORY, NOTHING)) if chart.name == "target_figures")

    assert [panel.heading for panel in chart.panels] == [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "<b>never</b>_total",
    ]
    assert [panel.has_data() for panel in chart.panels] == [True, True, False]
    assert float(np.nanmax(chart.panels[1].series[0].values)) == 25e6


def test_a_name_that_is_too_long_loses_its_middle() -> None:
    """Beside the last heading of a row there are buttons; its end tells two names of one family apart."""
    long = ("rate(chat_room_messages_delivered_to_everybody_bytes_total)", "bytes/s", 3.0)
    chart = next(chart for chart in charts_of(told(long)) if chart.name == "target_figures")

    assert chart.panels[0].heading == "chat_room…ytes_total, a second"


def test_the_report_draws_them_and_says_where_they_have_gaps(tmp_path: Path) -> None:
    """Names come from outside: they are text."""
    document = told(CPU, MEMORY, NOTHING, failed=3)
    page = render(document)

    assert "3 of 29 scrapes failed (timeout); there the lines have gaps." in page
    assert "<b>never</b>" not in page
    assert "target_figures.png" in [path.name for path in draw_all(document, tmp_path)]


def test_a_run_that_was_not_asked_has_neither_picture_nor_chart() -> None:
    """An empty frame would look as though something were amiss."""
    assert "target_figures" not in [plot.name for plot in plots_of(a_document())]
    assert "target_figures" not in [chart.name for chart in charts_of(a_document())]


def test_one_figure_or_twelve_the_picture_is_as_high_as_they_take() -> None:
    """Three beside one another, on a phone one below the other."""
    sizes = []
    for count in (1, 3, 4, 12):
        (plot,) = [plot for plot in plots_of(told(*[CPU] * count)) if plot.name == "target_figures"]
        sizes.append((plot.wide[1], plot.narrow[1]))
    one = sizes[0][0]

    assert sizes == [(one, one), (one, 3 * one), (2 * one, 4 * one), (4 * one, 12 * one)]
    assert render(told(CPU))
