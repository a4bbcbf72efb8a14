"""One of the two users who try a dialect, with its socket and what came to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence

from loadgen.engine.transport import Connection
from loadgen.engine.user import User, UserState
from loadgen.errors import ServerError
from loadgen.measure.receive_path import Receive
from scenarios.doctor.attempts import Closing, Overheard, Refrain

# What is kept of what comes: enough to understand it, however much there is.
KEPT_FRAMES = 50
KEPT_MESSAGES = 200
KEPT_BYTES = 16_384
# What a server asks regularly is short.
REFRAIN_BYTES = 200


class Guest:
    """A user of the engine and its socket; implements :class:`loadgen.engine.transport.Listener`."""

    receive_path = None

    def __init__(self, chatter: User, prefix: bytes, receive: Receive, *, hears_beside: bool) -> None:
        """``prefix`` is what the markers of this examination start with.

        ``hears_beside``: whether a frame that brings a message may bring something else.
        """
        self._hears_beside = hears_beside
        self.chatter = chatter
        self.user = chatter.index
        self.connection: Connection | None = None
        self.closing: Closing | None = None
        self.refusal: str | None = None
        """The frame that the dialect takes for an error, where one came before the user was in."""
        self.first_frames: tuple[bytes, ...] = ()
        """What was sent after the 101."""
        self.reply_count = 0
        self._unanswered: Counter[bytes] = Counter()
        self._said: tuple[bytes, ...] = ()
        self._prefix = prefix
        self._take = receive
        self._frames: list[bytes] = []
        self._frame_count = 0
        self._changed = asyncio.Event()

    def receive(self, user: int, payload: bytes, now_ns: int) -> bool:
        """Let the ledger look first, as in a run."""
        if not self._take(user, payload, now_ns):
            return False
        self._keep(payload)
        if self._hears_beside:
            self._hear(self.chatter.heard_beside, payload, now_ns)
        return True

    def _keep(self, payload: bytes) -> None:
        self._frame_count += 1
        kept = KEPT_MESSAGES if self._prefix in payload else KEPT_FRAMES
        if len(self._frames) < kept:
            self._frames.append(payload[:KEPT_BYTES])
        self.changed()

    def opened(self, connection: Connection, now_ns: int) -> None:
        self.connection = connection
        self.first_frames = tuple(self.chatter.opened(now_ns))
        self.send(self.first_frames)

    def heard(self, payload: bytes, now_ns: int) -> None:
        # Not before: the receive path sees pings and close frames, too.
        self._keep(payload)
        self._hear(self.chatter.heard, payload, now_ns)

    def _hear(self, hear: Callable[[bytes, int], list[bytes]], payload: bytes, now_ns: int) -> None:
        try:
            replies = hear(payload, now_ns)
        except ServerError as error:
            self.refusal = str(error)
            self.changed()
            return
        if not replies and len(payload) <= REFRAIN_BYTES and len(self._unanswered) < KEPT_FRAMES:
            self._unanswered[payload] += 1
        self.reply_count += len(replies)
        self._said += tuple(replies)[: KEPT_FRAMES - len(self._said)]
        self.send(replies)
        self.changed()

    def closed(self, code: int, reason: str, now_ns: int) -> None:
        self.connection = None
        self.closing = Closing(int(code), reason)
        self.chatter.closed(code, reason, now_ns)
        self.changed()

    def send(self, frames: Sequence[bytes]) -> None:
        """Send them, unless the socket is gone."""
        for frame in frames:
            if self.connection is not None:
                self.connection.send(frame)

    def changed(self) -> None:
        """Whoever waits looks again."""
        self._changed.set()

    @property
    def has_heard_something(self) -> bool:
        """Whether a frame has come since this was last asked for."""
        return self._frame_count > 0

    @property
    def refrain(self) -> Refrain | None:
        """The frame without a message that came most often, and was not answered."""
        frame, count = next(iter(self._unanswered.most_common(1)), (b"", 0))
        return Refrain(frame, count) if count > 1 else None

    def said(self) -> tuple[bytes, ...]:
        """What was sent back since this was asked last."""
        said, self._said = self._said, ()
        return said

    def overheard(self) -> Overheard:
        """What came since this was asked last."""
        heard = Overheard(tuple(self._frames), self._frame_count, self.closing)
        self._frames, self._frame_count = [], 0
        return heard

    def holds(self, mark: bytes) -> bool:
        """Whether it has got the message with this marker."""
        return any(mark in frame for frame in self._frames)

    async def is_answered(self, within_s: float) -> bool:
        """Wait for the answer to a keep-alive, where there is to be one; whether it has come."""
        return await self.until(lambda: not self.chatter.dialect.misses_answer, within_s)

    async def is_past(self, state: UserState, within_s: float) -> bool:
        """Wait until the user is not in a state any more, in which it waits for something; whether that has come."""
        return await self.until(lambda: self.chatter.state is not state, within_s) and self.closing is None

    async def listen(self, for_s: float) -> None:
        """Wait for what may still come, unless the socket is gone."""
        await self.until(lambda: False, for_s)

    async def until(self, is_true: Callable[[], bool], within_s: float) -> bool:
        """Wait until ``is_true()``, or the socket is gone, or the user is refused; whether it came to be true."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not is_true() and self.closing is None and self.refusal is None:
                    self._changed.clear()
                    await self._changed.wait()
        return is_true()
