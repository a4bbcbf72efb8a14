"""Every figure of a run once more, in plain Python, from the frames that a witness has seen and nothing else.

It shares no code with the generator: markers, rooms, order and quantiles are read here by hand.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

MS, S = 10**6, 10**9
TEXT = 1
"""The opcode of a text frame; from 8 on they are control frames."""
QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
_MARKER = re.compile(rb"cbm[0-9a-f]{66}")
_COUNTERS = (
    *("messages_sent", "acks_received"),
    *(f"deliveries_{name}" for name in ("expected", "received", "lost", "excused", "lost_acked", "lost_unacked")),
    *(f"deliveries_{name}" for name in ("duplicated", "reordered", "late", "unexpected")),
)
_A_ROOM = 0xFFFFFF00  # what is above is no user: whom a message is for is said by its room
Key = tuple[int, int]  # sender and sequence


class Way(StrEnum):
    """Where a frame goes."""

    TO_SERVER = "to_server"
    TO_CLIENT = "to_client"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, and the monotonic instant at which it was handed on; ``socket`` counts from 0."""

    at_ns: int
    socket: int
    way: Way
    opcode: int
    payload: bytes


@dataclass(slots=True)
class Socket:
    """One WebSocket: what it was asked for with, and how long it was there."""

    request: bytes
    opened_ns: int
    closed_ns: int | None = None


@dataclass(slots=True)
class WireLog:
    """Everything that a witness has seen, in the order of time."""

    url: str = ""
    sockets: list[Socket] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)


def _nothing(_: bytes) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Protocol:
    """What the frames of a server mean."""

    user_of: Callable[[bytes], int]
    """Request of a socket -> number of its user, from 0."""
    joined: Callable[[bytes], str | None]
    """Frame to a client -> the room that it is in from now on."""
    room_of: Callable[[bytes], str | None]
    """Message of a client -> its room; None: the one that the client is in."""
    id_of: Callable[[bytes], bytes]
    """Message of a client -> its id."""
    acked: Callable[[bytes], bytes | None]
    """Frame to a client -> the id that it acknowledges."""
    number_in_room: Callable[[bytes], int | None] = _nothing
    """Delivery -> the number of its message in its room."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as its sender wrote it."""

    sender: int
    sequence: int
    due_ns: int
    sent_ns: int
    receiver: int | None = None
    room: str | None = None


@dataclass(slots=True)
class Fate:
    """What became of one message; by user: when its first copy was handed over, and how many more there were."""

    message: Message
    must: set[int]
    gone: set[int] = field(default_factory=set)
    """Those of them whose socket ended before the deadline."""
    first_ns: dict[int, int] = field(default_factory=dict)
    extra_copies: Counter[int] = field(default_factory=Counter)
    overtaken: set[int] = field(default_factory=set)
    acked_ns: int | None = None

    @property
    def received_ns(self) -> dict[int, int]:
        """Of those who must get it."""
        return {user: at_ns for user, at_ns in self.first_ns.items() if user in self.must}


def message_in(payload: bytes) -> Message | None:
    """What the marker in a frame says; None without one."""
    found = _MARKER.search(payload)
    if found is None:
        return None
    text = found[0]
    assert int(text[61:], 16) == zlib.crc32(text[:61]), "its check digits fit"
    due_ns, to = int(text[25:41], 16), int(text[53:61], 16)
    sent_ns = due_ns + int(text[41:53], 16)
    return Message(int(text[9:17], 16), int(text[17:25], 16), due_ns, sent_ns, None if to > _A_ROOM else to)


def fates_of(log: WireLog, protocol: Protocol, deadline_ns: int) -> dict[Key, Fate]:
    """What became of each message that a client has sent."""
    reader = _Reader(log, protocol, deadline_ns)
    for frame in log.frames:
        reader.take(frame)
    return reader.fates


