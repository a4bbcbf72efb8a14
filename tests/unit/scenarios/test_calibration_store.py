"""A run finds the calibration of its own machine, and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scenarios.calibration_store import calibration_of, default_path, fingerprint_of
from tests.support.calibrations import MACHINE, a_calibration


def kept_in(directory: Path, text: str) -> dict[str, str]:
    """The environment of a user who has kept that."""
    environ = {"XDG_STATE_HOME": str(directory)}
    default_path(environ).parent.mkdir()
    default_path(environ).write_text(text, encoding="utf-8")
    return environ


def test_a_calibration_is_found_again(tmp_path: Path) -> None:
    """As it was kept."""
    document = a_calibration()

    assert calibration_of(MACHINE, kept_in(tmp_path, json.dumps(document))) == document


@pytest.mark.parametrize("change", [{"host": "bench-2"}, {"cores": 4}, {"packages": {"numpy": "3"}}])
def test_that_of_another_machine_is_left_alone(tmp_path: Path, change: dict[str, Any]) -> None:
    """A home may be shared by several machines, and a machine changes."""
    assert calibration_of(MACHINE | change, kept_in(tmp_path, json.dumps(a_calibration()))) is None


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", json.dumps({"schema": "chatbench.calibration/2"})])
def test_what_is_no_calibration_is_none(tmp_path: Path, text: str) -> None:
    """A file that cannot be read costs no run."""
    assert calibration_of(MACHINE, kept_in(tmp_path, text)) is None


def test_where_nothing_was_kept_there_is_none(tmp_path: Path) -> None:
    """As before the first calibration."""
    assert calibration_of(MACHINE, {"XDG_STATE_HOME": str(tmp_path)}) is None


def test_a_state_directory_that_is_no_absolute_path_is_ignored() -> None:
    """As the XDG base directory specification has it."""
    expected = Path.home() / ".local/state/chatbench/calibration.json"

    assert default_path({}) == default_path({"XDG_STATE_HOME": "state"}) == expected


def test_a_fingerprint_is_of_what_the_figures_depend_on() -> None:
    """The machine, and what the generator is made of; not where the run was started."""
    environment = {
        **MACHINE,
        "packages": {"picows": "2.3", "fastapi": "1"},
        "git_commit": "abc",
        "limits": {"open_files": 1024},
    }

    assert fingerprint_of(environment) == MACHINE | {"packages": {"picows": "2.3"}}
