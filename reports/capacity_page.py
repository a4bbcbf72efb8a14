"""capacity.html: the largest load that held, in one file that needs no network."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports import numbers
from reports.budgets import Document
from reports.capacity import WORDS, badge, headline, reasons
from reports.palette import DARK, LIGHT, css
from reports.plots.capacity import draw_for_page


def render(document: Document) -> str:
    """The page of a capacity document."""
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawing = draw_for_page(document)
    probes = sorted(document["probes"], key=lambda probe: (probe["load"], probe["confirms"]))
    return environment.get_template("capacity.html.j2").render(
        document=document,
        badge=badge(document),
        headline=headline(document),
        reasons=reasons(document),
        rows=[
            {
                "load": f"{probe['load']:,}",
                "words": WORDS[probe["outcome"]],
                "held": probe["outcome"] == "held",
                "confirms": probe["confirms"],
                "p50": numbers.duration(probe["p50_ms"]),
                "p99": numbers.duration(probe["p99_ms"]),
                "per_s": "no data" if probe["deliveries_per_s"] is None else f"{probe['deliveries_per_s']:,.0f}",
                "broken": ", ".join(probe["broken"]),
                "run": probe["run"],
            }
            for probe in probes
        ],
        # Safe as they are: the picture holds numbers and our own words, the colours are constants.
        drawing={
            "plot": drawing.plot,
            "wide": Markup(drawing.wide_svg),  # noqa: S704
            "narrow": Markup(drawing.narrow_svg),  # noqa: S704
        },
        light=css(LIGHT),
        dark=css(DARK),
    )
