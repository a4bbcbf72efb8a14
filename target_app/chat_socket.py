"""`WS /ws/chat?token=`: the plain chat room over a WebSocket."""

from fastapi import APIRouter, WebSocket

from target_app.admission import admit
from target_app.connection import POLICY_VIOLATION, outbox_of
from target_app.roles import may_write
from target_app.services import Shared
from target_app.sockets import conversation, texts

router = APIRouter()


@router.websocket("/ws/chat")
async def chat(websocket: WebSocket, services: Shared) -> None:
    """Join the chat, say what the client sends, leave with the connection."""
    identity = await admit(websocket, services)
    if identity is None:
        return
    outbox = outbox_of(websocket)
    # A plain client knows no codes of ours: an expired token is a refusal like any other.
    with conversation(outbox, identity, services, expired_code=POLICY_VIOLATION):
        services.chat_room.join(outbox, identity.user)
        try:
            async for text in texts(websocket, services):
                if not may_write(identity):
                    outbox.close(POLICY_VIOLATION, "Guests only read")
                    return
                services.chat_room.say(outbox, text)
        finally:
            services.chat_room.leave(outbox)
