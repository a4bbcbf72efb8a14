"""What goes wrong by plan, carried out for the users of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.entrance import Entrance
from loadgen.engine.ghosts import Ghost, Ghosts
from loadgen.engine.swarm import ANSWER_TIMEOUT_S, Swarm
from loadgen.engine.user import UserState
from loadgen.errors import ServerError
from loadgen.measure.incident_tally import NO_CLOSE_FRAME
from loadgen.measure.tally import PerSecond
from loadgen.plan.incidents import CUT_BY_THE_SERVER, Incident, IncidentKind
from loadgen.plan.pacing import NS_PER_S

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient

# Users hit in a row before the sockets are read again.
HITS_AT_ONCE = 100
_LEAVE_GHOSTS = frozenset({IncidentKind.SLOW_READERS, IncidentKind.HALF_OPEN})
# A server that restarts, or was away, may close connections so long after it was to be back.
SLACK_NS = 10 * NS_PER_S
# With these a server says that a token is not good any more: of its own making, or "policy violation".
_OF_A_TOKEN = frozenset({1008, *range(3000, 5000)})


class Announcer(Protocol):
    """Has a user say something out of turn."""

    def announce(self, user: int, n: int, due_ns: int) -> None:
        """Message ``n``, to the first of the user's rooms, is due at ``due_ns``."""
        ...


