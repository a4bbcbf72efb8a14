"""What every WebSocket endpoint does with whom it let in: read, keep to the limits, answer for its own faults."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import WebSocket

from target_app.connection import POLICY_VIOLATION, outbox_of
from target_app.outbox import Outbox
from target_app.services import Services
from target_app.throttle import Bucket
from target_app.tokens import Identity

UNSUPPORTED_DATA = 1003
INTERNAL_ERROR = 1011

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a client sent: text as str, binary as bytes; ``too_fast`` where it is one too many, and to be refused."""

    content: str | bytes
    too_fast: bool


@contextmanager
def conversation(outbox: Outbox, identity: Identity, services: Services, expired_code: int) -> Iterator[None]:
    """Bound a conversation: by the life of its token, and by our own faults."""
    misfortune, user = services.misfortune, identity.user
    remaining_s = identity.expires_at_s - time.time()
    expiry = asyncio.get_running_loop().call_later(remaining_s, outbox.close, expired_code, "Token expired")
    services.connections_of[user] += 1
    if misfortune is not None:
        misfortune.arrived(outbox, user)
    try:
        with our_faults_told(outbox, user):
            yield
    finally:
        expiry.cancel()
        services.connections_of[user] -= 1
        if not services.connections_of[user]:
            del services.connections_of[user]
        if misfortune is not None:
            misfortune.left(outbox)


@contextmanager
def our_faults_told(outbox: Outbox, user: str) -> Iterator[None]:
    """Close with 1011 when something of ours fails: the client is told that it is our fault, the log why."""
    try:
        yield
    except Exception:
        log.exception("a conversation with %s failed", user)
        outbox.close(INTERNAL_ERROR, "Internal server error")


async def frames(websocket: WebSocket, services: Services) -> AsyncIterator[Frame]:
    """Yield what the client sends, until either side closes; who sends far too much is closed (1008)."""
    misfortune, limits, outbox = services.misfortune, services.settings.limits, outbox_of(websocket)
    allowed = Bucket(limits.frames_per_s, limits.frames_at_once)
    forgiven = Bucket(limits.refused_frames_per_s, limits.refused_frames_at_once)
    while (event := await websocket.receive())["type"] == "websocket.receive":
        text = event.get("text")
        content = event["bytes"] if text is None else text
        now_ns = time.monotonic_ns()
        too_fast = not allowed.take(now_ns)
        if too_fast and not forgiven.take(now_ns):
            outbox.close(POLICY_VIOLATION, "Too many messages")
            return
        if misfortune is not None:
            await misfortune.read(outbox, content)
        yield Frame(content, too_fast)
        # Thousands of frames may have come in one read. A pause after each lets everybody else in: during
        # a burst of 8,000 to 200 members a stranger's ping took 5 to 8 ms, and 350 to 470 ms without.
        await asyncio.sleep(0)


async def texts(websocket: WebSocket, services: Services) -> AsyncIterator[str]:
    """Yield the texts that a client sends, for an endpoint without error frames.

    A binary frame ends the connection (1003), and so does one too many (1008).
    """
    async for frame in frames(websocket, services):
        if isinstance(frame.content, bytes):
            outbox_of(websocket).close(UNSUPPORTED_DATA, "Text frames only")
            return
        if frame.too_fast:
            outbox_of(websocket).close(POLICY_VIOLATION, "Too many messages")
            return
        yield frame.content
