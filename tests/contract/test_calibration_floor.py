"""The way from one program to another, which nothing of ours can be faster than."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from scenarios.calibration_floor import Crowd, way_ns
from scenarios.calibration_runs import Place

pytestmark = pytest.mark.system

CROWD = Crowd(users=20, rooms=2, rate_per_s=400.0)
DURATION_S = 0.1


@pytest.mark.parametrize("processes", [1, 3])
def test_each_delivery_has_taken_some_time_on_its_way(tmp_path: Path, processes: int) -> None:
    """One figure for each member of the room, whichever program reads for him; from the shortest to the longest."""
    times_ns = asyncio.run(way_ns(Place(tmp_path, None, None), CROWD, processes, DURATION_S))

    assert len(times_ns) == round(DURATION_S * CROWD.rate_per_s) * CROWD.users // CROWD.rooms
    assert times_ns == sorted(times_ns)
    assert times_ns[0] > 0
