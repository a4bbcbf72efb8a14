"""The broker of a server of several nodes: what our own clients want done, here and elsewhere."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from target_app import rooms_answers as answers
from target_app.broker import Answer, RoomState
from target_app.database import Durability
from target_app.local_broker import KICKED
from target_app.nodes import messages as m
from target_app.nodes.asks import APART, Asks, answer_of, refusal_of
from target_app.nodes.bus import Bus
from target_app.nodes.elsewhere import Elsewhere
from target_app.nodes.homes import Homes
from target_app.nodes.housing import Housing
from target_app.nodes.lease import Lease
from target_app.nodes.places import Followed, Home
from target_app.nodes.telling import tell_followers, tell_presence
from target_app.outbox import SERVICE_RESTART, Deliver, Origin, Outbox, broadcast
from target_app.people import People
from target_app.refusal import ErrorCode, RefusedError
from target_app.rooms import Rooms
from target_app.rooms_answers import Presence
from target_app.rooms_protocol import Direct, Publish
from target_app.store import StoreError
from target_app.writer import Writer


class NodesBroker:
    """Does what it can here, and has the rest done by the node that it concerns."""

    def __init__(
        self,
        *,
        rooms: Rooms[Outbox],
        people: People[Outbox],
        deliver: Deliver,
        writer: Writer,
        durability: Durability,
        bus: Bus,
        asks: Asks,
        elsewhere: Elsewhere,
        homes: Homes,
        housing: Housing,
        lease: Lease,
    ) -> None:
        self._rooms = rooms
        self._people = people
        self._deliver = deliver
        self._writer = writer
        self._acks_wait = durability is Durability.ACK
        self._bus = bus
        self._asks = asks
        self._elsewhere = elsewhere
        self._homes = homes
        self._housing = housing
        self._lease = lease

    async def open(self, last_seqs: Mapping[str, int]) -> None:
        self._rooms.wake(last_seqs)

    async def arrive(self, outbox: Outbox, user: str) -> None:
        is_news = not self._people.connections_of(user)
        self._people.arrive(user, outbox)
        if is_news:
            self._bus.send(m.ALL, m.Arrived(user))

    async def depart(self, outbox: Outbox, user: str) -> None:
        self._people.leave(user, outbox)
        is_stopping = outbox.closed_with == SERVICE_RESTART
        for room in self._rooms.leave_all(outbox):
            # When the server stops it is gone in a moment, and says so once.
            if not is_stopping:
                self._left(room.name, user)
        if not is_stopping and not self._people.connections_of(user):
            self._bus.send(m.ALL, m.Departed(user))

    async def join(self, outbox: Outbox, user: str, room: str, presence: bool) -> RoomState:
        self._rooms.check_may_join(room, outbox)
        place = self._housing.places.get(room)
        if place is None or outbox not in place.room.members:
            # Who comes from another node may have more of the room than we do: it would get that again, as news.
            place = await self._housing.whole_place_of(room)
        is_new = outbox not in place.room.members
        is_news = isinstance(place, Home) and not place.has(user)
        joined = self._rooms.join(room, outbox, user)
        since_seq = joined.seq
        if isinstance(place, Home) and is_news:
            tell_presence(self._bus, place, user, Presence.JOINED)
        try:
            count = await self._count(room, partial(m.Enter, user=user) if is_new else m.Count)
        except RefusedError:
            if is_new:
                if outbox in joined.members:
                    self._rooms.leave(room, outbox)
                raise
            count = len(joined.members)
        # Not before: the home tells us of our own coming as it tells all others.
        if not presence:
            joined.watchers.pop(outbox, None)
        elif outbox in joined.members:
            joined.watchers[outbox] = None
        return RoomState(count, since_seq)

    async def leave(self, outbox: Outbox, room: str) -> RoomState:
        user = self._rooms.joined(room, outbox).members[outbox].user
        left = self._rooms.leave(room, outbox)
        if isinstance(self._housing.places.get(room), Home):
            self._left(room, user)
            return RoomState(await self._count(room, m.Count), left.seq)
        try:
            count = await self._count(room, partial(m.Leave, user=user))
        except RefusedError:
            # The home hears of it when it can.
            count = len(left.members)
        self._housing.leave_if_empty(room)
        return RoomState(count, left.seq)

    async def publish(self, outbox: Outbox, wanted: Publish, answer: Answer) -> None:
        room = self._rooms.joined(wanted.room, outbox)
        user = room.members[outbox].user
        place = self._housing.places[wanted.room]
        if isinstance(place, Home):
            self.say(place, user, wanted.text, wanted.id, answer)
            return
        if not place.is_whole or not self._bus.is_up:
            raise RefusedError(ErrorCode.NODES_APART, "the server that numbers this room cannot be reached; try again")

        def take(told: m.Answer) -> None:
            match told:
                case m.Stored(_, seq):
                    answer(seq, None)
                case m.Unstored(_, seq, reason):
                    answer(seq, StoreError(reason))
                case m.Refused():
                    answer(None, refusal_of(told))

        number = self._asks.number_for(place.home, take)
        self._bus.send(place.home, m.Say(number, wanted.room, user, wanted.text))

    def say(self, place: Home, user: str, text: str, message_id: str | int | None, answer: Answer) -> None:
        """Number a message of a room that is at home here, send it, have it stored. Raises RefusedError."""
        # Before the message has a number: one that is refused leaves no gap.
        if self._writer.behind:
            raise RefusedError(ErrorCode.STORAGE_BEHIND, "the store is behind; try again in a moment")
        if not self._lease.lasts:
            raise RefusedError(ErrorCode.STORAGE_BEHIND, "the store cannot be reached; try again in a moment")
        room = place.room
        before = room.seq
        message = room.publish(user, text, _now_ms())
        self._deliver(answers.message_frame(message), room.members, Origin(room.name, user, message_id))
        if place.followers:
            said = m.Said(room.name, before, message.seq, user, text, message.sent_at_ms)
            tell_followers(self._bus, place, said)
        place.unsettled_count += 1
        if self._acks_wait:
            self._writer.put(message, partial(self._settled, place, answer, message.seq))
        else:
            self._writer.put(message, partial(self._settled, place, _ignore, message.seq))
            answer(message.seq, None)

    def _settled(self, place: Home, answer: Answer, seq: int, failure: StoreError | None) -> None:
        """Acknowledge a message that is stored, unless our lease has run out meanwhile, though it may last again.

        Whoever has the room by now, or had it, read the store before that, and has passed on what was there.
        """
        place.unsettled_count -= 1
        if failure is None and not (self._lease.lasts and self._housing.home(place.room.name) is place):
            failure = StoreError("another server may have the room by now")
        answer(seq, failure)

    async def direct(self, outbox: Outbox, user: str, wanted: Direct) -> None:
        now_ms = _now_ms()
        receiving = self._elsewhere.nodes_of(wanted.to)
        reached_here = self.tell(user, wanted.to, wanted.text, now_ms, but=outbox, message_id=wanted.id)
        told = await self._each(receiving, lambda number: m.Tell(number, user, wanted.to, wanted.text, now_ms))
        if not reached_here + sum(told):
            raise RefusedError(ErrorCode.NOT_ONLINE, f"{wanted.to!r} is not online")
        # The sender's connections where the user has none; not before it is known that anybody heard it.
        if not reached_here:
            self.tell(user, wanted.to, wanted.text, now_ms, but=outbox, message_id=wanted.id, is_copy=True)
        for node in self._elsewhere.nodes_of(user):
            if node not in receiving:
                self._bus.send(node, m.Tell(0, user, wanted.to, wanted.text, now_ms))

    def tell(
        self,
        sender: str,
        to: str,
        text: str,
        sent_at_ms: int,
        *,
        but: Outbox | None = None,
        message_id: str | int | None = None,
        is_copy: bool = False,
    ) -> int:
        """Send something to a user's connections here, and to the sender's others; how many of the user's there are.

        Where the user has none here, the sender's hear of it only by a copy: of what others heard elsewhere.
        """
        theirs = self._people.connections_of(to)
        if theirs or is_copy:
            # One who writes from the phone finds it on the desk as well.
            own = {each: None for each in self._people.connections_of(sender) if each is not but}
            frame = answers.direct_frame(sender, to, text, sent_at_ms)
            self._deliver(frame, {**theirs, **own}, Origin(None, sender, message_id))
        return len(theirs)

    async def typing(self, outbox: Outbox, room: str) -> None:
        user = self._rooms.joined(room, outbox).members[outbox].user
        self.typed(room, user, but=outbox)
        place = self._housing.places[room]
        if isinstance(place, Home):
            tell_followers(self._bus, place, m.Typed(room, user))
        elif place.is_whole:
            self._bus.send(place.home, m.Typed(room, user))

    def typed(self, room: str, user: str, but: Outbox | None = None) -> None:
        """Tell our members that somebody is writing; whoever is behind is not told."""
        found = self._rooms.find(room)
        if found is not None:
            broadcast(answers.typing(room, user), [e for e in found.members if e is not but and not e.is_behind])

    async def kick(self, user: str, room: str | None, by: str) -> None:
        count = self.put_out(user, room, by)
        count += sum(await self._each(self._elsewhere.nodes_of(user), lambda number: m.Kick(number, user, room, by)))
        if not count:
            raise RefusedError(ErrorCode.NOT_ONLINE, f"{user!r} is not {'online' if room is None else 'in the room'}")

    def put_out(self, user: str, room: str | None, by: str) -> int:
        """Put a user's connections here out of a room, or off the server; how many there were."""
        theirs = list(self._people.connections_of(user))
        if room is not None:
            found = self._rooms.find(room)
            theirs = [] if found is None else [each for each in theirs if each in found.members]
        broadcast(answers.kicked(room, by), theirs)
        for each in theirs:
            if room is None:
                each.close(KICKED, "Removed by an admin")
            else:
                self._rooms.leave(room, each)
                self._left(room, user)
        return len(theirs)

    async def close_room(self, room: str, by: str) -> None:
        home = self._housing.home(room)
        if home is not None:
            count = self.close(home, by)
        else:
            node = await self._home_of(room)
            count = 0 if node is None else sum(await self._each([node], lambda number: m.CloseRoom(number, room, by)))
        if not count:
            raise RefusedError(ErrorCode.NOT_ONLINE, f"nobody is in {room!r}")

    def close(self, home: Home, by: str) -> int:
        """Put everybody out of a room that is at home here; how many there were."""
        count = home.connection_count
        tell_followers(self._bus, home, m.Closed(home.room.name, by))
        home.followers.clear()
        self.empty(home.room.name, by)
        return count

    def empty(self, room: str, by: str) -> None:
        """Put our own members out of a room that is closed. Who goes is no news where everybody goes."""
        found = self._rooms.find(room)
        if found is not None:
            broadcast(answers.closed(room, by), found.members)
            for each in list(found.members):
                self._rooms.leave(room, each)

    async def announce(self, text: str, by: str) -> None:
        now_ms = _now_ms()
        self._bus.send(m.ALL, m.Announced(text, by, now_ms))
        self.announced(text, by, now_ms)

    def announced(self, text: str, by: str, sent_at_ms: int) -> None:
        """Say something to everybody who is connected here."""
        broadcast(answers.announcement(text, by, sent_at_ms), self._people.all_connections())

    async def online(self) -> Sequence[str]:
        return list(dict.fromkeys([*self._people, *self._elsewhere]))

    async def users_in(self, room: str) -> Sequence[str] | None:
        home = self._housing.home(room)
        if home is not None:
            return list(home.users())
        node = await self._home_of(room)
        if node is not None:
            if not self._bus.is_up:
                raise RefusedError(ErrorCode.NODES_APART, APART)
            number, future = self._asks.future_for(node)
            self._bus.send(node, m.ListUsers(number, room))
            told = await answer_of(future)
            assert isinstance(told, m.Users)
            return told.users
        return [] if room in self._rooms else None

    async def is_in(self, user: str, room: str) -> bool:
        found = self._rooms.find(room)
        if found is not None and user in found.users:
            return True
        return user in (await self.users_in(room) or ())

    async def largest_rooms(self, limit: int, sees: Callable[[str], bool]) -> Sequence[tuple[str, int]]:
        # Those that are hidden from whoever asks are known here alone: so ask for some more.
        counts = dict(self.largest_here(2 * limit))
        for node in self._elsewhere.nodes:
            number, future = self._asks.future_for(node)
            self._bus.send(node, m.ListRooms(number, 2 * limit))
            try:
                told = await answer_of(future)
            except RefusedError:
                continue
            assert isinstance(told, m.RoomCounts)
            counts.update((name, count) for name, count in told.rooms)
        asleep = dict(
            self._rooms.largest(2 * limit, lambda name: name not in counts and name not in self._housing.places)
        )
        seen = [(name, count) for name, count in {**asleep, **counts}.items() if sees(name)]
        return sorted(seen, key=lambda each: -each[1])[:limit]

    def largest_here(self, limit: int) -> list[tuple[str, int]]:
        """Return the rooms that are at home here, the fullest first."""
        homes = [(n, p.connection_count) for n, p in self._housing.places.items() if isinstance(p, Home)]
        return sorted(homes, key=lambda each: -each[1])[:limit]

    # --- between the two

    def _left(self, room: str, user: str) -> None:
        """Make known that a connection of ours has left; the room knows already."""
        match self._housing.places.get(room):
            case Home() as home:
                if not home.has(user):
                    tell_presence(self._bus, home, user, Presence.LEFT)
            case Followed(home=node, is_whole=is_whole):
                if is_whole:
                    self._bus.send(node, m.Leave(0, room, user))
                self._housing.leave_if_empty(room)

    async def _count(self, room: str, ask: "Callable[[int, str], m.Enter | m.Leave | m.Count]") -> int:
        """Return how many connections are in a room everywhere, once its home is asked, or told of a change.

        Raises RefusedError where the home does not answer: then nobody knows whether we have all of the room.
        """
        place = self._housing.places.get(room)
        if isinstance(place, Home):
            return place.connection_count
        here = self._rooms.find(room)
        count = 0 if here is None else len(here.members)
        if place is None or not place.is_whole:
            return count
        number, future = self._asks.future_for(place.home)
        self._bus.send(place.home, ask(number, room))
        try:
            told = await answer_of(future)
        except RefusedError:
            # Whether it was heard is not known: say anew who is here.
            place.is_whole = False
            self._housing.seek([room])
            raise
        assert isinstance(told, m.Counted)
        return told.connections

    async def _each(self, nodes: Sequence[str], question: Callable[[int], m.Question]) -> list[int]:
        """Ask several nodes how many it concerned there; raises RefusedError where one does not answer."""
        futures = []
        for node in nodes:
            number, future = self._asks.future_for(node)
            self._bus.send(node, question(number))
            futures.append(future)
        if futures and not self._bus.is_up:
            raise RefusedError(ErrorCode.NODES_APART, APART)
        told = [await answer_of(future) for future in futures]
        return [each.connections for each in told if isinstance(each, m.Counted)]

    async def _home_of(self, room: str) -> str | None:
        try:
            return await self._homes.home_of(room)
        except StoreError as error:
            raise RefusedError(
                ErrorCode.STORAGE_BEHIND, "the store cannot be reached; try again in a moment"
            ) from error


def _ignore(_: int | None, __: StoreError | RefusedError | None) -> None:
    """Let the writer tell of it in the log."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
