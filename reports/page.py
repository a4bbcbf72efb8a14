"""report.html: everything about one run in one file that needs no network."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports import charts_page
from reports.charts import charts_of
from reports.charts.model import Chart
from reports.charts.tables import table_of
from reports.plots import INCIDENTS, Drawing, draw_for_page
from reports.summary import summarise

# From this width on a picture takes the whole line.
_FULL_WIDTH_PX = 700


def render(document: dict[str, Any], *, plots: bool = True) -> str:
    """The page of a result document, a partial one too; without charts and pictures if ``plots`` is false.

    Where a script runs, charts take the place of those pictures that have one; on paper the pictures stay.
    """
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    charts = {chart.name: chart for chart in (charts_of(document) if plots else ())}
    drawings = [_shown(drawing, charts) for drawing in (draw_for_page(document) if plots else ())]
    pictured = {drawing["plot"].name for drawing in drawings}
    furniture = charts_page.furniture([chart for name, chart in charts.items() if name in pictured])
    return environment.get_template("report.html.j2").render(
        summary=summarise(document),
        drawings=[drawing for drawing in drawings if drawing["plot"] is not INCIDENTS],
        returns=next((drawing for drawing in drawings if drawing["plot"] is INCIDENTS), None),
        policy=furniture.policy,
        style=furniture.style,
        library=furniture.library,
        script=furniture.script,
        data=furniture.data,
    )


def _shown(drawing: Drawing, charts: dict[str, Chart]) -> dict[str, Any]:
    """A picture, and the table of the chart of that name, as the template takes them."""
    chart = charts.get(drawing.plot.name)
    return {
        "plot": drawing.plot,
        "full": drawing.plot.wide[0] > _FULL_WIDTH_PX,
        # Safe as they are: the pictures hold numbers and our own words.
        "wide": Markup(drawing.wide_svg),  # noqa: S704
        "narrow": Markup(drawing.narrow_svg),  # noqa: S704
        "is_chart": chart is not None,
        "table": chart and table_of(chart),
    }
