"""`WS /ws`: every text comes back."""

from fastapi import APIRouter, WebSocket

from target_app.connection import outbox_of
from target_app.sockets import texts

router = APIRouter()


@router.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    """Send each text back to the client that sent it; no login."""
    await websocket.accept()
    outbox = outbox_of(websocket)
    async for text in texts(websocket):
        outbox.send_text(f"Message text was: {text}")
