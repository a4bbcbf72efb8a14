"""What `chatbench doctor` prints for people."""

from __future__ import annotations

import pytest

from scenarios.doctor.checkup import Checkup
from scenarios.doctor.findings import Check, Finding, Severity
from scenarios.doctor.steps import Direction, Line, Outcome, Step, StepName
from scenarios.doctor.view import print_checkup, print_verdict, step_printer

COMMAND = "sudo sysctl -w net.ipv4.ip_local_port_range=" + "9" * 80
LONG = "so many words that they " * 8


@pytest.fixture(autouse=True)
def _a_plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def test_a_command_stands_on_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    """So that it can be copied; all else keeps to 80 columns."""
    finding = Finding(Check.PORTS, Severity.WARNING, "28,232", LONG, COMMAND)
    print_checkup(Checkup((finding,), LONG, 1, 1, 1, None))
    lines = capsys.readouterr().out.splitlines()

    assert [line.strip() for line in lines if COMMAND in line] == [COMMAND]
    assert all(len(line) <= 80 for line in lines if COMMAND not in line)


def test_a_failed_step_shows_what_was_said_and_what_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    """As it is: square brackets are those of a dialect file, not a style."""
    lines = (Line(Direction.SENT, 1, "SAY [bold]hello[/bold]"), Line(Direction.CAME, 2, "nothing came"))
    step = Step(StepName.DELIVERY, Outcome.FAILED, "no [join]", lines, "publish.send", "is [publish] right?")
    step_printer()(step)
    print_verdict([step])

    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "failed         delivery         no [join]",
        "    -> user 1  SAY [bold]hello[/bold]",
        "    <- user 2  nothing came",
        "    publish.send: is [publish] right?",
        "",
        "Failed: delivery.",
    ]


def test_on_a_narrow_terminal_what_is_said_stands_below(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left out for want of room."""
    monkeypatch.setenv("COLUMNS", "40")
    finding = Finding(Check.PORTS, Severity.WARNING, "28,232", "so many connections to one node", None)
    print_checkup(Checkup((finding,), "Up to 28,232.", 1, 1, 1, None))

    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "",
        "warning     ports         28,232",
        "    so many connections to one node",
        "",
        "Up to 28,232.",
    ]
