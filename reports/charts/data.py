"""Charts as the JSON that a page's script draws: short, and rounded to what can be read of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from reports import numbers
from reports.charts.model import Chart, Panel, Reads, Series
from reports.curves import Floats
from reports.summary import label_of

# One more than are ever written, and so rounded that writing fewer gives the same as from the full value.
_DIGITS = 4
# A ratio near 1 is written with more: 99.967 %.
_RATIO_DIGITS = 7
_MOST_DIGITS = 9


def chart_data(charts: Iterable[Chart]) -> dict[str, Any]:
    """Plain data: ``{"columns": [[x, ...], ...], "charts": [...]}``; a panel names its x by the place of its column."""
    columns: list[list[float | int | None]] = []
    told = [_chart(chart, columns) for chart in charts]
    return {"columns": columns, "charts": told}


def _chart(chart: Chart, columns: list[list[float | int | None]]) -> dict[str, Any]:
    return {
        "name": chart.name,
        "over": chart.over,
        "start": chart.start,
        "end": chart.end,
        "secondsAPoint": chart.seconds_a_point,
        "phases": [
            {"key": span.name, "name": label_of(span.name), "start": span.start_s, "end": span.end_s}
            for span in chart.phases
        ],
        "incidents": [
            {"at": each.at_s, "until": each.until_s, "names": [numbers.printable(name) for name in each.names]}
            for each in chart.incidents
        ],
        "panels": [_panel(panel, columns) for panel in chart.panels],
    }


def _panel(panel: Panel, columns: list[list[float | int | None]]) -> dict[str, Any]:
    names = [series.name for series in panel.series]
    x = _plain(np.round(panel.x, 6))
    if x not in columns:
        columns.append(x)
    return {
        "heading": panel.heading,
        "reads": panel.reads,
        "log": panel.log,
        "least": panel.least,
        "namesIncidents": panel.names_incidents,
        "x": columns.index(x),
        "withoutData": None if panel.has_data() else panel.without_data,
        "series": [_series(series, panel.reads) for series in panel.series],
        "bands": [
            {"lines": [names.index(band.upper), names.index(band.lower)], "strength": band.strength}
            for band in panel.bands
        ],
        "limits": [{"value": limit.value, "text": limit.text, "role": limit.role} for limit in panel.limits],
    }


def _series(series: Series, reads: Reads) -> dict[str, Any]:
    exact = reads in (Reads.COUNT, Reads.RATE)
    digits = _RATIO_DIGITS if reads is Reads.PERCENT else _DIGITS
    return {
        "name": numbers.printable(series.name),
        "role": series.role,
        "dash": series.dash,
        "width": series.width_px,
        "strength": series.strength,
        "isListed": series.is_listed,
        "values": _plain(np.round(series.values, 3) if exact else shortened(series.values, digits)),
    }


def shortened(values: Floats, digits: int = _DIGITS) -> Floats:
    """The values to so many significant digits, away from 0 and 5 at the end where something was cut off.

    So what is rounded further down is the same as if it had been rounded once (S. Boldo and G. Melquiond's rounding
    to odd, in decimals).
    """
    magnitude = np.floor(np.log10(np.where((values == 0) | ~np.isfinite(values), 1.0, np.abs(values))))
    unit = 10.0 ** (digits - 1 - magnitude)
    scaled = np.round(np.abs(values) * unit, 6)
    whole = np.floor(scaled)
    sticky = (scaled > whole) & np.isin(whole % 10, (0, 5))
    return np.asarray(np.sign(values) * (whole + sticky) / unit, dtype=np.float64)


def _plain(values: Floats) -> list[float | int | None]:
    """As JSON has them: None for NaN, and no point where there is nothing behind it."""
    return [
        None if value != value else int(value) if value == int(value) else float(f"{value:.{_MOST_DIGITS}g}")
        for value in values.tolist()
    ]
