"""How late the event loop is: what every user of this process waits, whatever they asked for."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

# Ten looks a second cost nothing; a stall that is shorter than this may go unseen.
LOOK_S = 0.1


@contextlib.asynccontextmanager
async def loop_lag(tell_s: Callable[[float], None]) -> AsyncIterator[None]:
    """Tell how late the loop was, in seconds, ten times a second inside the block."""
    watching = asyncio.create_task(_watch(tell_s))
    yield
    watching.cancel()


async def _watch(tell_s: Callable[[float], None]) -> None:
    while True:
        due_s = time.monotonic() + LOOK_S
        await asyncio.sleep(LOOK_S)
        # The loop's timers know whole milliseconds, and may ring a fraction of one too early.
        tell_s(max(0.0, time.monotonic() - due_s))
