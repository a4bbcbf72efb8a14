"""Every room has one home, the node that numbers its messages. Here a node finds it, follows it, or becomes it.

A room whose home is another node is *whole* here while we have all of its messages; each tells the number of the one
before it, so that a gap shows. Where there may be one, we ask the home for what we miss, or, where the home has died
and we take its place, the store: what was acknowledged is in it.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from target_app import rooms_answers as answers
from target_app.nodes.asks import APART, Asks, refusal_of
from target_app.nodes.bus import Bus
from target_app.nodes.homes import Claim, Homes
from target_app.nodes.messages import NOT_HOME, UNHEARD, Answer, Enter, Follow, Leave, Reached, Refused, Said, Unfollow
from target_app.nodes.messages import Followed as FollowedAnswer
from target_app.nodes.places import Followed, Home, Place, homes_in
from target_app.nodes.telling import tell_followers
from target_app.outbox import Deliver, Origin, Outbox
from target_app.refusal import ErrorCode, RefusedError
from target_app.rooms import Message, Room, Rooms
from target_app.store import Store, StoreError

# Of the store's messages, when we take a room over.
PAGE = 500

# How often the latest number of a room is told again.
LOOKS = 3

# A room may be let go just when somebody wants it.
TRIES = 5

log = logging.getLogger(__name__)


class _MovedOnError(RefusedError):
    """The room has moved on since it was claimed, or its home has only just come: the next try may do better."""


class Housing:
    """The places of all rooms that this node has to do with."""

    def __init__(
        self, node: str, rooms: Rooms[Outbox], homes: Homes, store: Store, bus: Bus, asks: Asks, pass_on: Deliver
    ) -> None:
        """``pass_on`` sends our members what was said elsewhere."""
        self._node = node
        self._rooms = rooms
        self._homes = homes
        self._store = store
        self._bus = bus
        self._asks = asks
        self._pass_on = pass_on
        self._moves: dict[str, asyncio.Task[None]] = {}
        # Homes that nobody was in when we looked last.
        self._empty: set[str] = set()
        self.places: dict[str, Place] = {}

    def home(self, name: str) -> Home | None:
        """Return the room if it is at home here."""
        place = self.places.get(name)
        return place if isinstance(place, Home) else None

    async def whole_place_of(self, name: str) -> Place:
        """Return where a room is, once we have all of it, as far as we know. Raises RefusedError."""
        for _ in range(TRIES):
            place = self.places.get(name)
            if isinstance(place, Home) or (place is not None and place.is_whole):
                return place
            # Where it comes and goes, while we wait, the next try finds it somewhere else.
            with suppress(_MovedOnError):
                await asyncio.shield(self._moving(name))
        raise RefusedError(ErrorCode.NODES_APART, APART)

    def seek(self, names: Iterable[str]) -> None:
        """Find out where rooms are, that are not whole; what goes wrong is told at the next try."""
        for name in names:
            if name not in self._moves:
                self._moving(name).add_done_callback(_look_at)

    def seek_soon(self, names: Iterable[str]) -> None:
        """The same, where a try that has begun may be in vain: then another one follows it."""
        for name in names:
            if name in self._moves:
                self._moves[name].add_done_callback(partial(self._seek_if_not_whole, name))
            else:
                self.seek([name])

    def _seek_if_not_whole(self, name: str, _: "asyncio.Task[None]") -> None:
        place = self.places.get(name)
        if isinstance(place, Followed) and not place.is_whole:
            self.seek([name])

    def not_whole(self) -> list[str]:
        """Return the rooms of which we may miss something."""
        return [name for name, place in self.places.items() if isinstance(place, Followed) and not place.is_whole]

    def lose_sight(self, home: str | None = None) -> list[Followed]:
        """Know that we may miss something: of one home, or (None) of all; return the rooms."""
        lost = [
            place
            for place in self.places.values()
            if isinstance(place, Followed) and place.is_whole and home in (None, place.home)
        ]
        for place in lost:
            place.is_whole = False
        return lost

    def move_out(self) -> None:
        """Number nothing any more: our lease had run out, and others may do it by now."""
        for name, place in list(self.places.items()):
            if not isinstance(place, Home):
                continue
            if place.room.members:
                self.places[name] = Followed(place.room, home="")
            else:
                self._forget(name)

    def let_go_of_empty(self) -> None:
        """Let go of the homes that nobody is in, as nobody was when we looked last, and of which all is stored.

        Who needs one next may be elsewhere; and whoever goes through many rooms would fill the memory with them.
        """
        empty = {
            name
            for name, place in self.places.items()
            if isinstance(place, Home) and not (place.room.members or place.followers or place.unsettled_count)
        }
        going = [name for name in empty & self._empty if name not in self._moves]
        self._empty = empty - set(going)
        if not going:
            return
        seqs = {name: self.places[name].room.seq for name in going}
        for name in going:
            self._forget(name)
        # Whoever wants one of them again waits for this.
        release = asyncio.create_task(self._homes.release(self._node, seqs))
        for name in going:
            self._note(name, release)
        release.add_done_callback(_look_at)

    def tell_how_far(self) -> None:
        """Tell the followers of each room in which something was said lately its latest number: it may be lost.

        A gap shows at the next message; of the last one, nobody would know.
        """
        for home in homes_in(self.places.values()):
            if home.followers and home.is_news(LOOKS):
                tell_followers(self._bus, home, Reached(home.room.name, home.room.seq))

    def reached(self, sender: str, reached: Reached) -> None:
        """Hear how far a room has got that we follow."""
        place = self.places.get(reached.room)
        if isinstance(place, Followed) and place.home == sender and place.is_whole and place.room.seq < reached.seq:
            place.is_whole = False
            self.seek([reached.room])

    def leave_if_empty(self, name: str) -> None:
        """Follow a room no longer in which nobody of ours is. A home stays one."""
        place = self.places.get(name)
        if isinstance(place, Followed) and not place.room.members:
            if place.home:
                self._bus.send(place.home, Unfollow(name))
            self._forget(name)

    def said(self, sender: str, said: Said) -> None:
        """Hear a message of a room that we follow."""
        place = self.places.get(said.room)
        if not isinstance(place, Followed) or place.home != sender or not place.is_whole:
            return
        if said.before != place.room.seq:
            place.is_whole = False
            self.seek([said.room])
            return
        self._take(place.room, Message(said.room, said.seq, said.sender, said.text, said.sent_at_ms))

    async def close(self) -> None:
        """Stop looking for homes."""
        moves = list(self._moves.values())
        for move in moves:
            move.cancel()
        if moves:
            await asyncio.wait(moves)

    # --- finding out

    def _moving(self, name: str) -> "asyncio.Task[None]":
        move = self._moves.get(name)
        if move is None:
            move = asyncio.create_task(self._move(name))
            self._note(name, move)
        return move

    def _note(self, name: str, move: "asyncio.Task[None]") -> None:
        self._moves[name] = move
        move.add_done_callback(lambda _: self._moves.pop(name, None))

    async def _move(self, name: str) -> None:
        """Make the room whole: here, or followed. Raises RefusedError."""
        try:
            claim = await self._homes.claim(self._node, name)
            if claim.home == self._node:
                await self._move_in(name, claim)
            else:
                await self._follow(name, claim.home)
        except StoreError as error:
            log.warning("room %r: where it is at home cannot be found out: %s", name, error)
            raise RefusedError(
                ErrorCode.STORAGE_BEHIND, "the store cannot be reached; try again in a moment"
            ) from error

    async def _move_in(self, name: str, claim: Claim) -> None:
        place = self.places.get(name)
        if isinstance(place, Followed):
            await self._take_what_is_stored(place.room)
        self.places[name] = Home(self._rooms.hold(name, claim.seq))

    async def _take_what_is_stored(self, room: Room[Outbox]) -> None:
        while page := await self._store.after(room.name, room.seq, PAGE):
            for message in page:
                self._take(room, message)

    async def _follow(self, name: str, home: str) -> None:
        while not await self._followed_further(name, home):
            pass

    async def _followed_further(self, name: str, home: str) -> bool:
        """Ask for what is missing, or a part of it; whether that was all."""
        if not self._bus.is_up:
            raise RefusedError(ErrorCode.NODES_APART, APART)
        place = self.places.get(name)
        after, users = (None, {}) if place is None else (place.room.seq, dict(place.room.users))
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def take(answer: Answer) -> None:
            # At once and not when the future is awaited: the room's next message may come right behind it.
            try:
                is_all = self._answered(name, home, answer, users)
            except RefusedError as refusal:
                if not taken.done():
                    taken.set_exception(refusal)
            else:
                if not taken.done():
                    taken.set_result(is_all)

        self._bus.send(home, Follow(self._asks.number_for(home, take), name, after, users))
        return await taken

    def _answered(self, name: str, home: str, answer: Answer, users: dict[str, int]) -> bool:
        if isinstance(answer, Refused):
            if answer.code in (NOT_HOME, UNHEARD):
                raise _MovedOnError(ErrorCode.NODES_APART, APART)
            raise refusal_of(answer)
        assert isinstance(answer, FollowedAnswer)
        place = self.places.get(name)
        room = self._rooms.hold(name, 0) if place is None else place.room
        for seq, sender, text, sent_at_ms in answer.missed:
            self._take(room, Message(name, seq, sender, text, sent_at_ms))
        if answer.more:
            if place is None:
                self.places[name] = Followed(room, home)
            return False
        room.seq = max(room.seq, answer.seq)
        self.places[name] = Followed(room, home, is_whole=True)
        self._tell_changes(name, home, users, dict(room.users))
        return True

    def _tell_changes(self, name: str, home: str, told: dict[str, int], users: dict[str, int]) -> None:
        """Tell the home who has come and gone since we told it."""
        for user in told.keys() | users.keys():
            more = users.get(user, 0) - told.get(user, 0)
            for _ in range(abs(more)):
                self._bus.send(home, Enter(0, name, user) if more > 0 else Leave(0, name, user))

    def _take(self, room: Room[Outbox], message: Message) -> None:
        room.take(message)
        self._pass_on(answers.message_frame(message), room.members, Origin(room.name, message.sender, None))

    def _forget(self, name: str) -> None:
        del self.places[name]
        self._rooms.let_go(name)


def _look_at(move: "asyncio.Task[None]") -> None:
    if move.cancelled():
        return
    error = move.exception()
    if error is not None and not isinstance(error, RefusedError | StoreError):
        log.error("could not find out where a room is", exc_info=error)
