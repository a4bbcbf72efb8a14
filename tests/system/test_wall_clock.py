"""Somebody sets the time while a run goes on: only what names a moment may change."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from tests.support.benches import CHATBENCH, bench, doubts_of
from tests.support.patience import PATIENCE_S
from tests.support.wall_clock import WallClock

pytestmark = pytest.mark.system

HOUR_S = 3600
MEASURED_S = 4
# Nothing in this run takes as long, however busy the machine is; an hour is far beyond it.
LONGEST_S = 60

SCENARIO = """
extends = "smoke"
[[incident]]
at = "60%"
kind = "reconnect_storm"
share = 1.0
backoff = "none"
"""


@pytest.mark.parametrize("jumps_s", [(HOUR_S, -HOUR_S), (-HOUR_S, HOUR_S)], ids=["on and back", "back and on"])
def test_no_figure_knows_that_the_time_was_set(jumps_s: tuple[int, int], tmp_path: Path) -> None:
    """Durations, due times, series and leases are of the monotonic clock, and everybody comes back with a token."""
    (tmp_path / "storm.toml").write_text(SCENARIO, encoding="utf-8")
    clock = WallClock(tmp_path)
    load = ("storm.toml", "--users", "10", "--rooms", "1", "--warmup", "1s", "--duration", f"{MEASURED_S}s")
    program = (*clock.program, CHATBENCH)
    with bench(*load, "--drain", "500ms", cwd=tmp_path, program=program) as running:
        running.wait_for("warm-up")
        clock.set_ahead(jumps_s[0])
        running.wait_for("measured window")
        clock.set_ahead(jumps_s[1])
        document = running.ends_with(0, 97, 99, within_s=2 * PATIENCE_S)

    run, counts = document["run"], document["counters"]
    took = datetime.fromisoformat(run["finished_at"]) - datetime.fromisoformat(run["started_at"])
    assert abs(took.total_seconds() - jumps_s[1]) < LONGEST_S, "the clock that its processes see was set"
    assert document["rates"]["window_s"] == MEASURED_S
    assert all(0 <= phase["start_s"] <= phase["end_s"] < LONGEST_S for phase in document["phases"])
    assert len(document["series"]["t_s"]) < LONGEST_S
    assert document["series"]["t_s"] == sorted(document["series"]["t_s"])
    for name, metric in document["metrics"].items():
        if metric and metric["count"]:
            assert 0 <= metric["min"] <= metric["max"] < LONGEST_S * 1000, name
    assert "clock_backwards" not in doubts_of(document)
    assert counts["reconnects"] == 10
    assert counts["connections_failed"] == counts["deliveries_lost"] == counts["deliveries_duplicated"] == 0
