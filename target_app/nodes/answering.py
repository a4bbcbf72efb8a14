"""What other nodes say, and what we answer."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from target_app.history import History
from target_app.nodes import messages as m
from target_app.nodes.asks import Asks
from target_app.nodes.broker import NodesBroker
from target_app.nodes.bus import Bus
from target_app.nodes.elsewhere import Elsewhere
from target_app.nodes.housing import Housing
from target_app.nodes.lease import Lease
from target_app.nodes.places import Followed, Home, homes_in
from target_app.nodes.telling import tell_followers, tell_presence, tell_watchers
from target_app.outbox import Outbox, broadcast
from target_app.people import People
from target_app.refusal import ErrorCode, RefusedError
from target_app.rooms_answers import Presence, error
from target_app.store import StoreError
from target_app.writer import Writer

# Of what a follower has missed, in one message.
PAGE = 500

log = logging.getLogger(__name__)


class Answering:
    """The ear of a node; `heard_ns` says when each other one was heard last."""

    def __init__(
        self,
        *,
        people: People[Outbox],
        broker: NodesBroker,
        housing: Housing,
        elsewhere: Elsewhere,
        asks: Asks,
        bus: Bus,
        lease: Lease,
        history: History,
        writer: Writer,
        now_ns: Callable[[], int],
    ) -> None:
        self._people = people
        self._broker = broker
        self._housing = housing
        self._elsewhere = elsewhere
        self._asks = asks
        self._bus = bus
        self._lease = lease
        self._history = history
        self._writer = writer
        self._now_ns = now_ns
        self._tasks: set[asyncio.Task[None]] = set()
        self.heard_ns: dict[str, int] = {}

    # --- the bus

    def joined_bus(self) -> None:
        """Begin anew with everybody: whatever was said meanwhile is lost, and they forget that we follow."""
        self._housing.lose_sight()
        self._bus.send(m.ALL, m.Hello())
        self._bus.send(m.ALL, m.Here(list(self._people)))
        self._housing.seek(self._housing.not_whole())

    def left_bus(self) -> None:
        """Tell whom it concerns that others do not hear them, and go on with what is at home here."""
        self._asks.give_up()
        self._housing.lose_sight()
        apart = [each for each in self._housing.places.values() if isinstance(each, Followed) or each.followers]
        concerned = {outbox: None for place in apart for outbox in place.room.members}
        refusal = RefusedError(ErrorCode.NODES_APART, "some people in your rooms cannot be reached just now")
        broadcast(error(refusal, None), concerned)

    def gone(self, node: str) -> None:
        """Forget a node that is dead, or has ended."""
        self.heard_ns.pop(node, None)
        self._elsewhere.forget(node)
        self._asks.give_up(node)
        self._unfollow_all(node)
        lost = self._housing.lose_sight(node)
        self._housing.seek([place.room.name for place in lost])

    def heard(self, sender: str, message: m.Message) -> None:
        """Do what a node asks for, or know what it says."""
        self.heard_ns[sender] = self._now_ns()
        if self._elsewhere.know(sender) and not isinstance(message, m.Hello):
            # We have missed its Hello: ask for what it said then.
            self._bus.send(sender, m.Hello())
        match message:
            case m.Said():
                self._housing.said(sender, message)
            case m.Reached():
                self._housing.reached(sender, message)
            case m.Followed() | m.Counted() | m.Stored() | m.Unstored() | m.Refused() | m.Users() | m.RoomCounts():
                self._asks.answered(sender, message)
            case m.Say() | m.Follow() | m.Enter() | m.Leave() | m.Count() | m.CloseRoom() | m.ListUsers():
                self._answer_for_home(sender, message)
            case m.Kick(number, user, room, by):
                self._bus.send(sender, m.Counted(number, self._broker.put_out(user, room, by)))
            case m.Tell(number, user, to, text, sent_at_ms):
                reached = self._broker.tell(user, to, text, sent_at_ms, is_copy=not number)
                if number:
                    self._bus.send(sender, m.Counted(number, reached))
            case m.ListRooms(number, limit):
                rooms = [[name, count] for name, count in self._broker.largest_here(limit)]
                self._bus.send(sender, m.RoomCounts(number, rooms))
            case _:
                self._know(sender, message)

    async def close(self) -> None:
        """Give up what is being answered."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # --- news

    def _know(self, sender: str, news: m.Message) -> None:
        match news:
            case m.Hello():
                # It has lost what we said, and follows anew what it needs.
                self._unfollow_all(sender)
                self._bus.send(sender, m.Here(list(self._people)))
                # It may have lost what we asked: who waited for the answer would lose seconds, and asks anew.
                self._asks.give_up(sender, m.UNHEARD)
                self._housing.lose_sight(sender)
                self._housing.seek_soon(self._housing.not_whole())
            case m.Here(users):
                self._elsewhere.has_users(sender, users)
            case m.Arrived(user):
                self._elsewhere.arrived(sender, user)
            case m.Departed(user):
                self._elsewhere.departed(sender, user)
            case m.Announced(text, by, sent_at_ms):
                self._broker.announced(text, by, sent_at_ms)
            case m.Gone():
                self.gone(sender)
            case m.Buried(node):
                self.gone(node)
            case m.Unfollow(room):
                home = self._housing.home(room)
                if home is not None:
                    self._unfollow(home, sender)
            case m.Typed(room, user):
                self._broker.typed(room, user)
                home = self._housing.home(room)
                if home is not None:
                    tell_followers(self._bus, home, news, but=sender)
            case m.Presence(room, user, state):
                place = self._housing.places.get(room)
                if isinstance(place, Followed) and place.home == sender:
                    tell_watchers(place.room, user, Presence(state))
            case m.Closed(room, by):
                place = self._housing.places.get(room)
                if isinstance(place, Followed) and place.home == sender:
                    self._broker.empty(room, by)
                    self._housing.leave_if_empty(room)

    def _unfollow_all(self, node: str) -> None:
        for home in list(homes_in(self._housing.places.values())):
            if node in home.followers:
                self._unfollow(home, node)

    def _unfollow(self, home: Home, node: str) -> None:
        for user in home.unfollow(node):
            tell_presence(self._bus, home, user, Presence.LEFT)

    # --- as the home of a room

    def _answer_for_home(
        self, sender: str, question: m.Say | m.Follow | m.Enter | m.Leave | m.Count | m.CloseRoom | m.ListUsers
    ) -> None:
        home = self._housing.home(question.room)
        if home is None or not self._lease.lasts:
            if question.number:
                refused = m.Refused(question.number, m.NOT_HOME, "the room is at home elsewhere")
                self._bus.send(sender, refused)
            return
        match question:
            case m.Say():
                self._say(sender, home, question)
            case m.Follow():
                self._do(self._let_follow(sender, home, question))
            case m.Enter(number, _, user):
                # One that does not follow has been forgotten meanwhile; it will say anew who is there.
                if sender in home.followers and home.enter(sender, user):
                    tell_presence(self._bus, home, user, Presence.JOINED)
                self._tell_count(sender, number, home.connection_count)
            case m.Leave(number, _, user):
                if home.leave(sender, user):
                    tell_presence(self._bus, home, user, Presence.LEFT)
                self._tell_count(sender, number, home.connection_count)
            case m.Count(number):
                self._tell_count(sender, number, home.connection_count)
            case m.CloseRoom(number, _, by):
                self._tell_count(sender, number, self._broker.close(home, by))
            case m.ListUsers(number, _):
                self._bus.send(sender, m.Users(number, list(home.users())))

    def _tell_count(self, node: str, number: int, count: int) -> None:
        if number:
            self._bus.send(node, m.Counted(number, count))

    def _say(self, sender: str, home: Home, say: m.Say) -> None:
        def answer(seq: int | None, failure: StoreError | RefusedError | None) -> None:
            if isinstance(failure, RefusedError):
                self._bus.send(sender, m.Refused(say.number, failure.code, failure.detail))
            elif seq is not None and failure is None:
                self._bus.send(sender, m.Stored(say.number, seq))
            elif seq is not None:
                self._bus.send(sender, m.Unstored(say.number, seq, str(failure)))

        try:
            self._broker.say(home, say.user, say.text, None, answer)
        except RefusedError as refusal:
            answer(None, refusal)

    async def _let_follow(self, node: str, home: Home, follow: m.Follow) -> None:
        """Tell a node what it has missed; if that is all, it is told from now on what is said."""
        room = home.room
        after = room.seq if follow.after is None else follow.after
        missed: list[list[Any]] = []
        # Again as long as something was said while we read: from then on, nothing waits until the node follows.
        while after < room.seq:
            to = room.seq
            try:
                page = await self._history.between(room.name, after, to, PAGE)
            except StoreError as failure:
                self._bus.send(node, m.Refused(follow.number, ErrorCode.STORAGE_BEHIND, str(failure)))
                return
            missed += [[each.seq, each.sender, each.text, each.sent_at_ms] for each in page.messages]
            if page.more:
                self._bus.send(node, m.Followed(follow.number, room.name, missed[-1][0], missed, more=True))
                return
            after = to
        came, left = home.follow(node, follow.users)
        follower, seq = home.followers[node], room.seq
        for user in came:
            tell_presence(self._bus, home, user, Presence.JOINED)
        for user in left:
            tell_presence(self._bus, home, user, Presence.LEFT)
        # Its members read the history in the store: what is not sent to them from now on must be there.
        await self._writer.settled()
        self._bus.send(node, m.Followed(follow.number, room.name, seq, missed, more=False))
        for message in follower.held or ():
            self._bus.send(node, message)
        follower.held = None

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(_done, self._tasks))


def _done(tasks: "set[asyncio.Task[None]]", task: "asyncio.Task[None]") -> None:
    tasks.discard(task)
    if not task.cancelled() and task.exception() is not None:
        log.error("a question of another server was not answered", exc_info=task.exception())
