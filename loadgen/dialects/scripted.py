"""The dialect that follows a dialect file."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from loadgen.dialects import Ack, Confirmation, Credentials, Heard, HttpAnswer, HttpRequest, KeepAlive, Opening
from loadgen.dialects.patterns import acknowledged_in, matcher, node_pattern, number_pattern
from loadgen.dialects.requests import find_token, headers_of, http_request, path_of
from loadgen.dialects.script import DialectScript, DirectScript, FrameKind, SideScript
from loadgen.dialects.signing import sign
from loadgen.dialects.telling import telling_texts
from loadgen.dialects.template import Values, fill, message_id_of, prepared

NOTHING_HEARD = Heard()

# Acknowledgements that come in order are not waited for by more messages than this.
MOST_UNACKED = 10_000
# A frame of 16 MB could hold millions, and a worker that looks at them for more than 5 s is given up; so many pings
# take 1.3 s.
MOST_IN_A_FRAME = 100_000
TOO_MANY_IN_A_FRAME = f"more than {MOST_IN_A_FRAME:,} messages in a frame: the rest is not looked at"


class ScriptedDialect:
    """One user of a server that a dialect file describes; implements :class:`loadgen.dialects.Dialect`.

    A protocol that needs more than a file can say is a subclass (``[dialect] protocol``, docs/dialects.md): it
    overrides what it says and hears in its own way, and has the rest from here.
    """

    Options: ClassVar[type[Any] | None] = None
    """A frozen dataclass of what may stand in the file's [options]; None: nothing."""
    FILE: ClassVar[str] = ""
    """The text of a file to start from, for ``chatbench dialects``."""
    HAS_SEVERAL_IN_A_FRAME: ClassVar[bool] = False
    """Whether a frame with a message may hold an acknowledgement, too, or whatever else ``on_frame`` must hear of."""

    __slots__ = (
        "_after",
        "_awaited",
        "_credentials",
        "_last_id",
        "_node",
        "_rooms",
        "_script",
        "_step",
        "_telling",
        "_to_catch_up",
        "_token",
        "_unacked",
        "_unjoined",
        "misses_answer",
    )

    def __init__(self, script: DialectScript, credentials: Credentials) -> None:
        self._script = script
        self._credentials = credentials
        self._token = ""
        self._rooms: Sequence[str] = ("",)
        self._unjoined: Sequence[str] = ()
        """Whose joins the server has yet to confirm."""
        self._after: dict[str, str] | None = None
        """Room -> the number of the last message that is known to have come, or to have been there before the user."""
        self._to_catch_up: Sequence[str] = ()
        """Rooms whose history is being read: the first has been asked for, the others wait."""
        self._awaited: Confirmation | None = None
        """What the server is to confirm next; other frames are not searched for it."""
        self._step = 0
        """How many of the frames to wait for after connecting have come."""
        self._node: str | None = None
        """Which node of the server the connection is to, as these frames say."""
        self._last_id = ""
        """Of the message that was sent last; only where messages are told by numbers."""
        self._unacked: deque[str] | None = None
        """Ids of messages in the order they were sent; only where acknowledgements come in that order."""
        self.misses_answer = False
        """Whether the last keep-alive is to be answered, and has not been."""
        self._telling = None if script.frames.separator is None else telling_texts(script)
        """What a frame holds that says anything beside its messages; only where one may hold several."""
        if script.token is not None:
            self._token = sign(script.token, self.values)

    @classmethod
    def complete(cls, script: DialectScript) -> DialectScript:
        """The script of a file whose protocol this class speaks, with what follows from its options filled in.

        InputError where an option makes no sense. What it sets is what a run must know beforehand: whether a greeting,
        a join and acknowledgements are to be waited for, and what those frames are called.
        """
        return script

    # --- what is known of the user ---------------------------------------------------------------------------

    @property
    def values(self) -> Values:
        """What the placeholders stand for."""
        return self.values_in(self._rooms[0])

    def values_in(self, room: str) -> Values:
        """The same in one of its rooms; made when asked for, since 10,000 of them would hold 4 MB."""
        return Values(
            username=self._credentials.username,
            password=self._credentials.password,
            user_id=str(self._credentials.user + 1),
            token=self._token,
            room=room,
            room_number=str(self._rooms.index(room) + 1 if room in self._rooms else 1),
        )

    @property
    def has_login(self) -> bool:
        return self._script.login is not None

    @property
    def awaits_greeting(self) -> bool:
        return self._script.connect.until is not None

    @property
    def has_join(self) -> bool:
        return self._script.join is not None

    @property
    def awaits_join(self) -> bool:
        return self._script.join is not None and self._script.join.until is not None

    @property
    def has_ack(self) -> bool:
        return self._script.publish.ack is not None

    @property
    def has_direct_ack(self) -> bool:
        return self._script.direct is not None and self._script.direct.ack is not None

    @property
    def awaited(self) -> str | None:
        if self._awaited is None:
            return None
        if self._awaited is Confirmation.JOINED:
            until = None if self._script.join is None else self._script.join.until
            room = self._unjoined[0] if self._unjoined else self._rooms[0]
            return None if until is None else fill(until, self.values_in(room))
        return None if self._greeting is None else fill(self._greeting, self.values)

    @property
    def _greeting(self) -> str | None:
        """What the frame holds that is to come next after connecting."""
        connect = self._script.connect
        return connect.until if self._step == 0 else connect.then[self._step - 1].until

    # --- getting in ------------------------------------------------------------------------------------------

    def login(self) -> HttpRequest:
        assert self._script.login is not None, "asked to log in by a dialect without a login"
        return http_request(self._script.login.http, self.values)

    def token_from(self, answer: HttpAnswer) -> str | None:
        assert self._script.login is not None, "asked for a token by a dialect without a login"
        place = self._script.login.token
        token = "" if place is None else find_token(place, answer)
        if token is not None:
            self._token = token
        return token

    def use_token(self, token: str) -> None:
        self._token = token

    def open(self, rooms: Sequence[str]) -> Opening:
        self._rooms = rooms
        self._awaited, self._step, self._node, self.misses_answer = None, 0, None, False
        if self._unacked is not None:
            self._unacked.clear()
        connect, values = self._script.connect, self.values
        return Opening(
            path_of(connect, values),
            headers_of(connect, values),
            tuple(fill(name, values) for name in connect.subprotocols),
            self._script.frames.kind is FrameKind.BINARY,
        )

    def on_connected(self) -> list[bytes]:
        self._awaited = Confirmation.CONNECTED if self.awaits_greeting else None
        return self._filled(self._script.connect.send)

    def join(self, rooms: Sequence[str]) -> list[bytes]:
        self._rooms = rooms
        if self._script.join is None:
            return []
        self._awaited = Confirmation.JOINED if self.awaits_join else None
        self._unjoined = rooms
        return [frame for room in rooms for frame in self._filled(self._script.join.send, room)]

    def leave(self) -> list[bytes]:
        return [
            frame
            for template in self._script.leave.send
            for room in (self._rooms if "room" in template else self._rooms[:1])
            for frame in self._filled((template,), room)
        ]

    def _filled(self, frames: Sequence[str], room: str | None = None) -> list[bytes]:
        if not frames:
            return []
        values = self.values if room is None else self.values_in(room)
        return [fill(frame, values).encode() for frame in frames]

    # --- talking ---------------------------------------------------------------------------------------------

    def publish(self, room: str, text: str, message_id: str) -> bytes | HttpRequest:
        publish = self._script.publish
        if publish.ack is not None:
            self._awaits_ack(message_id, in_order=publish.acks_in_order)
        if publish.send is None:
            assert publish.http is not None, "a dialect file without publish.send and publish.http was let through"
            return http_request(publish.http, Values(self.values_in(room), id=message_id, text=text))
        make = prepared(publish.send, room)
        if make is not None:
            return make(text, message_id)
        return fill(publish.send, Values(self.values_in(room), id=message_id, text=text)).encode()

    def direct(self, receiver: str, text: str, message_id: str) -> bytes | HttpRequest:
        direct = self._script.direct
        assert direct is not None, "asked for a direct message by a dialect without one"
        if direct.ack is not None:
            self._awaits_ack(message_id, in_order=False)
        return _said(direct, Values(self.values, to=receiver, id=message_id, text=text))

    def typing(self, room: str) -> bytes | HttpRequest:
        assert self._script.typing is not None, "asked for typing by a dialect without it"
        return _said(self._script.typing, self.values_in(room))

    def presence(self, room: str) -> bytes | HttpRequest:
        assert self._script.presence is not None, "asked for presence by a dialect without it"
        return _said(self._script.presence, self.values_in(room))

    def history(self, room: str) -> bytes | HttpRequest:
        history = self._script.history
        assert history is not None, "asked for history by a dialect without it"
        assert history.send is not None, "asked for the latest messages by a dialect that only catches up"
        return fill(history.send, self.values_in(room)).encode()

    def http(self, room: str) -> HttpRequest:
        assert self._script.http is not None, "asked for a request by a dialect without one"
        return http_request(self._script.http, self.values_in(room))

    # --- catching up -----------------------------------------------------------------------------------------

    def has_heard(self, room: str, frame: bytes) -> None:
        if room not in self._to_catch_up:
            self._goes_on_after(room, frame)

    def _goes_on_after(self, room: str, frame: bytes) -> None:
        number = self._last_number_in(frame)
        if number is not None:
            self._after = (self._after or {}) | {room: number}

    def catch_up(self) -> list[bytes]:
        self._to_catch_up = [room for room in self._rooms if room in (self._after or {})]
        return self._ask_for_the_rest()

    def unread(self) -> list[bytes]:
        return self._ask_for_the_rest()

    def _ask_for_the_rest(self) -> list[bytes]:
        history = self._script.history
        if history is None or history.catch_up is None or self._after is None or not self._to_catch_up:
            return []
        room = self._to_catch_up[0]
        return [fill(history.catch_up, Values(self.values_in(room), after=self._after[room])).encode()]

    def _last_number_in(self, frame: bytes) -> str | None:
        history = self._script.history
        found = None if history is None or history.seq is None else number_pattern(history.seq).findall(frame)
        return found[-1].decode() if found else None

    def _next_page(self, frame: bytes) -> list[bytes]:
        """What asks for the rest of the room's history, or else for that of the next room."""
        history = self._script.history
        if not self._to_catch_up or history is None or not matcher(history.frame)(frame):
            return []
        room = self._to_catch_up[0]
        number = self._last_number_in(frame)
        known = None if self._after is None else self._after[room]
        is_part = history.more is not None and matcher(history.more)(frame)
        # One that leads nowhere, or back, is not followed for ever.
        if is_part and number is not None and known is not None and int(number) > int(known):
            self._goes_on_after(room, frame)
        else:
            self._to_catch_up = self._to_catch_up[1:]
        return self._ask_for_the_rest()

    # --- hearing ---------------------------------------------------------------------------------------------

    def on_frame(self, frame: bytes) -> Heard:
        separator = self._script.frames.separator
        if separator is None:
            return self._on_message(frame)
        parts = frame.split(separator.encode(), MOST_IN_A_FRAME)
        heard = [self._on_message(part) for part in parts[:MOST_IN_A_FRAME] if part]
        if len(parts) > MOST_IN_A_FRAME and parts[-1]:
            heard.append(Heard(error=TOO_MANY_IN_A_FRAME))
        return together(heard)

    def may_tell(self, frame: bytes) -> bool:
        # To split a frame and to look at each message takes 4 us.
        if self._telling is None or self._awaited is not None or self.misses_answer or self._to_catch_up:
            return True
        # The byte is found in 0.03 us with 200 bytes, the text in 0.15, and "in" takes 0.1 more where it is no number.
        for byte, text in self._telling:  # noqa: SIM110 - any() takes thrice as long
            if byte in frame and frame.find(text) >= 0:
                return True
        return False

    def _on_message(self, frame: bytes) -> Heard:
        script = self._script
        if self.misses_answer and script.alive.answer is not None and matcher(script.alive.answer)(frame):
            self.misses_answer = False
        reply = script.alive.reply.get(frame.decode(errors="replace")) if script.alive.reply else None
        confirmed, replies = self._confirmed_by(frame) if self._awaited is not None else (None, [])
        acks: Sequence[Ack] = self._acks_in(frame, script.publish.ack) if script.publish.ack is not None else ()
        if script.direct is not None and script.direct.ack is not None and not acks:
            acks = self._acks_in(frame, script.direct.ack)
        if reply is not None:
            replies = self._filled((reply,)) + replies
        replies += self._next_page(frame)
        error = None
        if script.errors.frames and any(matcher(each)(frame) for each in script.errors.frames):
            error = frame.decode(errors="replace")
        if confirmed is None and not acks and not replies and error is None:
            return NOTHING_HEARD
        node = self._node if confirmed is Confirmation.CONNECTED else None
        return Heard(confirmed, acks, tuple(replies), error, node)

    def _awaits_ack(self, message_id: str, *, in_order: bool) -> None:
        if in_order:
            if self._unacked is None:
                self._unacked = deque(maxlen=MOST_UNACKED)
            self._unacked.append(message_id)
        else:
            self._last_id = message_id

    def _acks_in(self, frame: bytes, ack: str) -> list[Ack]:
        acks = []
        for found in acknowledged_in(frame, ack):
            if found.message_id is not None:
                acks.append(Ack(found.message_id, found.room_sequence))
            elif found.number is not None:
                if self._last_id:
                    acks.append(Ack(message_id_of(found.number, self._last_id), found.room_sequence))
            elif self._unacked:
                acks.append(Ack(self._unacked.popleft(), found.room_sequence))
        return acks

    def keep_alive(self) -> KeepAlive | None:
        alive = self._script.alive
        if alive.every_ns is None or alive.send is None:
            return None
        self.misses_answer = alive.answer is not None
        return KeepAlive(alive.every_ns, fill(alive.send, self.values).encode())

    def _confirmed_by(self, frame: bytes) -> tuple[Confirmation | None, list[bytes]]:
        """What is confirmed where it is what was awaited, or the last of it; else what is to be sent next, if it is."""
        script = self._script
        if self._awaited is Confirmation.CONNECTED:
            if not self._is(self._greeting, frame, self._rooms[0]):
                return None, []
            if script.connect.node is not None and (found := node_pattern(script.connect.node).search(frame)):
                self._node = found[1].decode(errors="replace")
            if self._step < len(script.connect.then):
                self._step += 1
                return None, self._filled(script.connect.then[self._step - 1].send)
            self._awaited = None
            return Confirmation.CONNECTED, []
        until = None if script.join is None else script.join.until
        joined = next((room for room in self._unjoined if self._is(until, frame, room)), None)
        if joined is None:
            return None, []
        if joined not in (self._after or {}):
            self.has_heard(joined, frame)
        self._unjoined = tuple(room for room in self._unjoined if room != joined)
        if self._unjoined:
            return None, []
        self._awaited = None
        return Confirmation.JOINED, []

    def _is(self, until: str | None, frame: bytes, room: str) -> bool:
        assert until is not None, "awaits a confirmation that the dialect does not know"
        values: Mapping[str, str] = self.values_in(room)
        if until.startswith("re:"):
            values = Values({name: re.escape(value) for name, value in values.items()})
        return matcher(fill(until, values))(frame)


def together(heard: Sequence[Heard]) -> Heard:
    """What several messages say that came in one frame."""
    some = [each for each in heard if each is not NOTHING_HEARD]
    if len(some) < 2:
        return some[0] if some else NOTHING_HEARD
    return Heard(
        next((each.confirmed for each in some if each.confirmed is not None), None),
        [ack for each in some for ack in each.acks],
        [reply for each in some for reply in each.replies],
        next((each.error for each in some if each.error is not None), None),
        next((each.node for each in some if each.node is not None), None),
    )


def _said(script: DirectScript | SideScript, values: Values) -> bytes | HttpRequest:
    if script.http is not None:
        return http_request(script.http, values)
    assert script.send is not None, "a dialect file without send and http was let through"
    return fill(script.send, values).encode()


def speaker_of(script: DialectScript, credentials: Credentials) -> ScriptedDialect:
    """A user who speaks it."""
    return (script.speaker or ScriptedDialect)(script, credentials)
