"""The relay's dialect, for what is measured here: messages and their deliveries."""

from __future__ import annotations

from pathlib import Path

from benchmarks.common import RELAY_DIALECT


def without_ack(folder: Path) -> Path:
    """A file in the folder: the dialect of the relay without its acknowledgement."""
    lines = RELAY_DIALECT.read_text(encoding="utf-8").splitlines(keepends=True)
    path = folder / "relay.toml"
    text = "".join(line for line in lines if not line.startswith("ack "))
    path.write_text(text.replace("SAY {id}", "SAY -"), encoding="utf-8")
    return path
