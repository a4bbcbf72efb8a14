"""Tries a dialect with two users, who get in, talk and leave, step by step."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from loadgen.dialects import Credentials, HttpRequest
from loadgen.dialects.requests import prepare
from loadgen.dialects.script import DialectScript, Reach
from loadgen.dialects.scripted import speaker_of
from loadgen.engine.books import Books
from loadgen.engine.clock import now_ns
from loadgen.engine.http import HttpClient
from loadgen.engine.transport.picows_transport import PicowsTransport
from loadgen.engine.user import User, UserState
from loadgen.errors import ServerError, TargetUnreachableError
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.payload import payload_of
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Tally
from loadgen.plan.plan import Plan
from loadgen.plan.rooms import Rooms, room_name
from scenarios.doctor import getting_in, staying, talking
from scenarios.doctor.attempts import ConnectAttempt, LoginAttempt, Person, Talk, Trouble, Wait
from scenarios.doctor.case import Case
from scenarios.doctor.guest import Guest
from scenarios.doctor.secrets import secrets_of
from scenarios.doctor.steps import Step
from scenarios.doctor.wording import Wording
from scenarios.target import check_reachable

USER_COUNT = 2
# How long we listen for what should not come.
QUIET_S = 0.5
ALIVE_S = 1.0
# What a file does not say whose protocol a class speaks.
_SPOKEN_KEYS = frozenset(
    {"connect.send", "connect.until", "join.send", "join.until", "publish.send", "publish.ack", "alive.send"}
)


async def examine(plan: Plan, patience_s: float, show: Callable[[Step], None]) -> list[Step]:
    """All steps up to the end, each shown when it is over; nothing that may not come is awaited longer than so.

    The plan has two users and one room.
    """
    steps = []
    async with contextlib.aclosing(_Examination(plan, patience_s).steps()) as coming:
        async for each in coming:
            step = _of_protocol(each, plan.dialect)
            show(step)
            steps.append(step)
            if step.is_the_end:
                break
    return steps


def _of_protocol(step: Step, script: DialectScript) -> Step:
    """Where a class speaks, the keys that its file does not have are its options."""
    if script.speaker is None or step.key not in _SPOKEN_KEYS:
        return step
    return replace(step, key="options")


class _Examination:
    """The two users and what they share. No wait is longer than ``patience_s``, for both together."""

    def __init__(self, plan: Plan, patience_s: float) -> None:
        self._plan = plan
        self._patience_s = patience_s
        script, tally = plan.dialect, Tally(now_ns())
        rules = Rules(USER_COUNT, Rooms.alike(1), script.publish.reach, script.publish.echo, plan.deadline_ns)
        ledger = Ledger(rules, marker.prefix_of(plan.tag), tally)
        self._payload = payload_of(plan)
        self._books = Books(ledger, self._payload, plan.tag, plan.deadline_ns)
        accounts = [plan.accounts[i % len(plan.accounts)] for i in range(USER_COUNT)]
        self._people = [Person(name, password) for name, password in accounts]
        self._guests = [
            Guest(
                User(i, [0], speaker_of(script, Credentials(i, person.username, person.password)), self._books),
                self._books.prefix,
                ledger.receive,
                hears_beside=script.has_several_in_a_frame,
            )
            for i, person in enumerate(self._people)
        ]

    @property
    def _case(self) -> Case:
        """What is known so far: the tokens come with the login."""
        one, two = self._people
        plan = self._plan
        in_urls = [urlsplit(url).password for url in (*plan.base_urls, plan.access.proxy or "")]
        signed_with = None if plan.dialect.token is None else plan.dialect.token.secret
        hidden = secrets_of(self._people, plan.headers, *in_urls, signed_with)
        refrain = next((guest.refrain for guest in self._guests if guest.refrain is not None), None)
        return Case(plan.dialect, (one, two), room_name(0), Wording(hidden, self._patience_s), refrain)

    async def steps(self) -> AsyncGenerator[Step, None]:
        """Each step when it is over; stop at one that is the end."""
        try:
            yield await self._reach()
            async with contextlib.AsyncExitStack() as stack:
                clients = [await stack.enter_async_context(self._client(url)) for url in self._urls()]
                yield await self._log_in(clients)
                yield await self._connect()
                yield await self._greet()
                yield await self._join()
                talk = await self._talk(clients[0])
            case = self._case
            for judge in (
                talking.published,
                talking.acknowledged,
                talking.delivered,
                talking.came_back,
                talking.marked,
            ):
                yield judge(case, talk)
            yield await self._keep_alive()
            yield await self._leave()
        finally:
            for guest in self._guests:
                if guest.connection is not None:
                    guest.connection.abort()

    def _urls(self) -> Iterator[str]:
        """The node of each user: they take them in turn."""
        for i in range(USER_COUNT):
            yield self._plan.base_urls[i % len(self._plan.base_urls)]

    def _client(self, base_url: str) -> HttpClient:
        plan, patience_s = self._plan, self._patience_s
        return HttpClient(base_url, plan.headers, access=plan.access, timeout_s=patience_s, connection_count=USER_COUNT)

    async def _reach(self) -> Step:
        for base_url in self._plan.base_urls:
            try:
                await check_reachable(base_url, self._plan.access)
            except TargetUnreachableError as error:
                return getting_in.reached(self._case, address_of(base_url), str(error))
        return getting_in.reached(self._case, " and ".join(map(address_of, self._plan.base_urls)), None)

    async def _log_in(self, clients: Sequence[HttpClient]) -> Step:
        tokens = self._plan.tokens
        if tokens or self._plan.dialect.login is None:
            for i, guest in enumerate(self._guests if tokens else ()):
                guest.chatter.given(tokens[i % len(tokens)])
                self._has_token(guest, tokens[i % len(tokens)])
            return getting_in.logged_in(self._case, None, have_tokens=bool(tokens))
        prepare(self._plan.dialect)
        attempts = await asyncio.gather(*map(self._attempt_login, self._guests, clients))
        return getting_in.logged_in(self._case, attempts, have_tokens=False)

    async def _attempt_login(self, guest: Guest, client: HttpClient) -> LoginAttempt:
        request = guest.chatter.logging_in(now_ns())
        try:
            answer = await client.request(request)
        except ServerError as error:
            return LoginAttempt(request, trouble=Trouble(error.kind, str(error)))
        guest.chatter.logged_in(answer, now_ns())
        if guest.chatter.state is not UserState.LOGGED_IN:
            return LoginAttempt(request, answer)
        self._has_token(guest, guest.chatter.dialect.token_from(answer))
        return LoginAttempt(request, answer, has_token=True)

    def _has_token(self, guest: Guest, token: str | None) -> None:
        self._people[guest.user] = replace(self._people[guest.user], token=token or None)

    async def _connect(self) -> Step:
        attempts = await asyncio.gather(*map(self._attempt_connect, self._guests, self._urls()))
        # A server that does not like the token may say so after the 101.
        if any(guest.connection for guest in self._guests):
            await self._listen(QUIET_S)
        # Where it says more before that, the next step tells of it.
        closings = [None if guest.has_heard_something else guest.closing for guest in self._guests]
        return getting_in.connected(
            self._case, [replace(each, closing=closing) for each, closing in zip(attempts, closings, strict=True)]
        )

    async def _attempt_connect(self, guest: Guest, base_url: str) -> ConnectAttempt:
        plan, opening = self._plan, guest.chatter.connecting(now_ns())
        transport = PicowsTransport(base_url, plan.headers, access=plan.access, timeout_s=self._patience_s)
        try:
            await transport.connect(opening, guest)
        except ServerError as error:
            return ConnectAttempt(opening, Trouble(error.kind, str(error)))
        return ConnectAttempt(opening)

    async def _greet(self) -> Step:
        sent = [guest.first_frames for guest in self._guests]
        return getting_in.greeted(self._case, await self._waited_for(UserState.GREETING, sent))

    async def _join(self) -> Step:
        sent = [tuple(guest.chatter.joining(now_ns())) for guest in self._guests]
        for guest, frames in zip(self._guests, sent, strict=True):
            guest.send(frames)
        return getting_in.joined(self._case, await self._waited_for(UserState.JOINING, sent))

    async def _waited_for(self, state: UserState, sent: Sequence[tuple[bytes, ...]]) -> list[Wait]:
        have_come = await asyncio.gather(*(guest.is_past(state, self._patience_s) for guest in self._guests))
        if any(sent):  # an answer that is not awaited may say a lot
            await self._listen(QUIET_S)
        return [
            Wait(frames + guest.said(), has_come, guest.overheard(), guest.refusal, guest.chatter.dialect.awaited)
            for guest, frames, has_come in zip(self._guests, sent, have_come, strict=True)
        ]

    async def _talk(self, client: HttpClient) -> Talk:
        one, two = self._guests
        acks: list[bytes] = []

        def note(_user: int, mark: bytes, _now_ns: int) -> None:
            acks.append(mark)
            one.changed()

        self._books.on_ack = note
        now = now_ns()
        message = one.chatter.due(0, now, now, writable=True)
        assert message is not None, "a user who is not ready was let through"
        mark = _marker_in(message, self._books.prefix)
        answer, trouble = None, None
        if isinstance(message, HttpRequest):
            try:
                answer = await client.request(message)
            except ServerError as error:
                trouble = Trouble(error.kind, str(error))
        else:
            one.send([message])
        if trouble is None and (answer is None or 200 <= answer.status < 300):
            expects_own, publish = self._case.expects_own, self._plan.dialect.publish
            await asyncio.gather(
                one.until(
                    lambda: (not expects_own or one.holds(mark)) and (bool(acks) or publish.ack is None),
                    self._patience_s,
                ),
                two.until(lambda: publish.reach is Reach.SELF or two.holds(mark), self._patience_s),
            )
            await self._listen(QUIET_S)
        return Talk(
            text=self._payload.text(0, mark),
            marker=mark.decode(),
            message_id=f"{self._plan.tag}-0-0",
            message=message,
            heard=(one.overheard(), two.overheard()),
            is_acked=bool(acks),
            answer=answer,
            trouble=trouble,
        )

    async def _keep_alive(self) -> Step:
        sent = []
        for guest in self._guests:
            regular = guest.chatter.keeping_alive()
            sent.append(() if regular is None else (regular,))
            guest.send(sent[-1])
        if any(sent):
            await self._listen(ALIVE_S)
        have_come = await asyncio.gather(*(guest.is_answered(self._patience_s) for guest in self._guests))
        waits = [
            Wait(frames, has_come, guest.overheard())
            for guest, frames, has_come in zip(self._guests, sent, have_come, strict=True)
        ]
        return staying.kept_alive(self._case, waits, sum(guest.reply_count for guest in self._guests))

    async def _leave(self) -> Step:
        for guest in self._guests:
            guest.send(guest.chatter.leaving_politely())
            guest.chatter.leaving()
            if guest.connection is not None:
                guest.connection.close()
        await self._listen(self._patience_s)
        return staying.closed([guest.closing for guest in self._guests])

    async def _listen(self, for_s: float) -> None:
        await asyncio.gather(*(guest.listen(for_s) for guest in self._guests))


def address_of(base_url: str) -> str:
    """Without a name and password that may stand in it."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _marker_in(message: bytes | HttpRequest, prefix: bytes) -> bytes:
    raw = message if isinstance(message, bytes) else message.path.encode() + b" " + (message.body or b"")
    found = re.search(re.escape(prefix) + rb"[0-9a-f]{%d}" % (marker.WIDTH - len(prefix)), raw)
    assert found is not None, "a dialect whose message has no {text} was let through"
    return found[0]
