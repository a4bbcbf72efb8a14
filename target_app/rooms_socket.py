"""`WS /ws/rooms`: many rooms over one WebSocket, in the rooms protocol."""

from fastapi import APIRouter, WebSocket

from target_app.admission import admit
from target_app.connection import outbox_of
from target_app.rooms_session import RoomsSession
from target_app.services import Shared
from target_app.sockets import conversation, frames

# One of the codes left to applications: "log in again", as 401 says it over HTTP.
TOKEN_EXPIRED = 4401

router = APIRouter()


@router.websocket("/ws/rooms")
async def rooms(websocket: WebSocket, services: Shared) -> None:
    """Welcome the client, answer each of its frames, leave its rooms with the connection."""
    identity = await admit(websocket, services)
    if identity is None:
        return
    outbox = outbox_of(websocket)
    with conversation(outbox, identity, services, expired_code=TOKEN_EXPIRED):
        session = RoomsSession(identity, outbox, services)
        await session.begin()
        try:
            async for frame in frames(websocket, services):
                await session.answer(frame.content, too_fast=frame.too_fast)
        finally:
            await session.end()
