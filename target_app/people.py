"""Who is online, and over which connections: one user may have several."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Generic, TypeVar

ConnectionT = TypeVar("ConnectionT", bound=Hashable)


class People(Generic[ConnectionT]):
    """Everybody who is connected, in the order of arriving."""

    def __init__(self) -> None:
        # A dict is a set that remembers the order of joining.
        self._connections: dict[str, dict[ConnectionT, None]] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[str]:
        return iter(self._connections)

    def arrive(self, user: str, connection: ConnectionT) -> None:
        """Know one more connection of a user."""
        self._connections.setdefault(user, {})[connection] = None

    def leave(self, user: str, connection: ConnectionT) -> None:
        """Forget a connection that had arrived; its user is gone with the last of them."""
        connections = self._connections[user]
        del connections[connection]
        if not connections:
            del self._connections[user]

    def connections_of(self, user: str) -> Mapping[ConnectionT, None]:
        """Return the connections of a user: none of one who is not online. Changes as they come and go."""
        return self._connections.get(user, {})

    def all_connections(self) -> list[ConnectionT]:
        """Return the connections of everybody."""
        return [connection for connections in self._connections.values() for connection in connections]
