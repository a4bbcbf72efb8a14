"""A command in a pseudo-terminal: what its user sees, second by second, and can type."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.benches import environment
from tests.support.hangups import hangups_heeded
from tests.support.patience import PATIENCE_S
from tests.support.screen import Terminal

_LOOK_S = 0.05


@dataclass(slots=True)
class OnTerminal:
    """A command that runs there."""

    process: subprocess.Popen[bytes]
    terminal: Terminal
    _ours: int

    def look(self) -> None:
        """Take in what it has written by now."""
        while select.select([self._ours], [], [], 0)[0]:
            try:
                data = os.read(self._ours, 65_536)
            except OSError:  # nobody has the other end any more
                return
            if not data:
                return
            self.terminal.write(data)

    def until(self, condition: Callable[[Terminal], object], what: str, within_s: float = 2 * PATIENCE_S) -> None:
        """Look until the screen shows it."""
        give_up_s = time.monotonic() + within_s
        while True:
            self.look()
            if condition(self.terminal):
                return
            if time.monotonic() > give_up_s:
                raise TimeoutError(f"{what}: not within {within_s:g} s; seen was:\n{self.terminal.text}")
            select.select([self._ours], [], [], _LOOK_S)

    def resize(self, columns: int, rows: int) -> None:
        """As when somebody drags a corner of the window."""
        self.look()
        self.terminal.resize(columns, rows)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self) -> None:
        """Close the terminal: its processes are told by SIGHUP, and whatever is said there from now on fails."""
        self.look()
        os.close(self._ours)
        self._ours = -1

    def press_ctrl_c(self) -> None:
        """The terminal makes a signal of it, for all that run in it."""
        os.write(self._ours, b"\x03")

    def end(self) -> int:
        """Wait for its end; the exit code."""
        self.until(lambda _: self.process.poll() is not None, "the end of the command")
        self.look()
        return self.process.returncode


@contextmanager
def on_terminal(
    arguments: Sequence[str],
    cwd: Path,
    columns: int = 80,
    rows: int = 24,
    *,
    is_told: bool = True,
    **variables: str,
) -> Iterator[OnTerminal]:
    """Start the command there; whatever is left of it is ended.

    ``is_told``: the terminal sends it signals, as it does to what a shell starts in it.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    env = environment(**variables)
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        if name not in variables:
            env.pop(name, None)
    with hangups_heeded():
        process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env={**env, "TERM": "xterm-256color", **variables},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_own_the_terminal if is_told else None,  # noqa: PLW1509  # so that Ctrl-C is for it
        )
    os.close(theirs)
    running = OnTerminal(process, Terminal(columns, rows), ours)
    try:
        yield running
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE_S)
        if running._ours >= 0:
            os.close(running._ours)


def _own_the_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
