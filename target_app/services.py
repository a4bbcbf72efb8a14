"""What the endpoints share: one of each for one app, and no module-level state anywhere."""

import time
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from target_app import outbox
from target_app.accounts import Accounts
from target_app.chat_room import ChatRoom
from target_app.misfortune import Misfortune
from target_app.outbox import Deliver, Outbox, Outboxes
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
    deliver: Deliver
    # None unless the server was asked to do things wrong.
    misfortune: Misfortune | None
    started_ns: int = field(default_factory=time.monotonic_ns)


def make_services(settings: Settings) -> Services:
    """One fresh set: no rooms, nobody connected. Raises TruthError."""
    faults = settings.faults
    misfortune = None if faults is None else Misfortune(faults, settings.truth_path)
    deliver = outbox.deliver if misfortune is None else misfortune.deliver
    return Services(
        settings=settings,
        accounts=Accounts(settings),
        tokens=Tokens(settings),
        outboxes=Outboxes(settings.limits, write_at_once=misfortune is not None),
        chat_room=ChatRoom(deliver),
        rooms=Rooms(settings.limits),
        deliver=deliver,
        misfortune=misfortune,
    )


def _of(connection: HTTPConnection) -> Services:
    return cast(Services, connection.app.state.services)


# An endpoint that says `services: Shared` is handed the services, over HTTP and over WebSocket.
Shared = Annotated[Services, Depends(_of)]
