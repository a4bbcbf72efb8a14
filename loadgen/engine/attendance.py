"""The users of a run on call: as many of them as are wanted, and those with the lowest numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.crash import crash_loudly
from loadgen.engine.entrance import Entrance
from loadgen.engine.swarm import Swarm
from loadgen.engine.user import UserState
from loadgen.measure.tally import Count

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient

# Over how long those who are told to come together are spread.
SPREAD_NS = 900_000_000


class Attendance:
    """Who of one process is to be there."""

    def __init__(self, swarm: Swarm, clients: Sequence[HttpClient]) -> None:
        self.clients = clients
        self.wanted = 0
        """How many of our users are to be there."""
        self._swarm = swarm
        self._entrance = Entrance(swarm, clients, lambda _: None)
        self._coming: set[asyncio.Task[None]] = set()
        self._waiting: dict[int, asyncio.Task[None]] = {}  # of those, who has not begun to come
        self._index, self._stride = swarm.plan.share_of_users.index, swarm.plan.share_of_users.count

    @property
    def on_joined(self) -> Callable[[int], None]:
        """Told of each user who is in its room."""
        return self._entrance.on_joined

    @on_joined.setter
    def on_joined(self, told: Callable[[int], None]) -> None:
        self._entrance.on_joined = told

    @property
    def arriving_count(self) -> int:
        """How many are on their way into their rooms."""
        return len(self._coming)

    @property
    def ready_count(self) -> int:
        """How many are in their rooms."""
        states = (member.chatter.state for member in self._swarm.members.values())
        return sum(state is UserState.READY for state in states)

    def expects(self, user: int) -> bool:
        """Whether a user is one of ours, and is to be there."""
        return user % self._stride == self._index and user // self._stride < self.wanted

    def want(self, count: int) -> None:
        """So many of our users are to be there from now on: who came last leaves first.

        Locust starts its users in one go each second, so those who are told together come within that time, one after
        the other.
        """
        before, self.wanted = self.wanted, count
        now = now_ns()
        for place in range(before, count):
            at_ns = now + (place - before) * SPREAD_NS // (count - before)
            self._have_come(self._index + place * self._stride, at_ns)
        for place in range(before - 1, count - 1, -1):
            user = self._index + place * self._stride
            if (task := self._waiting.pop(user, None)) is not None:
                task.cancel()
            else:
                self._swarm.leave(user, cut=False)

    def _have_come(self, user: int, at_ns: int) -> None:
        if user not in self._swarm.members:
            self._swarm.admit(user)
            self._swarm.tally.counts[Count.USERS_PLANNED] += 1
        task = asyncio.create_task(self._come(user, at_ns))
        self._waiting[user] = task
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)
        task.add_done_callback(crash_loudly)

    async def _come(self, user: int, at_ns: int) -> None:
        await sleep_until(at_ns)
        self._waiting.pop(user, None)
        await self._entrance.come(user)

    async def close(self) -> None:
        """Nobody comes any more."""
        coming = list(self._coming)
        for task in coming:
            task.cancel()
        if coming:
            await asyncio.wait(coming)
