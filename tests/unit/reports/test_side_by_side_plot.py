"""The picture of servers side by side."""

from __future__ import annotations

from functools import partial

from reports.plots import frame
from reports.plots.side_by_side import Served, delivery_times
from tests.support.documents import a_document


def test_each_server_has_a_panel_with_a_line_for_each_run() -> None:
    """Their median is told in figures; a server without deliveries says so."""
    hdrs = [a_document(delivery_p50_ms=ms)["metrics"]["delivery_time"]["hdr"] for ms in (2.0, 3.0, 40.0)]
    servers = [Served("quick", hdrs), Served("slow", hdrs[2:]), Served("dead", [None, None]), Served("new", hdrs[:1])]

    svg = frame.svg_element("picture", (900, 560), partial(delivery_times, servers=servers))
    for text in (">quick<", ">slow<", "dead: no data", ">new<", "p50 3.0", "p50 40", "99.9 %"):
        assert text in svg, text
    assert svg.count("p99 ") == 3
