"""capacity.html: the largest load that held, in one file that needs no network."""

from __future__ import annotations

from typing import Any

from reports import numbers, sheet
from reports.budgets import Document
from reports.capacity import WORDS, badge, headline, reasons
from reports.plots import quantiles
from reports.plots.capacity import draw_for_page
from reports.plots.quantiles import Distribution


def render(document: Document) -> str:
    """The page of a capacity document."""
    probes = sorted(document["probes"], key=lambda probe: (probe["load"], probe["confirms"]))
    return sheet.render(
        "capacity.html.j2",
        draw_for_page(document),
        distributions=sheet.shown(
            quantiles.draw_for_page(
                [Distribution(_name_of(probe), probe["hdr"], held=probe["outcome"] == "held") for probe in probes]
            )
        ),
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
    )


def _name_of(probe: dict[str, Any]) -> str:
    return f"{probe['load']:,}" + (", longer" if probe["confirms"] else "")
