"""The way from one program to another, which nothing of ours can be faster than."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from scenarios.calibration_floor import RATE_PER_S, way_ns
from scenarios.calibration_runs import Place

pytestmark = pytest.mark.system

DURATION_S = 0.2


def test_each_stamp_has_taken_some_time_on_its_way(tmp_path: Path) -> None:
    """One figure for each that was sent, from the shortest to the longest."""
    times_ns = asyncio.run(way_ns(Place(tmp_path, None, None), DURATION_S))

    assert len(times_ns) == round(DURATION_S * RATE_PER_S)
    assert times_ns == sorted(times_ns)
    assert times_ns[0] > 0
