"""The broker: what the connections of one server have in common. A seam; `local_broker` is the one behind it.

A server of several processes would put a broker here that speaks to the others. So whatever asks for an answer from
elsewhere is awaited, and nothing gives away where a user's connections are. A local broker never waits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from target_app.outbox import Outbox
from target_app.refusal import RefusedError
from target_app.rooms_protocol import Direct, Publish
from target_app.store import StoreError

# Told once what became of a message: its number, and why it is not stored (None once it is, or at once where acks do
# not wait for the store); or that it was refused after all, and has no number.
Answer = Callable[[int | None, StoreError | RefusedError | None], None]


@dataclass(frozen=True, slots=True)
class RoomState:
    """A room after somebody came or went; `seq` is that of its latest message, 0 before the first."""

    member_count: int
    seq: int


class Broker(Protocol):
    """Brings everything to whom it concerns. Every method may raise RefusedError, for the client to be told."""

    async def open(self, last_seqs: Mapping[str, int]) -> None:
        """Go on numbering where the store ends; before anybody is let in."""

    async def arrive(self, outbox: Outbox, user: str) -> None:
        """Know a connection; it can be found by its user from now on."""

    async def depart(self, outbox: Outbox, user: str) -> None:
        """Forget a connection, and let it out of its rooms."""

    async def join(self, outbox: Outbox, user: str, room: str, presence: bool) -> RoomState:
        """Let a connection into a room, and tell those who watch; with ``presence`` it is one of them."""

    async def leave(self, outbox: Outbox, room: str) -> RoomState:
        """Let a connection out of a room."""

    async def publish(self, outbox: Outbox, wanted: Publish, answer: Answer) -> None:
        """Give what a member says its number, send it to all members, and have it stored.

        Every member gets the messages of a room in the order of their numbers, and ``answer`` is told in this order.
        """

    async def direct(self, outbox: Outbox, user: str, wanted: Direct) -> None:
        """Send something from a user to all connections of one other, and to the sender's other connections."""

    async def typing(self, outbox: Outbox, room: str) -> None:
        """Tell the others in a room that a member is writing; whoever is behind is not told."""

    async def kick(self, user: str, room: str | None, by: str) -> None:
        """Put all connections of a user out of a room; without a room, off the server."""

    async def close_room(self, room: str, by: str) -> None:
        """Put everybody out of a room."""

    async def announce(self, text: str, by: str) -> None:
        """Say something to everybody."""

    async def online(self) -> Sequence[str]:
        """Return everybody who is connected, in the order of arriving."""

    async def users_in(self, room: str) -> Sequence[str] | None:
        """Return who is in a room, in the order of joining; None of a room that there is not."""

    async def is_in(self, user: str, room: str) -> bool:
        """Whether one of the user's connections is in the room."""

    async def largest_rooms(self, limit: int, sees: Callable[[str], bool]) -> Sequence[tuple[str, int]]:
        """Return some of the rooms that ``sees`` lets through, with how many connections are there: the most first."""
