"""report.html: everything about one run in one file that needs no network."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.palette import DARK, LIGHT, css
from reports.plots import INCIDENTS, draw_for_page
from reports.summary import summarise

# From this width on a picture takes the whole line.
_FULL_WIDTH_PX = 700


def render(document: dict[str, Any], *, plots: bool = True) -> str:
    """The page of a result document, a partial one too; without pictures if ``plots`` is false."""
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Safe as they are: the pictures hold numbers and our own words, the colours are constants.
    drawings = [
        {
            "plot": drawing.plot,
            "full": drawing.plot.wide[0] > _FULL_WIDTH_PX,
            "wide": Markup(drawing.wide_svg),  # noqa: S704
            "narrow": Markup(drawing.narrow_svg),  # noqa: S704
        }
        for drawing in (draw_for_page(document) if plots else ())
    ]
    return environment.get_template("report.html.j2").render(
        summary=summarise(document),
        drawings=[drawing for drawing in drawings if drawing["plot"] is not INCIDENTS],
        returns=next((drawing for drawing in drawings if drawing["plot"] is INCIDENTS), None),
        light=css(LIGHT),
        dark=css(DARK),
    )