class Incidents:
    """Those of the plan; call :meth:`run` once, and cancel it when the run is over."""

    def __init__(
        self,
        swarm: Swarm,
        clients: Sequence[HttpClient],
        measure_ns: int,
        on_joined: Callable[[int], None],
        announcer: Announcer,
    ) -> None:
        """The measured window begins at ``measure_ns``; ``on_joined`` is told of each user who is in its room."""
        self._swarm = swarm
        self._plan = swarm.plan
        self._measure_ns = measure_ns
        self._entrance = Entrance(swarm, clients, on_joined)
        self._announcer = announcer
        self._ghosts = Ghosts(self)
        self._group = asyncio.TaskGroup()

    async def run(self) -> None:
        """Returns when everybody is where the plan wants it."""
        swarm = self._swarm
        by_server = [incident for incident in self._plan.incidents if incident.kind in CUT_BY_THE_SERVER]
        if by_server:
            swarm.books.planned_close = self._planned_close
            swarm.on_cut_off = self._cut_off
        try:
            async with self._group:
                for incident in self._plan.incidents:
                    if incident.kind not in CUT_BY_THE_SERVER:
                        self._group.create_task(self._carry_out(incident))
                if any(each.kind in _LEAVE_GHOSTS for each in self._plan.incidents):
                    self._group.create_task(self._ghosts.watch())
                if by_server:
                    await asyncio.Event().wait()
        finally:
            swarm.books.planned_close = None
            swarm.on_cut_off = None
            for _ in range(await self._ghosts.bury_all()):
                swarm.books.socket_ended(NO_CLOSE_FRAME, by_us=True)

    async def _carry_out(self, incident: Incident) -> None:
        """One user after the other, each at its moment."""
        if incident.kind is IncidentKind.ANNOUNCEMENT:
            await self._announce(incident)
            return
        began_ns = self._measure_ns + incident.at_ns
        for number, (at_ns, user) in enumerate(self._moments(incident, self._swarm.members), start=1):
            await sleep_until(at_ns)
            self._hit(user, incident, began_ns)
            if number % HITS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _moments(self, incident: Incident, users: Iterable[int]) -> list[tuple[int, int]]:
        """(when, user) for each of our users whom it hits, in order."""
        seed, began_ns = self._plan.seed, self._measure_ns + incident.at_ns
        hit = (user for user in users if incident.hits(user, seed))
        return sorted((began_ns + incident.after_ns(user, seed), user) for user in hit)

    def _hit(self, user: int, incident: Incident, began_ns: int) -> None:
        swarm, member = self._swarm, self._swarm.members[user]
        chatter = member.chatter
        if incident.kind is IncidentKind.HERD_JOIN:
            if chatter.state is UserState.AWAY:
                chatter.hit_by(incident.number, began_ns, now_ns(), misses=False)
                self._group.create_task(self._come_back(user, incident, waits=False))
            return
        if chatter.state is not UserState.READY:
            return
        comes_back = incident.kind in (IncidentKind.RECONNECT_STORM, IncidentKind.HALF_OPEN)
        chatter.hit_by(incident.number, began_ns, now_ns(), misses=comes_back)
        if incident.kind in (IncidentKind.RECONNECT_STORM, IncidentKind.ABRUPT_CLOSE):
            swarm.leave(user, cut=True)
        elif (connection := swarm.abandon(user)) is not None:
            self._ghosts.add(Ghost(connection, incident.number, began_ns, incident.bytes_per_s))
        if comes_back:
            self._group.create_task(self._come_back(user, incident))

    async def _come_back(self, user: int, incident: Incident, *, waits: bool = True) -> None:
        """``waits``: before its first attempt, too."""
        chatter = self._swarm.members[user].chatter
        attempt = 0
        while chatter.state is UserState.AWAY:
            if waits or attempt:
                await sleep_until(now_ns() + incident.wait_ns(user, attempt, self._plan.seed))
            attempt += 1
            chatter.coming_back()
            try:
                await self._entrance.enter(user)
            except ServerError as error:
                chatter.turned_away(error.kind, str(error), now_ns())
        self._entrance.greet(user)
        await self._read_on(user)

    async def _read_on(self, user: int) -> None:
        """Have it ask again for what it has missed, as long as no answer comes: the server may not be able to."""
        member = self._swarm.members[user]
        asked: list[bytes] = []
        while (unread := member.chatter.dialect.unread()) and self._swarm.members[user] is member:
            if unread == asked:
                member.send_all(unread)
            asked = unread
            await sleep_until(now_ns() + round(ANSWER_TIMEOUT_S * NS_PER_S))

    async def _announce(self, incident: Incident) -> None:
        plan, number = self._plan, 0
        began_ns = self._measure_ns + incident.at_ns
        author = incident.author(plan.user_count, plan.seed)
        words = [(began_ns, author), *self._moments(incident, range(plan.user_count))]
        for number, (due_ns, user) in enumerate(words):
            if user not in self._swarm.members:
                continue  # another process's user
            await sleep_until(due_ns)
            self._announcer.announce(user, plan.number_out_of_turn(incident.number, number), due_ns)
            if number:
                self._swarm.tally.of_incident(incident.number).hit_count += 1

    # --- what the server does ---------------------------------------------------------------------------------

    def _planned_close(self, code: int, now: int) -> tuple[int, int] | None:
        """The incident that a close belongs to, and when it began."""
        for incident in self._plan.incidents:
            began_ns = self._measure_ns + incident.at_ns
            if incident.kind is IncidentKind.SERVER_RESTART:
                if began_ns <= now < began_ns + incident.down_ns + SLACK_NS:
                    return incident.number, began_ns
            elif incident.kind is IncidentKind.OUTAGE:
                if began_ns <= now < began_ns + incident.within_ns + SLACK_NS:
                    return incident.number, now  # each time is another one: it began with the cut
            elif incident.kind is IncidentKind.TOKEN_EXPIRY and code in _OF_A_TOKEN:
                return incident.number, min(began_ns, now)
        return None

    def _cut_off(self, user: int, number: int) -> None:
        incident = self._plan.incidents[number]
        if incident.kind is IncidentKind.TOKEN_EXPIRY:
            self._swarm.members[user].chatter.must_log_in()
        self._group.create_task(self._come_back(user, incident))

    def gave_up(self, ghost: Ghost, code: int, now_ns: int | None) -> None:
        """See :class:`loadgen.engine.ghosts.Observer`."""
        tally = self._swarm.tally
        incident = tally.of_incident(ghost.incident)
        incident.closes[code] += 1
        self._swarm.books.socket_ended(code, by_us=False)
        if now_ns is not None:
            incident.closed.record(now_ns - ghost.began_ns)
            tally.happened(PerSecond.DISCONNECTS, now_ns)
