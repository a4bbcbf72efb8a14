"""A few users of a real server, each driven step by step: dialect, user, HTTP client and transport, but no swarm."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from loadgen.dialects import Credentials, HttpRequest
from loadgen.dialects.script import DialectScript
from loadgen.dialects.scripted import speaker_of
from loadgen.engine.books import Books
from loadgen.engine.clock import now_ns
from loadgen.engine.http import HttpClient
from loadgen.engine.transport import Connection
from loadgen.engine.transport.picows_transport import PicowsTransport
from loadgen.engine.user import User, UserState
from loadgen.errors import ServerError
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.payload import Payload
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Tally
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.rooms import Rooms
from tests.support.waiting import Bell

TAG = "c0ffee"


class Chat:
    """Everything the users of one test share. Use as an async context manager; at its end all have left."""

    def __init__(self, base_url: str, script: DialectScript, user_count: int, room_count: int = 1) -> None:
        self.script = script
        self.user_count = user_count
        self.bell = Bell()
        self.tally = Tally(now_ns())
        self.rooms = Rooms.alike(room_count)
        rules = Rules(user_count, self.rooms, script.publish.reach, script.publish.echo, deadline_ns=5 * NS_PER_S)
        self.ledger = Ledger(rules, marker.prefix_of(TAG), self.tally)
        self.ledger.measure(0, 2**62)
        self.payload = Payload(seed=1, payload_bytes=200)
        self.books = Books(self.ledger, self.payload, TAG, deadline_ns=5 * NS_PER_S)
        self.transport = PicowsTransport(base_url, (), timeout_s=10)
        self.http = HttpClient(base_url, (), timeout_s=10, connection_count=4)
        self._members: list[Member] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Chat:
        await self._stack.enter_async_context(self.http)
        return self

    async def __aexit__(self, *_: object) -> None:
        for member in self._members:
            await member.leave()
        await self._stack.aclose()

    def member(self, username: str, password: str) -> Member:
        """One more user, who has not logged in."""
        index = len(self._members)
        dialect = speaker_of(self.script, Credentials(index, username, password))
        member = Member(User(index, self.rooms.rooms_of(index), dialect, self.books), self)
        self._members.append(member)
        return member

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait until the server has sent enough."""
        await self.bell.until(is_true)


class Member:
    """A user, its socket and what it has heard; implements :class:`loadgen.engine.transport.Listener`."""

    receive_path = None

    def __init__(self, chatter: User, chat: Chat) -> None:
        self.chatter = chatter
        self.user = chatter.index
        self.messages: list[bytes] = []
        self.other_frames: list[bytes] = []
        self.refusal: ServerError | None = None
        """What kept it out, where a frame said so."""
        self.is_closed = False
        self.is_mute = False
        """Whether it answers nothing that it hears."""
        self._chat = chat
        self._connection: Connection | None = None

    # --- what the transport says

    def receive(self, user: int, payload: bytes, now_ns: int) -> bool:
        """Let the ledger look, and keep what it takes."""
        taken = self._chat.ledger.receive(user, payload, now_ns)
        if taken:
            self.messages.append(payload)
            if self._chat.script.has_several_in_a_frame:
                self._send(self.chatter.heard_beside(payload, now_ns))
            self._chat.bell.ring()
        return taken

    def opened(self, connection: Connection, now_ns: int) -> None:
        """Say what the dialect says first."""
        self._connection = connection
        self._send(self.chatter.opened(now_ns))

    def heard(self, payload: bytes, now_ns: int) -> None:
        """Keep the frame, and answer as the dialect does."""
        self.other_frames.append(payload)
        try:
            replies = self.chatter.heard(payload, now_ns)
            self._send([] if self.is_mute else replies)
        except ServerError as error:
            self.refusal = error
        self._chat.bell.ring()

    def closed(self, code: int, reason: str, now_ns: int) -> None:
        """The socket is gone."""
        self._connection = None
        self.is_closed = True
        self.chatter.closed(code, reason, now_ns)
        self._chat.bell.ring()

    # --- what the test says

    async def log_in(self) -> None:
        """Log in, with whatever result."""
        request = self.chatter.logging_in(now_ns())
        self.chatter.logged_in(await self._chat.http.request(request), now_ns())

    async def arrive(self) -> Member:
        """Log in where there is a login, connect, be greeted, join; ready at the end."""
        if self.chatter.dialect.has_login:
            await self.log_in()
            assert self.chatter.state is UserState.LOGGED_IN, self._chat.tally.errors
        await self._chat.transport.connect(self.chatter.connecting(now_ns()), self)
        await self._is_past(UserState.CONNECTED)
        self._send(self.chatter.joining(now_ns()))
        await self._is_past(UserState.READY)
        return self

    async def _is_past(self, state: UserState) -> None:
        await self._chat.until(lambda: self.chatter.state is state or self.refusal is not None or self.is_closed)
        if self.refusal is not None:
            raise self.refusal
        if self.chatter.state is not state:
            (kind, _), error = next(iter(self._chat.tally.errors.items()))
            raise ServerError(kind, error.example)

    async def say(self, n: int) -> str:
        """Send message ``n``; its text."""
        now = now_ns()
        message = self.chatter.due(n, now, now, writable=True)
        assert message is not None, f"{self.chatter.state} is not ready"
        if isinstance(message, HttpRequest):
            self._chat.books.answered(await self._chat.http.request(message))
        else:
            self._send([message])
        raw = message.body or b"" if isinstance(message, HttpRequest) else message
        at = raw.index(marker.prefix_of(TAG))
        return self._chat.payload.text(n, raw[at : at + marker.WIDTH])

    def keep_alive(self) -> None:
        """Send the dialect's regular frame."""
        regular = self.chatter.keeping_alive()
        assert regular is not None
        self._send([regular])

    async def leave(self) -> None:
        """Say good-bye, and close the socket in good order."""
        if self._connection is not None:
            self._send(self.chatter.leaving_politely())
        self.chatter.leaving()
        if self._connection is not None:
            self._connection.close()
            await self._chat.until(lambda: self._connection is None)

    def _send(self, frames: list[bytes]) -> None:
        for frame in frames:
            assert self._connection is not None
            self._connection.send(frame)
