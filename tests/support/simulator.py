"""Chat without sockets or clocks: real users and real books, a heap of events, a server that does as it is told.

Thousands of users talk for simulated minutes in milliseconds, and every number that comes out is known beforehand.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from loadgen.dialects import Credentials, HttpRequest
from loadgen.dialects.script import ConnectScript, DialectScript, JoinScript, PublishScript, Reach
from loadgen.dialects.scripted import ScriptedDialect
from loadgen.engine.user import Books, User
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger, Rules
from loadgen.measure.payload import Payload
from loadgen.measure.tally import Tally
from loadgen.plan.pacing import NS_PER_S, Gaps, schedule
from loadgen.plan.rooms import Rooms, Senders

MS = 1_000_000
TAG = "5e1f1e"
SETTLE_PERIOD_NS = 100 * MS

RELAY = DialectScript(
    name="simulated",
    connect=ConnectScript(path="/"),
    join=JoinScript(send=("JOIN {room}",), until="JOINED {room}"),
    publish=PublishScript(send="SAY {id} {text}", ack="ACK {id}"),
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
    rate_per_s: float = 10.0
    seconds: float = 1.0
    gaps: Gaps = Gaps.CONSTANT
    seed: int = 1
    warmup_ns: int = 0
    drain_ns: int = 2 * NS_PER_S
    deadline_ns: int = 5 * NS_PER_S
    script: DialectScript = RELAY
    fate: Fate = field(default_factory=lambda: in_time(5 * MS))
    ack_delay_ns: int = 1 * MS
    join_delay_ns: int = 2 * MS
    unconfirmed: frozenset[int] = frozenset()
    """Users who join, and are never told so."""
    late_by_ns: int = 0
    """How late the generator sends."""

    def __post_init__(self) -> None:
        self.now_ns = 0
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._members: defaultdict[str, list[int]] = defaultdict(list)
        self._sent = count()
        self._gone: set[int] = set()
        self.tally = Tally(0)
        publish = self.script.publish
        rooms = Rooms(self.room_count)
        rules = Rules(self.user_count, rooms, publish.reach, publish.echo, self.deadline_ns)
        self.ledger = Ledger(rules, marker.prefix_of(TAG), self.tally)
        self.books = Books(self.ledger, Payload(1, 100), TAG, self.deadline_ns)
        self.users = [
            User(i, rooms.room_of(i), ScriptedDialect(self.script, Credentials(i, f"user-{i}", "secret")), self.books)
            for i in range(self.user_count)
        ]

    def at(self, at_ns: int, event: Callable[[], None]) -> None:
        """Have something happen; of two events at one instant the one said first comes first."""
        heapq.heappush(self._events, (at_ns, next(self._order), event))

    def run(self) -> Tally:
        """Bring everybody in, let them talk, drain, close the books."""
        start_ns = NS_PER_S
        measure_ns = start_ns + self.warmup_ns
        end_ns = measure_ns + round(self.seconds * NS_PER_S)
        self.ledger.measure(measure_ns, end_ns)
        for user in self.users:
            self.at(0, lambda user=user: self._enter(user))  # type: ignore[misc]
        pace, senders = schedule(self.gaps, self.rate_per_s, self.seed), Senders(self.seed)
        n = 0
        while (due_ns := start_ns + pace.due_ns(n)) < end_ns:
            sender = self.users[senders.sender_of(n, self.user_count)]
            self.at(due_ns + self.late_by_ns, lambda n=n, due=due_ns, sender=sender: self._due(n, due, sender))  # type: ignore[misc]
            n += 1
        close_ns = end_ns + self.drain_ns
        for settle_ns in range(start_ns, close_ns, SETTLE_PERIOD_NS):
            self.at(settle_ns, lambda: self.ledger.settle(self.now_ns))
        while self._events and self._events[0][0] < close_ns:
            self.now_ns, _, event = heapq.heappop(self._events)
            event()
        self.ledger.close(close_ns)
        return self.tally

    def cut(self, user: int, at_ns: int) -> None:
        """Have a user's socket die."""
        self.at(at_ns, lambda: self._cut(user))

    def _cut(self, user: int) -> None:
        self._gone.add(user)
        self.users[user].closed(1006, "", self.now_ns)

    def _enter(self, user: User) -> None:
        user.connecting(self.now_ns)
        for frame in user.opened(self.now_ns) + user.joining(self.now_ns):
            self._serve(user.index, frame)

    def _due(self, n: int, due_ns: int, sender: User) -> None:
        frame = sender.due(n, due_ns, self.now_ns, writable=True)
        assert not isinstance(frame, HttpRequest)
        if frame is not None:
            self._serve(sender.index, frame)

    def _serve(self, user: int, frame: bytes) -> None:
        """The server: joins, acknowledges, and hands a message to the room, or to its sender."""
        verb, _, rest = frame.decode().partition(" ")
        if verb == "JOIN":
            self._members[rest].append(user)
            if user not in self.unconfirmed:
                self._deliver(user, f"JOINED {rest}".encode(), self.join_delay_ns)
            return
        message_id, _, text = rest.partition(" ")
        message = next(self._sent)
        self._deliver(user, f"ACK {message_id}".encode(), self.ack_delay_ns)
        own_room = next(room for room, members in self._members.items() if user in members)
        members = [user] if self.script.publish.reach is Reach.SELF else self._members[own_room]
        for receiver in members:
            if receiver == user and not self.script.publish.echo:
                continue
            for delay_ns in self.fate(message, receiver):
                self._deliver(receiver, f"MSG {text}".encode(), delay_ns)

    def _deliver(self, user: int, frame: bytes, delay_ns: int) -> None:
        self.at(self.now_ns + delay_ns, lambda: self._arrive(user, frame))

    def _arrive(self, user: int, frame: bytes) -> None:
        if user in self._gone or self.ledger.receive(user, frame, self.now_ns):
            return
        for reply in self.users[user].heard(frame, self.now_ns):
            self._serve(user, reply)
