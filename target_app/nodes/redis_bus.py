"""The bus on Redis: one channel for each node, and one for all.

Publish and subscribe, not streams. A stream would keep what a node misses while it is cut off - as long as Redis itself
forgets nothing, which it does when it is killed. So nodes must be able to ask one another for what they missed in any
case; and as they are, a stream would be kept, trimmed and acknowledged for nothing.

A node hears its own beat, by the same way as everybody else's: that is how it knows that it is heard. Whether Redis
was killed, is frozen, or cannot be reached: after AWAY_S without one, the bus is away.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from target_app.nodes.bus import BusError, Ear
from target_app.nodes.messages import ALL, Beat, Message, decode, encode

PREFIX = "chatbench:"

BEAT_S = 0.5
AWAY_S = 3.0
# Until the first beat comes back, at the start.
OPEN_S = 5.0
# Between two attempts to reach it again.
RETRY_S = 0.5

# Between two attempts to end a task that goes on.
CANCEL_S = 0.05

# So many messages wait while Redis takes its time; beyond, the bus is away, and everybody knows that something is lost.
WAITING_MAX = 10_000

# One publish is 30 us by itself, and 8 us among many that are sent together.
BATCH_MAX = 200

log = logging.getLogger(__name__)


class RedisBus:
    """One node's end. ``url`` is redis://..., rediss://... or unix://...."""

    def __init__(self, url: str, node: str) -> None:
        self._url = url
        self._node = node
        self._redis: Redis | None = None
        self._ear: Ear | None = None
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._beat_s = 0.0
        self._is_up = False
        self._came_up = asyncio.Event()
        self._why_not: str = "it does not answer"

    @property
    def is_up(self) -> bool:
        return self._is_up

    async def open(self, ear: Ear) -> None:
        self._ear = ear
        try:
            self._redis = Redis.from_url(self._url, socket_connect_timeout=AWAY_S, socket_timeout=AWAY_S)
        except ValueError:
            # Its own text quotes what it took for the port, which may be half a password.
            raise BusError(
                "Redis: the address cannot be read; is a '/', '?' or '#' of a password not quoted?"
            ) from None
        self._tasks = [asyncio.create_task(each()) for each in (self._listen_on, self._send_on, self._beat_on)]
        try:
            await asyncio.wait_for(self._came_up.wait(), OPEN_S)
        except TimeoutError as error:
            await self.close()
            raise BusError(f"Redis: {self._why_not}") from error

    def send(self, to: str, message: Message) -> None:
        self.send_each((to,), message)

    def send_each(self, nodes: Iterable[str], message: Message) -> None:
        if self._is_up:
            data = encode(self._node, message)
            for to in nodes:
                self._put(to, data)

    async def close(self) -> None:
        if self._is_up:
            with suppress(TimeoutError):
                async with asyncio.timeout(AWAY_S):
                    while self._waiting:
                        await asyncio.sleep(0.01)
        self._is_up = False
        going_on = set(self._tasks)
        # Again and again: redis-py waits with asyncio.wait_for, which may lose a cancellation in Python 3.11.
        while going_on:
            for task in going_on:
                task.cancel()
            _, going_on = await asyncio.wait(going_on, timeout=CANCEL_S)
        self._tasks = []
        if self._redis is not None:
            with suppress(RedisError, OSError):
                await self._redis.aclose()
            self._redis = None

    # --- what goes on

    async def _listen_on(self) -> None:
        await self._for_ever(self._listen)

    async def _send_on(self) -> None:
        await self._for_ever(self._send)

    async def _beat_on(self) -> None:
        while True:
            self._put(ALL, encode(self._node, Beat()))
            await asyncio.sleep(BEAT_S)
            if self._is_up and time.monotonic() - self._beat_s > AWAY_S:
                self._went_away("it does not answer")

    async def _for_ever(self, work: Callable[[], Any]) -> None:
        while True:
            try:
                await work()
            except (RedisError, OSError) as error:
                self._went_away(str(error) or type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        assert self._redis is not None
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channels:
            await channels.subscribe(_channel(self._node), _channel(ALL))
            while True:
                # Our own beats come all the time: a silence is an end.
                told = await channels.get_message(timeout=AWAY_S)
                if told is not None:
                    self._heard(told["data"])

    async def _send(self) -> None:
        assert self._redis is not None
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
                if len(batch) == 1:  # which costs half of what a pipeline of one does
                    await self._redis.publish(*batch[0])
                    continue
                async with self._redis.pipeline(transaction=False) as pipe:
                    for channel, data in batch:
                        pipe.publish(channel, data)
                    await pipe.execute()

    def _put(self, to: str, data: bytes) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._went_away("it does not take what is said to it")
            return
        self._waiting.append((_channel(to), data))
        self._news.set()

    def _heard(self, data: bytes) -> None:
        assert self._ear is not None
        found = decode(data)
        if found is None:
            log.warning("a message on the bus is not understood: is there a server of another version?")
            return
        sender, message = found
        if sender == self._node:
            if isinstance(message, Beat):
                self._came_back()
        elif self._is_up:
            self._ear.heard(sender, message)

    def _came_back(self) -> None:
        self._beat_s = time.monotonic()
        if self._is_up:
            return
        self._is_up = True
        self._came_up.set()
        log.info("other servers can be reached")
        assert self._ear is not None
        self._ear.joined_bus()

    def _went_away(self, why: str) -> None:
        self._why_not = why
        # What waited is old by the time it would be sent: whoever needs it asks again.
        self._waiting.clear()
        if self._is_up:
            self._is_up = False
            log.error("other servers cannot be reached: %s", why)
            assert self._ear is not None
            self._ear.left_bus()


def _channel(to: str) -> str:
    return PREFIX + to
