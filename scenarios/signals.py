"""The signals that ask a command to end in good order: Ctrl-C, SIGTERM, and the end of its terminal."""

from __future__ import annotations

import signal


def that_ask_to_end() -> tuple[signal.Signals, ...]:
    """Those of this process: whoever started it with SIGHUP ignored (nohup) wants it to outlive its terminal.

    A shell that starts a job in the background of a script has SIGINT ignored for it; that one counts all the same.
    """
    outlives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM) if outlives else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Requests:
    """Tells who asks again from what is said twice: of a terminal's end both the kernel and the shell tell."""

    def __init__(self) -> None:
        self._has_hung_up = False

    def is_new(self, number: int) -> bool:
        """Whether this signal asks for something that was not asked for before."""
        if number != signal.SIGHUP:
            return True
        was, self._has_hung_up = self._has_hung_up, True
        return not was
