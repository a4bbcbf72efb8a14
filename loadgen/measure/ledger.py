"""The books: every delivery that was expected, and what became of it.

A message is opened when it is sent (``open_messages``), with the receivers who must get it (``audience``).
Arrivals are noted as (time, receiver) on the hot path (``receive_path``). Every now and then all that is complete
or past the deadline is settled in one go with numpy (``settling``): times go into histograms (``received``),
what came out of order is found (``order``, ``numbered_rooms``), and of the message nothing is left but who
still misses it. So memory is bounded by what is under way and what is lost, not by the length of the run. When the
drain ends, what is missing is lost, unless its receiver was not there (``catching_up``).

Each process keeps the books of its own receivers. It hears of another process's message by the first delivery, since
the marker says all there is to know, or by the *news* that processes give one another (``news``); so what reached
nobody here is lost here. Expected and received deliveries of all processes add up to those of one process that has all
users.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loadgen.measure import marker
from loadgen.measure.absences import Absences
from loadgen.measure.accounts import Accounts
from loadgen.measure.audience import Audience
from loadgen.measure.catching_up import CatchingUp
from loadgen.measure.extras import Extras
from loadgen.measure.first_arrivals import Extra, FirstArrivals
from loadgen.measure.marker import Stamp
from loadgen.measure.membership import Membership
from loadgen.measure.news import News, Telling
from loadgen.measure.nodes import Nodes
from loadgen.measure.numbered_rooms import NumberedRooms
from loadgen.measure.open_messages import OpenMessages
from loadgen.measure.order import Order
from loadgen.measure.receive_path import HistoryApart, Receive, ReceivePath
from loadgen.measure.received import Received
from loadgen.measure.rules import Rules
from loadgen.measure.settling import BITE, Bite, Settling
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.spread import Spreads
from loadgen.measure.tally import Count, Tally


class Ledger:
    """The books of one process. Times are monotonic ns; users and rooms are counted from 0."""

    def __init__(self, rules: Rules, prefix: bytes, tally: Tally) -> None:
        """``prefix`` is what the run's markers start with."""
        self.tally = tally
        self.members = Membership(rules.user_count, rules.rooms, rules.share)
        """Who is there: tell it of every coming and going."""
        self.absences = Absences(rules.user_count)
        """Who is away by an incident of the plan: tell it of these as well."""
        self.nodes = None if rules.nodes is None else Nodes(rules.user_count, rules.nodes, rules.share)
        """Who is connected to which node of the server: tell it of every greeting."""
        self.on_due: Callable[[], None] | None = None
        """Called when a delivery comes at the time said by :meth:`remind`, or later."""
        self.on_damaged: Callable[[bytes], None] | None = None
        """Told of each frame that holds a damaged marker."""
        self._rules = rules
        self._prefix = prefix
        self._has_news = rules.crosses_processes
        self._telling = Telling()
        self._accounts = Accounts(rules, tally, self.nodes)
        self._path = ReceivePath(prefix, self._receive_slowly, self._is_due)
        self.receive: Receive = self._path.receive
        """The receive path: called with user, payload and the time it was complete. False where the payload holds no
        marker of this run: then it is for the dialect."""
        self.receive_path = self._path
        """The same, for who reads many sockets at a time."""
        self._history_apart = HistoryApart(prefix, self.receive, self.read_history, len(rules.rooms.layers))
        audience = Audience(rules, self.members)
        first_arrivals = FirstArrivals(rules, self.members)
        self._order = Order(first_arrivals.so_far)
        self._messages = OpenMessages(rules, audience, self._accounts, self._order, self._path)
        self._catching_up = CatchingUp(rules, self.members, self.absences, self._accounts)
        self._extras = Extras(audience, self._catching_up, self._accounts)
        self._numbered_rooms = NumberedRooms(rules, self._accounts) if rules.has_room_sequence else None
        self._settling = Settling(
            rules,
            self._messages,
            first_arrivals,
            self._order,
            self._numbered_rooms,
            self._catching_up,
            self._extras,
            self._accounts,
            Received(self._accounts, rules.deadline_ns),
        )

    # --- what is measured -----------------------------------------------------------------------------------

    def measure(self, start_ns: int, end_ns: int) -> None:
        """Messages due in [start_ns, end_ns) are measured; before this is said, none is."""
        self._accounts.measure(start_ns, end_ns)
        if self.nodes is not None:
            self.nodes.announce()

    def measure_anew(self, start_ns: int, end_ns: int) -> None:
        """The measured window is another one: nothing that is known now, and was due before ``start_ns``, counts.

        Say it before the window begins. What the tally holds is for its owner to forget.
        """
        self._settling.account()
        for entry in self._messages.by_marker.values():
            entry.measured = False
        if self._numbered_rooms is not None:
            self._numbered_rooms.forget()
        self._accounts.measure_nothing()
        self._catching_up.forget()
        self._order.forget_unsure(start_ns)
        self.measure(start_ns, end_ns)

    def is_measured(self, due_ns: int) -> bool:
        """Whether a message due then counts."""
        return self._accounts.is_measured(due_ns)

    def slices_of(self, stamp: Stamp) -> Sequence[SliceTally]:
        """Where it is also noted what becomes of a measured message; nowhere where nothing is told apart."""
        return self._accounts.slices_of(stamp)

    # --- what is sent ---------------------------------------------------------------------------------------

    def next_sequence(self, sender: int) -> int:
        """The sequence number of the sender's next message."""
        return self._messages.next_sequence(sender)

    def sent(self, text: bytes, stamp: Stamp) -> None:
        """A message with the marker ``text`` was handed to the transport at ``stamp.sent_ns``."""
        entry = self._messages.sent(text, stamp)
        self._accounts.sent(entry)
        self._accounts.expected(entry)
        self._catching_up.expected(entry)
        if self._has_news:
            self._telling.sent(text)

    def acked(self, text: bytes, room_sequence: int | None = None) -> None:
        """The server says it has taken the message with the marker ``text``, and given it a number in its room."""
        self._note_ack(text, room_sequence)
        if self._has_news:
            self._telling.acked(text, room_sequence)

    def _note_ack(self, text: bytes, room_sequence: int | None) -> None:
        entry = self._messages.by_marker.get(text)
        if entry is None and self._numbered_rooms is not None:
            entry = self._numbered_rooms.take_unnumbered(text)
        if entry is not None:
            entry.acked = True
            entry.room_sequence = room_sequence
        self._catching_up.acked(text)

    # --- what is received -----------------------------------------------------------------------------------

    def remind(self, at_ns: int | None) -> None:
        """Have ``on_due`` called by the first delivery at or after ``at_ns``, once; None: by none."""
        self._path.remind(at_ns)

    def _is_due(self) -> None:
        if self.on_due is not None:
            self.on_due()

    def history_told_apart(self, is_history: Callable[[bytes], bool]) -> Receive:
        """The receive path where history is read: 0.1 us more a delivery.

        It says False to a part of the history, too: the dialect may want to ask for the next.
        """
        return self._history_apart.told_by(is_history)

    def last_frame(self, user: int, layer: int) -> bytes | None:
        """The last frame with a message for one of our users in a room of its; only of :meth:`history_told_apart`.

        With one room a user, direct messages are among them.
        """
        return self._history_apart.last_frame(user, layer)

    def _receive_slowly(self, user: int, payload: bytes, now_ns: int) -> bool:
        """All markers of a frame that holds several, or one that is not open."""
        at = payload.find(self._prefix)
        while at >= 0:
            text = payload[at : at + marker.WIDTH]
            log = self._path.logs.get(text)
            if log is None:
                log = self._receive_unknown(user, text, payload, now_ns)
            if log is not None:
                log += now_ns, user
            at = payload.find(self._prefix, at + marker.WIDTH)
        return True

    def _receive_unknown(self, user: int, text: bytes, payload: bytes, now_ns: int) -> list[int] | None:
        """An arrival of a message that is not open; where to note it if it opens one."""
        messages, stamp = self._messages, self._rules.read(text)
        if stamp is None:
            self._damaged(payload)
        elif messages.has_been(stamp) or messages.is_for_nobody_here(stamp):
            self._extras.count(Extra(user, stamp, now_ns, copies=1))
        elif messages.may_be_news(stamp, now_ns):
            return messages.heard_of(text, stamp).log
        else:
            self._extras.count_forged(user, stamp)
        return None

    def _damaged(self, frame: bytes) -> None:
        self.tally.counts[Count.FRAMES_DAMAGED] += 1
        if self.on_damaged is not None:
            self.on_damaged(frame)

    # --- what is read of what was said before ---------------------------------------------------------------

    def read_history(self, user: int, frame: bytes, now_ns: int) -> None:
        """A user has now read a part of its room's history: what it missed while it was away is recovered.

        Whatever else stands there was received, or was never for him, and is no delivery.
        """
        at = frame.find(self._prefix)
        while at >= 0:
            text = frame[at : at + marker.WIDTH]
            stamp = self._rules.read(text)
            if stamp is None:
                self._damaged(frame)
            elif (back_ns := self._catching_up.read(user, stamp)) is not None:
                messages = self._messages
                entry = messages.by_marker.get(text)
                if entry is None and not messages.has_been(stamp) and messages.may_be_news(stamp, now_ns):
                    entry = messages.heard_of(text, stamp)
                self._catching_up.recover(user, stamp, entry, back_ns)
            at = frame.find(self._prefix, at + len(self._prefix))

    def asks_for_nothing(self, user: int, now_ns: int) -> None:
        """A user is back who does not know what to ask for: what it has missed so far, nobody owes it."""
        self._catching_up.asks_for_nothing(user, now_ns)

    def joining(self, user: int, now_ns: int) -> None:
        """A user has asked to join. A stay that is forgotten by that is accounted for before."""
        forgotten_ns = self.members.left_long_ago_ns(user)
        if forgotten_ns is not None and forgotten_ns + self._rules.deadline_ns > now_ns:
            for entry in self._messages.by_marker.values():
                if entry.told and (entry.missing == user).any() and user not in entry.log[1::2]:
                    self._catching_up.excuse(entry, now_ns, only=user)
        self.members.joining(user, now_ns)

    # --- what other processes say ---------------------------------------------------------------------------

    def take_news(self) -> News:
        """What other processes must hear of since this was asked last."""
        moves = b"" if self.nodes is None else self.nodes.take_moves()
        return self._telling.take(moves if self._has_news else b"")

    def hear(self, news: News) -> None:
        """Take notice of the messages of other processes; the news of one process come in order.

        Our own may be among them, and are passed over: all processes are told the same.
        """
        rules = self._rules
        if self.nodes is not None:
            self.nodes.hear(news.moves, rules.shift_ns_of)
        for text in news.each_sent():
            if rules.is_ours(marker.sender_of(text)):
                continue
            stamp = rules.read(text)
            assert stamp is not None, "processes of one run write sound markers"
            if stamp.sender >= rules.user_count:
                continue  # nobody of this run, whoever says so
            entry, forged = self._messages.told(text, stamp)
            for each in forged:
                for user in each.log[1::2]:
                    self._extras.count_forged(user, each.stamp)
            self._accounts.expected(entry)
            self._catching_up.expected(entry)
        for text, room_sequence in news.each_acked():
            self._note_ack(text, room_sequence)

    def take_spreads(self) -> Spreads:
        """First and last arrivals here of messages that are finished, for whoever knows those of all processes."""
        return self._accounts.take_spreads()

    # --- accounting -----------------------------------------------------------------------------------------

    @property
    def under_way(self) -> int:
        """How many messages are not finished."""
        return len(self._messages.by_marker)

    def account(self) -> None:
        """Count what was sent, and what is settled; a part of settling that can be done by itself."""
        self._settling.account()

    def settle(self, now_ns: int, bite: Bite = BITE) -> bool:
        """Account for messages that everybody has, or that are past the deadline; whether there may be more."""
        return self._settling.settle(now_ns, bite)

    def close(self, end_ns: int) -> None:
        """The drain has ended: account for everything; what is missing is lost, or excused."""
        self._settling.close(end_ns)
