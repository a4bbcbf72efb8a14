"""The broker of a server that is one process: everybody is here, and nothing waits."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from target_app import rooms_answers as answers
from target_app.broker import Answer, RoomState
from target_app.database import Durability
from target_app.outbox import SERVICE_RESTART, Deliver, Origin, Outbox, broadcast
from target_app.people import People
from target_app.refusal import ErrorCode, RefusedError
from target_app.rooms import Room, Rooms
from target_app.rooms_answers import Presence
from target_app.rooms_protocol import Direct, Publish
from target_app.store import StoreError
from target_app.writer import Writer

# One of the codes left to applications: "you may not", as 403 says it over HTTP.
KICKED = 4403


class LocalBroker:
    """Sends straight to the outboxes, each frame encoded once."""

    def __init__(
        self, rooms: Rooms[Outbox], people: People[Outbox], deliver: Deliver, writer: Writer, durability: Durability
    ) -> None:
        self._rooms = rooms
        self._people = people
        self._deliver = deliver
        self._writer = writer
        self._acks_wait = durability is Durability.ACK

    async def open(self, last_seqs: Mapping[str, int]) -> None:
        self._rooms.wake(last_seqs)

    async def arrive(self, outbox: Outbox, user: str) -> None:
        self._people.arrive(user, outbox)

    async def depart(self, outbox: Outbox, user: str) -> None:
        self._people.leave(user, outbox)
        for room in self._rooms.leave_all(outbox):
            # When the server stops everybody leaves: 2,000 times 2,000 frames that nobody will read.
            if outbox.closed_with != SERVICE_RESTART:
                _tell_who_left(room, user)

    async def join(self, outbox: Outbox, user: str, room: str, presence: bool) -> RoomState:
        before = self._rooms.find(room)
        is_news = before is None or user not in before.users
        joined = self._rooms.join(room, outbox, user)
        if is_news and joined.watchers:
            broadcast(answers.presence(room, user, Presence.JOINED), joined.watchers)
        if presence:
            joined.watchers[outbox] = None
        else:
            joined.watchers.pop(outbox, None)
        return _state(joined)

    async def leave(self, outbox: Outbox, room: str) -> RoomState:
        return _state(self._put_out(outbox, room))

    async def publish(self, outbox: Outbox, wanted: Publish, answer: Answer) -> None:
        # Before the message has a number: one that is refused leaves no gap.
        if self._writer.behind:
            raise RefusedError(ErrorCode.STORAGE_BEHIND, "the store is behind; try again in a moment")
        room = self._rooms.joined(wanted.room, outbox)
        message = room.publish(room.members[outbox].user, wanted.text, _now_ms())
        self._deliver(answers.message_frame(message), room.members, Origin(room.name, message.sender, wanted.id))
        if self._acks_wait:
            self._writer.put(message, partial(answer, message.seq))
        else:
            self._writer.put(message, _ignore)
            answer(message.seq, None)

    async def direct(self, outbox: Outbox, user: str, wanted: Direct) -> None:
        theirs = self._people.connections_of(wanted.to)
        if not theirs:
            raise RefusedError(ErrorCode.NOT_ONLINE, f"{wanted.to!r} is not online")
        # One who writes from the phone finds it on the desk as well.
        own = {each: None for each in self._people.connections_of(user) if each is not outbox}
        frame = answers.direct_frame(user, wanted.to, wanted.text, _now_ms())
        self._deliver(frame, {**theirs, **own}, Origin(None, user, wanted.id))

    async def typing(self, outbox: Outbox, room: str) -> None:
        members = self._rooms.joined(room, outbox).members
        others = [each for each in members if each is not outbox and not each.is_behind]
        broadcast(answers.typing(room, members[outbox].user), others)

    async def kick(self, user: str, room: str | None, by: str) -> None:
        theirs = list(self._people.connections_of(user))
        if room is not None:
            found = self._rooms.find(room)
            theirs = [] if found is None else [each for each in theirs if each in found.members]
        if not theirs:
            raise RefusedError(ErrorCode.NOT_ONLINE, f"{user!r} is not {'online' if room is None else 'in the room'}")
        broadcast(answers.kicked(room, by), theirs)
        for each in theirs:
            if room is None:
                each.close(KICKED, "Removed by an admin")
            else:
                self._put_out(each, room)

    async def close_room(self, room: str, by: str) -> None:
        found = self._rooms.find(room)
        if found is None:
            raise RefusedError(ErrorCode.NOT_ONLINE, f"nobody is in {room!r}")
        broadcast(answers.closed(room, by), found.members)
        # Who goes is no news where everybody goes.
        for each in list(found.members):
            self._rooms.leave(room, each)

    async def announce(self, text: str, by: str) -> None:
        broadcast(answers.announcement(text, by, _now_ms()), self._people.all_connections())

    async def online(self) -> Sequence[str]:
        return list(self._people)

    async def users_in(self, room: str) -> Sequence[str] | None:
        found = self._rooms.find(room)
        if found is not None:
            return list(found.users)
        return [] if room in self._rooms else None

    async def is_in(self, user: str, room: str) -> bool:
        found = self._rooms.find(room)
        return found is not None and user in found.users

    async def largest_rooms(self, limit: int, sees: Callable[[str], bool]) -> Sequence[tuple[str, int]]:
        return self._rooms.largest(limit, sees)

    def _put_out(self, outbox: Outbox, name: str) -> Room[Outbox]:
        user = self._rooms.joined(name, outbox).members[outbox].user
        room = self._rooms.leave(name, outbox)
        _tell_who_left(room, user)
        return room


def _tell_who_left(room: Room[Outbox], user: str) -> None:
    if user not in room.users and room.watchers:
        broadcast(answers.presence(room.name, user, Presence.LEFT), room.watchers)


def _state(room: Room[Outbox]) -> RoomState:
    return RoomState(len(room.members), room.seq)


def _ignore(_: StoreError | None) -> None:
    """Let the writer tell of it in the log."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
