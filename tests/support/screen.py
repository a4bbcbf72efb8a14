"""A terminal that remembers what it was told: its lines, whether they wrapped or scrolled, and its cursor."""

from __future__ import annotations

from typing import Any

import pyte

# DECTCEM and xterm's other screen, as pyte keeps private modes.
_CURSOR, _OTHER_SCREEN = 25 << 5, 1049 << 5


class _Screen(pyte.Screen):
    """One that counts line feeds, those of lines that were too long among them."""

    line_feeds = 0

    def linefeed(self) -> None:
        self.line_feeds += 1
        super().linefeed()


class Terminal:
    """Takes what a program writes, as a file that is a terminal; ``write`` may be given bytes of a pty, too."""

    encoding = "utf-8"

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.screen = _Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("a terminal without a descriptor")

    def flush(self) -> None:
        """Nothing is held back."""

    def write(self, text: str | bytes) -> int:
        # The kernel's terminal makes two characters of a line's end; what comes from a pty has them already.
        self._stream.feed(text.replace("\n", "\r\n").encode() if isinstance(text, str) else text)
        return len(text)

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)

    @property
    def lines(self) -> list[str]:
        """What is seen, without the blanks at the ends."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def line_feeds(self) -> int:
        """How often the cursor went on to a next line by itself or was told to: a picture of one screen needs none."""
        return self.screen.line_feeds

    @property
    def has_a_cursor(self) -> bool:
        return _CURSOR in self.screen.mode and not self.screen.cursor.hidden

    @property
    def is_other_screen(self) -> bool:
        return _OTHER_SCREEN in self.screen.mode

    def colours_of(self, row: int) -> set[Any]:
        """Those of the characters of a row."""
        return {self.screen.buffer[row][x].fg for x in range(self.screen.columns)}
