"""How long this node may number the rooms that are at home here. Pure: the clock is given."""

from collections.abc import Callable

from target_app.nodes.homes import LEASE_S, MARGIN_S

_NS_PER_S = 1_000_000_000


class Lease:
    """Ends earlier here than in the database: from the moment at which a renewal began, and by a margin."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._until_ns = 0

    @property
    def lasts(self) -> bool:
        """Whether nobody else can have taken our rooms."""
        return self._now_ns() < self._until_ns

    def renewed(self, began_ns: int) -> None:
        """Know of a renewal that succeeded, and when it began."""
        self._until_ns = began_ns + round((LEASE_S - MARGIN_S) * _NS_PER_S)
