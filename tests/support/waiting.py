"""Waiting for something to become true, without sleeping."""

import asyncio
from collections.abc import Callable


class Bell:
    """Rung whenever something has happened; whoever waits looks again."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Something has happened."""
        self._rung.set()

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait until ``is_true()``; the test's own patience limits it."""
        while not is_true():
            self._rung.clear()
            await self._rung.wait()
