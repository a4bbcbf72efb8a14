"""What is shown while many runs are waited for: lines that stay, and one below them that is drawn over."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest

from reports.terminal import Doing, Waiting
from tests.support.screen import Terminal

PROBE = Doing("4,000 users", 0.5, "7 s left, 300 s at most", "2,000 held, 8,000 did not")


@pytest.fixture(autouse=True)
def _a_usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


def a_clock() -> Callable[[], float]:
    """A second later at every look."""
    times: Iterator[float] = iter(range(1000))
    return lambda: next(times)


def test_what_is_done_stands_below_the_lines_and_goes_when_one_comes() -> None:
    """The lines are what remains."""
    terminal = Terminal()
    with Waiting(terminal, clock=a_clock()) as waiting:  # type: ignore[arg-type]
        waiting.say("first")
        waiting.show(PROBE)
        during = terminal.lines[:3]
        waiting.say("second")
        waiting.show(PROBE)

    assert during == ["first", "4,000 users  ██████░░░░░░  7 s left, 300 s at most  2,000 held, 8,000 did not", ""]
    assert terminal.lines[:4] == ["first", "second", "", ""]


@pytest.mark.parametrize("columns", [200, 80, 40, 20])
def test_it_never_takes_more_than_its_line(columns: int) -> None:
    """Or every quarter of a second would leave half a line behind."""
    terminal = Terminal(columns, 10)
    waiting = Waiting(terminal, clock=a_clock())  # type: ignore[arg-type]
    waiting._width = lambda: columns  # type: ignore[method-assign]
    for _ in range(5):
        waiting.show(PROBE)

    assert terminal.line_feeds == 0
    assert terminal.lines[0].startswith("4,000 users")
    assert ("2,000 held, 8,000 did not" in terminal.lines[0]) is (columns >= 80)


def test_lines_that_are_too_long_go_on_below_with_an_indent() -> None:
    """Where the terminal would break them in the middle of a word."""
    terminal = Terminal(40, 10)
    waiting = Waiting(terminal)  # type: ignore[arg-type]
    waiting._width = lambda: 40  # type: ignore[method-assign]
    waiting.say("pair  1/32  base p50 3.20 ms, p95 5.40 ms   head p50 3.20 ms, p95 5.40 ms")

    assert terminal.lines[0].startswith("pair  1/32  base p50 3.20 ms, p95")
    assert terminal.lines[1].startswith("        ")
    assert " ".join(terminal.text.split()).endswith("head p50 3.20 ms, p95 5.40 ms")


def test_it_is_not_drawn_more_often_than_anybody_reads() -> None:
    """It is told ten times a second."""
    terminal, now_s = Terminal(), 0.0
    waiting = Waiting(terminal, clock=lambda: now_s)  # type: ignore[arg-type]
    waiting.show(Doing("first"))
    now_s = 0.1
    waiting.show(Doing("second"))
    seen_soon = terminal.lines[0]
    now_s = 0.3
    waiting.show(Doing("third"))

    assert (seen_soon, terminal.lines[0]) == ("first", "third")


def test_elsewhere_there_are_the_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are: scripts read them."""
    line = "pair  1/32  " + "base p50 3.20 ms, p95 5.40 ms   " * 4
    stream = io.StringIO()
    with Waiting(stream, clock=a_clock()) as waiting:
        waiting.show(PROBE)
        waiting.say(line)
    assert stream.getvalue() == f"{line}\n"
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal(200, 5)
    with Waiting(terminal, clock=a_clock()) as waiting:  # type: ignore[arg-type]
        waiting.show(PROBE)
        waiting.say("one")
    assert terminal.lines[:2] == ["one", ""]


def test_an_error_leaves_nothing_of_it() -> None:
    """What is said of the error begins a line."""
    terminal = Terminal()

    def fail() -> None:
        with Waiting(terminal, clock=a_clock()) as waiting:  # type: ignore[arg-type]
            waiting.show(PROBE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert terminal.text.strip() == ""
