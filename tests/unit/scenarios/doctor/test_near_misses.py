"""Texts that came in another way than they were awaited."""

from __future__ import annotations

import pytest

from scenarios.doctor.near_misses import as_written


@pytest.mark.parametrize(
    ("awaited", "frame", "written"),
    [
        ('"type":"joined"', '{"type" : "Joined"}', '"type" : "Joined"'),
        ("JOINED", "JOINED", None),
        ("JOINED", "LEFT", None),
    ],
)
def test_a_text_is_found_but_for_blanks_and_capitals(awaited: str, frame: str, written: str | None) -> None:
    """As the server writes it; None where it is right already, or not there."""
    assert as_written(awaited, frame.encode()) == written
