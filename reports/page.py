"""report.html: everything about one run in one file that needs no network."""

from __future__ import annotations

from typing import Any

from reports import charts_page
from reports.charts import charts_of
from reports.plots import INCIDENTS, draw_for_page
from reports.summary import summarise
from reports.template import template


def render(document: dict[str, Any], *, plots: bool = True) -> str:
    """The page of a result document, a partial one too; without charts and pictures if ``plots`` is false.

    Where a script runs, charts take the place of those pictures that have one; on paper the pictures stay.
    """
    charts = {chart.name: chart for chart in (charts_of(document) if plots else ())}
    drawn = draw_for_page(document) if plots else []
    drawings = [charts_page.pictured(drawing, charts.get(drawing.plot.name)) for drawing in drawn]
    names = {drawing.plot.name for drawing in drawn}
    return template("report.html.j2").render(
        summary=summarise(document),
        drawings=[drawing for drawing in drawings if drawing["plot"] is not INCIDENTS],
        returns=next((drawing for drawing in drawings if drawing["plot"] is INCIDENTS), None),
        **charts_page.furniture([chart for name, chart in charts.items() if name in names]),
    )
