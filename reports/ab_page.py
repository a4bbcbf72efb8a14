"""ab.html: base and head in interleaved pairs, in one file that needs no network."""

from __future__ import annotations

from typing import Any

from reports import charts_page, numbers, sheet
from reports.ab_texts import noise_sentences
from reports.budgets import Document
from reports.charts import several
from reports.compare import Whole
from reports.compare_page import TONES, values_of_page
from reports.plots import ab as pairs_picture
from reports.plots import compare as distributions_picture


def render(document: Document) -> str:
    """The page of the pairs."""
    gated = [row["metric"] for row in document["times"] if row["tolerance"] is not None]
    ab = document["ab"]
    chart = several.of_sides(document)
    return sheet.render(
        "ab.html.j2",
        pairs_picture.draw_for_page(document),
        charts=[chart],
        **values_of_page(document),
        tone=TONES[Whole(document["compare"]["verdict"])],
        distributions=charts_page.pictured(distributions_picture.draw_for_page(document), chart),
        ab=ab,
        started_at=numbers.instant(ab["started_at"]),
        took=numbers.seconds(ab["seconds"]),
        noise=noise_sentences(document),
        gated=[name.rpartition(" ")[2] for name in gated],
        pairs=[_row(pair, gated) for pair in document["pairs"]],
    )


def _row(pair: dict[str, Any], gated: list[str]) -> dict[str, Any]:
    return {
        "number": pair["number"],
        "first": pair["first"],
        "sides": [
            {
                "name": side,
                "values": [numbers.duration(pair[side]["values"][name]) for name in gated],
                "troubles": [*pair[side]["failures"], *pair[side]["doubts"]],
            }
            for side in ("base", "head")
        ],
        "counts": pair["counts"],
    }
