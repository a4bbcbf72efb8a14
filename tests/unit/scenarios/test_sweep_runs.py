"""What the runs of a sweep are asked for: the same flags for all, and a file of its own for each."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from scenarios.settle import settle
from scenarios.sweep_runs import arguments_of, scenario_of
from scenarios.toml_text import toml_text


def test_flags_are_handed_on_but_those_of_the_sweep_itself() -> None:
    """As they were typed."""
    flags: dict[str, Any] = {
        "target.url": ["http://a", "http://b"],
        "target.headers": {"A": "b: c"},
        "target.insecure": True,
        "users.count": "30",
        "users.stages": ["1s:5"],
        "run.html": False,
        "run.plots": True,
        "budgets": ["x", "y"],
        "run.out": "there",
        "run.force": True,
        "run.quiet": True,
        "run.print_json": True,
        "run.events": "e",
    }

    assert " ".join(arguments_of(flags)) == (
        "--target http://a --target http://b --insecure --header A: b: c --users 30 --stage 1s:5 --no-html --plots "
        "--budget x --budget y"
    )


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("traffic.payload_bytes", [100, 1_000]),
        ("traffic.gaps", ["constant", "exponential"]),
        ("traffic.payload_bytes", [[100, 200], {"median": 120.0}]),
        ("users.more_rooms", [[], [{"shape": "own"}]]),
        ("users.rooms.shape", ["single", "own"]),
    ],
)
def test_the_file_of_a_run_can_be_run_by_itself(tmp_path: Path, key: str, values: list[Any]) -> None:
    """It is settled as the run was before anything started."""
    path = tmp_path / "mine.toml"
    path.write_text(f'extends = "smoke"\nusers.rooms.shape = "single"\n[sweep]\n"{key}" = {toml_text(values)}')
    sweep = settle(str(path), {}, {})
    assert sweep.sweep is not None

    for number, run in enumerate(sweep.runs):
        alone = settle(str(scenario_of(str(path), sweep, number, tmp_path)), {}, {})

        assert alone.sweep is None
        assert alone.is_the_same_as(run)
        assert alone.name.startswith("mine-0")


@pytest.mark.parametrize("value", ['a "b" \\ c', "tab\t\x7f", {"X Y": [1.5, True]}])
def test_a_value_is_written_as_it_can_be_read(value: Any) -> None:
    """Whatever stands in it."""
    assert tomllib.loads(f"key = {toml_text(value)}") == {"key": value}
