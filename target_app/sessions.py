"""Sessions: what one client comes back to, over one socket at a time. Pure: told the time.

A session is known by its id alone, so the id is a secret. Nobody can fill the memory
with them: a session that nobody is connected to is forgotten after a while, and
earlier where more than so many wait; one that somebody is connected to costs a socket.
"""

import secrets
from typing import Generic, TypeVar

from target_app.settings import Limits

HolderT = TypeVar("HolderT")

_ID_BYTES = 16


class Sessions(Generic[HolderT]):
    """Every session, and who is connected to it."""

    def __init__(self, limits: Limits) -> None:
        self._idle_max = limits.idle_sessions
        self._idle_ns = round(limits.idle_session_s * 1e9)
        # When each is forgotten. All wait equally long, so a dict's order is that of their ends.
        self._idle: dict[str, int] = {}
        self._held: dict[str, HolderT] = {}

    def __len__(self) -> int:
        return len(self._idle) + len(self._held)

    def create(self, now_ns: int) -> str:
        """Return the id of a new session; may cost the one its place that has waited longest."""
        session_id = secrets.token_urlsafe(_ID_BYTES)
        self._let_wait(session_id, now_ns)
        return session_id

    def knows(self, session_id: str, now_ns: int) -> bool:
        """Whether one can connect to it."""
        self._forget(now_ns)
        return session_id in self._held or session_id in self._idle

    def take(self, session_id: str, holder: HolderT) -> HolderT | None:
        """Connect to a session that is known; returns who held it until now, None where nobody did."""
        self._idle.pop(session_id, None)
        before = self._held.get(session_id)
        self._held[session_id] = holder
        return before

    def leave(self, session_id: str, holder: HolderT, now_ns: int) -> None:
        """Let the session wait for the next connection, unless somebody else holds it already."""
        if self._held.get(session_id) is holder:
            del self._held[session_id]
            self._let_wait(session_id, now_ns)

    def _let_wait(self, session_id: str, now_ns: int) -> None:
        self._idle[session_id] = now_ns + self._idle_ns
        self._forget(now_ns)

    def _forget(self, now_ns: int) -> None:
        while self._idle:
            oldest, end_ns = next(iter(self._idle.items()))
            if end_ns > now_ns and len(self._idle) <= self._idle_max:
                return
            del self._idle[oldest]
