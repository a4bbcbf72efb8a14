"""Which node of the server each user is connected to, now and before.

A node is known by the address that its users connect to, and by the name that it gives itself, where it gives one. A
user who comes back may come to another node; of each user the present one and the one before are known. So where a
user was at an instant is exact, and unknown of who has moved twice since. What a process says of its users comes with
the news of what they send, and before it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from loadgen.plan.plan import WHOLE, Share

Int64s = npt.NDArray[np.int64]

UNKNOWN = 0
"""No node has this number."""

# A user, since when, and the number of the node.
_MOVE = struct.Struct("<Iqq")
MOVE_BYTES = _MOVE.size

_ALWAYS_NS = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Layout:
    """How the nodes of a server are told apart."""

    base_urls: tuple[str, ...]
    """Where users connect to; they take them in turn."""
    are_named: bool = False
    """Whether the server says by its greeting which node it is."""


class Nodes:
    """Of all users of a plan, as far as one process knows. Times are monotonic ns."""

    def __init__(self, user_count: int, layout: Layout, share: Share = WHOLE) -> None:
        """``user_count`` is that of the whole plan; the users of ``share`` are ours."""
        self._layout = layout
        self._share = share
        self._node = np.full(user_count, UNKNOWN, np.int64)
        self._since_ns = np.full(user_count, _ALWAYS_NS, np.int64)
        self._node_before = np.full(user_count, UNKNOWN, np.int64)
        self._since_before_ns = np.full(user_count, _ALWAYS_NS, np.int64)
        self._last_move_ns: int = _ALWAYS_NS
        self._seen: set[int] = set()
        self._moves: list[bytes] = []
        if not layout.are_named:
            numbers = np.array([node_number(url, "") for url in layout.base_urls], np.int64)
            self._node[:] = numbers[np.arange(user_count) % len(numbers)]
            self._seen.update(numbers.tolist())

    @property
    def are_several(self) -> bool:
        """Whether anybody is known to have been at another node than somebody else."""
        return len(self._seen) > 1

    def greeted(self, user: int, name: str | None, now_ns: int) -> None:
        """One of our users has a connection that can be used, to the node of that name; None: it has said none."""
        if self._layout.are_named:
            urls = self._layout.base_urls
            number = node_number(urls[user % len(urls)], name or "")
            if self._moved(user, number, now_ns):
                self._moves.append(_MOVE.pack(user, now_ns, number))

    def _moved(self, user: int, number: int, since_ns: int) -> bool:
        if self._node[user] == number:
            return False
        self._node_before[user], self._since_before_ns[user] = self._node[user], self._since_ns[user]
        self._node[user], self._since_ns[user] = number, since_ns
        self._last_move_ns = max(self._last_move_ns, since_ns)
        self._seen.add(number)
        return True

    def take_moves(self) -> bytes:
        """What other processes must hear of since this was asked last."""
        taken, self._moves = b"".join(self._moves), []
        return taken

    def announce(self) -> None:
        """Have others hear where our users are, who may have missed it while they were being started."""
        if self._layout.are_named:
            known = np.flatnonzero(self._node != UNKNOWN)
            for user in known[known % self._share.count == self._share.index].tolist():
                self._moves.append(_MOVE.pack(user, int(self._since_ns[user]), int(self._node[user])))

    def hear(self, moves: bytes, shift_ns_of: Callable[[int], int]) -> None:
        """What processes say of their users; our own may be among them, and are passed over.

        ``shift_ns_of`` a user is what is added to its process's times to get ours.
        """
        for user, since_ns, number in _MOVE.iter_unpack(moves):
            if user < len(self._node) and user % self._share.count != self._share.index:
                self._moved(user, number, since_ns + shift_ns_of(user))

    def at(self, users: Int64s, at_ns: Int64s) -> Int64s:
        """Numbers of the nodes where some users were, each at its instant."""
        if not len(users) or at_ns.min() >= self._last_move_ns:
            return self._node[users]
        nodes: Int64s = np.where(at_ns >= self._since_ns[users], self._node[users], self._node_before[users])
        nodes[at_ns < self._since_before_ns[users]] = UNKNOWN
        return nodes


def node_number(base_url: str, name: str) -> int:
    """The same in all processes, and never UNKNOWN."""
    return int.from_bytes(blake2b(f"{base_url}\n{name}".encode(), digest_size=8).digest()) >> 1 | 1
