"""What a search for the largest load is not asked, since there is no one answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadgen.errors import InputError
from scenarios.capacity import capacity
from scenarios.capacity_flags import wish_of

STAGES = '[traffic]\nrate_stages = ["2s:80"]\n[phases]\nmeasure = "5s"\n'


@pytest.mark.parametrize(
    ("of", "budget", "line"),
    [
        (
            "users",
            "delivery_time{room: large}: max < 1s",
            "expected none on a slice by room, which changes with the load",
        ),
        (
            "room",
            "delivery_time{room: large}: max < 1s",
            "expected none on a slice by room, which changes with the load",
        ),
        ("rate", "delivery_time{stage: 1}: max < 1s", "expected none on a slice by stage, which changes with the load"),
    ],
)
def test_a_slice_that_changes_with_the_load_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str, budget: str, line: str
) -> None:
    """Before anything starts: in the middle, a load without it would look like one that cannot be offered."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(STAGES, encoding="utf-8")

    with pytest.raises(InputError) as refused:
        capacity(wish_of(["mine.toml", "--of", of, "--budget", budget]), {}, "")

    assert line in str(refused.value)
    assert [*tmp_path.iterdir()] == [tmp_path / "mine.toml"]
