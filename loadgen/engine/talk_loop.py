"""What decides when each user writes: :mod:`loadgen.engine.open_loop` and :mod:`loadgen.engine.closed_loop`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from loadgen.engine.clock import now_ns
from loadgen.engine.swarm import Swarm
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.sections import Section

# Messages sent in a row when we are behind (or settled, when nobody is left) before the sockets are read again.
SENDS_AT_ONCE = 32
# How soon is noticed that an end which is far away has been brought forward.
LOOK_PERIOD_NS = 50_000_000


class TalkLoop(Protocol):
    """Decides when each user writes."""

    async def run(self) -> None:
        """Have everything said that is due before the end."""
        ...

    def joined(self, user: int) -> None:
        """A user has come, or come back, in the middle of the run."""
        ...

    def add(self, section: Section) -> None:
        """Go on with the section from its start on."""
        ...


async def pause_until(swarm: Swarm, instant: Callable[[], int]) -> None:
    """Sleep until the instant, give or take a millisecond, or until nobody is left. It may move meanwhile."""
    while not swarm.nobody_left.is_set() and (left_ns := instant() - now_ns()) > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(left_ns, LOOK_PERIOD_NS) / NS_PER_S):
                await swarm.nobody_left.wait()
