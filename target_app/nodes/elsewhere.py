"""Who is connected to the other nodes. Pure."""

from collections.abc import Iterator, Sequence


class Elsewhere:
    """The users of every other node, as far as it has told."""

    def __init__(self) -> None:
        self._users: dict[str, dict[str, None]] = {}

    def __iter__(self) -> Iterator[str]:
        """Every user, once for each node."""
        return (user for users in self._users.values() for user in users)

    @property
    def nodes(self) -> Sequence[str]:
        """All other nodes that we know of."""
        return list(self._users)

    def know(self, node: str) -> bool:
        """Know a node that said something; whether it is news."""
        if node in self._users:
            return False
        self._users[node] = {}
        return True

    def has_users(self, node: str, users: Sequence[str]) -> None:
        """Know all who are with a node."""
        self._users[node] = dict.fromkeys(users)

    def arrived(self, node: str, user: str) -> None:
        """Know one more who is with a node."""
        self._users.setdefault(node, {})[user] = None

    def departed(self, node: str, user: str) -> None:
        """Forget one who was with a node."""
        self._users.get(node, {}).pop(user, None)

    def forget(self, node: str) -> None:
        """Forget a node that is gone, and everybody who was with it."""
        self._users.pop(node, None)

    def nodes_of(self, user: str) -> Sequence[str]:
        """Return the nodes that a user is connected to."""
        return [node for node, users in self._users.items() if user in users]
