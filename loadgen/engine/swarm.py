"""Many users in one process: brings them in, keeps them, lets them go; moves frames and decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from loadgen.dialects import Credentials
from loadgen.dialects.patterns import matcher
from loadgen.dialects.requests import prepare
from loadgen.dialects.scripted import speaker_of
from loadgen.engine.answers import Answers
from loadgen.engine.books import Books
from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.member import Member
from loadgen.engine.transport import Connection, Transport
from loadgen.engine.user import User, UserState
from loadgen.errors import ServerError
from loadgen.measure import marker
from loadgen.measure.clocks import Clock
from loadgen.measure.ledger import Ledger
from loadgen.measure.nodes import Layout
from loadgen.measure.payload import payload_of
from loadgen.measure.receive_path import Receive, ReceivePath
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count, Tally
from loadgen.plan.acts import Act
from loadgen.plan.pacing import NS_PER_S, ConstantSchedule, Loop
from loadgen.plan.plan import Plan

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient

ANSWER_TIMEOUT_S = 10.0
"""How long a login, a handshake, a greeting or a join may take."""

# Logins under way at a time: enough to keep a server busy, few enough to stay clear of its listen backlog.
LOGINS_AT_ONCE = 100
CONNECTS_AT_ONCE = 500
# To be told of a socket that we have cut takes the event loop a turn.
_ABORT_NS = NS_PER_S // 5
# Closing handshakes started in a row before the sockets are read again.
CLOSES_AT_ONCE = 100


def close_timeout_s(socket_count: int) -> float:
    """How long the closing handshakes of so many sockets may take, all together: a slow server does 2,000 a second."""
    return 3.0 + socket_count / 2000


class Swarm:
    """The users of one share of a plan; implements :class:`loadgen.engine.member.Club`."""

    def __init__(
        self,
        plan: Plan,
        origin_ns: int,
        transports: Sequence[Transport],
        other_clocks: Mapping[int, Clock] | None = None,
    ) -> None:
        """Seconds of the series count from ``origin_ns``. Users take the transports in turn.

        ``other_clocks`` are those of shares on other hosts.
        """
        self.plan = plan
        self.tally = Tally(origin_ns)
        self.open_count = 0
        """How many sockets are open."""
        publish = plan.dialect.publish
        rooms = plan.rooms
        rules = Rules(
            plan.user_count,
            rooms,
            publish.reach,
            publish.echo,
            plan.deadline_ns,
            publish.has_room_sequence,
            plan.share_of_users,
            has_direct=plan.does(Act.DIRECT),
            direct_echo=plan.dialect.direct is not None and plan.dialect.direct.echo,
            other_clocks=other_clocks or {},
            catches_up=plan.catches_up,
            reads_at_will=plan.does(Act.HISTORY),
            slicing=plan.slicing,
            nodes=Layout(plan.base_urls, plan.dialect.connect.node is not None) if plan.slicing.nodes else None,
        )
        self.ledger = Ledger(rules, marker.prefix_of(plan.tag), self.tally)
        self.receive: Receive = self.ledger.receive
        history = plan.dialect.history
        if history is not None and plan.reads_history:
            self.receive = self.ledger.history_told_apart(matcher(history.frame))
        self.books = Books(self.ledger, payload_of(plan), plan.tag, plan.deadline_ns)
        self.books.secrets_of = plan.secrets_of
        self.books.catches_up = history is not None and history.catch_up is not None
        self.answers = Answers()
        """Kept in a closed loop only."""
        if plan.loop is Loop.CLOSED and publish.ack is not None:
            self.books.on_ack = self.answers.came
        elif plan.loop is Loop.CLOSED:
            self.receive = self.answers.noticed_by(self.receive)
        self.hears_beside = plan.dialect.has_several_in_a_frame
        is_plain = self.receive is self.ledger.receive and not self.hears_beside
        self.receive_path: ReceivePath | None = self.ledger.receive_path if is_plain else None
        self._rooms = rooms
        self.members: dict[int, Member] = {}
        self.nobody_left = asyncio.Event()
        """Set when all users are gone for good."""
        self.left_count = 0
        """How many users are not gone for good."""
        self.on_cut_off: Callable[[int, int], None] | None = None
        """Told of each user whom the server has cut off as the plan wanted it, and by which incident."""
        self.transports = transports
        self._logging_in = asyncio.Semaphore(LOGINS_AT_ONCE)
        self._connecting = asyncio.Semaphore(CONNECTS_AT_ONCE)
        for index in () if plan.on_call else plan.users:
            self.admit(index)
        self.tally.counts[Count.USERS_PLANNED] = len(self.members)
        # With stages, of a herd, and on call, each coming is counted as it is due.
        at_first = sum(member.chatter.state is not UserState.AWAY for member in self.members.values())
        self.tally.counts[Count.CONNECTIONS_PLANNED] = 0 if plan.stages else at_first

    def admit(self, user: int) -> None:
        """From now on it is one of ours, and has yet to come."""
        self.members[user] = Member(self._user(user), self)
        self.left_count += 1

    def _user(self, index: int) -> User:
        username, password = self.plan.accounts[index % len(self.plan.accounts)]
        dialect = speaker_of(self.plan.dialect, Credentials(index, username, password))
        user = User(index, self._rooms.rooms_of(index), dialect, self.books)
        if self.plan.tokens:
            user.given(self.plan.tokens[index % len(self.plan.tokens)])
        if not self.plan.on_call and self.plan.is_held_back(index):
            user.held_back()
        return user

    def one_has_opened(self) -> None:
        self.open_count += 1

    def one_has_closed(self) -> None:
        self.open_count -= 1

    def one_is_gone(self) -> None:
        self.left_count -= 1
        if self.left_count == 0 and not self.plan.on_call:  # on call, somebody may come yet
            self.nobody_left.set()

    def one_was_cut_off(self, user: int, incident: int) -> None:
        if self.on_cut_off is not None:
            self.on_cut_off(user, incident)

    # --- getting in, all together ---------------------------------------------------------------------------

    async def login(self) -> int:
        """Log everybody in; how many have a token."""
        async with self.http_clients(LOGINS_AT_ONCE) as clients:

            async def log_in(member: Member) -> None:
                with self._counted(member):
                    await self.log_in(member, clients)

            await self._paced("login", LOGINS_AT_ONCE, log_in)
        return self._count(UserState.LOGGED_IN)

    async def connect(self) -> int:
        """Connect everybody who got in so far; how many are connected."""

        async def connect(member: Member) -> None:
            if member.chatter.state is not UserState.GONE:
                with self._counted(member):
                    await self.open(member)

        await self._paced("connect", CONNECTS_AT_ONCE, connect)
        await self._answered(UserState.GREETING)
        return self._count(UserState.CONNECTED)

    async def join(self) -> int:
        """Bring everybody into their room; how many are ready."""

        async def join(member: Member) -> None:
            member.send_all(member.chatter.joining(now_ns()))

        paced = self.plan.dialect.join is not None
        await self._paced("join", 1, join, paced=paced)
        await self._answered(UserState.JOINING)
        return self._count(UserState.READY)

    async def log_in(self, member: Member, clients: Sequence[HttpClient]) -> None:
        """One login; ServerError where nobody answers, and the user is gone where it is refused."""
        async with self._logging_in:
            request = member.chatter.logging_in(now_ns())
            answer = await clients[member.user % len(clients)].request(request)
        member.chatter.logged_in(answer, now_ns())
        if member.chatter.state is UserState.GONE:
            self.one_is_gone()

    async def open(self, member: Member) -> None:
        """One connection; ServerError where it is refused."""
        opening = member.chatter.connecting(now_ns())
        transport = self.transports[member.user % len(self.transports)]
        await transport.connect(opening, member)

    @contextlib.contextmanager
    def _counted(self, member: Member) -> Iterator[None]:
        """A server that refuses is data, and the user does not try again."""
        try:
            yield
        except ServerError as error:
            member.chatter.failed(error.kind, str(error))
            self.one_is_gone()

    async def _paced(
        self, phase: str, at_once: int, work: Callable[[Member], Awaitable[None]], *, paced: bool = True
    ) -> None:
        self.books.phase = phase
        pace = ConstantSchedule(self.plan.connect_rate_per_s)
        start_ns = now_ns()
        # Waiting for a free place happens before the clock of a login or connection starts.
        places = asyncio.Semaphore(at_once)

        async def one(member: Member) -> None:
            try:
                await work(member)
            finally:
                places.release()

        async with asyncio.TaskGroup() as group:
            for index, member in self.members.items():
                if member.chatter.state is UserState.AWAY:
                    continue
                if paced:
                    await sleep_until(start_ns + pace.due_ns(index))
                await places.acquire()
                if at_once == 1:
                    await one(member)
                else:
                    group.create_task(one(member))

    async def _answered(self, waiting: UserState) -> None:
        give_up_ns = now_ns() + round(ANSWER_TIMEOUT_S * NS_PER_S)
        while self._count(waiting) and now_ns() < give_up_ns:
            await asyncio.sleep(0.02)
        for member in self.members.values():
            if member.chatter.state is waiting:  # who still waits for its greeting was told so before the joins
                member.chatter.time_is_up()

    def _count(self, state: UserState) -> int:
        return sum(member.chatter.state is state for member in self.members.values())

    # --- coming and going, one by one -----------------------------------------------------------------------

    async def enter(self, user: int, clients: Sequence[HttpClient]) -> None:
        """Bring one user in who is not there, from the login to the room; ServerError where it is refused.

        ``clients`` are needed where it has yet to log in. It is ready afterwards, unless its state says otherwise.
        """
        member = self.members[user] = Member(self.members[user].chatter, self)
        if member.chatter.state is UserState.NEW and self.plan.dialect.login is not None:
            await self.log_in(member, clients)
        if member.chatter.state in (UserState.AWAY, UserState.GONE) or self.members[user] is not member:
            return
        async with self._connecting:
            await self.open(member)
        try:
            await member.answered(UserState.GREETING, ANSWER_TIMEOUT_S)
            if self.members[user] is member:
                member.send_all(member.chatter.joining(now_ns()))
                await member.answered(UserState.JOINING, ANSWER_TIMEOUT_S)
        except TimeoutError:
            member.chatter.time_is_up()
            self.leave(user, cut=True)
        except ServerError:  # it does not get in
            member.retire()
            if member.connection is not None:
                member.connection.abort()
            raise

    def leave(self, user: int, *, cut: bool) -> None:
        """Take one user out, as the plan wants it: ``cut`` as in an accident, else with a closing handshake."""
        member = self.members[user]
        if member.chatter.state in (UserState.AWAY, UserState.GONE):
            return
        if not cut:
            member.send_all(member.chatter.leaving_politely())
        member.retire()
        member.chatter.away(now_ns(), cut=cut)
        if member.connection is not None:
            member.connection.abort() if cut else member.connection.close()

    def abandon(self, user: int) -> Connection | None:
        """Let go of a user's socket without closing it: to the user it is lost. None where it had none."""
        member = self.members[user]
        member.retire(silently=True)
        member.chatter.away(now_ns(), cut=True, silently=True)
        return member.connection

    # --- leaving --------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Close all sockets in good order, within :func:`close_timeout_s`."""
        self.books.is_over = True
        give_up_ns = now_ns() + round(close_timeout_s(self.open_count) * NS_PER_S)
        for number, member in enumerate(self.members.values(), start=1):
            member.send_all(member.chatter.leaving_politely())
            member.chatter.leaving()
            if member.connection is not None:
                member.connection.close()
            if number % CLOSES_AT_ONCE == 0:
                await asyncio.sleep(0)
        await self._until_closed(give_up_ns)
        for member in self.members.values():
            if member.connection is not None:
                member.connection.abort()
        await self._until_closed(now_ns() + _ABORT_NS)

    async def _until_closed(self, give_up_ns: int) -> None:
        while self.open_count > 0 and now_ns() < give_up_ns:
            await asyncio.sleep(0.02)

    @contextlib.asynccontextmanager
    async def http_clients(self, connection_count: int) -> AsyncIterator[Sequence[HttpClient]]:
        """One for each node of the server; ``connection_count`` requests at most are under way at each."""
        # Imported here: a run without logins does not pay 25 MB for it.
        from loadgen.engine.http import HttpClient

        prepare(self.plan.dialect)

        async with contextlib.AsyncExitStack() as stack:
            yield [
                await stack.enter_async_context(
                    HttpClient(
                        base_url,
                        self.plan.headers,
                        access=self.plan.access,
                        timeout_s=ANSWER_TIMEOUT_S,
                        connection_count=connection_count,
                    )
                )
                for base_url in self.plan.base_urls
            ]
