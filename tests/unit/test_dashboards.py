"""What docs/prometheus.md and the dashboard say of the figures is what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reports.prometheus import FIGURES
from tests.support.documents import a_document, a_failed_document
from tests.support.samples import exposed, samples_in

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "prometheus.md").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads((ROOT / "examples" / "grafana" / "chatbench.json").read_text(encoding="utf-8"))

# Prometheus adds it.
INSTANCE = "instance"


def targets() -> Iterator[dict[str, Any]]:
    """Everything that a panel asks for."""
    for panel in DASHBOARD["panels"]:
        yield from panel["targets"]


def test_the_page_has_a_row_for_every_figure() -> None:
    """In their order and words."""
    rows = [
        f"| `{figure.name}` | {figure.kind} | {', '.join(f'`{label}`' for label in figure.labels)} | {figure.text} |"
        for figure in FIGURES
    ]

    assert PAGE.rpartition("|---|---|---|---|\n")[2].partition("\n\n")[0].splitlines() == rows


def test_every_figure_of_the_dashboard_is_told_of_a_run() -> None:
    """While it goes on, or when it is over."""
    documents = a_document(snapshot=True), a_failed_document()
    told = {key.partition("{")[0] for document in documents for key in samples_in(exposed(document))}
    asked = {name for target in targets() for name in re.findall(r"\bchatbench_\w+", target["expr"])}

    assert asked - told == set()
    assert len(asked) > 20


def test_every_label_of_the_dashboard_is_one_of_its_figure() -> None:
    """Grafana would show an empty name, or nothing at all."""
    labels = {figure.name: {*figure.labels, INSTANCE} for figure in FIGURES}

    for target in targets():
        (name,) = re.findall(r"\bchatbench_\w+", target["expr"])
        shown = re.findall(r"{{(\w+)}}", target["legendFormat"])
        chosen = re.findall(r"[{,]\s*(\w+)\s*=", target["expr"])
        assert {*shown, *chosen} <= labels[name]


def test_the_dashboard_holds_no_name_of_somebody_elses_grafana() -> None:
    """Where it is imported, the Prometheus is chosen."""
    sources = {json.dumps(target["datasource"]) for target in [*targets(), *DASHBOARD["panels"]]}

    assert sources == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}
    assert "id" not in DASHBOARD


def test_panels_do_not_overlap() -> None:
    """Each has an id of its own and a place of its own."""
    places = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in DASHBOARD["panels"]
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]

    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
