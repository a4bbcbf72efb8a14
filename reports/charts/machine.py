"""What generator, server and machine were busy with, and how late the generator was, on one axis of time."""

from __future__ import annotations

from typing import Any

import numpy as np

from reports.charts.model import Chart, Panel, Reads, Series
from reports.charts.timeline import seconds_of, series_of, timed
from reports.curves import highest, lowest, wants_log

_MB = 1e6


def generator_and_server(document: dict[str, Any]) -> Chart:
    """The server's lines only when it is ours."""

    def both(key: str) -> tuple[Series, ...]:
        return (
            series_of(document, f"server_{key}", "server", "second", dash="dashed"),
            series_of(document, f"generator_{key}", "generator"),
        )

    others = series_of(document, "others_cpu_ratio", "others", "ink")
    machine = series_of(document, "machine_cpu_ratio", "all", "muted", dash="dashed")
    kernel = series_of(document, "socket_memory_bytes", "kernel", "ink")
    lag = series_of(document, "loop_lag_p99_ms", "event loop", "third", dash="dotted", width_px=1.8)
    late = series_of(document, "send_lateness_p99_ms", "sending")
    panels = (
        _panel(document, "CPU, of a core", Reads.PERCENT, 1.0, *both("cpu_ratio")),
        _panel(document, "machine, of all cores", Reads.PERCENT, 1.0, machine, others),
        _late(document, lag, late),
        _panel(document, "memory", Reads.SIZE, _MB, *both("rss_bytes")),
        _panel(document, "socket buffers", Reads.SIZE, _MB, kernel),
        _panel(document, "open files and sockets", Reads.COUNT, 1.0, *both("descriptors")),
    )
    return timed(document, "generator_and_server", panels)


def _late(document: dict[str, Any], *series: Series) -> Panel:
    x = seconds_of(document)
    points = tuple((x, each.values) for each in series)
    log = wants_log(lowest(*points), highest(*points))
    return Panel("lateness, p99", Reads.DURATION, x, _there(*series), log=log)


def _panel(document: dict[str, Any], heading: str, reads: Reads, least: float, *series: Series) -> Panel:
    return Panel(heading, reads, seconds_of(document), _there(*series), least=least)


def _there(*series: Series) -> tuple[Series, ...]:
    """Those of which something is known."""
    return tuple(each for each in series if np.isfinite(each.values).any())
