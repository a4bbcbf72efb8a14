"""What the endpoints share: one of each for one app, and no module-level state anywhere."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from target_app import outbox
from target_app.accounts import Accounts
from target_app.broker import Broker
from target_app.chat_room import ChatRoom
from target_app.figures import figures, node_figures, store_figures
from target_app.history import History
from target_app.local_broker import LocalBroker
from target_app.metrics import Metrics
from target_app.misfortune import Misfortune
from target_app.nodes.bus import BusError
from target_app.nodes.node import Node
from target_app.nodes.sql_homes import SqlHomes
from target_app.outbox import Deliver, Outbox, Outboxes
from target_app.people import People
from target_app.rooms import Rooms
from target_app.sessions import Sessions
from target_app.settings import Settings
from target_app.store import Store
from target_app.stores import store_from
from target_app.throttle import Attempts, LoginFailures
from target_app.tokens import Tokens
from target_app.writer import Writer


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
    broker: Broker
    # What this server is among others; None where it is alone.
    node: Node | None
    store: Store
    writer: Writer
    history: History
    metrics: Metrics
    login_failures: LoginFailures
    guests: Attempts
    # How many connections each user has who has any.
    connections_of: Counter[str]
    # None unless the server was asked to do things wrong.
    misfortune: Misfortune | None
    # Whatever the server depends on adds a look here: what is wrong with it, in a few words; None while all is well.
    worries: list[Callable[[], str | None]] = field(default_factory=list)
    started_ns: int = field(default_factory=time.monotonic_ns)


def make_services(settings: Settings) -> Services:
    """One fresh set: no rooms, nobody connected. Raises TruthError, StoreError and BusError."""
    faults = settings.faults
    misfortune = None if faults is None else Misfortune(faults, settings.truth_path)
    outboxes = Outboxes(settings.limits, write_at_once=misfortune is not None)
    rooms: Rooms[Outbox] = Rooms(settings.limits)
    sessions: Sessions[Outbox] = Sessions(settings.limits)
    store = store_from(settings.database_url, settings.durability)
    writer = Writer(store, settings.limits)
    metrics = Metrics([*figures(outboxes, rooms, sessions), *store_figures(writer)])

    def attempts(most: int | None) -> Attempts:
        return Attempts(most, settings.limits.attempts_within_s, settings.limits.attempts_remembered)

    history = History(rooms, store, writer, settings.limits)
    deliver = metrics.counting(outbox.deliver if misfortune is None else misfortune.deliver)
    node = _node(settings, rooms, deliver, store, writer, history)
    if node is not None:
        metrics.add(node_figures(node))
    return Services(
        settings=settings,
        accounts=Accounts(settings),
        tokens=Tokens(settings),
        outboxes=outboxes,
        chat_room=ChatRoom(deliver),
        rooms=rooms,
        sessions=sessions,
        deliver=deliver,
        broker=LocalBroker(rooms, People(), deliver, writer, settings.durability) if node is None else node.broker,
        node=node,
        store=store,
        writer=writer,
        history=history,
        metrics=metrics,
        login_failures=LoginFailures(
            attempts(settings.limits.wrong_passwords_per_user), attempts(settings.limits.wrong_passwords_per_address)
        ),
        guests=attempts(settings.limits.guests_per_address),
        connections_of=Counter(),
        misfortune=misfortune,
        worries=[writer.worry] if node is None else [writer.worry, node.worry],
    )


def _node(
    settings: Settings, rooms: Rooms[Outbox], deliver: Deliver, store: Store, writer: Writer, history: History
) -> Node | None:
    if settings.broker_url is None:
        return None
    try:
        # Redis is an extra.
        from target_app.nodes.redis_bus import RedisBus
    except ModuleNotFoundError as error:
        raise BusError("--broker: needs redis; pip install 'chatbench[redis]'") from error
    return Node(
        settings.node,
        rooms=rooms,
        deliver=deliver,
        store=store,
        writer=writer,
        history=history,
        durability=settings.durability,
        bus=RedisBus(settings.broker_url, settings.node),
        homes=SqlHomes(store),
        instead_of=settings.instead_of,
    )


def _of(connection: HTTPConnection) -> Services:
    return cast(Services, connection.app.state.services)


# An endpoint that says `services: Shared` is handed the services, over HTTP and over WebSocket.
Shared = Annotated[Services, Depends(_of)]
