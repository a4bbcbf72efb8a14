"""A page with one picture, in one file that needs no network: what several runs came to together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports import charts_page
from reports.charts.model import Chart
from reports.plots import Drawing
from reports.template import template


def render(name: str, drawing: Drawing, *, charts: Sequence[Chart] = (), **values: Any) -> str:
    """The template of that name, which extends sheet.html.j2, with its picture and the values it asks for.

    Where a script runs, ``charts`` take the place of the pictures of their names, this one or those among the values.
    """
    chart = next((chart for chart in charts if chart.name == drawing.plot.name), None)
    return template(name).render(
        drawing=charts_page.pictured(drawing, chart), **charts_page.furniture(charts), **values
    )
