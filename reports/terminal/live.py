"""A run on the whole of a terminal while it goes on, drawn once a second; where there is none, lines.

It is drawn on the terminal's other screen, so that nothing scrolls, and what was there before is there afterwards.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any, Self

from rich.console import Console
from rich.text import Text

from reports.budgets import Budget
from reports.terminal.consoles import can_be_drawn_over, stderr
from reports.terminal.last_minute import LastMinute
from reports.terminal.plain import plain_line
from reports.terminal.progress import phase_of, run_time_s
from reports.terminal.screen import Minute, Sheet, lay_out
from reports.terminal.standing import standing_of

# Without a terminal, a line so often: a log is read later, and nobody waits for it.
PLAIN_INTERVAL_S = 5.0


class LiveView:
    """Shows how a run is doing; a context manager. Give each snapshot of the document to :meth:`update`.

    On a terminal it has the whole screen. Elsewhere a plain line appears with each new phase, and every
    PLAIN_INTERVAL_S of the run's own time.
    """

    def __init__(
        self, console: Console | None = None, *, budgets: Sequence[Budget] = (), notes: Sequence[str] = ()
    ) -> None:
        """``budgets`` are those that the run is held to; ``notes`` are lines to be seen beside its figures."""
        self._console = console or stderr()
        self._budgets, self._notes = budgets, notes
        self.is_a_screen = can_be_drawn_over(self._console)
        """Whether there is a terminal to draw on."""
        self._minute = LastMinute("messages_sent", "deliveries_received")
        self._document: dict[str, Any] = {}
        self._is_drawing = False
        self._is_to_be_drawn = False
        self._handler: Any = None
        self._last_line_s: float | None = None
        self._last_phase: str | None = None

    def __enter__(self) -> Self:
        if self.is_a_screen:
            with contextlib.suppress(OSError):  # closed a moment ago; what is drawn next finds out, too
                self._console.set_alt_screen(True)
                self._console.show_cursor(False)
            if threading.current_thread() is threading.main_thread():
                self._handler = signal.signal(signal.SIGWINCH, self._resized)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.is_a_screen:
            return
        if self._handler is not None:
            signal.signal(signal.SIGWINCH, self._handler)
        with contextlib.suppress(OSError):  # whoever has hung up sees nothing any more
            self._console.set_alt_screen(False)
            self._console.show_cursor(True)

    def update(self, document: dict[str, Any]) -> None:
        """Show the newest snapshot of the result document."""
        if self.is_a_screen:
            self._document = document
            self._minute.note(document)
            self._draw()
        else:
            self._print(document)

    def _resized(self, _number: int, _frame: FrameType | None) -> None:
        # Python calls this between any two steps of the program, be it in the middle of drawing.
        self._is_to_be_drawn = True
        if not self._is_drawing:
            with contextlib.suppress(OSError):
                self._draw()

    def _draw(self) -> None:
        self._is_drawing = True
        try:
            again = True
            while again:
                self._is_to_be_drawn = False
                self._console.update_screen_lines(self._lines())
                again = self._is_to_be_drawn
        finally:
            self._is_drawing = False

    def _lines(self) -> list[Any]:
        """The whole screen, each line filled up with blanks so that nothing of the one before shines through."""
        width, height = self._console.size
        plain = not self._console.encoding.lower().startswith("utf")
        minute = Minute(*(self._minute.values_of(name) for name in ("messages_sent", "deliveries_received")))
        standing = standing_of(self._document, self._budgets)
        lines = lay_out(standing, minute, Sheet(width, height, plain), self._notes)
        options = self._console.options.update(width=width, height=height, no_wrap=True, overflow="crop")
        return [self._console.render_lines(line, options.update(height=1), pad=True)[0] for line in lines]

    def _print(self, document: dict[str, Any]) -> None:
        now_s, phase = run_time_s(document), phase_of(document)
        is_due = self._last_line_s is None or now_s - self._last_line_s > PLAIN_INTERVAL_S
        if is_due or phase != self._last_phase:
            self._last_line_s, self._last_phase = now_s, phase
            self._console.print(Text(plain_line(document)), soft_wrap=True)
