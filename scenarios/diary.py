"""The file of events: what happens in a run, a line of JSON each, while it happens."""

from __future__ import annotations

from pathlib import Path

from reports.budgets import Document
from reports.events import events_between, line_of


class Diary:
    """Compares each snapshot of the document with the one before; a line is written whole, or not at all."""

    def __init__(self, path: Path) -> None:
        """Begin the file anew."""
        self._path = path
        self._previous: Document | None = None
        path.write_text("", encoding="utf-8")

    def note(self, document: Document) -> None:
        """Write what has happened since the snapshot before."""
        lines = "".join(line_of(event) for event in events_between(self._previous, document))
        self._previous = document
        if lines:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(lines)
