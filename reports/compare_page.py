"""compare.html: two runs, or two sets of runs, side by side, in one file that needs no network."""

from __future__ import annotations

from typing import Any

from reports import charts_page, numbers, sheet
from reports.budgets import Document
from reports.charts import several
from reports.compare import Whole
from reports.compare_texts import (
    advice_sentence,
    interval_text,
    name_of_new,
    ratio_text,
    runs_text,
    verdict_text,
    why_sentences,
)
from reports.plots import ratios as ratios_picture
from reports.plots.compare import draw_for_page

TONES = {Whole.WORSE: "bad", Whole.NO_WORSE: "good", Whole.CANNOT_TELL: "unsure", Whole.INVALID: "unsure"}


def render(document: Document) -> str:
    """The page of a comparison."""
    tone = TONES[Whole(document["compare"]["verdict"])]
    charts = [several.of_sides(document)]
    return sheet.render(
        "compare.html.j2", draw_for_page(document), charts=charts, tone=tone, **values_of_page(document)
    )


def values_of_page(document: Document) -> dict[str, Any]:
    """What the tables of a comparison ask for, also where runs were in turns."""
    compare = document["compare"]
    return {
        "compare": compare,
        "base": runs_text(compare["base"]),
        "new": runs_text(compare["new"]),
        "other": name_of_new(document),
        "test": "signed-rank" if "ab" in document else "rank-sum",
        "why": why_sentences(document),
        "advice": advice_sentence(document),
        "ratios": charts_page.pictured(ratios_picture.draw_for_page(document)),
        "differences": [*document["settings"], *document["machine"]],
        "times": [
            {
                "metric": row["metric"].replace("_", " "),
                "base": numbers.duration(row["base_ms"]),
                "new": numbers.duration(row["new_ms"]),
                "ratio": ratio_text(row),
                "interval": interval_text(row),
                "tolerance": "reported" if row["tolerance"] is None else f"{100 * row['tolerance']:g} %",
                "verdict": verdict_text(row),
            }
            for row in document["times"]
        ],
        "counts": [
            {
                "name": row["name"].replace("_", " "),
                "base": numbers.count(row["base"]),
                "new": numbers.count(row["new"]),
                "worse": row["worse"],
            }
            for row in document["counts"]
        ],
    }
