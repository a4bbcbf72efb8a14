"""What nodes say to one another: a closed list, as JSON. Pure.

A node is one process of the server. Each room has a *home*, the node that numbers its messages; other nodes that have
members of it *follow* it there. Whatever has a ``number`` first is a question, and is answered under that number; 0
asks for no answer.
"""

import json
from typing import Any, NamedTuple

ALL = "*"
"""Addressed to every other node."""


NOT_HOME = "not_home"
"""Of ``Refused``: the room is at home somewhere else (by now)."""

UNHEARD = "unheard"
"""Of ``Refused``, and never sent: whoever was asked has come back, and may have lost the question."""


class Beat(NamedTuple):
    """I am there."""


class Hello(NamedTuple):
    """I can hear you, from now on: who is with you?"""


class Here(NamedTuple):
    """All users who are connected to me."""

    users: list[str]


class Gone(NamedTuple):
    """I end, in good order; my rooms are free."""


class Buried(NamedTuple):
    """Another node is known to be dead; its rooms are free."""

    node: str


class Arrived(NamedTuple):
    """A user's first connection to me."""

    user: str


class Departed(NamedTuple):
    """A user has no connection to me any more."""

    user: str


class Announced(NamedTuple):
    """Something is said to everybody."""

    text: str
    by: str
    sent_at_ms: int


class Follow(NamedTuple):
    """Let me follow a room, with these of its members; answered by ``Followed``."""

    number: int
    room: str
    after: int | None
    """The last message that my members have; None: they need none of those before now."""
    users: dict[str, int]
    """How many connections each user has in the room, with me."""


class Followed(NamedTuple):
    """What you have missed; with ``more``, the next part follows, and what is said from now on comes after the last."""

    number: int
    room: str
    seq: int
    """Of the last message that is not sent by itself."""
    missed: list[list[Any]]
    """seq, sender, text, sent_at_ms of each."""
    more: bool


class Unfollow(NamedTuple):
    """I have no members of this room any more."""

    room: str


class Enter(NamedTuple):
    """A connection of mine comes into a room; answered by ``Counted``, all of its members."""

    number: int
    room: str
    user: str


class Leave(NamedTuple):
    """A connection of mine leaves a room; answered by ``Counted``, those who stay."""

    number: int
    room: str
    user: str


class Count(NamedTuple):
    """How many connections are in a room that is at home with you? Answered by ``Counted``."""

    number: int
    room: str


class Counted(NamedTuple):
    """How many connections it concerns."""

    number: int
    connections: int


class Say(NamedTuple):
    """A member says something; answered by ``Stored`` or ``Refused``."""

    number: int
    room: str
    user: str
    text: str


class Stored(NamedTuple):
    """The message has this number, and is as durable as an ack says."""

    number: int
    seq: int


class Unstored(NamedTuple):
    """The message has this number, and could not be stored."""

    number: int
    seq: int
    reason: str


class Refused(NamedTuple):
    """Nothing was done; the code of the error frame."""

    number: int
    code: str
    detail: str


class Said(NamedTuple):
    """A message of a room that you follow; ``before`` is the number of the one before it."""

    room: str
    before: int
    seq: int
    sender: str
    text: str
    sent_at_ms: int


class Reached(NamedTuple):
    """The number of the latest message of a room that you follow; said again for a while, after it was the latest."""

    room: str
    seq: int


class Typed(NamedTuple):
    """Somebody in the room is about to say something."""

    room: str
    user: str


class Presence(NamedTuple):
    """A user came into a room, or left it."""

    room: str
    user: str
    state: str


class CloseRoom(NamedTuple):
    """Put everybody out of a room that is at home with you; answered by ``Counted``."""

    number: int
    room: str
    by: str


class Closed(NamedTuple):
    """Everybody is put out of a room that you follow."""

    room: str
    by: str


class Kick(NamedTuple):
    """Put a user's connections to you out of a room, or off the server; answered by ``Counted``."""

    number: int
    user: str
    room: str | None
    by: str


class Tell(NamedTuple):
    """Something is said to one user; answered by ``Counted``, the connections that got it.

    With 0 for a number it is a copy for the sender's own connections, which nobody answers.
    """

    number: int
    sender: str
    to: str
    text: str
    sent_at_ms: int


class ListUsers(NamedTuple):
    """Who is in a room that is at home with you? Answered by ``Users``."""

    number: int
    room: str


class Users(NamedTuple):
    """They are, in the order of coming."""

    number: int
    users: list[str]


class ListRooms(NamedTuple):
    """Which rooms are at home with you? Answered by ``RoomCounts``, the fullest first."""

    number: int
    limit: int


class RoomCounts(NamedTuple):
    """Names, each with how many connections are there."""

    number: int
    rooms: list[list[Any]]


Question = Follow | Enter | Leave | Count | Say | CloseRoom | Kick | Tell | ListUsers | ListRooms
Answer = Followed | Counted | Stored | Unstored | Refused | Users | RoomCounts
News = (
    Beat
    | Hello
    | Here
    | Gone
    | Buried
    | Arrived
    | Departed
    | Announced
    | Unfollow
    | Said
    | Reached
    | Typed
    | Presence
    | Closed
)
Message = Question | Answer | News

_KINDS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        *(Follow, Enter, Leave, Count, Say, CloseRoom, Kick, Tell, ListUsers, ListRooms),
        *(Followed, Counted, Stored, Unstored, Refused, Users, RoomCounts),
        *(
            Beat,
            Hello,
            Here,
            Gone,
            Buried,
            Arrived,
            Departed,
            Announced,
            Unfollow,
            Said,
            Reached,
            Typed,
            Presence,
            Closed,
        ),
    )
}


# json.dumps makes an encoder at every call where it is told how to write: half of the 8 us that a message takes.
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(sender: str, message: Message) -> bytes:
    """Return the bytes of a message."""
    return _written([sender, type(message).__name__, *message]).encode()


def decode(data: bytes) -> tuple[str, Message] | None:
    """Return who says what; None of what is no message of ours, as of a server of another version."""
    try:
        sender, kind, *fields = json.loads(data)
        return str(sender), _KINDS[kind](*fields)
    except (ValueError, KeyError, TypeError):
        return None
