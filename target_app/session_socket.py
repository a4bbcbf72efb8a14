"""`POST /create-session` and `WS /ws/{session_id}`: an echo that a client comes back to."""

import time

from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, Field

from target_app.admission import admit_stranger
from target_app.connection import POLICY_VIOLATION, outbox_of
from target_app.services import Shared
from target_app.sockets import our_faults_told, texts

# Included after all others: what follows /ws/ is taken for a session here.
router = APIRouter(tags=["sessions"])


class NewSession(BaseModel):
    """What the client gets."""

    session_id: str = Field(description="Goes into `/ws/{session_id}`. Whoever knows it may connect: keep it secret.")


@router.post("/create-session", summary="Begin a session")
async def create_session(services: Shared) -> NewSession:
    """Make a session to connect to with `WS /ws/{session_id}`.

    A session outlives its connections: a client that lost one comes back with the same id. One that nobody is
    connected to is forgotten after ten minutes, and earlier while more than 10,000 of them wait.
    """
    return NewSession(session_id=services.sessions.create(time.monotonic_ns()))


@router.websocket("/ws/{session_id}")
async def session(websocket: WebSocket, services: Shared, session_id: str) -> None:
    """Repeat what the client says, under the name of its session.

    A second connection takes the session over, and the first is closed: most often it
    is dead already, and the server has not noticed yet.
    """
    if not await admit_stranger(websocket, services):
        return
    outbox = outbox_of(websocket)
    sessions = services.sessions
    if not sessions.knows(session_id, time.monotonic_ns()):
        outbox.close(POLICY_VIOLATION, "Unknown session: POST /create-session first")
        return
    before = sessions.take(session_id, outbox)
    if before is not None:
        before.close(POLICY_VIOLATION, "Session taken over by another connection")
    try:
        with our_faults_told(outbox, "a session"):
            async for text in texts(websocket, services):
                outbox.send_text(f"Session {session_id}: {text}")
    finally:
        sessions.leave(session_id, outbox, time.monotonic_ns())
