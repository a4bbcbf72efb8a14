"""Homes: which node numbers which room. A seam; `sql_homes` is the one behind it.

This is what must never be undecided, so it lies where the messages lie: in the database, which all nodes share. A
node has a *lease* that it renews. While it lasts, nobody else numbers the node's rooms; once it has run out, the first
who asks for a room gets it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

# A node that is frozen or cut off from the database keeps its rooms to itself for so long.
LEASE_S = 10.0
# Renewed so often; a renewal may fail twice before anything is lost.
RENEW_S = 2.0
# By how much a node ends its own lease earlier than others would: what a renewal takes, and clocks that drift.
MARGIN_S = 1.0

# A home that has died may have sent messages that it could not store any more: the next one numbers on behind them.
# As many as a writer holds back at most (Limits.unstored_messages).
LEAP = 10_000


@dataclass(frozen=True, slots=True)
class Claim:
    """Who is the room's home: whoever asked, or another who was there first."""

    home: str
    seq: int
    """No number up to this one may be given again. Of no meaning where the home is another node."""


class Homes(Protocol):
    """Every method raises StoreError where the database cannot be reached."""

    async def renew(self, node: str) -> bool:
        """Live on, for LEASE_S; False where the lease had run out before, and others may have taken our rooms."""

    async def claim(self, node: str, room: str) -> Claim:
        """Become the room's home, unless another node is it and lives."""

    async def home_of(self, room: str) -> str | None:
        """Return the living node that is the room's home; None where there is none."""

    async def living(self) -> frozenset[str]:
        """Return all nodes whose lease lasts."""

    async def release(self, node: str, seqs: Mapping[str, int]) -> None:
        """Let rooms go in good order: whoever needs one next numbers on where we end, without a leap."""

    async def bury(self, node: str) -> None:
        """End the lease of a node that ends, or is known to be dead, so that nobody has to wait for it."""
