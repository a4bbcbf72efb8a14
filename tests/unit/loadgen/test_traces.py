"""What is told of a bug of ours, where its message quotes what it could not use."""

from __future__ import annotations

import sys

import pytest

from loadgen.engine.traces import hide_in_tracebacks
from loadgen.plan.secrets import Secrets


def test_an_exception_that_ends_the_process_is_told_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Known ones, and passwords of addresses; also those of the error that it comes from."""
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    hide_in_tracebacks(lambda: Secrets.of(["open-sesame"]))
    error = RuntimeError("at http://ann:canary@host")
    error.__cause__ = ValueError("cannot use open-sesame")

    sys.excepthook(RuntimeError, error, None)

    said = capsys.readouterr().err
    assert "ValueError: cannot use ***" in said
    assert "RuntimeError: at http://ann:***@host" in said
    assert "canary" not in said
    assert "open-sesame" not in said
