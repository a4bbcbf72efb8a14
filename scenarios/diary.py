"""The file of events: what happens in a run, a line of JSON each, while it happens."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from loadgen.errors import InputError
from reports.budgets import Document
from reports.events import events_between, line_of


class Diary:
    """Compares each snapshot of the document with the one before; a line is written whole, or not at all."""

    def __init__(self, path: Path, *, goes_on: bool = False) -> None:
        """Begin the file anew, unless it ``goes_on`` after what is in it; InputError where it cannot be written."""
        self.path = path
        self.trouble: OSError | None = None
        """Why nothing is written any more: the run is worth more than its diary."""
        self._previous: Document | None = None
        try:
            path.open("ab" if goes_on else "wb").close()
        except OSError as error:
            raise InputError(f"{path}: cannot write there: {error.strerror}") from None

    def note(self, document: Document) -> None:
        """Write what has happened since the snapshot before."""
        if self.trouble is not None:
            return
        lines = "".join(line_of(event) for event in events_between(self._previous, document))
        self._previous = document
        if lines:
            self._write(lines.encode())

    def _write(self, lines: bytes) -> None:
        size: int | None = None
        try:
            with self.path.open("ab") as file:
                size = file.tell()
                file.write(lines)
        except OSError as error:
            self.trouble = error
            if size is not None:
                with contextlib.suppress(OSError):  # no file that can be cut
                    os.truncate(self.path, size)
