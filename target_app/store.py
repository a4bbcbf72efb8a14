"""The store: where the messages of the rooms are kept. A seam; `sqlite_store` and `postgres_store` are behind it.

Direct messages are not kept: who is away does not get them, and nobody can read them later.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from target_app.rooms import Message

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


class StoreError(Exception):
    """The store could not do what it was asked for; one line that says where and why."""


class ClashError(StoreError):
    """Of the messages that were to be kept, one has a room and seq that another message has already."""


class Store(Protocol):
    """Keeps the messages of all rooms, each under its room and seq.

    The numbers of a room rise and may have gaps: a message that could not be stored had its number already. Other
    servers may write into the same database.
    """

    async def open(self) -> Mapping[str, int]:
        """Get ready, before anything else is asked; returns the last seq of each room that has messages.

        Raises StoreError where the store cannot be reached, or holds what we cannot read.
        """

    @property
    def was_cut_off(self) -> bool:
        """Whether the server before is known not to have ended in good order: it may have sent what it did not store.

        Asked once the store is open. False where others may be at work in the database, so that it cannot be known.
        """

    async def append(self, messages: Sequence[Message]) -> None:
        """Keep all of them or, with StoreError, none; on return they are as durable as the store makes them.

        ClashError where a message has a room and seq that the store knows already: it is refused, and all that came
        with it. Where the way to the database broke, a StoreError leaves open whether they are kept.
        """

    async def newest(self, room: str, before: int | None, limit: int) -> list[Message]:
        """Return the newest ``limit`` messages with a seq below ``before`` (None: of all), ascending.

        None of a room that nobody wrote in. Raises StoreError.
        """

    async def after(self, room: str, after: int, limit: int) -> list[Message]:
        """Return the oldest ``limit`` messages with a seq above ``after``, ascending. Raises StoreError."""

    async def close(self) -> None:
        """Let go of the store; a second time does nothing."""

    async def run(self, work: "Callable[[Connection], T]") -> T:
        """Do something else in the database, as one transaction that no other waits for: what is kept beside messages.

        Of two in one row, one comes after the other. Raises StoreError.
        """
