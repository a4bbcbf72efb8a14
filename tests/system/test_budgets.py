"""Budgets on slices of a run, from a file that scenarios share, with real processes and a real server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.benches import bench, chatbench, code_of

pytestmark = pytest.mark.system

# Two rooms: one of 18 users, and one of 2.
TWO_SIZES = """
[users]
count = 20
connect_rate_per_s = 200
rooms = { shape = "lognormal", median = 2, sigma = 0, giant = 0.9 }
[traffic]
rate_per_s = 100
[phases]
warmup = "0s"
measure = "2s"
drain = "1s"
"""
IMPOSSIBLE = '"delivery_time{room: medium}" = "med < 1us"\n'
EASY = '"delivery_time{room: pair}" = "med < 60s"\n'


def parts_of(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The slices of a kind."""
    return [each for each in document["slices"] if each["name"].startswith(f"{kind}: ")]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_budget_on_one_size_of_rooms_fails_the_run_by_itself(tmp_path: Path, processes: str) -> None:
    """The other size keeps its own, and both together are the whole, however many processes there are."""
    (tmp_path / "mine.toml").write_text(TWO_SIZES, encoding="utf-8")
    (tmp_path / "shared.toml").write_text(f"[scenario.mine]\n{IMPOSSIBLE}{EASY}", encoding="utf-8")

    with bench("mine.toml", "--budgets", "shared.toml", "--processes", processes, cwd=tmp_path) as running:
        document = running.ends_with(99, 97)

    assert running.process.returncode == code_of(document, 99)
    assert {budget["expression"]: budget["ok"] for budget in document["budgets"]} == {
        "delivery_time{room: medium}: med < 1us": False,
        "delivery_time{room: pair}: med < 60s": True,
    }
    rooms = parts_of(document, "room")
    assert [room["name"] for room in rooms] == ["room: pair", "room: medium"]
    for counter in rooms[0]["counters"]:
        assert sum(room["counters"][counter] for room in rooms) == document["counters"][counter], counter
    for metric in ("delivery_time", "first_delivery_time", "last_delivery_time", "ack_time"):
        counts = [room["metrics"].get(metric, {"count": 0})["count"] for room in rooms]
        assert sum(counts) == document["metrics"][metric]["count"] > 0, metric
    phases = parts_of(document, "phase")
    assert sum(phase["counters"]["connections_opened"] for phase in phases) == 20
    assert document["plan"]["budgets.delivery_time{room: pair}"]["origin"] == "budgets"


def test_a_run_that_has_failed_for_good_is_left_alone_for_as_long_as_wanted(tmp_path: Path) -> None:
    """And then it ends: long before its time, and not before the delay."""
    (tmp_path / "mine.toml").write_text(TWO_SIZES, encoding="utf-8")
    budget = ("--budget", "deliveries_received{room: medium}: count < 1", "--duration", "10m")

    with bench("mine.toml", *budget, "--abort-on-fail", "--abort-after", "2s", cwd=tmp_path) as running:
        document = running.ends_with(99, 97)

    assert document["run"]["ended_early"] == "budget_broken"
    assert 2.0 <= document["rates"]["window_s"] < 60.0


def test_a_slice_that_a_run_cannot_have_is_refused_before_it_starts(tmp_path: Path) -> None:
    """In one line, and no directory is left."""
    (tmp_path / "mine.toml").write_text(TWO_SIZES, encoding="utf-8")

    refused = chatbench("run", "mine.toml", "--budget", "delivery_time{room: huge}: max < 1s", cwd=tmp_path)

    assert refused.returncode == 104
    assert refused.stderr == (
        "chatbench: --budget: delivery_time{room: huge}: expected one of the rooms of this scenario (pair, medium), "
        "got huge\n"
    )
    assert not (tmp_path / "runs").exists()
