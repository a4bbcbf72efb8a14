"""`WS /ws`: every text comes back."""

from fastapi import APIRouter, WebSocket

from target_app.admission import admit_stranger
from target_app.connection import outbox_of
from target_app.services import Shared
from target_app.sockets import our_faults_told, texts

router = APIRouter()


@router.websocket("/ws")
async def echo(websocket: WebSocket, services: Shared) -> None:
    """Send each text back to the client that sent it; no login."""
    if not await admit_stranger(websocket, services):
        return
    outbox = outbox_of(websocket)
    with our_faults_told(outbox, "somebody"):
        async for text in texts(websocket, services):
            outbox.send_text(f"Message text was: {text}")
