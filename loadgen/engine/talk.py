"""Warm-up, measured window and drain of one process: who writes when, and who comes and goes meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from loadgen.dialects import HttpRequest
from loadgen.engine.clock import Alarm, new_alarm, now_ns, sleep_until
from loadgen.engine.member import Member
from loadgen.engine.movement import Movement
from loadgen.engine.swarm import LOGINS_AT_ONCE, Swarm
from loadgen.engine.user import UserState
from loadgen.engine.watch import collector_watched, keep_books, traffic_counted, watch_loop
from loadgen.errors import ServerError
from loadgen.measure import marker
from loadgen.measure.tally import Note
from loadgen.plan.acts import MESSAGES, Act, Acts
from loadgen.plan.pacing import NS_PER_S, Loop, schedule
from loadgen.plan.plan import Plan
from loadgen.plan.rooms import Senders
from loadgen.plan.stages import user_count_at
from loadgen.plan.thinking import Thinking

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient

# Messages sent in a row when we are behind (or settled, when nobody is left) before the sockets are read again.
SENDS_AT_ONCE = 32
# With stages a user writes from so long after its coming on: before, it logs in, connects and joins.
SETTLING_IN_NS = NS_PER_S


async def talk(swarm: Swarm, start_ns: int) -> None:
    """Carry out the plan from ``start_ns`` on; ends early when nobody is left."""
    plan = swarm.plan
    measure_ns = start_ns + plan.warmup_ns
    end_ns = measure_ns + plan.measure_ns
    swarm.ledger.measure(measure_ns, end_ns)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(collector_watched(swarm.tally, (measure_ns, end_ns)))
        clients: Sequence[HttpClient] = ()
        if _says_over_http(plan) or (plan.stages and plan.dialect.login is not None):
            clients = await stack.enter_async_context(swarm.http_clients(LOGINS_AT_ONCE))
        alarm = new_alarm()
        stack.callback(alarm.close)
        speaker = Speaker(swarm, clients, give_up_ns=end_ns + plan.drain_ns // 2)
        stack.callback(speaker.close)
        loop: TalkLoop
        if plan.loop is Loop.OPEN:
            loop = OpenLoop(swarm, speaker, alarm, start_ns, end_ns)
        else:
            loop = ClosedLoop(swarm, speaker, alarm, start_ns, end_ns)
        movement = Movement(swarm, clients, measure_ns, loop.joined)
        helpers = [
            asyncio.create_task(watch_loop(swarm.tally, (measure_ns, end_ns))),
            asyncio.create_task(keep_books(swarm.ledger)),
            asyncio.create_task(_wake_when_nobody_is_left(swarm, alarm)),
        ]
        if (every_ns := plan.dialect.alive.every_ns) is not None:
            helpers.append(asyncio.create_task(_keep_alive(swarm, start_ns, every_ns)))
        try:
            async with asyncio.TaskGroup() as group:
                moving = group.create_task(movement.run())
                group.create_task(loop.run())
                swarm.books.phase = "warmup"
                await pause_until(swarm, measure_ns)
                swarm.books.phase = "measure"
                with traffic_counted(swarm.transports, swarm.tally):
                    await pause_until(swarm, end_ns)
                swarm.books.phase = "drain"
                await pause_until(swarm, end_ns + plan.drain_ns)
                moving.cancel()
        finally:
            for task in helpers:
                task.cancel()


def _says_over_http(plan: Plan) -> bool:
    dialect = plan.dialect
    of_act = {Act.MESSAGE: dialect.publish, Act.DIRECT: dialect.direct}
    of_side = {Act.TYPING: dialect.typing, Act.PRESENCE: dialect.presence}
    scripts = [(of_act | of_side).get(act) for act, _ in plan.mix]
    return any(script is not None and script.http is not None for script in scripts)


async def pause_until(swarm: Swarm, at_ns: int) -> None:
    """Sleep until then, give or take a millisecond, or until nobody is left."""
    left_ns = at_ns - now_ns()
    if left_ns <= 0 or swarm.nobody_left.is_set():
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(left_ns / NS_PER_S):
            await swarm.nobody_left.wait()


class Speaker:
    """Has a user say what is due."""

    def __init__(self, swarm: Swarm, clients: Sequence[HttpClient], *, give_up_ns: int) -> None:
        """What would be sent later than ``give_up_ns`` is not sent: it could not arrive in time, and look lost."""
        self._swarm = swarm
        self._clients = clients
        self._give_up_ns = give_up_ns
        self._acts = Acts(swarm.plan.seed, swarm.plan.mix)
        self._requests: set[asyncio.Task[None]] = set()

    def say(self, user: int, n: int, due_ns: int, now: int) -> bytes | HttpRequest | None:
        """Have act ``n`` of the plan done; the message that was sent, None where it was none, or could not be."""
        swarm = self._swarm
        member = swarm.members[user]
        act = self._acts.act_of(n)
        if act not in MESSAGES:
            if now <= self._give_up_ns:
                self._send(member, member.chatter.does(act))
            return None
        connection = member.connection
        late = now > self._give_up_ns
        if late and connection is not None and swarm.ledger.is_measured(due_ns):
            swarm.tally.counts[Note.UNSENT_BY_US] += 1
        writable = connection is not None and connection.writable and not late
        to = None if act is Act.MESSAGE else self._receiver_of(n, user)
        message = member.chatter.due(n, due_ns, now, writable=writable, to=to)
        self._send(member, message)
        return message

    def _receiver_of(self, n: int, sender: int) -> tuple[int, str]:
        plan = self._swarm.plan
        receiver = self._acts.receiver_of(n, sender, plan.user_count)
        return receiver, plan.accounts[receiver % len(plan.accounts)][0]

    def _send(self, member: Member, message: bytes | HttpRequest | None) -> None:
        if isinstance(message, HttpRequest):
            task = asyncio.create_task(self._request(message, self._clients[member.user % len(self._clients)]))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)
        elif message is not None and member.connection is not None:
            member.connection.send(message)

    def close(self) -> None:
        """Give up the requests that are under way."""
        for task in self._requests:
            task.cancel()

    async def _request(self, message: HttpRequest, client: HttpClient) -> None:
        books = self._swarm.books
        try:
            books.published(await client.request(message))
        except ServerError as error:
            books.tally.error(error.kind, books.phase, str(error))


class TalkLoop(Protocol):
    """Decides when each user writes."""

    async def run(self) -> None:
        """Have everything said that is due before the end."""
        ...

    def joined(self, user: int) -> None:
        """A user has come, or come back, in the middle of the run."""
        ...


class OpenLoop:
    """Sends each message when it is due by the plan, or as soon after as we can."""

    def __init__(self, swarm: Swarm, speaker: Speaker, alarm: Alarm, start_ns: int, end_ns: int) -> None:
        plan = swarm.plan
        self._swarm = swarm
        self._speaker = speaker
        self._alarm = alarm
        self._start_ns = start_ns
        self._end_ns = end_ns
        self._senders = Senders(plan.seed)
        self._pace = schedule(plan.gaps, plan.acts_per_s, plan.seed)
        self._number = -1
        # The next message of ours: who writes it, and when it is due; None after the last.
        self._next: tuple[int, int] | None = None

    async def run(self) -> None:
        swarm, ledger = self._swarm, self._swarm.ledger
        ledger.on_due = self._say_next
        self._advance()
        in_a_row = 0
        try:
            while self._next is not None:
                _, due_ns = self._next
                if due_ns > now_ns() and swarm.left_count:
                    in_a_row = 0
                    await pause_until(swarm, due_ns - NS_PER_S)
                    if swarm.left_count:
                        await self._alarm.until(due_ns)
                    continue  # a delivery may have come first
                self._say_next()
                in_a_row += 1
                if in_a_row % SENDS_AT_ONCE == 0:
                    await asyncio.sleep(0)
        finally:
            ledger.on_due = None
            ledger.remind(None)

    def _say_next(self) -> None:
        if self._next is not None:
            sender, due_ns = self._next
            self._speaker.say(sender, self._number, due_ns, now_ns())
            self._advance()

    def _advance(self) -> None:
        """Find the next message that one of our users writes."""
        while True:
            self._number += 1
            due_ns = self._start_ns + self._pace.due_ns(self._number)
            if due_ns >= self._end_ns:
                self._next = None
                break
            sender = self._sender_of(self._number, due_ns)
            if sender is not None and sender in self._swarm.members:
                self._next = sender, due_ns
                break
        self._swarm.ledger.remind(None if self._next is None else due_ns)

    def _sender_of(self, n: int, due_ns: int) -> int | None:
        """Who writes message ``n``; None where the plan has nobody there to write it."""
        plan = self._swarm.plan
        if not plan.stages:
            return self._senders.sender_of(n, plan.user_count)
        at_ns = due_ns - self._start_ns - plan.warmup_ns
        there = min(user_count_at(plan.stages, at_ns), user_count_at(plan.stages, at_ns - SETTLING_IN_NS))
        sender = self._senders.sender_of(n, plan.user_count if plan.rate_follows_users else there)
        return sender if sender < there else None

    def joined(self, user: int) -> None:
        pass


class ClosedLoop:
    """Each user waits for the answer to its message, thinks, and writes again.

    A message is due when its sender has done thinking. So a slow server slows the load down, as people would; what a
    user feels once it wants to speak is measured from then on all the same. The answer is the server's
    acknowledgement, where the dialect has one, else the sender's own message as it comes back. Where none comes until
    the deadline, the user goes on without. On average a thought takes as long as would give the plan's rate if answers
    came at once.
    """

    def __init__(self, swarm: Swarm, speaker: Speaker, alarm: Alarm, start_ns: int, end_ns: int) -> None:
        plan = swarm.plan
        self._swarm = swarm
        self._speaker = speaker
        self._alarm = alarm
        self._end_ns = end_ns
        self._thinking = Thinking(plan.user_count * NS_PER_S / plan.acts_per_s, plan.gaps, plan.seed)
        self._said_count = dict.fromkeys(plan.users, 0)
        # (when, user, the marker whose answer is given up then; b"": the user writes)
        self._agenda: list[tuple[int, int, bytes]] = []
        for user in plan.users:
            if swarm.members[user].chatter.state is UserState.READY:
                self._agenda.append((start_ns + self._thinking.first_ns(user), user, b""))
        heapq.heapify(self._agenda)
        self._answers = swarm.answers
        self._answers.on_answer = self._think

    async def run(self) -> None:
        in_a_row = 0
        while (now := now_ns()) < self._end_ns and self._swarm.left_count:
            at_ns = self._agenda[0][0] if self._agenda else self._end_ns
            if at_ns > now:
                await self._alarm.until(min(at_ns, self._end_ns))
                in_a_row = 0
                continue
            at_ns, user, given_up = heapq.heappop(self._agenda)
            if not given_up:
                self._speak(user, at_ns, now)
            else:
                self._answers.came(user, given_up, at_ns)
            in_a_row += 1
            if in_a_row % SENDS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def joined(self, user: int) -> None:
        self._answers.forget(user)
        self._think(user, now_ns())

    def _speak(self, user: int, due_ns: int, now: int) -> None:
        plan = self._swarm.plan
        if self._swarm.members[user].chatter.state is not UserState.READY:
            return  # it has left, and begins anew when it comes back
        self._said_count[user] += 1
        message = self._speaker.say(user, self._said_count[user] * plan.user_count + user, due_ns, now)
        if message is None:
            self._think(user, now)
            return
        text = (message.body or b"") if isinstance(message, HttpRequest) else message
        at = text.find(self._swarm.books.prefix)
        mark = text[at : at + marker.WIDTH]
        self._answers.await_for(user, mark)
        heapq.heappush(self._agenda, (now + plan.deadline_ns, user, mark))

    def _think(self, user: int, from_ns: int) -> None:
        due_ns = from_ns + self._thinking.think_ns(user, self._said_count[user] + 1)
        heapq.heappush(self._agenda, (due_ns, user, b""))
        if self._agenda[0][:2] == (due_ns, user):
            self._alarm.wake()


async def _wake_when_nobody_is_left(swarm: Swarm, alarm: Alarm) -> None:
    await swarm.nobody_left.wait()
    alarm.wake()


async def _keep_alive(swarm: Swarm, start_ns: int, every_ns: int) -> None:
    """Send each user's keep-alive, spread evenly over the interval."""
    users = list(swarm.members)
    n = 0
    while users:
        await sleep_until(start_ns + (n + 1) * every_ns // len(users))
        member = swarm.members[users[n % len(users)]]
        n += 1
        own = member.chatter.dialect.keep_alive()
        if own is not None and member.chatter.state is UserState.READY:
            member.send_all([own.frame])
