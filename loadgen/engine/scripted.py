"""Users of a run on call who do what a script tells them, one deed at a time; their messages are in the same books."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from loadgen.dialects import HttpRequest
from loadgen.engine.clock import now_ns
from loadgen.engine.crash import crash_loudly
from loadgen.engine.member import Club, Member
from loadgen.engine.swarm import ANSWER_TIMEOUT_S, Swarm
from loadgen.engine.user import User, UserState
from loadgen.engine.wire import Answer, Ask, Deed, Overheard
from loadgen.errors import ServerError
from loadgen.measure.receive_path import Receive
from loadgen.measure.tally import Count

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient


class ScriptedMember(Member):
    """A member whose script is told of every frame."""

    __slots__ = ("_receive", "_tell")

    def __init__(self, chatter: User, club: Club, tell: Callable[[bytes], None]) -> None:
        super().__init__(chatter, club)
        self._tell = tell
        receive = super().receive

        def receive_and_tell(user: int, payload: bytes, now: int) -> bool:
            taken = receive(user, payload, now)
            if taken:
                tell(payload)
            return taken

        self._receive: Receive = receive_and_tell

    @property
    def receive(self) -> Receive:
        return self._receive

    @property
    def receive_path(self) -> None:
        """None: the script must be shown each message."""

    def heard(self, payload: bytes, now_ns: int) -> None:
        super().heard(payload, now_ns)
        self._tell(payload)


class Scripts:
    """The scripted users of one process."""

    def __init__(self, swarm: Swarm, clients: Sequence[HttpClient], say: Callable[[Answer | Overheard], None]) -> None:
        """They have the upper half of the users that there can be."""
        share = swarm.plan.share_of_users
        self._first, self._stride = swarm.plan.user_count // 2 + share.index, share.count
        self._swarm = swarm
        self._clients = clients
        self._say = say
        self._doing: set[asyncio.Task[None]] = set()

    def ask(self, ask: Ask) -> None:
        """Have something done; the answer is said later."""
        task = asyncio.create_task(self._answer(ask))
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)
        task.add_done_callback(crash_loudly)

    async def close(self) -> None:
        """Nothing more is done."""
        doing = list(self._doing)
        for task in doing:
            task.cancel()
        if doing:
            await asyncio.wait(doing)

    async def _answer(self, ask: Ask) -> None:
        self._say(Answer(ask.ticket, await self._do(ask)))

    async def _do(self, ask: Ask) -> str | None:
        """Why it could not be done; None where it was."""
        member = self._member(ask.user)
        try:
            match ask.deed:
                case Deed.LOG_IN:
                    return await self._log_in(member)
                case Deed.CONNECT:
                    await self._swarm.open(member)
                    await member.answered(UserState.GREETING, ANSWER_TIMEOUT_S)
                    return None if member.connection is not None else "the server closed the connection at once"
                case Deed.JOIN:
                    member.send_all(member.chatter.joining(now_ns()))
                    await member.answered(UserState.JOINING, ANSWER_TIMEOUT_S)
                    return None if member.chatter.state is UserState.READY else "it did not get into its room"
                case Deed.SEND:
                    return await self._send(member, ask)
                case Deed.LEAVE:
                    self._swarm.leave(member.user, cut=False)
                    return None
        except ServerError as error:
            member.chatter.failed(error.kind, str(error))
            if member.connection is not None:
                member.connection.abort()
            # Locust shows it, and writes it into its tables.
            return self._swarm.books.secrets_of(member.user, member.chatter.token).hide(str(error))
        except TimeoutError:
            member.chatter.time_is_up()
            return f"no answer within {ANSWER_TIMEOUT_S:g} s"

    async def _log_in(self, member: Member) -> str | None:
        plan = self._swarm.plan
        if plan.dialect.login is not None and not plan.tokens:
            await self._swarm.log_in(member, self._clients)
        return "the login was refused" if member.chatter.state is UserState.GONE else None

    async def _send(self, member: Member, ask: Ask) -> str | None:
        connection = member.connection
        writable = connection is not None and connection.writable
        message = member.chatter.says(ask.text, ask.asked_ns, now_ns(), writable=writable)
        if message is None:
            return "it is not in its room" if writable else "its socket is gone, or the server does not read it"
        if isinstance(message, HttpRequest):
            answer = await self._clients[member.user % len(self._clients)].request(message)
            self._swarm.books.answered(answer, member.user, member.chatter.token)
        elif connection is not None:
            connection.send(message)
        return None

    def _member(self, number: int) -> Member:
        user = self._first + number * self._stride
        member = self._swarm.members.get(user)
        if member is None:
            self._swarm.admit(user)
            chatter = self._swarm.members[user].chatter
            counts = self._swarm.tally.counts
            counts[Count.USERS_PLANNED] += 1
            counts[Count.CONNECTIONS_PLANNED] += 1
            member = ScriptedMember(chatter, self._swarm, lambda frame: self._say(Overheard(number, frame)))
            self._swarm.members[user] = member
        return member
