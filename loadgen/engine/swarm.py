"""Many users in one process: sleeps until the next due instant, moves frames, decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from loadgen.dialects import Credentials, HttpRequest
from loadgen.dialects.scripted import ScriptedDialect
from loadgen.engine.clock import Alarm, new_alarm, now_ns, sleep_until
from loadgen.engine.transport import Connection, Transport
from loadgen.engine.user import Books, User, UserState
from loadgen.errors import ServerError
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger, Receive, Rules
from loadgen.measure.payload import Payload
from loadgen.measure.tally import Count, Metric, Note, Tally
from loadgen.plan.pacing import NS_PER_S, ConstantSchedule, schedule
from loadgen.plan.plan import Plan
from loadgen.plan.rooms import Rooms, Senders

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient

ANSWER_TIMEOUT_S = 10.0
"""How long a login, a handshake, a greeting or a join may take."""
CLOSE_TIMEOUT_S = 3.0
"""How long the closing handshakes may take, all together."""

# Logins under way at a time: enough to keep a server busy, few enough to stay clear of its listen backlog.
LOGINS_AT_ONCE = 100
CONNECTS_AT_ONCE = 500

LAG_PERIOD_NS = 50_000_000
SETTLE_PERIOD_NS = 100_000_000
# Settling must stay a small share of the time, however many messages are open.
SETTLE_SHARE = 20
# Messages sent in a row when we are behind (or settled, when nobody is left) before the sockets are read again.
SENDS_AT_ONCE = 32


class Member:
    """A user and its socket; implements :class:`loadgen.engine.transport.Listener`."""

    __slots__ = ("_swarm", "chatter", "connection")

    def __init__(self, chatter: User, swarm: Swarm) -> None:
        self.chatter = chatter
        self.connection: Connection | None = None
        self._swarm = swarm

    @property
    def user(self) -> int:
        return self.chatter.index

    @property
    def receive(self) -> Receive:
        return self._swarm.receive

    def opened(self, connection: Connection, now_ns: int) -> None:
        self.connection = connection
        self._swarm.open_count += 1
        self.send_all(self.chatter.opened(now_ns))

    def heard(self, payload: bytes, now_ns: int) -> None:
        self.send_all(self.chatter.heard(payload, now_ns))

    def closed(self, code: int, reason: str, now_ns: int) -> None:
        self.connection = None
        self.chatter.closed(code, reason, now_ns)
        self._swarm.one_is_gone()

    def send_all(self, frames: list[bytes]) -> None:
        """Send each frame, where there is still a socket."""
        for frame in frames:
            if self.connection is not None:
                self.connection.send(frame)


class Swarm:
    """The users of one share of a plan."""

    def __init__(self, plan: Plan, origin_ns: int, transport: Transport) -> None:
        """Seconds of the series count from ``origin_ns``."""
        self.open_count = 0
        self.tally = Tally(origin_ns)
        self._plan = plan
        self._transport = transport
        publish = plan.dialect.publish
        rules = Rules(plan.user_count, publish.reach, publish.echo, plan.deadline_ns)
        self._ledger = Ledger(rules, marker.prefix_of(plan.tag), self.tally)
        self.receive = self._ledger.receive
        self._books = Books(self._ledger, Payload(plan.seed, plan.payload_bytes), plan.tag, plan.deadline_ns)
        rooms = Rooms(plan.room_count)
        self._members = {index: self._member(index, rooms) for index in plan.users}
        self._nobody_left = asyncio.Event()
        self._requests: set[asyncio.Task[None]] = set()
        self.tally.counts[Count.USERS_PLANNED] = self.tally.counts[Count.CONNECTIONS_PLANNED] = len(self._members)

    def _member(self, index: int, rooms: Rooms) -> Member:
        username, password = self._plan.accounts[index % len(self._plan.accounts)]
        dialect = ScriptedDialect(self._plan.dialect, Credentials(index, username, password))
        user = User(index, rooms.room_of(index), dialect, self._books)
        return Member(user, self)

    def one_is_gone(self) -> None:
        """A socket is gone."""
        self.open_count -= 1
        if self.open_count == 0:
            self._nobody_left.set()

    # --- getting in -----------------------------------------------------------------------------------------

    async def login(self) -> int:
        """Log everybody in; how many have a token."""
        async with self._http(LOGINS_AT_ONCE) as http:

            async def log_in(member: Member) -> None:
                request = member.chatter.logging_in(now_ns())
                try:
                    member.chatter.logged_in(await http.request(request), now_ns())
                except ServerError as error:
                    member.chatter.failed(error.kind, str(error))

            await self._paced("login", LOGINS_AT_ONCE, log_in)
        return self._count(UserState.LOGGED_IN)

    async def connect(self) -> int:
        """Connect everybody who got in so far; how many are connected."""

        async def connect(member: Member) -> None:
            if member.chatter.state is UserState.GONE:
                return
            member.chatter.connecting(now_ns())
            try:
                await self._transport.connect(member.chatter.dialect.open(), member)
            except ServerError as error:
                member.chatter.failed(error.kind, str(error))

        await self._paced("connect", CONNECTS_AT_ONCE, connect)
        await self._answered(UserState.GREETING)
        return self._count(UserState.CONNECTED)

    async def join(self) -> int:
        """Bring everybody into their room; how many are ready."""

        async def join(member: Member) -> None:
            member.send_all(member.chatter.joining(now_ns()))

        paced = self._plan.dialect.join is not None
        await self._paced("join", 1, join, paced=paced)
        await self._answered(UserState.JOINING)
        return self._count(UserState.READY)

    async def _paced(
        self, phase: str, at_once: int, work: Callable[[Member], Awaitable[None]], *, paced: bool = True
    ) -> None:
        self._books.phase = phase
        pace = ConstantSchedule(self._plan.connect_rate_per_s)
        start_ns = now_ns()
        # Waiting for a free place happens before the clock of a login or connection starts.
        places = asyncio.Semaphore(at_once)

        async def one(member: Member) -> None:
            try:
                await work(member)
            finally:
                places.release()

        async with asyncio.TaskGroup() as group:
            for index, member in self._members.items():
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
        for member in self._members.values():
            member.chatter.time_is_up()

    def _count(self, state: UserState) -> int:
        return sum(member.chatter.state is state for member in self._members.values())

    # --- talking --------------------------------------------------------------------------------------------

    async def talk(self, start_ns: int) -> None:
        """Warm-up, measured window and drain, from ``start_ns`` on; ends early when nobody is left."""
        plan = self._plan
        measure_ns = start_ns + plan.warmup_ns
        end_ns = measure_ns + plan.measure_ns
        self._ledger.measure(measure_ns, end_ns)
        # What lives now lives until the end: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        async with contextlib.AsyncExitStack() as stack:
            http = None
            if plan.dialect.publish.http is not None:
                http = await stack.enter_async_context(self._http(LOGINS_AT_ONCE))
            alarm = new_alarm()
            stack.callback(alarm.close)
            helpers = [asyncio.create_task(self._watch_loop(measure_ns, end_ns))]
            keep_alive = next(iter(self._members.values())).chatter.dialect.keep_alive()
            if keep_alive is not None:
                helpers.append(asyncio.create_task(self._keep_alive(start_ns, keep_alive.every_ns)))
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._send(start_ns, end_ns, alarm, http))
                    group.create_task(self._count_traffic(measure_ns, end_ns))
                    self._books.phase = "warmup"
                    await self._pause_until(measure_ns)
                    self._books.phase = "measure"
                    await self._pause_until(end_ns)
                self._books.phase = "drain"
                await self._pause_until(end_ns + plan.drain_ns)
            finally:
                for task in (*helpers, *self._requests):
                    task.cancel()

    async def _send(self, start_ns: int, end_ns: int, alarm: Alarm, http: HttpClient | None) -> None:
        """Send each message when it is due, or as soon after as we can."""
        plan = self._plan
        pace = schedule(plan.gaps, plan.rate_per_s, plan.seed)
        senders = Senders(plan.user_count, plan.seed)
        # What is sent too late to arrive before the drain ends would look lost.
        give_up_ns = end_ns + plan.drain_ns // 2
        n, in_a_row = 0, 0
        while (due_ns := start_ns + pace.due_ns(n)) < end_ns:
            member = self._members.get(senders.sender_of(n))
            n += 1
            if member is None:
                continue  # another process's user
            now = now_ns()
            if due_ns > now and self.open_count:
                await self._pause_until(due_ns - NS_PER_S)
                if self.open_count:
                    await alarm.until(due_ns)
                now, in_a_row = now_ns(), 0
            else:
                in_a_row += 1
                if in_a_row % SENDS_AT_ONCE == 0:
                    await asyncio.sleep(0)
                    now = now_ns()
            self._publish(member, n - 1, due_ns, now, late=now > give_up_ns, http=http)

    def _publish(self, member: Member, n: int, due_ns: int, now: int, *, late: bool, http: HttpClient | None) -> None:
        if late and member.connection is not None and self._ledger.is_measured(due_ns):
            self.tally.counts[Note.UNSENT_BY_US] += 1
        connection = member.connection
        writable = connection is not None and connection.writable and not late
        message = member.chatter.due(n, due_ns, now, writable=writable)
        if isinstance(message, HttpRequest):
            assert http is not None, "a dialect that publishes over HTTP has a client"
            task = asyncio.create_task(self._request(message, http))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)
        elif message is not None and connection is not None:
            connection.send(message)

    async def _request(self, request: HttpRequest, http: HttpClient) -> None:
        try:
            answer = await http.request(request)
            self._books.published(answer)
        except ServerError as error:
            self.tally.error(error.kind, self._books.phase, str(error))

    async def _count_traffic(self, measure_ns: int, end_ns: int) -> None:
        """Frames and bytes of the measured window."""
        await self._pause_until(measure_ns)
        traffic = self._transport.traffic
        received, received_bytes = traffic.frames_received, traffic.bytes_received
        sent, sent_bytes = traffic.frames_sent, traffic.bytes_sent
        try:
            await self._pause_until(end_ns)
        finally:  # an interrupt ends the window, too
            self.tally.counts[Count.FRAMES_RECEIVED] += traffic.frames_received - received
            self.tally.counts[Count.BYTES_RECEIVED] += traffic.bytes_received - received_bytes
            self.tally.counts[Count.FRAMES_SENT] += traffic.frames_sent - sent
            self.tally.counts[Count.BYTES_SENT] += traffic.bytes_sent - sent_bytes

    async def _watch_loop(self, measure_ns: int, end_ns: int) -> None:
        """Note how late the event loop runs, and keep the books short."""
        due_ns = now_ns()
        settle_ns = due_ns
        while True:
            due_ns = now_ns() + LAG_PERIOD_NS
            await asyncio.sleep(LAG_PERIOD_NS / NS_PER_S)
            # Timers may fire up to half a millisecond early, and early is not late.
            now = now_ns()
            due_ns = min(due_ns, now)
            self.tally.of_second(Metric.LOOP_LAG, self.tally.second_of(now)).record(now - due_ns)
            if measure_ns <= due_ns < end_ns:
                self.tally.metrics[Metric.LOOP_LAG].record(now - due_ns)
            if now >= settle_ns:
                self._ledger.settle(now)
                took_ns = now_ns() - now
                settle_ns = now + max(SETTLE_PERIOD_NS, SETTLE_SHARE * took_ns)

    async def _keep_alive(self, start_ns: int, every_ns: int) -> None:
        """Send each user's keep-alive, spread evenly over the interval."""
        members = list(self._members.values())
        n = 0
        while True:
            await sleep_until(start_ns + (n + 1) * every_ns // len(members))
            member = members[n % len(members)]
            n += 1
            own = member.chatter.dialect.keep_alive()
            if own is not None and member.chatter.state is UserState.READY:
                member.send_all([own.frame])

    async def _pause_until(self, at_ns: int) -> None:
        """Sleep until then, give or take a millisecond, or until nobody is left."""
        left_ns = at_ns - now_ns()
        if left_ns <= 0 or self._nobody_left.is_set():
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left_ns / NS_PER_S):
                await self._nobody_left.wait()

    # --- leaving --------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Close the books: what has not arrived by now is lost, or excused."""
        self._ledger.close(now_ns())

    async def close(self) -> None:
        """Close all sockets in good order, within CLOSE_TIMEOUT_S."""
        for member in self._members.values():
            member.chatter.leaving()
            if member.connection is not None:
                member.connection.close()
        give_up_ns = now_ns() + round(CLOSE_TIMEOUT_S * NS_PER_S)
        while self.open_count > 0 and now_ns() < give_up_ns:
            await asyncio.sleep(0.02)
        for member in self._members.values():
            if member.connection is not None:
                member.connection.abort()

    @contextlib.asynccontextmanager
    async def _http(self, connection_count: int) -> AsyncIterator[HttpClient]:
        # Imported here: a run without logins does not pay 25 MB for it.
        from loadgen.engine.http import HttpClient

        async with HttpClient(
            self._plan.base_url,
            self._plan.headers,
            verify_tls=self._plan.verify_tls,
            timeout_s=ANSWER_TIMEOUT_S,
            connection_count=connection_count,
        ) as client:
            yield client
