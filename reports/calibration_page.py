"""calibration.html: how far our figures are from the truth, in one file that needs no network."""

from __future__ import annotations

from markupsafe import Markup

from reports.budgets import Document
from reports.calibration_summary import summarise
from reports.palette import DARK, LIGHT, css
from reports.plots.calibration import draw_for_page
from reports.template import template


def render(document: Document) -> str:
    """The page of a calibration document."""
    # Safe as they are: the pictures hold numbers and our own words, the colours are constants.
    drawings = [
        {
            "plot": drawing.plot,
            "wide": Markup(drawing.wide_svg),  # noqa: S704
            "narrow": Markup(drawing.narrow_svg),  # noqa: S704
        }
        for drawing in draw_for_page(document)
    ]
    return template("calibration.html.j2").render(
        summary=summarise(document), drawings=drawings, light=css(LIGHT), dark=css(DARK)
    )
