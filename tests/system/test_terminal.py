"""The real command in a terminal: one screen while it goes on, and a clean terminal afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.benches import CHATBENCH, LONG, document_in
from tests.support.pty_command import on_terminal

pytestmark = pytest.mark.system


def test_a_run_is_followed_on_one_screen_and_ended_with_ctrl_c(tmp_path: Path) -> None:
    """Nothing scrolls or wraps while it goes on; afterwards there are cursor, summary, and what is known."""
    command = [CHATBENCH, "run", *LONG, "--out", "run", "--no-plots", "--no-html"]
    with on_terminal(command, tmp_path) as running:
        running.until(lambda terminal: "measured window" in terminal.text, "the measured window")
        running.until(lambda terminal: "connected 10 of 10" in terminal.text, "its users")
        terminal = running.terminal
        assert terminal.is_other_screen
        assert not terminal.has_a_cursor
        line_feeds = terminal.line_feeds
        running.until(lambda terminal: " 3 of 600 s" in terminal.text, "a few seconds of it")
        assert terminal.line_feeds == line_feeds
        assert terminal.lines[0].startswith("smoke  ")

        running.resize(40, 12)
        running.until(lambda terminal: terminal.lines[1].startswith("measured window"), "the small screen")
        line_feeds = running.terminal.line_feeds  # of what was on its way when the window changed
        running.until(lambda terminal: " 5 of 600 s" in terminal.text, "another second on it")
        assert terminal.line_feeds == line_feeds
        running.resize(80, 24)

        running.press_ctrl_c()
        assert running.end() == 105

        assert not terminal.is_other_screen
        assert terminal.has_a_cursor
        assert "Traceback" not in terminal.text
        assert "report  run" in terminal.text
    assert document_in(tmp_path / "run")["run"]["interrupted"] is True


def test_a_dumb_terminal_gets_lines(tmp_path: Path) -> None:
    """Not a single control sequence."""
    short = ("smoke", "--users", "4", "--warmup", "0s", "--duration", "1s", "--drain", "500ms")
    command = [CHATBENCH, "run", *short, "--out", "run", "--no-plots", "--no-html"]
    with on_terminal(command, tmp_path, 120, 60, TERM="dumb") as running:
        assert running.end() in (0, 97, 99)

        assert "measured window 0 of 1 s" in running.terminal.text
        assert running.terminal.line_feeds > 5
        assert not running.terminal.is_other_screen


def test_a_sweep_says_below_its_lines_which_run_goes_on(tmp_path: Path) -> None:
    """And takes it away at the end, when the report is named."""
    scenario = tmp_path / "sizes.toml"
    scenario.write_text('extends = "smoke"\nsweep.payload_bytes = [100, 200]\n', encoding="utf-8")
    short = ("--users", "4", "--warmup", "0s", "--duration", "1s", "--drain", "500ms", "--no-html")
    with on_terminal([CHATBENCH, "run", str(scenario), *short, "--out", "runs"], tmp_path) as running:
        running.until(lambda terminal: "1 of 2: traffic.payload_bytes 100  " in terminal.text, "the first run")
        running.until(lambda terminal: "2 of 2: traffic.payload_bytes 200  " in terminal.text, "the second")
        assert running.end() in (0, 97, 99)

        assert " of 2: " not in running.terminal.text
        assert "report  runs/sweep.html" in running.terminal.text


def test_what_there_is_keeps_its_words_whole_on_a_narrow_terminal(tmp_path: Path) -> None:
    """What is said of a name goes on beside it."""
    with on_terminal([CHATBENCH, "list"], tmp_path, 50, 100) as running:
        assert running.end() == 0

        assert "smoke            Twenty users in two rooms for" in running.terminal.text
        assert "                 five seconds: is everything well?" in running.terminal.text
