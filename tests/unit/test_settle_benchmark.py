"""The benchmark of settling accounts for all that comes, however it comes."""

from __future__ import annotations

import pytest

from benchmarks.settle.cases import CASES, settle_us


@pytest.mark.parametrize("name", CASES)
def test_each_case_is_accounted_for(name: str) -> None:
    """Of a figure for less than all, nobody could tell."""
    assert settle_us(CASES[name], 20) >= 0
