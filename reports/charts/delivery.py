"""Delivery times: second by second, and how they are distributed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from reports import numbers
from reports.charts.model import Band, Chart, Limit, Panel, Reads, Series
from reports.charts.timeline import MOST_POINTS, seconds_of, series_of, timed
from reports.curves import (
    FEWEST_SAMPLES,
    MEDIAN_NINES,
    Line,
    folded_count,
    has_data,
    highest,
    lowest,
    quantile_curves,
    wants_log,
)
from reports.verdicts import budget_of

# A budget further off than this would press what was measured flat against the axis.
_BUDGET_IN_SIGHT = 4
_QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
# Read exactly there, besides wherever the curve is drawn.
ROUND_NINES = (MEDIAN_NINES, *(-math.log10(1 - q) for q in (0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999)))


def over_time(document: dict[str, Any]) -> Chart:
    """Percentile bands of the messages due in each second."""
    slowest = series_of(document, "delivery_time_max_ms", "max", "third", dash="dotted", width_px=1.5)
    p99 = series_of(document, "delivery_time_p99_ms", "p99", width_px=1.5)
    p90 = series_of(document, "delivery_time_p90_ms", "p90", dash="dashed", width_px=1.0)
    p50 = series_of(document, "delivery_time_p50_ms", "p50", width_px=2.6)
    lines = (slowest, p99, p90, p50)
    x = seconds_of(document)
    points = tuple((x, each.values) for each in lines)
    step = folded_count(document, MOST_POINTS)
    bound_ms = budget_in_sight_ms(document, highest(*points))
    panel = Panel(
        f"delivery time, each point the highest of {step} s" if step > 1 else "delivery time",
        Reads.DURATION,
        x,
        lines,
        bands=(Band("p99", "p90", 0.13), Band("p90", "p50", 0.28)),
        limits=() if bound_ms is None else (Limit(bound_ms, budget_text(bound_ms), "bad"),),
        log=wants_log(lowest(*points), max(highest(*points), bound_ms or 0.0)),
        names_incidents=True,
    )
    return timed(document, "delivery_over_time", (panel,), "warmup", "measure")


def budget_in_sight_ms(document: dict[str, Any], high_ms: float) -> float | None:
    """The limit that a budget sets for the p99 of delivery times, unless it is far above what was measured."""
    for judged in document.get("budgets") or []:
        budget = budget_of(judged["expression"])
        if budget and (budget.metric, budget.percent, budget.slice) == ("delivery_time", 99, None):
            return float(budget.limit) if budget.limit < high_ms * _BUDGET_IN_SIGHT else None
    return None


def budget_text(bound_ms: float) -> str:
    """What stands beside its line."""
    return f"budget: p99 under {numbers.round_duration(bound_ms)}"


def distribution(document: dict[str, Any]) -> Chart:
    """Corrected and uncorrected times by quantile, the tail stretched: each nine has the same width."""
    metrics = document.get("metrics") or {}
    return by_quantile(
        "delivery_distribution",
        [
            (
                metrics.get("delivery_service_time") or {},
                Series("service time, from sent", np.empty(0), "second", "dashed"),
            ),
            (metrics.get("delivery_time") or {}, Series("delivery time, from due", np.empty(0), width_px=2.4)),
        ],
        of="deliveries",
    )


def fanout(document: dict[str, Any]) -> Chart:
    """When the first, each and the last receiver had a message, and how long it took from the first to the last."""
    metrics = document.get("metrics") or {}
    lines = {
        "fanout_time": Series("fan-out, first to last", np.empty(0), "ink", "dashed"),
        "first_delivery_time": Series("first", np.empty(0), "second", "dotted", 2.0),
        "delivery_time": Series("each", np.empty(0), "muted"),
        "last_delivery_time": Series("last", np.empty(0), width_px=2.4),
    }
    told = [(metrics.get(name) or {}, line) for name, line in lines.items()]
    chart = by_quantile("fanout", told, of="messages")
    # Of messages there are fewer than of deliveries: where their curves end, nothing is left to compare.
    (panel,) = chart.panels
    known = [np.isfinite(each.values) for each in panel.series if each.name != "each"]
    last = panel.x[np.any(known, axis=0)][-1:].tolist() if known else []
    return replace(chart, end=max([1.0, *last]))


def by_quantile(name: str, metrics: list[tuple[dict[str, Any], Series]], *, of: str) -> Chart:
    """A chart of several metrics of a document (with their ``hdr``), each beside the look of its line.

    ``of`` is what is counted, where it is too few to be drawn.
    """
    curves = quantile_curves([metric.get("hdr") for metric, _ in metrics], at=ROUND_NINES)
    known = [curve for curve in curves if has_data(curve)]
    x = known[0][0] if known else np.empty(0)
    count = max((metric.get("count") or 0 for metric, _ in metrics), default=0)
    panel = Panel(
        "time by quantile",
        Reads.DURATION,
        x,
        tuple(
            Series(style.name, _as_stated(curve, metric), style.role, style.dash, style.width_px)
            for curve, (metric, style) in zip(curves, metrics, strict=True)
            if has_data(curve)
        ),
        log=wants_log(lowest(*known), highest(*known)),
        # A snapshot has times, and no histograms.
        without_data=f"{numbers.count(count)} {of} are too few" if 0 < count < FEWEST_SAMPLES else numbers.NO_DATA,
    )
    return Chart(name, "quantile", (panel,), MEDIAN_NINES, max([1.0, *x[-1:].tolist()]))


def _as_stated(curve: Line, metric: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The curve, with the quantiles that the document states as it states them: they were taken before it was coded."""
    nines, values_ms = curve
    stated = values_ms.copy()
    for name, q in _QUANTILES.items():
        if metric.get(name) is not None:
            stated[np.isclose(nines, -math.log10(1 - q), atol=1e-9)] = metric[name]
    return stated
