"""The store: where the messages of the rooms are kept. A seam; `sql_store` is the one behind it.

Direct messages are not kept: who is away does not get them, and nobody can read them later.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from target_app.rooms import Message


class StoreError(Exception):
    """The store could not do what it was asked for; one line that says where and why."""


class Store(Protocol):
    """Keeps the messages of all rooms, each under its room and seq.

    The numbers of a room rise and may have gaps: a message that could not be stored had its number already.
    """

    async def open(self) -> Mapping[str, int]:
        """Get ready, before anything else is asked; returns the last seq of each room that has messages.

        Raises StoreError where the store cannot be reached, or holds what we cannot read.
        """

    async def append(self, messages: Sequence[Message]) -> None:
        """Keep all of them or, with StoreError, none; on return they are as durable as the store makes them.

        A message under a room and seq that the store has already is refused, and all that came with it.
        """

    async def newest(self, room: str, before: int | None, limit: int) -> list[Message]:
        """Return the newest ``limit`` messages with a seq below ``before`` (None: of all), ascending.

        None of a room that nobody wrote in. Raises StoreError.
        """

    async def after(self, room: str, after: int, limit: int) -> list[Message]:
        """Return the oldest ``limit`` messages with a seq above ``after``, ascending. Raises StoreError."""

    async def close(self) -> None:
        """Let go of the store; a second time does nothing."""
