"""`WS /ws/protected?token=`: the smallest endpoint that wants a login."""

from fastapi import APIRouter, WebSocket

from target_app.admission import admit
from target_app.connection import POLICY_VIOLATION, outbox_of
from target_app.services import Shared
from target_app.sockets import conversation, texts

router = APIRouter()


@router.websocket("/ws/protected")
async def protected(websocket: WebSocket, services: Shared) -> None:
    """Greet the client by the name in its token, and repeat after it."""
    identity = await admit(websocket, services)
    if identity is None:
        return
    outbox = outbox_of(websocket)
    with conversation(outbox, identity, services, expired_code=POLICY_VIOLATION):
        outbox.send_text(f"Hello {identity.user}, you are authenticated!")
        async for text in texts(websocket, services):
            outbox.send_text(f"{identity.user} says: {text}")
