"""What the endpoints share: one of each for one app, and no module-level state anywhere."""

import time
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from target_app.accounts import Accounts
from target_app.chat_room import ChatRoom
from target_app.outbox import Outbox, Outboxes
from target_app.rooms import Rooms
from target_app.settings import Settings
from target_app.tokens import Tokens


@dataclass(slots=True)
class Services:
    """Hangs on `app.state.services`; endpoints ask for it with `Shared`."""

    settings: Settings
    accounts: Accounts
    tokens: Tokens
    outboxes: Outboxes
    chat_room: ChatRoom
    rooms: Rooms[Outbox]
    started_ns: int = field(default_factory=time.monotonic_ns)


def make_services(settings: Settings) -> Services:
    """One fresh set: no rooms, nobody connected."""
    return Services(
        settings=settings,
        accounts=Accounts(settings),
        tokens=Tokens(settings),
        outboxes=Outboxes(settings.limits),
        chat_room=ChatRoom(),
        rooms=Rooms(settings.limits),
    )


def _of(connection: HTTPConnection) -> Services:
    return cast(Services, connection.app.state.services)


# An endpoint that says `services: Shared` is handed the services, over HTTP and over WebSocket.
Shared = Annotated[Services, Depends(_of)]
