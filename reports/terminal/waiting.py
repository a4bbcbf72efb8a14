"""What goes on while many runs are waited for: lines that stay, and on a terminal a line below that is drawn over."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO

from rich.cells import cell_len, set_cell_size

from reports import numbers
from reports.streams import heard_or_not
from reports.terminal.screen import bar

# Faster than anybody reads; slower than a terminal over a long line can draw.
_INTERVAL_S = 0.25
_FORGET = "\r\x1b[2K"
_BAR = 12
# Where a line that is too long goes on.
_INDENT = " " * 8


@dataclass(frozen=True, slots=True)
class Doing:
    """What is being done, in words; ``done`` is 0 to 1, or None where that cannot be said."""

    what: str
    done: float | None = None
    left: str = ""
    """How long it still takes."""
    known: str = ""
    """What is known by now."""

    def line(self, width: int, *, plain: bool = False) -> str:
        """All of it, or its first parts, on one line of so many characters."""
        parts = [self.what]
        if self.done is not None:
            parts.append(bar(self.done, _BAR, plain=plain).plain)
        parts += [part for part in (self.left, self.known) if part]
        while len(parts) > 1 and cell_len("  ".join(parts)) > width:
            # Words say more than a bar.
            parts.pop(1 if self.done is not None and len(parts) == 2 + bool(self.left) + bool(self.known) else -1)
        line = "  ".join(parts)
        return line if cell_len(line) <= width else set_cell_size(line, width)


def left_text(planned_s: float, spent_s: float, later_s: float = 0.0) -> str:
    """How long what is being done still takes by its plan, and all of it with what comes ``later``.

    A process takes seconds to start and to end that nobody has planned.
    """
    left_s = planned_s - spent_s
    text = f"{left_s:.0f} s left" if left_s >= 1 else "about to end"
    return f"{text}, {numbers.seconds(max(0.0, left_s) + later_s)} of all" if later_s > 0 else text


class Waiting:
    """Says lines on standard error, and shows what is being done; a context manager that leaves the lines alone.

    Where standard error is no terminal there are the lines, as they are.
    """

    def __init__(
        self, stream: TextIO | None = None, *, shows: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``shows``: whether what is being done is shown at all."""
        self._stream = sys.stderr if stream is None else stream
        self.is_terminal = self._stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
        """Whether there is a line that is drawn over."""
        self._shows = shows and self.is_terminal
        self._clock = clock
        self._shown_at_s: float | None = None
        self._is_there = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(self._forgotten())

    def say(self, *lines: str) -> None:
        """Lines that stay; on a terminal the long ones go on below."""
        width = self._width()
        told = [part for line in lines for part in (_wrapped(line, width) if self.is_terminal else [line])]
        self._write(self._forgotten() + "".join(f"{line}\n" for line in told))

    def show(self, doing: Doing) -> None:
        """Show what is being done, instead of what was shown before; nothing where that was a moment ago."""
        now_s = self._clock()
        if not self._shows or (self._shown_at_s is not None and now_s - self._shown_at_s < _INTERVAL_S):
            return
        self._shown_at_s = now_s
        encoding = (self._stream.encoding or "ascii").lower()
        # The last column stays free: a cursor behind it would already be on the next line.
        line = doing.line(self._width() - 1, plain=not encoding.startswith("utf"))
        self._is_there = True
        self._write(f"{_FORGET}{line}")

    def _forgotten(self) -> str:
        there, self._is_there, self._shown_at_s = self._is_there, False, None
        return _FORGET if there else ""

    def _width(self) -> int:
        try:
            return max(20, os.get_terminal_size(self._stream.fileno()).columns)
        except (OSError, ValueError):
            return 80

    def _write(self, text: str) -> None:
        if text:
            with heard_or_not(self._stream):  # whoever has hung up sees nothing any more, and what is done goes on
                self._stream.write(text)


def _wrapped(line: str, width: int) -> list[str]:
    if cell_len(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line.lstrip(),
        width,
        initial_indent=indent,
        subsequent_indent=indent + _INDENT,
        break_on_hyphens=False,
    )