class _Reader:
    def __init__(self, log: WireLog, protocol: Protocol, deadline_ns: int) -> None:
        self.fates: dict[Key, Fate] = {}
        self._log, self._protocol, self._deadline_ns = log, protocol, deadline_ns
        self._users = [protocol.user_of(socket.request) for socket in log.sockets]
        self._in_room: defaultdict[int, dict[str, int]] = defaultdict(dict)  # socket -> room -> since when
        self._ids: dict[tuple[int, bytes], Key] = {}  # (socket, id) -> message
        # What a sender says to different rooms, and to one user, may go different ways in a server.
        self._highest: dict[tuple[int, int, str | None], int] = {}  # (user, sender, room) -> sequence
        self._highest_in_room: dict[tuple[int, str | None], int] = {}  # (user, room) -> number

    def take(self, frame: Frame) -> None:
        if frame.opcode != TEXT:
            return
        message = message_in(frame.payload)
        if frame.way is Way.TO_SERVER:
            if message is not None:
                self._sent(frame, message)
        elif message is not None:
            self._delivered(frame, (message.sender, message.sequence))
        else:
            self._told(frame)

    def _sent(self, frame: Frame, message: Message) -> None:
        assert self._users[frame.socket] == message.sender
        rooms = self._in_room[frame.socket]
        room = None if message.receiver is not None else self._protocol.room_of(frame.payload) or next(iter(rooms))
        key = (message.sender, message.sequence)
        assert key not in self.fates, "no number is used twice"
        must = {socket for socket in range(len(self._log.sockets)) if self._is_for(message, room, socket)}
        fate = self.fates[key] = Fate(replace(message, room=room), {self._users[socket] for socket in must})
        end_ns = message.sent_ns + self._deadline_ns
        closed_ns = {self._users[socket]: self._log.sockets[socket].closed_ns for socket in must}
        fate.gone = {user for user, at_ns in closed_ns.items() if at_ns is not None and at_ns < end_ns}
        self._ids[frame.socket, self._protocol.id_of(frame.payload)] = key

    def _is_for(self, message: Message, room: str | None, number: int) -> bool:
        socket = self._log.sockets[number]
        if socket.opened_ns > message.sent_ns or (socket.closed_ns is not None and socket.closed_ns <= message.sent_ns):
            return False
        if room is None:
            return self._users[number] == message.receiver
        since_ns = self._in_room[number].get(room)
        return since_ns is not None and since_ns < message.sent_ns

    def _delivered(self, frame: Frame, key: Key) -> None:
        fate, user = self.fates[key], self._users[frame.socket]
        if user in fate.first_ns:
            fate.extra_copies[user] += 1
            return
        fate.first_ns[user] = frame.at_ns
        sender, sequence = key
        lane = user, sender, fate.message.room
        overtaken = sequence < self._highest.get(lane, -1)
        self._highest[lane] = max(sequence, self._highest.get(lane, -1))
        number, place = self._protocol.number_in_room(frame.payload), (user, fate.message.room)
        if number is not None:
            overtaken |= number < self._highest_in_room.get(place, -1)
            self._highest_in_room[place] = max(number, self._highest_in_room.get(place, -1))
        if overtaken:
            fate.overtaken.add(user)

    def _told(self, frame: Frame) -> None:
        room, acked = self._protocol.joined(frame.payload), self._protocol.acked(frame.payload)
        if room is not None:
            self._in_room[frame.socket].setdefault(room, frame.at_ns)
        key = None if acked is None else self._ids.get((frame.socket, acked))
        if key is not None:
            self.fates[key].acked_ns = frame.at_ns


# --- figures ---------------------------------------------------------------------------------------------------


def counters_of(fates: Iterable[Fate], deadline_ns: int) -> dict[str, int]:
    """The counters of a document that these messages make up."""
    counts = Counter[str](dict.fromkeys(_COUNTERS, 0))
    for fate in fates:
        received_ns = fate.received_ns
        missing = fate.must - received_ns.keys()
        lost = "lost_unacked" if fate.acked_ns is None else "lost_acked"
        counts.update(
            {
                "messages_sent": 1,
                "acks_received": fate.acked_ns is not None,
                "deliveries_expected": len(fate.must),
                "deliveries_received": len(received_ns),
                "deliveries_lost": len(missing - fate.gone),
                "deliveries_excused": len(missing & fate.gone),
                f"deliveries_{lost}": len(missing - fate.gone),
                "deliveries_duplicated": sum(fate.extra_copies[user] for user in fate.must),
                "deliveries_reordered": len(fate.overtaken & fate.must),
                "deliveries_late": sum(at > fate.message.sent_ns + deadline_ns for at in received_ns.values()),
                "deliveries_unexpected": sum(
                    1 + fate.extra_copies[user] for user in fate.first_ns if user not in fate.must
                ),
            }
        )
    return dict(counts)


def times_ns_of(fates: Iterable[Fate]) -> dict[str, list[int]]:
    """Metric -> all that is timed of these messages, in ns."""
    times: dict[str, list[int]] = defaultdict(list)
    for fate in fates:
        due_ns, sent_ns = fate.message.due_ns, fate.message.sent_ns
        received_ns = sorted(fate.received_ns.values())
        times["send_lateness"].append(sent_ns - due_ns)
        times["delivery_time"] += [at_ns - due_ns for at_ns in received_ns]
        times["delivery_service_time"] += [at_ns - sent_ns for at_ns in received_ns]
        if fate.acked_ns is not None:
            times["ack_time"].append(fate.acked_ns - sent_ns)
        if received_ns:
            times["first_delivery_time"].append(received_ns[0] - due_ns)
            times["last_delivery_time"].append(received_ns[-1] - due_ns)
        if received_ns and received_ns[-1] > received_ns[0]:
            times["fanout_time"].append(received_ns[-1] - received_ns[0])
    return times


def exact_ns(values_ns: Iterable[int], q: float) -> int | None:
    """The quantile of these values, one of them; None with fewer than ten beyond it."""
    ordered = sorted(values_ns)
    rank = max(1, math.ceil(round(q * len(ordered), 6)))
    return ordered[rank - 1] if len(ordered) - rank >= 10 else None


def in_seconds(instants_ns: Iterable[int], origin_ns: int, count: int) -> list[int]:
    """How many of them lie in each second after the origin."""
    seconds = Counter((at_ns - origin_ns) // S for at_ns in instants_ns)
    return [seconds[second] for second in range(count)]
