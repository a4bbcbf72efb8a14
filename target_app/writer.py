"""The writer: messages are put here on the message path, and written to the store in groups.

Whatever gathered during one write is the next group. So a quiet server writes each message at once, and a busy
one many in each transaction, without a timer that would make everybody wait.

A message that could not be stored is not tried again. It had its number already and its room has heard it, so its
number is a gap in the stored history, and whoever wants an ack for it is told why there is none.
"""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Callable
from itertools import islice

from target_app.rooms import Message
from target_app.settings import Limits
from target_app.store import ClashError, Store, StoreError

# Told once of each message: None when it is stored, else why it is not.
OnStored = Callable[[StoreError | None], None]

# So many messages cost the event loop about 1.5 ms in one piece, and everybody waits while it lasts.
GROUP_MAX = 500

log = logging.getLogger(__name__)


class StoreBehindError(StoreError):
    """So much waits for the store that a message was not taken."""


class Writer:
    """Writes from `start` until `drain`."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        # What is being written stays in front until it is stored.
        self._waiting: deque[tuple[Message, OnStored]] = deque()
        self._waiting_bytes = 0
        # How many messages were ever taken, and who waits until so many of them are settled.
        self._taken_count = 0
        self._until_settled: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._news = asyncio.Event()
        self._ending = False
        self._task: asyncio.Task[None] | None = None
        # Why the latest write failed; None once one succeeds.
        self.last_error: StoreError | None = None
        self.stored_count = 0
        self.failed_count = 0

    @property
    def waiting_count(self) -> int:
        """How many messages are not stored yet."""
        return len(self._waiting)

    @property
    def behind(self) -> bool:
        """Whether the next message would not be taken: refuse it before it gets its number."""
        limits = self._limits
        return len(self._waiting) >= limits.unstored_messages or self._waiting_bytes >= limits.unstored_bytes

    def worry(self) -> str | None:
        """What is wrong, in a few words that anybody may read; None while all is well."""
        if self.last_error is not None:
            return "messages are not stored"
        return "the store is behind" if self.behind else None

    def start(self) -> None:
        """Begin to write; the store is open, and an event loop is running."""
        self._task = asyncio.create_task(self._write_on())

    def put(self, message: Message, on_stored: OnStored) -> None:
        """Have a message stored, after all that were put before; returns at once.

        ``on_stored`` is called later, in the order of the messages. Only where the writer is behind, or has
        ended, it is called before this returns, with StoreBehindError.
        """
        if self.behind or self._ending:
            self.failed_count += 1
            on_stored(StoreBehindError("the store is behind"))
            return
        self._taken_count += 1
        self._waiting.append((message, on_stored))
        self._waiting_bytes += sys.getsizeof(message.text)
        self._news.set()

    async def settled(self) -> None:
        """Wait until all that was put before is stored, or could not be."""
        if not self._waiting:
            return
        settled = asyncio.get_running_loop().create_future()
        self._until_settled.append((self._taken_count, settled))
        await settled

    async def drain(self, limit_s: float) -> None:
        """Take nothing more, write what waits, for so long at most, and end; what is left then is refused.

        A write that has begun is given up as soon as the store can do that.
        """
        self._ending = True
        self._news.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=limit_s)
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._waiting:
            log.error("%d messages were not stored before the server stopped", len(self._waiting))
            self._settle(len(self._waiting), StoreError("the server stopped first"))

    async def _write_on(self) -> None:
        while True:
            while self._waiting:
                await self._write([message for message, _ in islice(self._waiting, GROUP_MAX)])
            if self._ending:
                return
            self._news.clear()
            await self._news.wait()

    async def _write(self, group: list[Message]) -> None:
        error = await self._append(group)
        if isinstance(error, ClashError) and len(group) > 1:
            # Another server gave out the same number. Halves of halves find the message that pays for it.
            middle = len(group) // 2
            await self._write(group[:middle])
            await self._write(group[middle:])
            return
        self._note(error)
        self._settle(len(group), error)

    async def _append(self, group: list[Message]) -> StoreError | None:
        try:
            await self._store.append(group)
        except StoreError as error:
            return error
        except Exception:
            # A fault of ours in one group must not end the storing of all others.
            log.exception("could not store %d messages", len(group))
            return StoreError("internal error")
        return None

    def _note(self, error: StoreError | None) -> None:
        if error is not None and self.last_error is None:
            log.error("messages are not stored: %s", error)
        elif error is None and self.last_error is not None:
            log.warning("messages are stored again")
        self.last_error = error

    def _settle(self, count: int, error: StoreError | None) -> None:
        """Tell the first so many what became of them."""
        if error is None:
            self.stored_count += count
        else:
            self.failed_count += count
        for _ in range(count):
            message, on_stored = self._waiting.popleft()
            self._waiting_bytes -= sys.getsizeof(message.text)
            try:
                on_stored(error)
            except Exception:
                # One conversation's fault is not that of the next in the group.
                log.exception("room %r, message %d: could not say what became of it", message.room, message.seq)
        settled_count = self._taken_count - len(self._waiting)
        while self._until_settled and self._until_settled[0][0] <= settled_count:
            _, settled = self._until_settled.popleft()
            # Whoever waited may have been cancelled.
            if not settled.done():
                settled.set_result(None)
