"""Ctrl-C, SIGTERM and the end of the terminal, from the start of a run until its report is drawn."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from loadgen.engine.coordinator import Coordinator
from scenarios.signals import Requests, that_ask_to_end


class Interrupts:
    """The first ends the run in good order, the second at once; none of them costs the document."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        """Set at the first one."""
        self._requests = Requests()
        self._is_untold = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._coordinator: Coordinator | None = None

    def caught(self) -> AbstractContextManager[None]:
        """Catch the signals meanwhile; KeyboardInterrupt at the end where one came that nobody was told of."""
        return self._handled(self._catch)

    @contextlib.contextmanager
    def obeyed(self) -> Iterator[None]:
        """KeyboardInterrupt meanwhile, or at the end where a library has swallowed it."""
        hook = sys.unraisablehook

        def quietly(swallowed: sys.UnraisableHookArgs) -> None:
            # In a callback of a library it goes no further, and Python would print where it was.
            if not isinstance(swallowed.exc_value, KeyboardInterrupt):
                hook(swallowed)

        sys.unraisablehook = quietly
        try:
            with self._handled(self._obey):
                yield
        finally:
            sys.unraisablehook = hook

    @contextlib.contextmanager
    def _handled(self, handler: Callable[[int, object], None]) -> Iterator[None]:
        before = {number: signal.signal(number, handler) for number in that_ask_to_end()}
        try:
            yield
        finally:
            for number, previous in before.items():
                signal.signal(number, previous)
        if self._is_untold:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Tell the running loop of them meanwhile, also of one that came a moment ago."""
        self._loop = asyncio.get_running_loop()
        self._is_untold = False
        try:
            yield
        finally:
            self._loop = None

    def reach(self, coordinator: Coordinator) -> None:
        """From now on an interrupt is for the coordinator; also one that came a moment ago."""
        self._coordinator = coordinator
        if self.event.is_set():
            coordinator.stop()

    def _catch(self, number: int, _frame: object) -> None:
        # Python calls this between any two steps of the program, be it in the middle of the loop's own.
        if not self._requests.is_new(number):
            return
        if self._loop is None:
            self._is_untold = True
            self.event.set()
        else:
            self._loop.call_soon_threadsafe(self._interrupt)

    def _obey(self, _number: int, _frame: object) -> None:
        self._is_untold = True
        raise KeyboardInterrupt

    def _interrupt(self) -> None:
        self.event.set()
        if self._coordinator is not None:
            self._coordinator.stop()
