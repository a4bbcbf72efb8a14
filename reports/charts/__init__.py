"""The charts of a run that one can look into: from a result document, to what the page's script draws."""

from __future__ import annotations

from typing import Any

from reports.charts.delivery import distribution, fanout, over_time
from reports.charts.machine import generator_and_server
from reports.charts.model import Chart
from reports.charts.target import target_figures
from reports.charts.traffic import connections, throughput


def charts_of(document: dict[str, Any]) -> list[Chart]:
    """Every chart, of a partial document too; a panel without data says so (Panel.has_data)."""
    make = (over_time, distribution, throughput, connections, fanout, generator_and_server)
    told = target_figures(document)
    return [each(document) for each in make] + ([] if told is None else [told])
