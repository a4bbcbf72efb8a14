"""The one clock of a run."""

from __future__ import annotations

import asyncio
import time

from loadgen.plan.pacing import NS_PER_S

now_ns = time.monotonic_ns
"""Linux's CLOCK_MONOTONIC: one clock for all processes of a host."""


async def sleep_until(at_ns: int) -> None:
    """Sleep until an instant of the clock, never waking before it.

    The timers of asyncio and uvloop fire up to a millisecond off, so the clock is asked again. Under uvloop this is
    2 us late at the median; a timerfd was 60 us late and saved no CPU.
    """
    while (left_ns := at_ns - now_ns()) > 0:
        await asyncio.sleep(-(-left_ns // 1_000_000) / 1000)
