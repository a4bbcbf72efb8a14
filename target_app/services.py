"""What the endpoints share: one of each for one app, and no module-level state anywhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from target_app import outbox
from target_app.accounts import Accounts
from target_app.chat_room import ChatRoom
from target_app.figures import figures
from target_app.metrics import Metrics
from target_app.misfortune import Misfortune
from target_app.outbox import Deliver, Outbox, Outboxes
from target_app.rooms import Rooms
from target_app.sessions import Sessions
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
    sessions: Sessions[Outbox]
    deliver: Deliver
    metrics: Metrics
    # None unless the server was asked to do things wrong.
    misfortune: Misfortune | None
    # Whatever the server depends on adds a look here: what is wrong with it, in a few words; None while all is well.
    worries: list[Callable[[], str | None]] = field(default_factory=list)
    started_ns: int = field(default_factory=time.monotonic_ns)


def make_services(settings: Settings) -> Services:
    """One fresh set: no rooms, nobody connected. Raises TruthError."""
    faults = settings.faults
    misfortune = None if faults is None else Misfortune(faults, settings.truth_path)
    outboxes = Outboxes(settings.limits, write_at_once=misfortune is not None)
    rooms: Rooms[Outbox] = Rooms(settings.limits)
    sessions: Sessions[Outbox] = Sessions(settings.limits)
    metrics = Metrics(figures(outboxes, rooms, sessions))
    deliver = metrics.counting(outbox.deliver if misfortune is None else misfortune.deliver)
    return Services(
        settings=settings,
        accounts=Accounts(settings),
        tokens=Tokens(settings),
        outboxes=outboxes,
        chat_room=ChatRoom(deliver),
        rooms=rooms,
        sessions=sessions,
        deliver=deliver,
        metrics=metrics,
        misfortune=misfortune,
    )


def _of(connection: HTTPConnection) -> Services:
    return cast(Services, connection.app.state.services)


# An endpoint that says `services: Shared` is handed the services, over HTTP and over WebSocket.
Shared = Annotated[Services, Depends(_of)]
