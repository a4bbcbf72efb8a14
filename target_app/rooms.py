"""Rooms: who is in them, and what was said lately."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from target_app.refusal import ErrorCode, RefusedError
from target_app.settings import Limits

MemberT = TypeVar("MemberT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the room keeps it."""

    room: str
    seq: int
    sender: str
    text: str
    # Unix time in ms: for people to read, never to measure with.
    sent_at_ms: int


class Room(Generic[MemberT]):
    """One room; `seq` is that of its latest message, 0 before the first."""

    __slots__ = ("members", "name", "recent", "seq")

    def __init__(self, name: str, recent_max: int) -> None:
        self.name = name
        self.seq = 0
        # A dict is a set that remembers the order of joining.
        self.members: dict[MemberT, None] = {}
        self.recent: deque[Message] = deque(maxlen=recent_max)

    def publish(self, sender: str, text: str, now_ms: int) -> Message:
        """Give the text the next number and keep it."""
        self.seq += 1
        message = Message(self.name, self.seq, sender, text, now_ms)
        self.recent.append(message)
        return message


class Rooms(Generic[MemberT]):
    """All rooms of one server. A member is a connection: one user may have several.

    A room is made by its first member. It is forgotten when its last member leaves
    a room in which nothing was said; otherwise it stays, for its numbers to go on.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rooms: dict[str, Room[MemberT]] = {}
        self._joined: dict[MemberT, dict[str, Room[MemberT]]] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    def join(self, name: str, member: MemberT) -> Room[MemberT]:
        """Let a member in; joining twice is joining once. Raises RefusedError at a limit."""
        joined = self._joined.get(member, {})
        if name in joined:
            return joined[name]
        if len(joined) >= self._limits.rooms_per_connection:
            limit = self._limits.rooms_per_connection
            raise RefusedError(ErrorCode.TOO_MANY_ROOMS, f"a connection may be in {limit} rooms at once")
        room = self._rooms.get(name) or self._make(name)
        room.members[member] = None
        joined[name] = room
        self._joined[member] = joined
        return room

    def joined(self, name: str, member: MemberT) -> Room[MemberT]:
        """Return the room, for one who is in it; raises RefusedError for anybody else."""
        room = self._joined.get(member, {}).get(name)
        if room is None:
            raise RefusedError(ErrorCode.NOT_JOINED, f"join {name!r} first")
        return room

    def leave(self, name: str, member: MemberT) -> Room[MemberT]:
        """Let a member out of a room; raises RefusedError for one who is not in it."""
        room = self.joined(name, member)
        del self._joined[member][name]
        self._remove(room, member)
        return room

    def leave_all(self, member: MemberT) -> None:
        """Let a member out of wherever it is."""
        for room in self._joined.pop(member, {}).values():
            self._remove(room, member)

    def _make(self, name: str) -> Room[MemberT]:
        if len(self._rooms) >= self._limits.rooms:
            raise RefusedError(ErrorCode.TOO_MANY_ROOMS, f"the server keeps {self._limits.rooms} rooms at most")
        room = self._rooms[name] = Room(name, self._limits.recent_per_room)
        return room

    def _remove(self, room: Room[MemberT], member: MemberT) -> None:
        del room.members[member]
        if not room.members and room.seq == 0:
            del self._rooms[room.name]
