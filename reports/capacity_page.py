"""capacity.html: the largest load that held, in one file that needs no network."""

from __future__ import annotations

from typing import Any

from reports import charts_page, numbers, sheet
from reports.budgets import Document
from reports.capacity import WORDS, badge, headline, reasons
from reports.charts import several
from reports.charts.several import Distribution
from reports.plots import quantiles
from reports.plots.capacity import draw_for_page


def render(document: Document) -> str:
    """The page of a capacity document."""
    probes = sorted(document["probes"], key=lambda probe: (probe["load"], probe["confirms"]))
    runs = [Distribution(_name_of(probe), probe["hdr"], held=probe["outcome"] == "held") for probe in probes]
    chart = several.of_runs(runs)
    return sheet.render(
        "capacity.html.j2",
        draw_for_page(document),
        charts=[chart],
        distributions=charts_page.pictured(quantiles.draw_for_page(runs), chart),
        document=document,
        started_at=numbers.instant(document["search"]["started_at"]),
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
