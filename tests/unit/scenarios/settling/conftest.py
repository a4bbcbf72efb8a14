"""Scenario files in a directory of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.settled import Write


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Paths in messages are as they were given: short ones, relative to a directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(here: Path) -> Write:
    """Write a scenario file; its name."""

    def write_scenario(text: str) -> str:
        (here / "mine.toml").write_text(text, encoding="utf-8")
        return "mine.toml"

    return write_scenario
