"""What asks a command to end, and when that is asked anew."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from scenarios.probing import interrupts
from scenarios.signals import Requests, that_ask_to_end


@pytest.fixture(params=[signal.SIG_DFL, signal.SIG_IGN], ids=["terminal", "nohup"])
def is_ignored(request: pytest.FixtureRequest) -> Iterator[bool]:
    before = signal.signal(signal.SIGHUP, request.param)
    try:
        yield request.param is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_who_is_to_outlive_its_terminal_does(is_ignored: bool) -> None:
    """What nohup has set stays as it is."""
    assert (signal.SIGHUP in that_ask_to_end()) is not is_ignored
    assert {signal.SIGINT, signal.SIGTERM} <= set(that_ask_to_end())


def test_whoever_waits_for_runs_is_asked_once_by_a_terminal(is_ignored: bool) -> None:
    """It says so twice; whoever presses Ctrl-C afterwards asks once more."""
    with interrupts() as asked:
        for _ in range(2):
            signal.raise_signal(signal.SIGHUP)
        assert asked() == (0 if is_ignored else 1)

        before = asked()
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
        assert asked() == before + 2


def test_a_terminal_asks_once() -> None:
    """Everybody else as often as he likes."""
    requests = Requests()

    asked = [requests.is_new(number) for number in (signal.SIGINT, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM)]
    assert asked == [True, True, False, True]
