"""Chat without sockets or clocks: real users and real books, a heap of events, a server that does as it is told.

Thousands of users talk for simulated minutes in milliseconds, and every number that comes out is known beforehand.
They may be spread over several processes, each with books of its own, which tell one another the news.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from loadgen.dialects import Credentials, HttpRequest
from loadgen.dialects.script import ConnectScript, DialectScript, JoinScript, PublishScript, Reach
from loadgen.dialects.scripted import ScriptedDialect
from loadgen.engine.books import Books
from loadgen.engine.user import User, UserState
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.news import News
from loadgen.measure.nodes import Layout
from loadgen.measure.payload import Payload
from loadgen.measure.rules import Rules
from loadgen.measure.spread import SpreadJoin
from loadgen.measure.tally import Tally
from loadgen.plan.pacing import NS_PER_S, Gaps, schedule
from loadgen.plan.plan import Share
from loadgen.plan.rooms import Layer, Rooms, room_name
from loadgen.plan.senders import ActiveUsers, Senders
from loadgen.plan.slices import UNSLICED, RoomClass, Slicing, Stretch, room_classes_of

MS = 1_000_000
TAG = "5e1f1e"
SETTLE_PERIOD_NS = 100 * MS
NEWS_PERIOD_NS = 50 * MS

RELAY = DialectScript(
    name="simulated",
    connect=ConnectScript(path="/"),
    join=JoinScript(send=("JOIN {room}",), until="JOINED {room}"),
    publish=PublishScript(send="SAY {room} {id} {text}", ack="ACK {id}"),
)

# (number of the message, receiver) -> how long each copy takes to arrive, in ns; no copy: lost
Fate = Callable[[int, int], list[int]]


def in_time(delay_ns: int) -> Fate:
    """Everybody gets everything after ``delay_ns``."""
    return lambda message, receiver: [delay_ns]


@dataclass
class Simulation:
    """One run; time starts at 0 and the first message is due at 1 s."""

    user_count: int = 10
    room_count: int = 1
    more_layers: tuple[Layer, ...] = ()
    """Further rooms; message ``n`` goes to that of layer ``n`` modulo their number."""
    rate_per_s: float = 10.0
    seconds: float = 1.0
    gaps: Gaps = Gaps.CONSTANT
    seed: int = 1
    warmup_ns: int = 0
    drain_ns: int = 2 * NS_PER_S
    deadline_ns: int = 5 * NS_PER_S
    script: DialectScript = RELAY
    fate: Fate = field(default_factory=lambda: in_time(5 * MS))
    unacknowledged: frozenset[int] = frozenset()
    """Numbers of the messages that the server does not acknowledge."""
    connect_delay_ns: int = 1 * MS
    ack_delay_ns: int = 1 * MS
    join_delay_ns: int = 2 * MS
    close_delay_ns: int = 1 * MS
    """How long a close takes to reach the server, and its answer to come back."""
    unconfirmed: frozenset[int] = frozenset()
    """Users who join, and are never told so."""
    eavesdroppers: frozenset[int] = frozenset()
    """Users to whom the server also sends what is said in other rooms."""
    lingerers: frozenset[int] = frozenset()
    """Users who, when they have left, get all the same what is said in their room."""
    history: bool = False
    """Whether the server keeps what it could not bring to a user who was there once, and hands it over at the join."""
    tells_history_apart: bool = False
    """Whether that is seen to be history."""
    late_by_ns: int = 0
    """How late the generator sends."""
    process_count: int = 1
    stretches: tuple[Stretch, ...] | None = None
    """Slices of time; where they are given, rooms are told apart by their size as well."""
    addresses: tuple[str, ...] = ()
    """Of the nodes of the server, which users take in turn; where there are some, nodes are told apart."""
    name_of_node: Callable[[int, int], str] | None = None
    """(user, how often it has connected before) -> what the node calls itself by which it is greeted."""

    def __post_init__(self) -> None:
        self.now_ns = 0
        self.tally = Tally(0)
        """What all processes have counted, once the run is over."""
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._sent = count()
        self._socket_numbers = count()
        self._sockets: dict[int, int] = {}  # user -> its present socket
        self._served: defaultdict[str, list[int]] = defaultdict(list)  # room -> whom the server sends to
        self._missed: dict[int, list[bytes]] = {}  # user who was there once -> what the server could not bring it
        self._connection_counts: Counter[int] = Counter()
        if self.name_of_node is not None:
            greeted = replace(self.script.connect, until="WELCOME", node="WELCOME {node}")
            self.script = replace(self.script, connect=greeted)
        publish, payload = self.script.publish, Payload(1, 100)
        rooms = Rooms((Layer(self.room_count), *self.more_layers))
        layout = Layout(self.addresses, self.name_of_node is not None) if self.addresses else None
        whole = Rules(
            self.user_count, rooms, publish.reach, publish.echo, self.deadline_ns, slicing=self.slicing, nodes=layout
        )
        self.ledgers = [
            Ledger(replace(whole, share=Share(i, self.process_count)), marker.prefix_of(TAG), Tally(0))
            for i in range(self.process_count)
        ]
        is_history = lambda frame: frame.startswith(b"LOG")  # noqa: E731
        self._receives = [
            ledger.history_told_apart(is_history) if self.tells_history_apart else ledger.receive
            for ledger in self.ledgers
        ]
        books = [Books(ledger, payload, TAG, self.deadline_ns) for ledger in self.ledgers]
        self.users = [
            User(
                i,
                rooms.rooms_of(i),
                ScriptedDialect(self.script, Credentials(i, f"user-{i}", "secret")),
                books[i % self.process_count],
            )
            for i in range(self.user_count)
        ]

    @property
    def slicing(self) -> Slicing:
        """How messages are told apart."""
        if self.stretches is None:
            return UNSLICED
        rooms = Rooms((Layer(self.room_count), *self.more_layers))
        classes = room_classes_of(rooms.layers, self.user_count)
        return Slicing(rooms, self.user_count, tuple(each for each in RoomClass if each in classes), self.stretches)

    # --- what a test has happen -----------------------------------------------------------------------------

    def at(self, at_ns: int, event: Callable[[], None]) -> None:
        """Have something happen; of two events at one instant the one said first comes first."""
        heapq.heappush(self._events, (at_ns, next(self._order), event))

    def cut(self, user: int, at_ns: int) -> None:
        """Have a user's socket die, for good."""
        self.at(at_ns, lambda: self._lose(user, lambda: self.users[user].closed(1006, "", self.now_ns)))

    def take_out(self, user: int, at_ns: int, back_ns: int | None = None) -> None:
        """Cut a user's socket by plan, and have it come back."""
        self.at(at_ns, lambda: self._lose(user, lambda: self.users[user].away(self.now_ns, cut=True)))
        if back_ns is not None:
            self.at(back_ns, lambda: self._come_back(user))

    def hit(self, user: int, incident: int, began_ns: int, at_ns: int, back_ns: int | None = None) -> None:
        """Have an incident of the plan, which began then, cut a user's socket, and have it come back."""
        hit = lambda: self.users[user].hit_by(incident, began_ns, self.now_ns, misses=True)  # noqa: E731
        self.at(at_ns, hit)
        self.take_out(user, at_ns, back_ns)

    def leave(self, user: int, at_ns: int, back_ns: int | None = None) -> None:
        """Have a user leave with a closing handshake, and come back."""
        self.at(at_ns, lambda: self._leave(user))
        if back_ns is not None:
            self.at(back_ns, lambda: self._come_back(user))

    def run(self) -> Tally:
        """Bring everybody in, let them talk, drain, close the books."""
        start_ns = NS_PER_S
        measure_ns = start_ns + self.warmup_ns
        end_ns = measure_ns + round(self.seconds * NS_PER_S)
        close_ns = end_ns + self.drain_ns
        for ledger in self.ledgers:
            ledger.measure(measure_ns, end_ns)
        for user in self.users:
            self.at(0, lambda user=user: self._enter(user))  # type: ignore[misc]
        pace = schedule(self.gaps, self.rate_per_s, self.seed)
        senders = Senders(self.seed, ActiveUsers(self.seed, 1.0, self.user_count))
        n = 0
        while (due_ns := start_ns + pace.due_ns(n)) < end_ns:
            writer = senders.sender_of(n, self.user_count)
            assert writer is not None, "all are active"
            sender = self.users[writer]
            self.at(due_ns + self.late_by_ns, lambda n=n, due=due_ns, sender=sender: self._due(n, due, sender))  # type: ignore[misc]
            n += 1
        for settle_ns in range(start_ns, close_ns, SETTLE_PERIOD_NS):
            self.at(settle_ns, self._settle)
        for news_ns in range(start_ns, close_ns, NEWS_PERIOD_NS):
            self.at(news_ns, self._tell_news)
        while self._events and self._events[0][0] < close_ns:
            self.now_ns, _, event = heapq.heappop(self._events)
            event()
        self._close(close_ns)
        return self.tally

    # --- the books ------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        for ledger in self.ledgers:
            while ledger.settle(self.now_ns):
                pass

    def _tell_news(self) -> None:
        news = News.joined([ledger.take_news() for ledger in self.ledgers])
        for ledger in self.ledgers:
            ledger.hear(news)

    def _close(self, close_ns: int) -> None:
        self._tell_news()
        join = SpreadJoin(self.process_count, self.slicing)
        for ledger in self.ledgers:
            ledger.close(close_ns)
            self.tally.merge(ledger.tally)
            join.add(ledger.take_spreads(), self.tally)
        join.close(self.tally)

    # --- the users ------------------------------------------------------------------------------------------

    def _enter(self, user: User) -> None:
        user.connecting(self.now_ns)
        self.at(self.now_ns + self.connect_delay_ns, lambda: self._opened(user))

    def _opened(self, user: User) -> None:
        if user.state is UserState.AWAY:  # cut on its way in
            return
        self._sockets[user.index] = next(self._socket_numbers)
        for frame in user.opened(self.now_ns) + user.joining(self.now_ns):
            self._serve(user.index, frame)
        if self.name_of_node is not None:
            name = self.name_of_node(user.index, self._connection_counts[user.index])
            self._connection_counts[user.index] += 1
            self._deliver(user.index, f"WELCOME {name}".encode(), self.connect_delay_ns)

    def _come_back(self, user: int) -> None:
        if self.users[user].state is UserState.AWAY:
            self.users[user].coming_back()
            self._enter(self.users[user])

    def _lose(self, user: int, notice: Callable[[], object]) -> None:
        if user not in self.lingerers:
            self._sockets.pop(user, None)
            self._stop_serving(user)
        notice()

    def _leave(self, user: int) -> None:
        self.users[user].away(self.now_ns, cut=False)
        if user not in self.lingerers:
            self.at(self.now_ns + self.close_delay_ns, lambda: self._stop_serving(user))
        closed = lambda: self._lose(user, lambda: self.users[user].has_left(self.now_ns))  # noqa: E731
        self.at(self.now_ns + 2 * self.close_delay_ns, closed)

    def _due(self, n: int, due_ns: int, sender: User) -> None:
        layer = n % (1 + len(self.more_layers))
        frame = sender.due(n, due_ns, self.now_ns, writable=True, layer=layer)
        assert not isinstance(frame, HttpRequest)
        if frame is not None:
            self._serve(sender.index, frame)

    def _arrive(self, user: int, socket: int | None, frame: bytes) -> None:
        if self._sockets.get(user) != socket or socket is None:
            if user in self._missed and frame.startswith(b"MSG"):
                self._missed[user].append(frame)
            return
        if self._receives[user % self.process_count](user, frame, self.now_ns):
            return
        heard = self.users[user]
        for reply in [*heard.heard(frame, self.now_ns), *heard.joining(self.now_ns)]:
            self._serve(user, reply)

    # --- the server -----------------------------------------------------------------------------------------

    def _serve(self, user: int, frame: bytes) -> None:
        """Let in, acknowledge, and hand a message to the room, or to its sender."""
        verb, _, rest = frame.decode().partition(" ")
        if verb == "JOIN":
            self._let_in(user, rest)
        else:
            self._relay(user, *rest.split(" ", maxsplit=2))

    def _let_in(self, user: int, room: str) -> None:
        self._served[room].append(user)
        if user not in self.unconfirmed:
            self._deliver(user, f"JOINED {room}".encode(), self.join_delay_ns)
        for frame in self._missed.pop(user, ()):
            self._deliver(user, b"LOG " + frame if self.tells_history_apart else frame, self.join_delay_ns)

    def _relay(self, user: int, room: str, message_id: str, text: str) -> None:
        message = next(self._sent)
        frame = f"MSG {text}".encode()
        if message not in self.unacknowledged:
            self._deliver(user, f"ACK {message_id}".encode(), self.ack_delay_ns)
        receivers = [user]
        if self.script.publish.reach is Reach.ROOM:
            receivers = [*self._served[room], *(self.eavesdroppers - {*self._served[room]})]
            for absent in self._missed:
                if room in map(room_name, self.users[absent].rooms):
                    self._missed[absent].append(frame)
        for receiver in receivers:
            if receiver == user and not self.script.publish.echo:
                continue
            for delay_ns in self.fate(message, receiver):
                self._deliver(receiver, frame, delay_ns)

    def _stop_serving(self, user: int) -> None:
        for members in self._served.values():
            if user in members:
                members.remove(user)
                if self.history:
                    self._missed[user] = []

    def _deliver(self, user: int, frame: bytes, delay_ns: int) -> None:
        socket = self._sockets.get(user)
        self.at(self.now_ns + delay_ns, lambda: self._arrive(user, socket, frame))
