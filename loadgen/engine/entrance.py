"""Brings users in one by one while a run goes on, and counts what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from loadgen.engine.swarm import Swarm
from loadgen.engine.user import UserState
from loadgen.errors import ServerError
from loadgen.measure.tally import Count

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient


class Entrance:
    """The way into a swarm."""

    def __init__(self, swarm: Swarm, clients: Sequence[HttpClient], on_joined: Callable[[int], None]) -> None:
        """``on_joined`` is told of each user who is in its room."""
        self._swarm = swarm
        self._clients = clients
        self.on_joined = on_joined

    async def come(self, user: int) -> None:
        """A user comes as it is told to; who is refused is gone for good."""
        chatter = self._swarm.members[user].chatter
        if chatter.state is UserState.GONE:
            return
        if chatter.state is UserState.AWAY:
            chatter.coming_back()
        else:
            self._swarm.tally.counts[Count.CONNECTIONS_PLANNED] += 1
        try:
            await self.enter(user)
        except ServerError as error:
            if chatter.state is not UserState.AWAY:  # it has left meanwhile
                chatter.failed(error.kind, str(error))
                self._swarm.one_is_gone()
        else:
            self.greet(user)

    async def enter(self, user: int) -> None:
        """From the login to the room; ServerError where it is refused."""
        try:
            await self._swarm.enter(user, self._clients)
        except asyncio.CancelledError:  # the run is over
            self._swarm.members[user].chatter.given_up()
            raise

    def greet(self, user: int) -> None:
        """Say that a user is there, if it is."""
        if self._swarm.members[user].chatter.state is UserState.READY:
            self.on_joined(user)
