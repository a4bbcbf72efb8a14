"""MQTT 3.1.1 (OASIS, 2014): binary packets, of which a frame may hold several.

We subscribe with QoS 0, so a delivery wants no answer; what we publish is acknowledged where ``qos`` is 1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from loadgen.dialects import Ack, Confirmation, Credentials, Heard, KeepAlive
from loadgen.dialects.script import AliveScript, DialectScript, FrameKind, FramesScript, JoinScript
from loadgen.dialects.scripted import MOST_IN_A_FRAME, NOTHING_HEARD, TOO_MANY_IN_A_FRAME, ScriptedDialect
from loadgen.dialects.template import Values, fill, prepared
from loadgen.errors import InputError

# The identifiers of packets: 1 to 65,535, of which the highest are for subscriptions.
MOST_IN_FLIGHT = 60_000
_FIRST_SUBSCRIPTION = 60_001
# What a server sends us beside messages has five bytes at most.
MOST_PACKET_BYTES = 1000
# A packet's length has four digits of seven bits at most (MQTT 3.1.1, 2.2.3).
_MOST_DIGITS = 4

_PUBLISH = 0x30
_PINGREQ = b"\xc0\x00"
_DISCONNECT = b"\xe0\x00"
_SUBSCRIPTION_REFUSED = 0x80
# Of the answer to CONNECT (MQTT 3.1.1, 3.2.2.3).
_REFUSALS = {
    1: "unacceptable protocol version",
    2: "identifier rejected",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorized",
}


class Packet(IntEnum):
    """Kinds of packets that a server sends."""

    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBACK = 9
    PINGRESP = 13


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """What the file says in [options]."""

    client_id: str = "chatbench-{user_id}"
    username: str = ""
    password: str = ""
    topic: str = "{room}"
    payload: str = "{text}"
    qos: int = 1
    keep_alive_s: float = 20.0


class _NotMqttError(Exception):
    pass


class MqttDialect(ScriptedDialect):
    """One MQTT client."""

    Options = MqttOptions
    HAS_SEVERAL_IN_A_FRAME = True

    __slots__ = ("_ids", "_next_id", "_options", "_rest", "_to_skip", "_topics")

    def __init__(self, script: DialectScript, credentials: Credentials) -> None:
        super().__init__(script, credentials)
        self._options: MqttOptions = script.options
        self._topics: dict[str, bytes] = {}
        """Room -> the beginning of a message to it: its topic, with the length before it."""
        self._ids: dict[int, str] = {}
        """Packet identifier -> id of the message that has not been acknowledged."""
        self._next_id = 0
        self._rest = b""
        """The beginning of a packet whose end is in a frame to come; of a message, of its length at most."""
        self._to_skip = 0
        """How many bytes of a message are in frames to come."""

    @classmethod
    def complete(cls, script: DialectScript) -> DialectScript:
        options: MqttOptions = script.options
        if options.qos not in (0, 1):
            raise InputError(f"options.qos: expected 0 or 1, got {options.qos}")
        if not 0 < options.keep_alive_s <= 30_000:
            raise InputError(
                f"options.keep_alive_s: expected seconds > 0, 30,000 at most, got {options.keep_alive_s:g}"
            )
        if "text}" not in options.payload:
            raise InputError(
                "options.payload: expected {text} or {json:text} in it, which carries the marker, got neither"
            )
        for sign in "#+":
            if sign in options.topic:
                raise InputError(f'options.topic: expected the name of one topic, got "{sign}" in it')
        return replace(
            script,
            frames=FramesScript(FrameKind.BINARY),
            connect=replace(script.connect, until="CONNACK"),
            join=JoinScript((), "SUBACK"),
            publish=replace(script.publish, send=options.payload, ack="PUBACK" if options.qos else None),
            alive=AliveScript(every_ns=round(options.keep_alive_s * 1e9), send="PINGREQ", answer="PINGRESP"),
        )

    # --- what is said ----------------------------------------------------------------------------------------

    def on_connected(self) -> list[bytes]:
        super().on_connected()
        self._rest, self._to_skip = b"", 0
        self._ids.clear()
        options, values = self._options, self.values
        flags, payload = 0x02, _text(fill(options.client_id, values))  # a clean session
        if options.username:
            flags, payload = flags | 0x80, payload + _text(fill(options.username, values))
        if options.password:
            flags, payload = flags | 0x40, payload + _text(fill(options.password, values))
        alive_s = min(65_535, max(1, round(2 * options.keep_alive_s)))
        return [_packet(0x10, _text("MQTT") + struct.pack(">BBH", 4, flags, alive_s) + payload)]

    def join(self, rooms: Sequence[str]) -> list[bytes]:
        super().join(rooms)
        self._topics = {room: _text(fill(self._options.topic, self.values_in(room))) for room in rooms}
        return [
            _packet(0x82, struct.pack(">H", _FIRST_SUBSCRIPTION + number) + self._topics[room] + b"\x00")
            for number, room in enumerate(rooms)
        ]

    def publish(self, room: str, text: str, message_id: str) -> bytes:
        make = prepared(self._options.payload, room)
        if make is None:
            body = fill(self._options.payload, Values(self.values_in(room), id=message_id, text=text)).encode()
        else:
            body = make(text, message_id)
        if not self._options.qos:
            return _packet(0x30, self._topics[room] + body)
        self._next_id = self._next_id % MOST_IN_FLIGHT + 1
        self._ids[self._next_id] = message_id
        return _packet(0x32, self._topics[room] + self._next_id.to_bytes(2, "big") + body)

    def leave(self) -> list[bytes]:
        return [_DISCONNECT]

    def keep_alive(self) -> KeepAlive | None:
        self.misses_answer = True
        return KeepAlive(round(self._options.keep_alive_s * 1e9), _PINGREQ)

    # --- what is heard ---------------------------------------------------------------------------------------

    def may_tell(self, frame: bytes) -> bool:
        return bool(self._rest or self._to_skip) or not _is_one_message(frame)

    def on_frame(self, frame: bytes) -> Heard:
        confirmed, acks, error = None, [], None
        try:
            for kind, body in self._packets_of(frame):
                match kind:
                    case Packet.CONNACK if body[1:2] == b"\x00":
                        confirmed = Confirmation.CONNECTED
                    case Packet.CONNACK:
                        code = body[1] if len(body) > 1 else 0
                        error = f"CONNACK {code}: {_REFUSALS.get(code, 'refused')}" if code else "CONNACK"
                    case Packet.SUBACK if _SUBSCRIPTION_REFUSED in body[2:]:
                        error = "SUBACK 128: the subscription was refused"
                    case Packet.SUBACK:
                        confirmed = self._subscribed(int.from_bytes(body[:2], "big"))
                    case Packet.PUBACK:
                        message_id = self._ids.pop(int.from_bytes(body[:2], "big"), None)
                        if message_id is not None:
                            acks.append(Ack(message_id))
                    case Packet.PINGRESP:
                        self.misses_answer = False
        except _NotMqttError as complaint:
            # Where the next packet begins, nobody knows: with the next frame, if anywhere.
            self._rest, self._to_skip = b"", 0
            error = str(complaint)
        if confirmed is None and not acks and error is None:
            return NOTHING_HEARD
        return Heard(confirmed, acks, (), error)

    def _subscribed(self, packet_id: int) -> Confirmation | None:
        """Confirmation.JOINED with the last of the subscriptions."""
        number = packet_id - _FIRST_SUBSCRIPTION
        room = self._rooms[number] if 0 <= number < len(self._rooms) else None
        if self._awaited is not Confirmation.JOINED or room not in self._unjoined:
            return None
        self._unjoined = tuple(each for each in self._unjoined if each != room)
        return None if self._unjoined else Confirmation.JOINED

    def _packets_of(self, frame: bytes) -> Iterator[tuple[int, bytes]]:
        """Kind and body of each packet that ends in this frame, but for messages, whose text others look for."""
        at = min(self._to_skip, len(frame))
        self._to_skip -= at
        if self._rest:
            frame, self._rest = self._rest + frame, b""
        for _ in range(MOST_IN_A_FRAME):
            found = _length_at(frame, at + 1) if at < len(frame) else None
            if found is None:  # the length itself goes on in the next frame, or there is nothing left
                self._rest = frame[at:]
                return
            length, body_at = found
            end = body_at + length
            kind = frame[at] >> 4
            if kind == Packet.PUBLISH:
                self._to_skip = max(0, end - len(frame))
            elif length > MOST_PACKET_BYTES:
                raise _NotMqttError(f"not MQTT: a packet of kind {kind} with {length:,} bytes")
            elif end > len(frame):
                self._rest = frame[at:]
                return
            else:
                yield kind, frame[body_at:end]
            at = min(end, len(frame))
        if at < len(frame):
            raise _NotMqttError(TOO_MANY_IN_A_FRAME)


def _length_at(frame: bytes, at: int) -> tuple[int, int] | None:
    """How long a packet's body is, and where it begins; None where its length has not come to its end."""
    length = 0
    for place in range(_MOST_DIGITS):
        if at + place >= len(frame):
            return None
        digit = frame[at + place]
        length |= (digit & 0x7F) << 7 * place
        if digit < 0x80:
            return length, at + place + 1
    raise _NotMqttError("not MQTT: a packet whose length has no end")


def _is_one_message(frame: bytes) -> bool:
    """Whether a frame is one PUBLISH packet from end to end, as nearly all are; it says nothing but its message."""
    if len(frame) < 4 or frame[0] & 0xF0 != _PUBLISH:
        return False
    low, high = frame[1], frame[2]
    if low < 0x80:
        return len(frame) == 2 + low
    return high < 0x80 and len(frame) == 3 + (high << 7 | low & 0x7F)


def _text(text: str) -> bytes:
    """With its length before it (MQTT 3.1.1, 1.5.3)."""
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(first: int, body: bytes) -> bytes:
    """With the length of what remains, 7 bits a byte (MQTT 3.1.1, 2.2.3)."""
    length = len(body)
    if length < 128:
        return bytes((first, length)) + body
    head = bytearray((first,))
    while length >= 128:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + body
