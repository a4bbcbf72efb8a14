"""One virtual chat user: a state machine that is told what happened and when, and answers with what to send.

It touches no socket and no clock; whoever drives it (the swarm, or the simulator in tests/) carries its frames.

    NEW --logged_in--> LOGGED_IN --opened--> GREETING --(greeting came)--> CONNECTED --join--> JOINING --> READY
                           ^                                               any of them --closed / failed--> GONE
                           |                                                                     --away--> AWAY
                           '----------------------------- coming_back ------------------------------------'
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from loadgen.dialects import Ack, Confirmation, Dialect, HttpAnswer, HttpRequest, Opening
from loadgen.engine.books import MOST_SHOWN_BYTES, Books, shown
from loadgen.errors import ErrorKind, ServerError, kind_of_close, kind_of_status
from loadgen.measure import marker
from loadgen.measure.disguises import disguised_at
from loadgen.measure.marker import Stamp
from loadgen.measure.tally import Count, Metric, Note, PerSecond
from loadgen.plan.acts import Act
from loadgen.plan.rooms import room_name


class UserState(StrEnum):
    """How far a user has come."""

    NEW = "new"
    LOGGED_IN = "logged_in"
    GREETING = "greeting"  # connected, waiting for the frame that says so
    CONNECTED = "connected"
    JOINING = "joining"
    READY = "ready"
    AWAY = "away"  # without a socket, as the plan wants it; it may come back
    GONE = "gone"


_STEPS = {
    UserState.NEW: "login",
    UserState.LOGGED_IN: "connect",
    UserState.GREETING: "connect",
    UserState.CONNECTED: "join",
    UserState.JOINING: "join",
}
_WAITING = (UserState.GREETING, UserState.JOINING)
_OPEN = (UserState.CONNECTED, UserState.JOINING, UserState.READY)
_WITH_A_SOCKET = (UserState.GREETING, *_OPEN)
# Acks that never come must not pile up: beyond so many in a process (47 MB), those past the deadline are given up.
# Until then they count however late they are: of a server that stands still, the slowest must not be left out.
MOST_AWAITED = 100_000
# To ask an enum for a member costs 0.07 us.
_READY = UserState.READY
_ACKS_RECEIVED, _ACK_TIME = Count.ACKS_RECEIVED, Metric.ACK_TIME


class User:
    """One user; times are monotonic ns."""

    __slots__ = (
        "_asked_ns",
        "_awaiting_ack",
        "_books",
        "_cut_ns",
        "_dialect",
        "_has_ack",
        "_has_logged_in",
        "_incident",
        "_kept_alive_with",
        "_last_frame",
        "_token",
        "_was_in",
        "index",
        "rooms",
        "state",
    )

    def __init__(self, index: int, rooms: Sequence[int], dialect: Dialect, books: Books) -> None:
        self.index = index
        self.rooms = rooms
        """One of each layer."""
        self.state = UserState.NEW
        self._dialect = dialect
        self._has_ack = dialect.has_ack  # asked for each message
        self._books = books
        self._asked_ns = 0  # when the answer we wait for was asked for
        self._awaiting_ack: dict[str, tuple[Stamp, bytes]] | None = None
        self._has_logged_in = False
        self._was_in = False  # and so knows what it has missed when it comes back
        self._cut_ns: int | None = None  # when it lost the socket that it is to get again
        self._incident: tuple[int, int] | None = None  # which it was hit by, and when that began
        self._kept_alive_with: bytes | None = None  # until it is told that the answer is missed
        self._token = ""  # which must not be shown
        self._last_frame: bytes | None = None  # that came while it waits for another

    @property
    def token(self) -> str:
        """What it was let in with, which must not be shown; "" where there is none."""
        return self._token

    @property
    def dialect(self) -> Dialect:
        """How this user speaks."""
        return self._dialect

    def _error(self, kind: ErrorKind, phase: str, example: str) -> None:
        self._books.error(kind, phase, example, self.index, self._token)

    # --- getting in -----------------------------------------------------------------------------------------

    def logging_in(self, now_ns: int) -> HttpRequest:
        """The login request, which leaves now."""
        self._asked_ns = now_ns
        return self._dialect.login()

    def logged_in(self, answer: HttpAnswer, now_ns: int) -> None:
        """The server has answered the login, one way or the other."""
        if not 200 <= answer.status < 300:
            body = answer.body.decode(errors="replace")
            self.failed(kind_of_status(answer.status), f"HTTP {answer.status}: {body}")
            return
        token = self._dialect.token_from(answer)
        if token is None:
            body = answer.body.decode(errors="replace")
            self.failed(ErrorKind.BAD_RESPONSE, f"no token where the dialect says, in: {body}")
            return
        self._has_logged_in, self._token = True, token
        if self.state is not UserState.AWAY:  # it may have left meanwhile
            self.state = UserState.LOGGED_IN
        self._books.time(Metric.LOGIN_TIME, now_ns - self._asked_ns)
        self._books.tally.happened(PerSecond.LOGINS, now_ns)

    def given(self, token: str) -> None:
        """It has a token from elsewhere, and need not log in."""
        self._dialect.use_token(token)
        self._has_logged_in, self._token = True, token
        self.state = UserState.LOGGED_IN

    def connecting(self, now_ns: int) -> Opening:
        """The connection is being opened, and how."""
        self._asked_ns = now_ns
        self._last_frame = None
        if not self._dialect.has_join:
            # The server may let it in with the 101, before we hear of it.
            self._books.ledger.joining(self.index, now_ns)
        return self._dialect.open([room_name(room) for room in self.rooms])

    def opened(self, now_ns: int) -> list[bytes]:
        """The 101 has come; what to send. Where it was away meanwhile, the connection is not wanted any more."""
        if self.state in (UserState.AWAY, UserState.GONE):
            return []
        self._books.time(Metric.CONNECT_TIME, now_ns - self._asked_ns)
        self._books.count(Count.CONNECTIONS_OPENED)
        self._books.tally.happened(PerSecond.CONNECTS, now_ns)
        self.state = UserState.GREETING if self._dialect.awaits_greeting else UserState.CONNECTED
        return self._dialect.on_connected()

    def joining(self, now_ns: int) -> list[bytes]:
        """Ask for its rooms; what to send. A user who is not connected stays as it is."""
        if self.state is not UserState.CONNECTED:
            return []
        self._asked_ns = now_ns
        self._books.ledger.absences.ended(self.index, now_ns)
        if self._dialect.has_join:
            self._books.ledger.joining(self.index, now_ns)
        self.state = UserState.JOINING
        frames = self._dialect.join([room_name(room) for room in self.rooms])
        if not self._dialect.awaits_join:
            self._joined(now_ns)
        return frames

    def _joined(self, now_ns: int) -> None:
        self.state = UserState.READY
        self._was_in = True
        self._last_frame = None
        self._books.ledger.members.joined(self.index, now_ns)
        if self._cut_ns is not None:
            self._books.count(Count.RECONNECTS)
            self._books.time(Metric.RECONNECT_TIME, now_ns - self._cut_ns)
            self._books.tally.happened(PerSecond.RECONNECTS, now_ns)
            self._cut_ns = None
        if self._incident is not None:
            number, began_ns = self._incident
            self._books.tally.of_incident(number).back.record(now_ns - began_ns)
            self._incident = None
        if self._dialect.has_join:
            self._books.tally.happened(PerSecond.JOINS, now_ns)
            if self._dialect.awaits_join:
                self._books.time(Metric.JOIN_TIME, now_ns - self._asked_ns)

    # --- talking --------------------------------------------------------------------------------------------

    def due(
        self,
        n: int,
        due_ns: int,
        now_ns: int,
        *,
        writable: bool,
        to: tuple[int, str] | None = None,
        layer: int = 0,
    ) -> bytes | HttpRequest | None:
        """Message ``n`` of the plan was due at ``due_ns``; what to send now, None where it cannot be sent.

        ``writable`` is False where the server has stopped reading and the socket is full. ``to`` is the one user whom
        it is for, and his name; None: everybody in the user's room of the ``layer``.
        """
        if self.state is not _READY or not writable:
            self._count_unsent(due_ns, now_ns)
            return None
        books = self._books
        stamp = self._stamp(due_ns, now_ns, to, layer)
        mark = marker.write(books.prefix, stamp)
        return self._publish(stamp, mark, books.payload.text(n, mark), to)

    def says(self, words: str, due_ns: int, now_ns: int, *, writable: bool) -> bytes | HttpRequest | None:
        """The same with words that somebody else has chosen."""
        if self.state is not _READY or not writable:
            self._count_unsent(due_ns, now_ns)
            return None
        stamp = self._stamp(due_ns, now_ns, None, 0)
        mark = marker.write(self._books.prefix, stamp)
        return self._publish(stamp, mark, f"{words} {mark.decode()}", None)

    def _stamp(self, due_ns: int, now_ns: int, to: tuple[int, str] | None, layer: int) -> Stamp:
        sequence = self._books.ledger.next_sequence(self.index)
        if to is None:
            return Stamp(self.index, sequence, due_ns, now_ns, None, layer)
        return Stamp(self.index, sequence, due_ns, now_ns, to[0])

    def _publish(self, stamp: Stamp, mark: bytes, text: str, to: tuple[int, str] | None) -> bytes | HttpRequest:
        books, dialect = self._books, self._dialect
        message_id = f"{books.tag}-{stamp.sender}-{stamp.sequence}"
        if to is None:
            message = dialect.publish(room_name(self.rooms[stamp.layer]), text, message_id)
            has_ack = self._has_ack
        else:
            message = dialect.direct(to[1], text, message_id)
            has_ack = dialect.has_direct_ack
        books.ledger.sent(mark, stamp)
        if has_ack:
            self._await_ack(message_id, stamp, mark)
        return message

    def does(self, act: Act, layer: int = 0) -> bytes | HttpRequest | None:
        """Something beside messages, in one of its rooms; what to send, None where the user is not there."""
        if self.state is not _READY:
            return None
        room = room_name(self.rooms[layer])
        match act:
            case Act.TYPING:
                return self._dialect.typing(room)
            case Act.PRESENCE:
                return self._dialect.presence(room)
            case Act.HISTORY:
                return self._dialect.history(room)
            case Act.HTTP:
                return self._dialect.http(room)
            case _:
                raise ValueError(f"a message is said, not done: {act}")

    def _count_unsent(self, due_ns: int, now_ns: int) -> None:
        tally = self._books.tally
        if due_ns <= now_ns:  # when nobody is left, what is still to come is settled at once
            tally.happened(PerSecond.MESSAGES_DUE, due_ns)
        if self._books.ledger.is_measured(due_ns):
            tally.counts[Count.MESSAGES_DUE] += 1
            tally.counts[Count.MESSAGES_UNSENT] += 1
            if self.state is UserState.AWAY:
                tally.counts[Note.UNSENT_AWAY] += 1

    def _await_ack(self, message_id: str, stamp: Stamp, mark: bytes) -> None:
        awaiting = self._awaiting_ack
        if awaiting is None:
            awaiting = self._awaiting_ack = {}
        books = self._books
        while awaiting and books.awaited_count >= MOST_AWAITED:
            oldest = next(iter(awaiting))
            if stamp.sent_ns - awaiting[oldest][0].sent_ns <= books.deadline_ns:
                break
            del awaiting[oldest]
            books.awaited_count -= 1
        awaiting[message_id] = stamp, mark
        books.awaited_count += 1

    def heard(self, frame: bytes, now_ns: int) -> list[bytes]:
        """A frame without a marker of this run has come; what to send.

        ServerError where the server says with it that the user does not get in.
        """
        if marker.foreign_in(frame, self._books.prefix):
            self._books.tally.counts[Note.FOREIGN_MARKERS] += 1
        if (at := disguised_at(frame, self._books.prefix)) is not None:
            self._books.tally.counts[Count.FRAMES_DAMAGED] += 1
            self._books.text_changed(frame, at, self.index, self._token)
        return self.heard_beside(frame, now_ns)

    def heard_beside(self, frame: bytes, now_ns: int) -> list[bytes]:
        """A frame has come that holds messages, and may hold something else; the same.

        The confirmation of a join may be in one frame with the room's next message.
        """
        heard = self._dialect.on_frame(frame)
        # What is answered is understood, and tells less: a server's ping.
        if self.state in _WAITING and not (heard.replies and self._last_frame):
            self._last_frame = frame[:MOST_SHOWN_BYTES]  # more is not shown, and 10,000 may wait
        if heard.error is not None:
            if self.state in _WAITING:
                raise ServerError(ErrorKind.ERROR_FRAME, heard.error)
            self._error(ErrorKind.ERROR_FRAME, self._books.phase, heard.error)
        if heard.confirmed is Confirmation.CONNECTED and self.state is UserState.GREETING:
            self.state = UserState.CONNECTED
            if (nodes := self._books.ledger.nodes) is not None:
                nodes.greeted(self.index, heard.node, now_ns)
        elif heard.confirmed is Confirmation.JOINED and self.state is UserState.JOINING:
            is_back, was_in = self._cut_ns is not None, self._was_in
            self._joined(now_ns)
            if is_back and self._books.catches_up:
                asked = self._dialect.catch_up()
                if not (asked and was_in):
                    self._books.ledger.asks_for_nothing(self.index, now_ns)
                return [*heard.replies, *asked]
        for ack in heard.acks:
            self._acked(ack, now_ns)
        return list(heard.replies)

    def keeping_alive(self) -> bytes | None:
        """What to send so that the connection is kept; None where nothing is, or there is none."""
        if self.state not in _OPEN:
            return None
        self.misses_answer()
        own = self._dialect.keep_alive()
        self._kept_alive_with = None if own is None else own.frame
        return self._kept_alive_with

    def misses_answer(self) -> None:
        """Count it, once, where what it sent to keep the connection has not been answered in time."""
        sent = self._kept_alive_with
        if sent is not None and self.state in _OPEN and self._dialect.misses_answer:
            self._error(ErrorKind.ALIVE_TIMEOUT, self._books.phase, f"no answer to {shown(sent)}")
            self._kept_alive_with = None

    def leaving_politely(self) -> list[bytes]:
        """What it says before it closes its socket."""
        return self._dialect.leave() if self.state is _READY else []

    def _acked(self, ack: Ack, now_ns: int) -> None:
        waiting = self._awaiting_ack.pop(ack.message_id, None) if self._awaiting_ack else None
        if waiting is None:
            return
        stamp, mark = waiting
        self._books.awaited_count -= 1
        books, ledger = self._books, self._books.ledger
        ledger.acked(mark, ack.room_sequence)
        if books.on_ack is not None:
            books.on_ack(self.index, mark, now_ns)
        if ledger.is_measured(stamp.due_ns):
            ack_time_ns = now_ns - stamp.sent_ns
            books.tally.counts[_ACKS_RECEIVED] += 1
            books.tally.metrics[_ACK_TIME].record(ack_time_ns)
            for part in ledger.slices_of(stamp):
                part.counts[_ACKS_RECEIVED] += 1
                part.of(_ACK_TIME).record(ack_time_ns)

    # --- getting lost ---------------------------------------------------------------------------------------

    def failed(self, kind: ErrorKind, example: str) -> None:
        """It did not get in, whether at the login or at the door, and will not try again."""
        if self.state is UserState.GONE:
            return
        self._error(kind, self._step(), example)
        self._books.count(Count.CONNECTIONS_FAILED)
        self.state = UserState.GONE

    def _step(self) -> str:
        """What an error on the way in is counted under."""
        return _STEPS.get(self.state, self._books.phase) if self._books.names_steps else self._books.phase

    def turned_away(self, kind: ErrorKind, example: str, now_ns: int) -> None:
        """It could not come back, and will try again."""
        if self.state in _WITH_A_SOCKET:  # which is not its own any more
            self._books.tally.happened(PerSecond.DISCONNECTS, now_ns)
        self._error(kind, self._books.phase, example)
        self._books.count(Count.CONNECTIONS_FAILED)
        self.state = UserState.AWAY

    def time_is_up(self) -> None:
        """Count it where the greeting or the confirmation of the join has not come in time; it may still come."""
        if self.state in (UserState.GREETING, UserState.JOINING):
            what = "greeting" if self.state is UserState.GREETING else "confirmation of the join"
            if (awaited := self._dialect.awaited) is not None:
                what += f" ({awaited!r})"
            came = "no frame came" if self._last_frame is None else f"what came last was {shown(self._last_frame)}"
            self._error(ErrorKind.JOIN_TIMEOUT, self._step(), f"the {what} never came; {came}")

    def leaving(self) -> None:
        """The run is over; a socket that closes from now on was closed by us."""
        self.state = UserState.GONE

    def held_back(self) -> None:
        """It is not to be there yet."""
        self.state = UserState.AWAY

    def hit_by(self, incident: int, began_ns: int, now_ns: int, *, misses: bool) -> None:
        """An incident of the plan, which began then, happens to it; ``misses``: what is said to it meanwhile counts."""
        self._incident = incident, began_ns
        self._books.tally.of_incident(incident).hit_count += 1
        if misses:
            self._books.ledger.absences.began(self.index, incident, now_ns)

    def must_log_in(self) -> None:
        """The token it has is not good any more."""
        self._has_logged_in = False

    def away(self, now_ns: int, *, cut: bool, silently: bool = False) -> None:
        """It loses its socket by plan: ``cut`` as in an accident, after which it is to come back, or it leaves.

        ``silently``: the socket stays, and is heard of no more.
        """
        if self.state in _WITH_A_SOCKET and not silently:
            self._books.tally.happened(PerSecond.DISCONNECTS, now_ns)
        self.given_up()
        self.state = UserState.AWAY
        if cut:
            self._remember_what_it_heard()
        if not cut:
            self._cut_ns = None
        elif self._cut_ns is None:
            self._cut_ns = now_ns
        if cut:
            self._books.ledger.members.left(self.index, now_ns)
        else:  # the server goes on sending until it has heard of it
            self._books.ledger.members.leaving(self.index, now_ns)

    def _remember_what_it_heard(self) -> None:
        for layer, room in enumerate(self.rooms):
            if (last := self._books.ledger.last_frame(self.index, layer)) is not None:
                self._dialect.has_heard(room_name(room), last)

    def has_left(self, now_ns: int) -> None:
        """The socket that was closed when it left is gone."""
        if self.state is UserState.AWAY:
            self._books.ledger.members.left(self.index, now_ns)

    def coming_back(self) -> None:
        """It is about to connect again, with the token it has, if it got one."""
        self.state = UserState.LOGGED_IN if self._has_logged_in else UserState.NEW
        self._books.tally.counts[Count.CONNECTIONS_PLANNED] += 1

    def given_up(self) -> None:
        """Nobody waits any more whether it gets in: a connection still on its way was not planned after all."""
        if self.state in (UserState.NEW, UserState.LOGGED_IN):
            self._books.tally.counts[Count.CONNECTIONS_PLANNED] -= 1

    def socket_ended(self, code: int, *, by_us: bool) -> None:
        """A socket of its own is gone, the present one or one it has nothing to do with any more."""
        self._books.socket_ended(code, by_us=by_us or self.state in (UserState.AWAY, UserState.GONE))

    def closed(self, code: int, reason: str, now_ns: int) -> int | None:
        """The socket is gone, and not by our own wish; the incident that took it for the first time, if it is one's."""
        if self.state in (UserState.AWAY, UserState.GONE):
            return None
        tally = self._books.tally
        planned = None if self._books.planned_close is None else self._books.planned_close(code, now_ns)
        self._books.ledger.members.left(self.index, now_ns)
        tally.happened(PerSecond.DISCONNECTS, now_ns)
        if planned is not None:
            return self._closed_by_plan(*planned, code, now_ns)
        # Who is coming back will try again.
        self.state = UserState.GONE if self._cut_ns is None else UserState.AWAY
        self._books.count(Count.CONNECTIONS_DROPPED)
        self._error(kind_of_close(code), self._books.phase, f"close code {code} {reason!r}")
        return None

    def _closed_by_plan(self, incident: int, began_ns: int, code: int, now_ns: int) -> int | None:
        tally = self._books.tally.of_incident(incident)
        tally.closes[code] += 1
        tally.closed.record(now_ns - began_ns)
        self.state = UserState.AWAY
        if self._cut_ns is not None:
            return None  # on its way back, it goes on trying
        self._cut_ns = now_ns
        self.hit_by(incident, began_ns, now_ns, misses=True)
        self._remember_what_it_heard()
        return incident
