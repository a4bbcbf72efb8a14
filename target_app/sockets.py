"""What every WebSocket endpoint does: admit, read, answer for its own faults."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from fastapi import WebSocket

from target_app.connection import outbox_of
from target_app.outbox import Outbox
from target_app.tokens import Identity, InvalidTokenError, Tokens

UNSUPPORTED_DATA = 1003
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011

log = logging.getLogger(__name__)


async def admit(websocket: WebSocket, token: str | None, tokens: Tokens) -> Identity | None:
    """Say who an accepted WebSocket speaks for; None when it was refused, and is closed already.

    Accepted first and then closed: a client refused before that sees HTTP 403
    and never the reason.
    """
    outbox = outbox_of(websocket)
    if not token:
        outbox.close(POLICY_VIOLATION, "Unauthorized: No token provided")
        return None
    try:
        return tokens.verify(token)
    except InvalidTokenError:
        outbox.close(POLICY_VIOLATION, "Unauthorized")
        return None


@contextmanager
def conversation(outbox: Outbox, identity: Identity, expired_code: int) -> Iterator[None]:
    """Bound a conversation: by the life of its token, and by our own faults (1011)."""
    remaining_s = identity.expires_at_s - time.time()
    expiry = asyncio.get_running_loop().call_later(remaining_s, outbox.close, expired_code, "Token expired")
    try:
        yield
    except Exception:
        # The client is told that it is our fault; the reason is for us alone.
        log.exception("a conversation with %s failed", identity.user)
        outbox.close(INTERNAL_ERROR, "Internal server error")
    finally:
        expiry.cancel()


async def frames(websocket: WebSocket) -> AsyncIterator[str | bytes]:
    """Yield what the client sends, text as str and binary as bytes, until either side closes."""
    while (event := await websocket.receive())["type"] == "websocket.receive":
        text = event.get("text")
        yield event["bytes"] if text is None else text
        # Thousands of frames may have come in one read. A pause after each lets everybody else in: during
        # a burst of 8,000 to 200 members a stranger's ping took 5 to 8 ms, and 350 to 470 ms without.
        await asyncio.sleep(0)


async def texts(websocket: WebSocket) -> AsyncIterator[str]:
    """Yield what the client sends, for an endpoint that has nothing to say to a binary frame (1003)."""
    async for frame in frames(websocket):
        if isinstance(frame, bytes):
            outbox_of(websocket).close(UNSUPPORTED_DATA, "Text frames only")
            return
        yield frame
