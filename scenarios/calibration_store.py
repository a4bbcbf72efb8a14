"""Where the calibration of this machine is kept, and how a later run finds it again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reports.calibration import SCHEMA

DOCUMENT_NAME = "calibration.json"

# What a figure of the generator depends on; the server under test runs where it runs.
_MACHINE = ("host", "cpu", "cores", "kernel", "python")
_PACKAGES = ("chatbench", "picows", "websockets", "uvloop", "numpy", "aiohttp")


def default_path(environ: Mapping[str, str]) -> Path:
    """In the user's state directory (XDG base directory specification)."""
    state = environ.get("XDG_STATE_HOME", "")
    # An XDG path that is not absolute is to be ignored.
    base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"  # noqa: PTH117
    return base / "chatbench" / DOCUMENT_NAME


def fingerprint_of(environment: Mapping[str, Any]) -> dict[str, Any]:
    """What makes this machine this machine, out of the environment that a document describes."""
    packages = environment["packages"]
    return {
        **{name: environment[name] for name in _MACHINE},
        "packages": {name: packages[name] for name in _PACKAGES if name in packages},
    }


def calibration_of(fingerprint: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The calibration of the machine with that fingerprint; None where there is none, or it is another machine's."""
    try:
        document = json.loads(default_path(environ).read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):  # RuntimeError: nobody's home
        return None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or document.get("machine") != fingerprint:
        return None
    return document
