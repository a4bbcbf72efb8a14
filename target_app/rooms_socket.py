"""`WS /ws/rooms`: many rooms over one WebSocket, in the rooms protocol."""

from fastapi import APIRouter, WebSocket

from target_app.connection import outbox_of
from target_app.rooms_session import RoomsSession
from target_app.services import Shared
from target_app.sockets import admit, conversation, frames

# One of the codes left to applications: "log in again", as 401 says it over HTTP.
TOKEN_EXPIRED = 4401
SUBPROTOCOL_PREFIX = "bearer."

router = APIRouter()


@router.websocket("/ws/rooms")
async def rooms(websocket: WebSocket, services: Shared) -> None:
    """Welcome the client, answer each of its frames, leave its rooms with the connection."""
    subprotocol = _bearer_subprotocol(websocket)
    identity = await admit(websocket, _token(websocket, subprotocol), services, subprotocol)
    if identity is None:
        return
    outbox = outbox_of(websocket)
    with conversation(outbox, identity, services, expired_code=TOKEN_EXPIRED):
        session = RoomsSession(identity, outbox, services)
        await session.begin()
        try:
            async for frame in frames(websocket, services.misfortune):
                await session.answer(frame)
        finally:
            await session.end()


def _bearer_subprotocol(websocket: WebSocket) -> str | None:
    # A browser can set no header on a WebSocket, but it can name subprotocols; one of them has to be chosen.
    offered: list[str] = websocket.scope["subprotocols"]
    return next((name for name in offered if name.startswith(SUBPROTOCOL_PREFIX)), None)


def _token(websocket: WebSocket, subprotocol: str | None) -> str | None:
    scheme, _, credentials = websocket.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if subprotocol is not None:
        return subprotocol.removeprefix(SUBPROTOCOL_PREFIX)
    return websocket.query_params.get("token")
