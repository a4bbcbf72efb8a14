"""What every WebSocket endpoint does: admit, read, answer for its own faults."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from fastapi import WebSocket

from target_app.connection import outbox_of
from target_app.misfortune import Misfortune
from target_app.outbox import Outbox
from target_app.services import Services
from target_app.tokens import Identity, InvalidTokenError, Tokens

UNSUPPORTED_DATA = 1003
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011

log = logging.getLogger(__name__)


async def admit(
    websocket: WebSocket, token: str | None, services: Services, subprotocol: str | None = None
) -> Identity | None:
    """Accept a WebSocket and say who it speaks for; None when it was refused, and is closed already.

    Accepted first and then closed: a client refused before that sees HTTP 403
    and never the reason.
    """
    identity, refusal = _identify(token, services.tokens)
    misfortune = services.misfortune
    if identity is not None and misfortune is not None and misfortune.never_answers(identity.user):
        await _until_it_gives_up(websocket)
        return None
    await websocket.accept(subprotocol)
    if identity is None:
        outbox_of(websocket).close(POLICY_VIOLATION, refusal)
    return identity


@contextmanager
def conversation(outbox: Outbox, identity: Identity, services: Services, expired_code: int) -> Iterator[None]:
    """Bound a conversation: by the life of its token, and by our own faults (1011)."""
    misfortune = services.misfortune
    remaining_s = identity.expires_at_s - time.time()
    expiry = asyncio.get_running_loop().call_later(remaining_s, outbox.close, expired_code, "Token expired")
    if misfortune is not None:
        misfortune.arrived(outbox, identity.user)
    try:
        yield
    except Exception:
        # The client is told that it is our fault; the reason is for us alone.
        log.exception("a conversation with %s failed", identity.user)
        outbox.close(INTERNAL_ERROR, "Internal server error")
    finally:
        expiry.cancel()
        if misfortune is not None:
            misfortune.left(outbox)


async def frames(websocket: WebSocket, misfortune: Misfortune | None = None) -> AsyncIterator[str | bytes]:
    """Yield what the client sends, text as str and binary as bytes, until either side closes."""
    while (event := await websocket.receive())["type"] == "websocket.receive":
        text = event.get("text")
        frame = event["bytes"] if text is None else text
        if misfortune is not None:
            await misfortune.read(outbox_of(websocket), frame)
        yield frame
        # Thousands of frames may have come in one read. A pause after each lets everybody else in: during
        # a burst of 8,000 to 200 members a stranger's ping took 5 to 8 ms, and 350 to 470 ms without.
        await asyncio.sleep(0)


async def texts(websocket: WebSocket, misfortune: Misfortune | None = None) -> AsyncIterator[str]:
    """Yield what the client sends, for an endpoint that has nothing to say to a binary frame (1003)."""
    async for frame in frames(websocket, misfortune):
        if isinstance(frame, bytes):
            outbox_of(websocket).close(UNSUPPORTED_DATA, "Text frames only")
            return
        yield frame


def _identify(token: str | None, tokens: Tokens) -> tuple[Identity | None, str]:
    if not token:
        return None, "Unauthorized: No token provided"
    try:
        return tokens.verify(token), ""
    except InvalidTokenError:
        return None, "Unauthorized"


async def _until_it_gives_up(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
