"""A user and its present socket. A user who comes back gets another member; what the old one still hears is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from loadgen.engine.transport import Connection
from loadgen.engine.user import User, UserState
from loadgen.errors import ServerError
from loadgen.measure.receive_path import Receive, ReceivePath

# A server that asks without end and reads no answer must not fill our memory; one that is slow for a while has few.
MOST_UNREAD_REPLIES = 1000


class Club(Protocol):
    """Who members belong to: the swarm."""

    @property
    def receive(self) -> Receive:
        """The receive path."""
        ...

    @property
    def receive_path(self) -> ReceivePath | None:
        """The same where a delivery may be noted without calling it; None where each payload must be shown to it."""
        ...

    @property
    def hears_beside(self) -> bool:
        """Whether a frame that brings messages may bring something else, which a user must hear of."""
        ...

    def one_has_opened(self) -> None:
        """A socket is open."""
        ...

    def one_has_closed(self) -> None:
        """A socket is gone."""
        ...

    def one_is_gone(self) -> None:
        """A user is gone for good."""
        ...

    def one_was_cut_off(self, user: int, incident: int) -> None:
        """The server has closed its socket, as the plan wanted it: it is to come back."""
        ...


class Member:
    """Implements :class:`loadgen.engine.transport.Listener`."""

    __slots__ = ("_club", "_is_told_of", "_retired", "_unread_count", "_waiting", "chatter", "connection")

    def __init__(self, chatter: User, club: Club) -> None:
        self.chatter = chatter
        self.connection: Connection | None = None
        self._club = club
        self._retired = False
        self._is_told_of = False  # its end counts: it was opened for the user, and nobody else watches it
        self._waiting: tuple[UserState, asyncio.Future[None]] | None = None
        self._unread_count = 0  # replies since the server was last seen to read

    @property
    def user(self) -> int:
        return self.chatter.index

    @property
    def receive(self) -> Receive:
        receive = self._club.receive
        if not self._club.hears_beside:
            return receive
        may_tell, heard_beside = self.chatter.dialect.may_tell, self.heard_beside

        def receive_all(user: int, payload: bytes, now_ns: int) -> bool:
            if not receive(user, payload, now_ns):
                return False
            if may_tell(payload):
                heard_beside(payload, now_ns)
            return True

        return receive_all

    @property
    def receive_path(self) -> ReceivePath | None:
        return self._club.receive_path

    def opened(self, connection: Connection, now_ns: int) -> None:
        self._club.one_has_opened()
        self.connection = connection
        if self._retired:
            connection.abort()
        else:
            self._is_told_of = self.chatter.state not in (UserState.AWAY, UserState.GONE)
            self.send_all(self.chatter.opened(now_ns))

    def heard(self, payload: bytes, now_ns: int) -> None:
        self._hear(self.chatter.heard, payload, now_ns)

    def heard_beside(self, payload: bytes, now_ns: int) -> None:
        """A message that ``receive`` took, in a frame that may hold something else."""
        self._hear(self.chatter.heard_beside, payload, now_ns)

    def _hear(self, hear: Callable[[bytes, int], list[bytes]], payload: bytes, now_ns: int) -> None:
        if self._retired:
            return
        try:
            replies = hear(payload, now_ns)
        except ServerError as error:
            self._turned_away(error)
            return
        self._reply(replies)
        if self._waiting is not None:
            self._look()

    def _turned_away(self, error: ServerError) -> None:
        """The server has said that the user does not get in."""
        connection = self.connection
        if self._waiting is not None:  # whoever waits for it lets go of the socket, and counts it
            if not self._waiting[1].done():
                self._waiting[1].set_exception(error)
            return
        self.chatter.failed(error.kind, str(error))
        self._club.one_is_gone()
        if connection is not None:
            connection.close()

    def closed(self, code: int, reason: str, now_ns: int) -> None:
        self.connection = None
        self._club.one_has_closed()
        if self._is_told_of:
            self.chatter.socket_ended(code, by_us=self._retired)
        if self._retired:
            self.chatter.has_left(now_ns)
            return
        before = self.chatter.state
        by_plan = self.chatter.closed(code, reason, now_ns)
        self._look()
        if self.chatter.state is UserState.GONE and before is not UserState.GONE:
            self._club.one_is_gone()
        elif by_plan is not None:
            self._club.one_was_cut_off(self.user, by_plan)

    def _reply(self, frames: list[bytes]) -> None:
        """The same for what is said because of what the server has said, which may go on without end."""
        if not frames:
            return
        if self.connection is None or self.connection.writable:
            self._unread_count = 0
        frames = frames[: MOST_UNREAD_REPLIES - self._unread_count]  # one frame may ask a million times
        self._unread_count += len(frames)
        self.send_all(frames)

    def send_all(self, frames: list[bytes]) -> None:
        """Send each frame, where there is still a socket."""
        for frame in frames:
            if self.connection is not None:
                self.connection.send(frame)

    def retire(self, *, silently: bool = False) -> None:
        """The user has nothing to do with this socket any more; ``silently``: how it ends, somebody else tells."""
        self._retired = True
        self._is_told_of = self._is_told_of and not silently
        self._look()

    async def answered(self, waiting: UserState, within_s: float) -> None:
        """Wait until the user is no longer ``waiting``; TimeoutError where that takes longer than ``within_s``."""
        if self.chatter.state is waiting and not self._retired:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting = waiting, future
            try:
                async with asyncio.timeout(within_s):
                    await future
            except TimeoutError:
                if future.cancelled():
                    raise
                future.result()  # the answer came in the very moment that the time was up
            finally:
                self._waiting = None

    def _look(self) -> None:
        if self._waiting is not None:
            waiting, future = self._waiting
            if (self._retired or self.chatter.state is not waiting) and not future.done():
                future.set_result(None)
