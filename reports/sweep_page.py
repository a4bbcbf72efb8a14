"""sweep.html: the runs of a sweep side by side, in one file that needs no network."""

from __future__ import annotations

from reports import charts_page, numbers, sheet
from reports.budgets import Document
from reports.charts import several
from reports.charts.several import Distribution
from reports.plots import quantiles
from reports.plots.sweep import draw_for_page
from reports.sweep import headline, name_of, troubles_of


def render(document: Document, file_name: str) -> str:
    """The page of a sweep; ``file_name`` is what one reads of a single run, in its directory."""
    runs = [Distribution(name_of(row["value"]), row["hdr"], held=row["verdict"] == "pass") for row in document["rows"]]
    chart = several.of_runs(runs)
    return sheet.render(
        "sweep.html.j2",
        draw_for_page(document),
        charts=[chart],
        sweep=document["sweep"],
        started_at=numbers.instant(document["sweep"]["started_at"]),
        distributions=charts_page.pictured(quantiles.draw_for_page(runs), chart),
        key=document["sweep"]["key"].rpartition(".")[2],
        headline=headline(document),
        rows=[
            {
                "value": name_of(row["value"]),
                "verdict": row["verdict"],
                "p50": numbers.duration(row["p50_ms"]),
                "p90": numbers.duration(row["p90_ms"]),
                "p99": numbers.duration(row["p99_ms"]),
                "per_s": numbers.rate(row["deliveries_per_s"]),
                "lost": numbers.count(row["lost"]),
                "duplicated": numbers.count(row["duplicated"]),
                "generator_cpu": numbers.percent(row["generator_cpu_ratio"]),
                "server_cpu": numbers.percent(row["server_cpu_ratio"]),
                "server_memory": numbers.size(row["server_rss_bytes"]),
                "troubles": troubles_of(row),
                "file": f"{row['run']}/{file_name}",
            }
            for row in document["rows"]
        ],
        took=numbers.seconds(document["sweep"]["seconds"]),
    )
