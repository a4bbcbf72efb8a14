"""Rooms: who is in them, and what was said lately."""

from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
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


@dataclass(frozen=True, slots=True)
class Seat:
    """A member's place in a room."""

    user: str
    # The room's seq when the member came: later messages were sent to it as they were written.
    since_seq: int


class Room(Generic[MemberT]):
    """One room; `seq` is that of its latest message, 0 before the first."""

    __slots__ = ("is_held", "members", "name", "recent", "seq", "users", "watchers")

    def __init__(self, name: str, seq: int, recent_max: int) -> None:
        self.name = name
        self.seq = seq
        # Whether it stays awake without members.
        self.is_held = False
        # In the order of joining.
        self.members: dict[MemberT, Seat] = {}
        # Of each user who is in the room, how many connections are.
        self.users: Counter[str] = Counter()
        # Members who want to be told which users come and go. A dict is a set that remembers the order of joining.
        self.watchers: dict[MemberT, None] = {}
        # The latest messages, without a gap in their numbers.
        self.recent: deque[Message] = deque(maxlen=recent_max)

    def publish(self, sender: str, text: str, now_ms: int) -> Message:
        """Give the text the next number and keep it."""
        message = Message(self.name, self.seq + 1, sender, text, now_ms)
        self.take(message)
        return message

    def take(self, message: Message) -> None:
        """Keep a message that has its number, the next one to come."""
        self.seq = message.seq
        self.recent.append(message)


class Rooms(Generic[MemberT]):
    """All rooms of one server. A member is a connection: one user may have several.

    A room is made by its first member. With its last one it falls asleep: of a room in
    which something was said its number is kept, to go on from; its messages are the store's.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rooms: dict[str, Room[MemberT]] = {}
        # The last seq of each room that nobody is in.
        self._asleep: dict[str, int] = {}
        self._joined: dict[MemberT, dict[str, Room[MemberT]]] = {}

    def __len__(self) -> int:
        return len(self._rooms) + len(self._asleep)

    def __contains__(self, name: str) -> bool:
        return name in self._rooms or name in self._asleep

    def largest(self, limit: int, sees: Callable[[str], bool]) -> list[tuple[str, int]]:
        """Return the names that ``sees`` lets through, with how many members are there: the most first.

        Of the rooms that nobody is in, those come first that were left last. They are not all looked at: there may
        be 100,000, and a sort of them would hold up everybody for 0.1 s.
        """
        awake = ((-len(room.members), name) for name, room in self._rooms.items() if sees(name))
        fullest = [(name, -fewer) for fewer, name in nsmallest(limit, awake)]
        asleep = ((name, 0) for name in reversed(self._asleep) if sees(name))
        return [*fullest, *islice(asleep, limit - len(fullest))]

    def wake(self, last_seqs: Mapping[str, int]) -> None:
        """Know the rooms of an earlier life by their last seq; before anybody joins."""
        self._asleep.update(last_seqs)

    def find(self, name: str) -> Room[MemberT] | None:
        """Return a room that somebody is in."""
        return self._rooms.get(name)

    def join(self, name: str, member: MemberT, user: str) -> Room[MemberT]:
        """Let a member in; joining twice is joining once. Raises RefusedError at a limit."""
        self.check_may_join(name, member)
        joined = self._joined.get(member, {})
        if name in joined:
            return joined[name]
        room = self._rooms.get(name) or self._open(name)
        room.members[member] = Seat(user, room.seq)
        room.users[user] += 1
        joined[name] = room
        self._joined[member] = joined
        return room

    def check_may_join(self, name: str, member: MemberT) -> None:
        """Raise RefusedError for one who is in as many other rooms as allowed."""
        joined, limit = self._joined.get(member, {}), self._limits.rooms_per_connection
        if name not in joined and len(joined) >= limit:
            raise RefusedError(ErrorCode.TOO_MANY_ROOMS, f"a connection may be in {limit} rooms at once")

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

    def leave_all(self, member: MemberT) -> list[Room[MemberT]]:
        """Let a member out of wherever it is; returns the rooms it was in."""
        rooms = list(self._joined.pop(member, {}).values())
        for room in rooms:
            self._remove(room, member)
        return rooms

    def hold(self, name: str, seq: int) -> Room[MemberT]:
        """Keep a room awake, with members or without; its numbers go on behind ``seq``.

        Raises RefusedError at a limit.
        """
        room = self._rooms.get(name) or self._open(name)
        room.is_held = True
        room.seq = max(room.seq, seq)
        return room

    def let_go(self, name: str) -> None:
        """Let a room fall asleep again when nobody is in it."""
        room = self._rooms[name]
        room.is_held = False
        self._sleep_if_empty(room)

    def _open(self, name: str) -> Room[MemberT]:
        if name not in self and len(self) >= self._limits.rooms:
            raise RefusedError(ErrorCode.TOO_MANY_ROOMS, f"the server keeps {self._limits.rooms} rooms at most")
        seq = self._asleep.pop(name, 0)
        room = self._rooms[name] = Room(name, seq, self._limits.recent_per_room)
        return room

    def _remove(self, room: Room[MemberT], member: MemberT) -> None:
        user = room.members.pop(member).user
        room.watchers.pop(member, None)
        room.users[user] -= 1
        if not room.users[user]:
            del room.users[user]
        self._sleep_if_empty(room)

    def _sleep_if_empty(self, room: Room[MemberT]) -> None:
        if not room.members and not room.is_held:
            del self._rooms[room.name]
            if room.seq:
                self._asleep[room.name] = room.seq
