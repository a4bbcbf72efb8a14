"""What a run says on the terminal."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from reports.terminal import LiveView, print_summary
from tests.support.documents import a_document, a_failed_document, a_late_document, a_storm_document


def a_console(*, terminal: bool = False) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=80, highlight=False), out


def at(t_s: float) -> dict[str, Any]:
    """A snapshot of that second of the run."""
    document = a_document(snapshot=True)
    document["series"]["t_s"][-1] = t_s
    return document


def test_without_a_terminal_a_line_appears_every_few_seconds_of_the_run() -> None:
    """A log of a long run stays readable, and nothing depends on the wall clock."""
    console, out = a_console()

    with LiveView(console) as view:
        for t_s in (9.0, 10.0, 14.0, 15.0, 19.0, 20.5):
            view.update(at(t_s))

    assert [line.split("  ")[0] for line in out.getvalue().splitlines()] == ["9 s", "15 s", "20 s"]


def test_without_a_terminal_a_line_tells_each_new_phase() -> None:
    """Whoever follows a log sees where the run is, and not up to five seconds later."""
    console, out = a_console()
    warmup, measure = at(9.0), at(10.0)
    warmup["phases"] = [{"name": "warmup", "start_s": 8.0, "end_s": None}]

    with LiveView(console) as view:
        for document in (warmup, warmup, measure, measure):
            view.update(document)

    assert [line.split("  ")[1].split()[0] for line in out.getvalue().splitlines()] == ["warm-up", "measured"]


def test_a_plain_line_says_phase_load_speed_and_loss() -> None:
    """The same words as on the terminal, without a single control character."""
    console, out = a_console()

    with LiveView(console) as view:
        view.update(at(11.0))

    line = out.getvalue()
    for words in ("measured window 3 of 20 s", "500 users", "deliveries/s", "p50 3.", "p99 8.", "lost 0"):
        assert words in line
    assert line.rstrip("\n").isprintable()


def test_progress_of_login_is_told_by_users() -> None:
    """It lasts as long as it lasts, so time cannot tell."""
    console, out = a_console()
    document = a_document(snapshot=True, phases=[{"name": "login", "start_s": 0.0, "end_s": None}])
    document["metrics"] = {"login_time": {"count": 125}}

    with LiveView(console) as view:
        view.update(document)

    assert "login 25 %" in out.getvalue()


def test_a_line_tells_who_is_away_who_came_back_and_how_many_processes_there_are() -> None:
    """A storm is seen while it rages; one process and nobody away is not worth a word."""
    console, out = a_console()
    document = a_storm_document()
    document["phases"][-1:] = []
    document["series"]["connections"][-1] = 300

    with LiveView(console) as view:
        view.update(document)
        view.update(at(40.0))

    stormy, calm = out.getvalue().splitlines()
    assert "300 of 500 users  250 came back  2 processes  " in stormy
    assert "  500 users  " in calm
    assert not any(word in calm for word in (" of 500", "back", "process"))


def test_users_who_are_not_wanted_yet_are_not_missed() -> None:
    """With stages there are fewer than the most of them for most of the time."""
    console, out = a_console()
    document = at(11.0)
    document["plan"]["users.stages"]["value"] = [{"within": "20s", "count": 500}]
    document["series"]["connections"][-1] = 60

    with LiveView(console) as view:
        view.update(document)

    assert "  60 users  " in out.getvalue()


def test_the_first_snapshot_may_be_empty() -> None:
    """Before the first second there is nothing to say, and nothing to fall over."""
    console, out = a_console()

    with LiveView(console) as view:
        view.update({})

    assert "starting" in out.getvalue()


@pytest.mark.parametrize(
    "document",
    [
        a_document(),
        a_failed_document(),
        a_late_document(),
        a_storm_document(),
        a_document(interrupted=True),
        a_document(empty=True, verdict="invalid", ended_early="login_refused"),
        {},
    ],
)
def test_a_summary_fits_80_columns(document: dict[str, Any]) -> None:
    """Half a screen beside an editor."""
    console, out = a_console()

    print_summary(document, console=console)

    assert max(map(len, out.getvalue().splitlines())) <= 80


def test_a_summary_says_why_what_to_do_and_where_the_rest_is() -> None:
    """Read in ten seconds."""
    console, out = a_console()

    print_summary(a_late_document(), Path("runs/one/report.html"), console=console)

    text = " ".join(out.getvalue().split())
    assert text.startswith("INVALID the generator was late: send_lateness p99 was 14.2 ms")
    assert "Use more processes (--processes auto), or send less." in text
    assert text.endswith("report runs/one/report.html")


def test_names_are_printed_as_they_are() -> None:
    """Brackets are no markup, and an escape sequence from a server loses its escape."""
    console, out = a_console(terminal=True)
    error = {"kind": "close_1006", "phase": "join", "count": 1, "example": "[red]\x1b[2J[/red]"}

    print_summary(a_document(errors=[error]), console=console)

    assert "[red] [2J[/red]" in out.getvalue()


def test_nothing_is_said_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """It belongs to --json."""
    with LiveView() as view:
        view.update(at(9.0))
    print_summary(a_document(), Path("runs/one"))

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "PASS" in captured.err


def test_no_color_is_honoured_by_the_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org: set and not empty means no colour, whatever the terminal can do."""
    monkeypatch.setenv("NO_COLOR", "1")
    console, out = a_console(terminal=True)

    print_summary(a_failed_document(), console=console)

    assert not any(f"\x1b[{code}" in out.getvalue() for code in ("31m", "32m", "1;31m", "1;32m", "38;", "36m", "91m"))
