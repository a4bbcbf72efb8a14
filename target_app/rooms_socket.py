"""`WS /ws/rooms`: many rooms over one WebSocket, in the rooms protocol."""

import time
from typing import Any

from fastapi import APIRouter, WebSocket

from target_app import rooms_protocol as protocol
from target_app.connection import outbox_of
from target_app.outbox import Origin, Outbox
from target_app.refusal import RefusedError
from target_app.rooms_protocol import Join, Leave, Ping, Publish
from target_app.services import Services, Shared
from target_app.sockets import admit, conversation, frames
from target_app.tokens import Identity

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
        session.welcome()
        try:
            async for frame in frames(websocket, services.misfortune):
                session.answer(frame)
        finally:
            services.rooms.leave_all(outbox)


class RoomsSession:
    """One client's conversation: each frame in is answered before the next is read."""

    def __init__(self, identity: Identity, outbox: Outbox, services: Services) -> None:
        self._identity = identity
        self._outbox = outbox
        self._rooms = services.rooms
        self._deliver = services.deliver
        self._limits = services.settings.limits
        self._instance = services.settings.instance

    def welcome(self) -> None:
        """Tell the client who it is here and what it may do."""
        self._outbox.send_text(protocol.welcome(self._identity, self._limits, self._instance))

    def answer(self, raw: str | bytes) -> None:
        """Do what a frame asks for, or say why not."""
        message_id: protocol.MessageId = None
        try:
            fields = protocol.parse_json(raw)
            message_id = protocol.parse_id(fields, self._limits)
            self._do(fields)
        except RefusedError as refusal:
            self._outbox.send_text(protocol.error(refusal, message_id))

    def _do(self, fields: dict[str, Any]) -> None:
        match protocol.parse_frame(fields, self._limits):
            case Publish() as publish:
                self._publish(publish)
            case Join(name):
                room = self._rooms.join(name, self._outbox)
                self._outbox.send_text(protocol.joined(name, len(room.members)))
            case Leave(name):
                room = self._rooms.leave(name, self._outbox)
                self._outbox.send_text(protocol.left(name, len(room.members)))
            case Ping():
                self._outbox.send_text(protocol.pong())

    def _publish(self, publish: Publish) -> None:
        room = self._rooms.joined(publish.room, self._outbox)
        message = room.publish(self._identity.user, publish.text, time.time_ns() // 1_000_000)
        origin = Origin(room.name, message.sender, publish.id)
        self._deliver(protocol.message_frame(message), room.members, origin)
        if publish.id is not None:
            self._outbox.send_text(protocol.ack(publish.id, message.seq))


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
