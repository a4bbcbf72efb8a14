"""The command line of a capacity search: its own flags, and those that every run is given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loadgen.errors import InputError
from reports.capacity import Axis
from scenarios.capacity_flags import wish_of
from scenarios.flags_of_run import HelpWanted


def test_flags_of_run_hold_for_every_run_and_for_settling() -> None:
    """As typed, in both."""
    wish = wish_of(["smoke", "--of", "rate", "-u", "30", "--budget", "a", "--budget", "b", "-k", "--header", "A: b"])

    assert (wish.scenario, wish.of) == ("smoke", Axis.RATE)
    assert wish.flags == {
        "users.count": "30",
        "budgets": ["a", "b"],
        "target.insecure": True,
        "target.headers": {"A": "b"},
    }
    assert sorted(wish.arguments) == sorted(
        ["--users", "30", "--budget", "a", "--budget", "b", "--insecure", "--header", "A: b"]
    )


def test_its_own_flags_are_its_own() -> None:
    """They are not handed on."""
    wish = wish_of(["--start", "5", "--most", "50", "--max-time", "2m", "-d", "3s", "-o", "there", "--json"])

    assert wish.scenario == "fanout"
    assert (wish.start, wish.most, wish.max_time_s, wish.duration_s) == (5, 50, 120.0, 3.0)
    assert (wish.out, wish.print_json, wish.arguments) == (Path("there"), True, ())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--of", "rooms"], "--of: expected users, rate or room, got rooms"),
        (["--start", "0"], "--start: expected a whole number > 0, got 0"),
        (["--most", "many"], "--most: expected a whole number > 0, got many"),
        (["--max-time", "soon"], "--max-time: expected a time like 30s or 10m, got soon"),
        (["-d", "0s"], "--duration: expected a time > 0, got 0s"),
        (["--start", "10", "--most", "5"], "--most: expected at least as much as --start (10), got 5"),
        (["--stage", "3s:4"], "--stage: expected without it, since each run of a search has one load"),
        (["--events", "file"], "--events: expected a single run"),
        (["--no-plots"], "--no-plots: expected without it"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments: list[str], complaint: str) -> None:
    """Before anything starts."""
    with pytest.raises(InputError, match="^" + re.escape(complaint)):
        wish_of(arguments)


def test_help_is_no_error() -> None:
    """It names the exit codes and the flags, those of a run with what the help of ``run`` says of them."""
    with pytest.raises(HelpWanted, match=r"(?s)106\s+target.*--max-time.*--rate MSGS_PER_S\s+Messages a second"):
        wish_of(["fanout", "--help"])
