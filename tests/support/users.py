"""One user of two with books of its own, as far as a test wants it, and what its books say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from loadgen.dialects import Credentials, HttpAnswer
from loadgen.dialects.script import (
    AliveScript,
    ConnectScript,
    DialectScript,
    ErrorsScript,
    FramesScript,
    HttpScript,
    JoinScript,
    LeaveScript,
    LoginScript,
    PublishScript,
    Reach,
)
from loadgen.dialects.scripted import ScriptedDialect
from loadgen.engine.books import Books
from loadgen.engine.user import User, UserState
from loadgen.errors import ErrorKind
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.payload import Payload
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count, Note, Tally
from loadgen.plan.rooms import Rooms

FULL = DialectScript(
    name="full",
    login=LoginScript(HttpScript("/login", json={"name": "{username}"}), token="$.token"),
    connect=ConnectScript(path="/ws?token={token}", send=("HELLO {username}",), until="WELCOME"),
    join=JoinScript(send=("JOIN {room}",), until="JOINED {room}"),
    publish=PublishScript(send="SAY {id} {text}", ack="ACK {id}"),
    alive=AliveScript(reply={"2": "3"}),
)
BARE = DialectScript(name="bare", connect=ConnectScript(path="/ws"), publish=PublishScript(send="{text}"))
BESIDE = replace(
    BARE,
    frames=FramesScript(separator="\n"),
    join=JoinScript(("JOIN {room}",), "JOINED {room}"),
    errors=ErrorsScript(("ERR",)),
)
TOKEN = HttpAnswer(200, (), (), b'{"token": "t0"}')
# Tells of a close code, and when it came, which incident it belongs to, and when that began.
PlannedClose = Callable[[int, int], tuple[int, int] | None]


def a_user(
    script: DialectScript = FULL, planned_close: PlannedClose | None = None, *, catches_up: bool = False
) -> tuple[User, Tally]:
    """User 0 of two, in room 0; everything is measured."""
    tally = Tally(0)
    ledger = Ledger(
        Rules(2, Rooms.alike(1), Reach.ROOM, echo=True, deadline_ns=1_000), marker.prefix_of("abc123"), tally
    )
    ledger.measure(0, 10**12)
    books = Books(ledger, Payload(1, 100), "abc123", 1_000)
    books.planned_close = planned_close
    books.catches_up = catches_up
    return User(0, [0], ScriptedDialect(script, Credentials(0, "ann", "pw")), books), tally


def state_of(user: User) -> UserState:
    """Asked anew each time: of an attribute, a type checker believes that it stays what one assert has seen."""
    return user.state


def ready(script: DialectScript = FULL, planned_close: PlannedClose | None = None) -> tuple[User, Tally]:
    """A user who has joined at 60."""
    user, tally = a_user(script, planned_close)
    if script.login is not None:
        user.logging_in(0)
        user.logged_in(TOKEN, 10)
    user.connecting(20)
    user.opened(30)
    user.heard(b"WELCOME", 40)
    user.joining(50)
    user.heard(b"JOINED room-1", 60)
    assert state_of(user) is UserState.READY
    return user, tally


def back_in(user: User, opened_ns: int, joined_ns: int) -> None:
    """Let a user that is away come back."""
    user.coming_back()
    let_in(user, opened_ns, joined_ns)


def let_in(user: User, opened_ns: int, joined_ns: int) -> None:
    """Connect a user who has logged in, and let it join."""
    user.connecting(opened_ns - 1)
    user.opened(opened_ns)
    user.heard(b"WELCOME", opened_ns)
    user.joining(opened_ns)
    user.heard(b"JOINED room-1", joined_ns)


def counts(tally: Tally, *names: Count | Note) -> list[int]:
    """Some of what was counted."""
    return [tally.counts[name] for name in names]


STRICT = DialectScript(
    name="strict",
    connect=ConnectScript(path="/ws", until="WELCOME"),
    join=JoinScript(send=("JOIN {room}",), until="JOINED {room}"),
    publish=PublishScript(send="SAY {id} {text}", ack="ACK {id}"),
    leave=LeaveScript(("PART {room}",)),
    alive=AliveScript(every_ns=5, send="ping", answer="pong"),
    errors=ErrorsScript(("ERR",)),
)


def errors_of(tally: Tally) -> list[tuple[ErrorKind, str]]:
    return [(kind, error.example) for (kind, _), error in tally.errors.items()]
