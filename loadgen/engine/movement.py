"""Users who come and go by the stages of the plan, for one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from loadgen.engine.clock import sleep_until
from loadgen.engine.entrance import Entrance
from loadgen.engine.swarm import Swarm
from loadgen.plan.stages import moves_of

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient


class Movement:
    """Carries out every coming and going; call :meth:`run` once, and cancel it when the run is over."""

    def __init__(
        self, swarm: Swarm, clients: Sequence[HttpClient], measure_ns: int, on_joined: Callable[[int], None]
    ) -> None:
        """The measured window begins at ``measure_ns``; ``on_joined`` is told of each user who is in its room."""
        self._swarm = swarm
        self._measure_ns = measure_ns
        self._entrance = Entrance(swarm, clients, on_joined)

    async def run(self) -> None:
        """Returns when everybody is where the plan wants it."""
        async with asyncio.TaskGroup() as group:
            for move in moves_of(self._swarm.plan.stages):
                if move.user not in self._swarm.members:
                    continue  # another process's user
                await sleep_until(self._measure_ns + move.at_ns)
                if move.comes:
                    group.create_task(self._entrance.come(move.user))
                else:
                    self._swarm.leave(move.user, cut=False)
