"""Warm-up, measured window and drain of one process: who writes when, and who comes and goes meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from loadgen.dialects import HttpRequest
from loadgen.engine.attendance import Attendance
from loadgen.engine.calls import CONNECTIONS, Calls
from loadgen.engine.clock import Alarm, new_alarm, now_ns
from loadgen.engine.course import Course
from loadgen.engine.incidents import Incidents
from loadgen.engine.member import Member
from loadgen.engine.movement import Movement
from loadgen.engine.swarm import Swarm
from loadgen.engine.user import UserState
from loadgen.engine.watch import Traffic, collector_watched, keep_books, watch_loop
from loadgen.measure import marker
from loadgen.measure.tally import Note
from loadgen.plan.acts import MESSAGES, Act, Acts
from loadgen.plan.incidents import IncidentKind
from loadgen.plan.pacing import NS_PER_S, Loop
from loadgen.plan.plan import Plan
from loadgen.plan.rooms import LayerChoice
from loadgen.plan.sections import Section
from loadgen.plan.senders import active_users
from loadgen.plan.thinking import thinking_of
from loadgen.plan.turns import Turn, turns_of

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient

# Messages sent in a row when we are behind (or settled, when nobody is left) before the sockets are read again.
SENDS_AT_ONCE = 32
# How soon is noticed that an end which is far away has been brought forward.
LOOK_PERIOD_NS = 50_000_000
# How far ahead a message is looked for on call; far enough that it is found before it is due.
LOOK_AHEAD_NS = NS_PER_S


class Conversation:
    """What one process says from the first message to the end of the drain. Call :meth:`run` once."""

    def __init__(self, swarm: Swarm, course: Course, section: Section, on_call: Attendance | None = None) -> None:
        """With ``on_call`` its users come and go as they are told, and further sections may follow."""
        self._swarm = swarm
        self._course = course
        self._section = section
        self._on_call = on_call
        self._loop: TalkLoop | None = None
        self._traffic = Traffic(swarm.transports)

    async def run(self) -> None:
        """Returns after the drain, or when nobody is left."""
        swarm, course, plan = self._swarm, self._course, self._swarm.plan
        swarm.ledger.measure(course.measure_ns, course.end_ns)
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(collector_watched(swarm.tally, course.measures))
            clients: Sequence[HttpClient] = ()
            if self._on_call is not None:
                clients = self._on_call.clients
            elif acts_over_http(plan) or (plan.brings_in_late and plan.dialect.login is not None):
                clients = await stack.enter_async_context(swarm.http_clients(CONNECTIONS))
            alarm = new_alarm()
            stack.callback(alarm.close)
            speaker = Speaker(swarm, clients, course)
            stack.callback(speaker.close)
            expects = swarm.members.__contains__ if self._on_call is None else self._on_call.expects
            loop: TalkLoop
            if plan.loop is Loop.OPEN:
                loop = OpenLoop(
                    swarm, speaker, alarm, course, self._section, expects, may_follow=self._on_call is not None
                )
            else:
                loop = ClosedLoop(swarm, speaker, alarm, course, self._section)
            self._loop = loop
            helpers = [
                asyncio.create_task(watch_loop(swarm.tally, course.measures)),
                asyncio.create_task(keep_books(swarm.ledger)),
                asyncio.create_task(_wake_when_nobody_is_left(swarm, alarm)),
            ]
            try:
                async with asyncio.TaskGroup() as group:
                    movement = Movement(swarm, clients, course.measure_ns, loop.joined)
                    incidents = Incidents(swarm, clients, course.measure_ns, loop.joined, speaker)
                    moving = [group.create_task(each.run()) for each in (movement, incidents)]
                    if self._on_call is not None:
                        self._on_call.on_joined = loop.joined
                    group.create_task(loop.run())
                    await self._pass_the_phases()
                    for task in moving:
                        task.cancel()
            finally:
                for task in helpers:
                    task.cancel()

    async def _pass_the_phases(self) -> None:
        swarm, course = self._swarm, self._course
        swarm.books.phase = "warmup"
        await _pause_until(swarm, lambda: course.measure_ns)
        swarm.books.phase = "measure"
        self._traffic.begin()
        try:
            await _pause_until(swarm, lambda: course.end_ns)
        finally:
            self._traffic.end(swarm.tally)
        swarm.books.phase = "drain"
        await _pause_until(swarm, lambda: course.over_ns)

    def add(self, section: Section) -> None:
        """From its start on, so many users write as the section says."""
        if self._loop is not None:
            self._loop.add(section)

    def measure_anew(self) -> None:
        """The measured window has begun anew."""
        self._traffic.begin()


def acts_over_http(plan: Plan) -> frozenset[Act]:
    """What of that which the users do is an HTTP request."""
    dialect = plan.dialect
    scripts = {
        Act.MESSAGE: dialect.publish.http,
        Act.DIRECT: dialect.direct and dialect.direct.http,
        Act.TYPING: dialect.typing and dialect.typing.http,
        Act.PRESENCE: dialect.presence and dialect.presence.http,
        Act.HTTP: dialect.http,
    }
    acts = {act for act, _ in plan.mix}
    if any(incident.kind is IncidentKind.ANNOUNCEMENT for incident in plan.incidents):
        acts.add(Act.MESSAGE)
    return frozenset(act for act in acts if scripts.get(act) is not None)


async def _pause_until(swarm: Swarm, instant: Callable[[], int]) -> None:
    """Sleep until the instant, give or take a millisecond, or until nobody is left. It may move meanwhile."""
    while not swarm.nobody_left.is_set() and (left_ns := instant() - now_ns()) > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(left_ns, LOOK_PERIOD_NS) / NS_PER_S):
                await swarm.nobody_left.wait()


class Speaker:
    """Has a user say what is due."""

    def __init__(self, swarm: Swarm, clients: Sequence[HttpClient], course: Course) -> None:
        self._swarm = swarm
        self._calls = Calls(swarm.books, clients)
        self._over_http = acts_over_http(swarm.plan)
        self._course = course
        self._acts = Acts(swarm.plan.seed, swarm.plan.mix)
        self._layers = LayerChoice(swarm.plan.seed, swarm.plan.rooms)

    def say(self, user: int, n: int, due_ns: int, now: int, user_count: int) -> bytes | HttpRequest | None:
        """Have act ``n`` of the plan done; the message that was sent, None where it was none, or could not be.

        A direct message goes to one of the first ``user_count`` users.
        """
        swarm = self._swarm
        member = swarm.members[user]
        act = self._acts.act_of(n)
        late = now > self._course.give_up_ns
        asks = act in self._over_http and not late and member.chatter.state is UserState.READY
        refused = asks and self._calls.refused()
        if act not in MESSAGES:
            if not late and not refused:
                self._send(member, member.chatter.does(act, self._layers.layer_of(n)), due_ns)
            return None
        connection = member.connection
        if late and connection is not None and swarm.ledger.is_measured(due_ns):
            swarm.tally.counts[Note.UNSENT_BY_US] += 1
        writable = connection is not None and connection.writable and not late and not refused
        to = None if act is Act.MESSAGE else self._receiver_of(n, user, user_count)
        layer = self._layers.layer_of(n)
        message = member.chatter.due(n, due_ns, now, writable=writable, to=to, layer=layer)
        self._send(member, message, due_ns)
        return message

    def announce(self, user: int, n: int, due_ns: int) -> None:
        """See :class:`loadgen.engine.incidents.Announcer`."""
        member, now = self._swarm.members[user], now_ns()
        asks = Act.MESSAGE in self._over_http and member.chatter.state is UserState.READY
        writable = member.connection is not None and member.connection.writable and now <= self._course.give_up_ns
        if asks and writable and self._calls.refused():
            writable = False
        self._send(member, member.chatter.due(n, due_ns, now, writable=writable), due_ns)

    def _receiver_of(self, n: int, sender: int, user_count: int) -> tuple[int, str]:
        accounts = self._swarm.plan.accounts
        receiver = self._acts.receiver_of(n, sender, user_count)
        return receiver, accounts[receiver % len(accounts)][0]

    def _send(self, member: Member, message: bytes | HttpRequest | None, due_ns: int) -> None:
        if isinstance(message, HttpRequest):
            self._calls.make(member.user, message, due_ns)
        elif message is not None and member.connection is not None:
            member.connection.send(message)

    def close(self) -> None:
        """Give up the requests that are under way."""
        self._calls.close()


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


class OpenLoop:
    """Sends each message when it is due by the plan, or as soon after as we can."""

    def __init__(
        self,
        swarm: Swarm,
        speaker: Speaker,
        alarm: Alarm,
        course: Course,
        section: Section,
        expects: Callable[[int], bool],
        *,
        may_follow: bool,
    ) -> None:
        """``expects`` tells whether a user is one of ours, and is to be there; ``may_follow``: another section."""
        self._swarm = swarm
        self._speaker = speaker
        self._alarm = alarm
        self._course = course
        self._expects = expects
        self._may_follow = may_follow
        self._active = active_users(swarm.plan)
        self._following: Section | None = None
        # The next message of ours; None after the last.
        self._next: Turn | None = None
        self._begin(section)

    def _begin(self, section: Section) -> None:
        self._turns = turns_of(self._swarm.plan, section, self._active, self._expects)

    async def run(self) -> None:
        swarm, ledger = self._swarm, self._swarm.ledger
        ledger.on_due = self._say_next
        self._advance()
        in_a_row = 0
        try:
            while now_ns() < self._course.end_ns or self._next is not None:
                if self._next is None:
                    if not self._may_follow:
                        break
                    await self._alarm.until(min(self._course.end_ns, now_ns() + LOOK_PERIOD_NS))
                    self._advance()
                    continue
                _, _, due_ns, _ = self._next
                if due_ns >= self._course.end_ns:
                    break  # it was brought forward
                if due_ns > now_ns() and not swarm.nobody_left.is_set():
                    in_a_row = 0
                    look_ns = now_ns() + LOOK_PERIOD_NS
                    if due_ns - NS_PER_S > look_ns:
                        await _pause_until(swarm, lambda at_ns=look_ns: at_ns)  # type: ignore[misc]
                    elif not swarm.nobody_left.is_set():
                        await self._alarm.until(due_ns)
                    continue  # a delivery may have come first
                self._say_next()
                in_a_row += 1
                if in_a_row % SENDS_AT_ONCE == 0:
                    await asyncio.sleep(0)
        finally:
            ledger.on_due = None
            ledger.remind(None)

    def add(self, section: Section) -> None:
        """Go on with the section from its start on: what the present one has after that is not said."""
        self._following = section
        if self._next is None or self._next[2] >= section.start_ns:
            self._advance()
            self._alarm.wake()

    def _say_next(self) -> None:
        if self._next is not None:
            n, sender, due_ns, there_count = self._next
            if self._expects(sender):  # on call it may have been told to leave meanwhile
                self._speaker.say(sender, n, due_ns, now_ns(), there_count)
            self._advance()

    def _advance(self) -> None:
        """Find the next message that one of our users writes."""
        until_ns, following = self._course.end_ns, self._following
        if self._may_follow:
            # Where none of ours is to write, one would look for it until the end, which may never come.
            until_ns = min(until_ns, now_ns() + LOOK_AHEAD_NS)
        if following is None:
            self._next = self._turns.next(until_ns)
        else:
            self._next = self._turns.next(min(until_ns, following.start_ns))
            if self._next is None and following.start_ns <= until_ns:
                self._following = None
                self._begin(following)
                self._next = self._turns.next(until_ns)
        self._swarm.ledger.remind(None if self._next is None else self._next[2])

    def joined(self, user: int) -> None:
        pass


class ClosedLoop:
    """Each active user waits for the answer to its message, thinks, and writes again.

    A message is due when its sender has done thinking. So a slow server slows the load down, as people would; what a
    user feels once it wants to speak is measured from then on all the same. The answer is the server's
    acknowledgement, where the dialect has one, else the sender's own message as it comes back. Where none comes until
    the deadline, the user goes on without. On average a thought takes as long as would give the plan's rate if answers
    came at once.
    """

    def __init__(self, swarm: Swarm, speaker: Speaker, alarm: Alarm, course: Course, section: Section) -> None:
        self._swarm = swarm
        self._speaker = speaker
        self._alarm = alarm
        self._course = course
        self._active = active_users(swarm.plan)
        self._begin(section)
        self._said_count: Counter[int] = Counter()
        # (when, user, the marker whose answer is given up then; b"": the user writes)
        self._agenda: list[tuple[int, int, bytes]] = []
        for user, member in swarm.members.items():
            if member.chatter.state is UserState.READY and user in self._active:
                self._agenda.append((course.start_ns + self._thinking.first_ns(user), user, b""))
        heapq.heapify(self._agenda)
        self._answers = swarm.answers
        self._answers.on_answer = self._think

    def _begin(self, section: Section) -> None:
        self._section = section
        self._thinking = thinking_of(self._swarm.plan, self._active, section.user_count, section.acts_per_s)

    async def run(self) -> None:
        in_a_row = 0
        while (now := now_ns()) < self._course.end_ns and not self._swarm.nobody_left.is_set():
            at_ns = self._agenda[0][0] if self._agenda else self._course.end_ns
            if at_ns > now:
                await self._alarm.until(min(at_ns, self._course.end_ns, now + LOOK_PERIOD_NS))
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
        if user in self._active:
            self._think(user, now_ns())

    def add(self, section: Section) -> None:
        """What is thought from now on takes as long as the section says."""
        self._begin(section)

    def _speak(self, user: int, due_ns: int, now: int) -> None:
        plan = self._swarm.plan
        if self._swarm.members[user].chatter.state is not UserState.READY:
            return  # it has left, and begins anew when it comes back
        self._said_count[user] += 1
        n = self._said_count[user] * plan.user_count + user
        message = self._speaker.say(user, n, due_ns, now, self._section.user_count)
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
