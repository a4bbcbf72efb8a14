"""Users who come and go while a run goes on: the stages and the storms of the plan, for one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.entrance import Entrance
from loadgen.engine.swarm import Swarm
from loadgen.engine.user import UserState
from loadgen.errors import ServerError
from loadgen.plan.incidents import ReconnectStorm
from loadgen.plan.stages import moves_of

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient

# Sockets cut in a row before the others are read again.
CUTS_AT_ONCE = 100


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
            group.create_task(self._follow_stages(group))
            for storm in self._swarm.plan.storms:
                group.create_task(self._storm(storm, group))

    async def _follow_stages(self, group: asyncio.TaskGroup) -> None:
        for move in moves_of(self._swarm.plan.stages):
            if move.user not in self._swarm.members:
                continue  # another process's user
            await sleep_until(self._measure_ns + move.at_ns)
            if move.comes:
                group.create_task(self._entrance.come(move.user))
            else:
                self._swarm.leave(move.user, cut=False)

    async def _storm(self, storm: ReconnectStorm, group: asyncio.TaskGroup) -> None:
        hit = [user for user in self._swarm.members if storm.hits(user, self._swarm.plan.seed)]
        await sleep_until(self._measure_ns + storm.at_ns)
        for number, user in enumerate(hit, start=1):
            if self._swarm.members[user].chatter.state is UserState.READY:
                self._swarm.leave(user, cut=True)
                group.create_task(self._come_back(user, storm))
            if number % CUTS_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _come_back(self, user: int, storm: ReconnectStorm) -> None:
        chatter = self._swarm.members[user].chatter
        attempt = 0
        while chatter.state is UserState.AWAY:
            wait_ns = storm.wait_ns(user, attempt, self._swarm.plan.seed)
            await sleep_until(now_ns() + wait_ns)
            attempt += 1
            chatter.coming_back()
            try:
                await self._entrance.enter(user)
            except ServerError as error:
                chatter.turned_away(error.kind, str(error))
        self._entrance.greet(user)
