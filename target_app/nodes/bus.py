"""The bus: how nodes reach one another. A seam; `redis_bus` is the one behind it.

A bus may lose messages, as it does while it is away, and says neither which nor to whom. It never swaps two of one
sender to one receiver. So whoever must not lose anything counts, and asks again: a room's messages are numbered.
"""

from collections.abc import Iterable
from typing import Protocol

from target_app.nodes.messages import Message


class BusError(Exception):
    """The bus cannot be used at all; one line that says where and why."""


class Ear(Protocol):
    """Who listens. Called on the event loop, one call after the other."""

    def heard(self, sender: str, message: Message) -> None:
        """Another node says something."""

    def joined_bus(self) -> None:
        """We hear and are heard, from now on; whatever was said before may be lost."""

    def left_bus(self) -> None:
        """We hear nobody, and nobody hears us."""


class Bus(Protocol):
    """One node's end of it. It says every second, if not more often, that the node is there (Beat, to ALL)."""

    @property
    def is_up(self) -> bool:
        """Whether we hear, and are heard."""

    async def open(self, ear: Ear) -> None:
        """Begin; returns when we hear and are heard. Raises BusError where that cannot be."""

    def send(self, to: str, message: Message) -> None:
        """Say something to one other node, or to ALL others; returns at once, in vain while the bus is away."""

    def send_each(self, nodes: Iterable[str], message: Message) -> None:
        """Say the same to several other nodes, encoded once."""

    async def close(self) -> None:
        """Say what waits, and end; a second time does nothing."""
