"""A page with one picture, in one file that needs no network: what several runs came to together."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.palette import DARK, LIGHT, css
from reports.plots import Drawing


def render(template: str, drawing: Drawing, **values: Any) -> str:
    """The template of that name, which extends sheet.html.j2, with its picture and the values it asks for."""
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        # Safe as they are: the picture holds numbers and escaped words, the colours are constants.
        drawing=shown(drawing),
        light=css(LIGHT),
        dark=css(DARK),
        **values,
    )


def shown(drawing: Drawing) -> dict[str, Any]:
    """A picture as a template takes it; for one that stands beside the picture of the page."""
    wide, narrow = Markup(drawing.wide_svg), Markup(drawing.narrow_svg)  # noqa: S704
    return {"plot": drawing.plot, "wide": wide, "narrow": narrow}
