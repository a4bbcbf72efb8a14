"""A page with one picture, in one file that needs no network: what several runs came to together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from reports import charts_page
from reports.charts.model import Chart
from reports.plots import Drawing


def render(template: str, drawing: Drawing, *, charts: Sequence[Chart] = (), **values: Any) -> str:
    """The template of that name, which extends sheet.html.j2, with its picture and the values it asks for.

    Where a script runs, ``charts`` take the place of the pictures of their names, this one or those among the values.
    """
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    chart = next((chart for chart in charts if chart.name == drawing.plot.name), None)
    return environment.get_template(template).render(
        drawing=charts_page.pictured(drawing, chart), **charts_page.furniture(charts), **values
    )
