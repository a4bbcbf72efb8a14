"""The books: every delivery that was expected, and what became of it.

A message is opened when it is sent, with the receivers who must get it. Arrivals are noted as (time, receiver) on
the hot path. Every now and then :meth:`Ledger.settle` accounts for what is complete or past the deadline, all of it
in one go with numpy: times go into histograms, and of the message nothing is left but who still misses it. So memory
is bounded by what is under way and what is lost, not by the length of the run. When the drain ends,
:meth:`Ledger.close` calls what is missing lost.

A finished message needs no tombstone: its marker is sound and its sequence number is one its sender has used, so a
further copy is a duplicate.

Each process keeps the books of its own receivers. It hears of another process's message by the first delivery, since
the marker says all there is to know, or by the *news* that processes give one another; so what reached nobody here is
lost here. Expected and received deliveries of all processes add up to those of one process that has all users.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
import numpy.ma  # np.unique imports it when it is first called: 8 ms in which nothing is received
import numpy.typing as npt

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.absences import Absences
from loadgen.measure.clocks import Clock
from loadgen.measure.crossings import Crossings
from loadgen.measure.debts import Debt, Debts
from loadgen.measure.entry import NOBODY, Entry, taken_arrivals
from loadgen.measure.examples import Fault
from loadgen.measure.hearsay import Bounds, Hearsay
from loadgen.measure.marker import Stamp
from loadgen.measure.membership import Membership, Standing
from loadgen.measure.nodes import Layout, Nodes
from loadgen.measure.order import Arrivals, Order
from loadgen.measure.room_order import RoomOrder
from loadgen.measure.sends import Sends
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.slicer import CellBooks, Slicer
from loadgen.measure.spread import Spreads, record_spreads
from loadgen.measure.tally import Count, Metric, Note, PerSecond, Tally
from loadgen.measure.witness import Witness
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import WHOLE, Share
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import UNSLICED, Slicing

Int64s = npt.NDArray[np.int64]
Receive = Callable[[int, bytes, int], bool]
"""(user, payload, now_ns) -> whether it was a message of this run."""

_NUMBER, _NUMBER_WIDTH = b"%016x", 16

_NEVER_NS = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Rules:
    """What the ledger holds a server to."""

    user_count: int
    """Of the whole plan."""
    rooms: Rooms
    reach: Reach
    echo: bool
    """Whether the sender gets a message of its own (where it reaches the room)."""
    deadline_ns: int
    """A delivery later than this after it was sent is late."""
    has_room_sequence: bool = False
    """Whether acknowledgements tell the number of a message in its room, by which everybody must get it."""
    share: Share = WHOLE
    """The users whose books these are."""
    has_direct: bool = False
    """Whether some messages go to one user."""
    direct_echo: bool = False
    """Whether the sender gets such a message, too."""
    other_clocks: Mapping[int, Clock] = field(default_factory=dict)
    """Index of a share -> its clock, where that is not ours: what it sends is counted, and not timed."""
    catches_up: bool = False
    """Whether who comes back asks for what it has missed, of which the server acknowledges what it keeps."""
    reads_at_will: bool = False
    """Whether users read the history at other times, too, and so see again what they have."""
    slicing: Slicing = UNSLICED
    """Which messages are measured by themselves as well."""
    nodes: Layout | None = None
    """Of the server, where it has several; None: deliveries are not told apart by them."""

    @property
    def crosses_processes(self) -> bool:
        """Whether a message may have receivers in another process."""
        rooms_cross = self.reach is Reach.ROOM and self.rooms.cross(self.share.count)
        return self.share.count > 1 and (rooms_cross or self.has_direct)


@dataclass(frozen=True, slots=True)
class News:
    """What other processes must hear of one process's messages."""

    sent: bytes
    """Markers, one after the other."""
    acked: bytes
    """Markers, each followed by the message's number in its room and 1, 16 hexadecimal digits; 0: not told."""
    moves: bytes = b""
    """Who has come to which node of the server (:class:`loadgen.measure.nodes.Nodes`)."""

    def __bool__(self) -> bool:
        return bool(self.sent or self.acked or self.moves)

    @classmethod
    def joined(cls, several: Iterable[News]) -> Self:
        """Of several processes, or told one after the other."""
        several = tuple(several)
        return cls(
            b"".join(news.sent for news in several),
            b"".join(news.acked for news in several),
            b"".join(news.moves for news in several),
        )


class Bite(NamedTuple):
    """How much is settled at once: it ends with the message that reaches either."""

    messages: int
    arrivals: int


class _Extra(NamedTuple):
    """Copies of a message that nobody waited for, at one user; ``at_ns`` of the first."""

    user: int
    stamp: Stamp
    at_ns: int
    copies: int


BITE = Bite(messages=100, arrivals=5_000)
JUDGED_AT_ONCE = 20
"""Messages whose order in their rooms is judged in one bite."""


class Ledger:
    """The books of one process. Times are monotonic ns; users and rooms are counted from 0."""

    def __init__(self, rules: Rules, prefix: bytes, tally: Tally) -> None:
        """``prefix`` is what the run's markers start with."""
        self.tally = tally
        self.members = Membership(rules.user_count, rules.rooms, rules.share)
        """Who is there: tell it of every coming and going."""
        self.absences = Absences(rules.user_count)
        """Who is away by an incident of the plan: tell it of these as well."""
        self._rules = rules
        self._prefix = prefix
        self._entries: dict[bytes, Entry] = {}
        self._logs: dict[bytes, list[int]] = {}  # marker -> where an arrival is noted
        self._forget_latest: Callable[[], None] = lambda: None
        self._order = Order(self._arrivals_so_far)
        # Of each sender: how many messages it has sent, as far as we know without gaps ...
        self._sent_count: Counter[int] = Counter()
        # ... and those that arrived here before the news of them.
        self._hearsay = Hearsay()
        self._bounds = Bounds(rules.user_count, tally.origin_ns, rules.has_direct)
        # What history may still bring to those whose socket was gone, and must where it was acknowledged.
        self._debts = Debts()
        self._looked_at_debts_ns = 0
        self._asked_nothing_ns: dict[int, int] = {}
        self._window_ns = (_NEVER_NS, _NEVER_NS)
        self._has_news = rules.crosses_processes
        self._sent_news: list[bytes] = []
        self._acked_news: list[bytes] = []
        self._spreads: list[Spreads] = []
        self._sends = Sends()
        self._expected_count = 0  # not in the tally yet
        self._slicer = Slicer(rules.slicing, rules.rooms, tally) if rules.slicing.tells_apart else None
        self.nodes = None if rules.nodes is None else Nodes(rules.user_count, rules.nodes, rules.share)
        """Who is connected to which node of the server: tell it of every greeting."""
        self._crossings = None if self.nodes is None else Crossings(self.nodes, tally)
        self._witness = Witness(tally, self._room_of)
        self._due_ns = [_NEVER_NS]
        self.on_due: Callable[[], None] | None = None
        """Called when a delivery comes at the time said by :meth:`remind`, or later."""
        self.on_damaged: Callable[[bytes], None] | None = None
        """Told of each frame that holds a damaged marker."""
        self._room_order = RoomOrder() if rules.has_room_sequence else None
        self._unnumbered: dict[bytes, Entry] = {}  # finished, and its number may still come
        self._judged_ns = 0
        self._last_frames: dict[int | tuple[int, bytes], bytes] = {}  # only of history_told_apart
        self.receive: Receive = self._receive_path()
        """The receive path: called with user, payload and the time it was complete. False where the payload holds no
        marker of this run: then it is for the dialect."""

    def measure(self, start_ns: int, end_ns: int) -> None:
        """Messages due in [start_ns, end_ns) are measured; before this is said, none is."""
        self._window_ns = (start_ns, end_ns)
        if self._slicer is not None:
            self._slicer.begin(start_ns)
        if self.nodes is not None:
            self.nodes.announce()

    def measure_anew(self, start_ns: int, end_ns: int) -> None:
        """The measured window is another one: nothing that is known now, and was due before ``start_ns``, counts.

        Say it before the window begins. What the tally holds is for its owner to forget.
        """
        for entry in (*self._entries.values(), *self._unnumbered.values()):
            entry.measured = False
        self._sends.account(self.tally, (_NEVER_NS, _NEVER_NS))
        self._expected_count = 0
        self._debts.clear()
        self._spreads.clear()
        self.measure(start_ns, end_ns)

    def is_measured(self, due_ns: int) -> bool:
        """Whether a message due then counts."""
        return self._window_ns[0] <= due_ns < self._window_ns[1]

    def slices_of(self, stamp: Stamp) -> Sequence[SliceTally]:
        """Where it is also noted what becomes of a measured message; nowhere where nothing is told apart."""
        return () if self._slicer is None else self._slicer.parts_of(self._slicer.cell_of(stamp))

    # --- what is sent and received --------------------------------------------------------------------------

    def next_sequence(self, sender: int) -> int:
        """The sequence number of the sender's next message."""
        return self._sent_count[sender]

    def sent(self, text: bytes, stamp: Stamp) -> None:
        """A message with the marker ``text`` was handed to the transport at ``stamp.sent_ns``."""
        self._sent_count[stamp.sender] = stamp.sequence + 1
        self._sends.note((stamp.due_ns, stamp.sent_ns))
        entry = self._open(text, stamp)
        self._expect(entry)
        if self._slicer is not None and entry.measured:
            self._slicer.count(entry.cell, Count.MESSAGES_SENT, 1)
        if self._has_news:
            self._sent_news.append(text)

    def acked(self, text: bytes, room_sequence: int | None = None) -> None:
        """The server says it has taken the message with the marker ``text``, and given it a number in its room."""
        self._note_ack(text, room_sequence)
        if self._has_news:
            self._acked_news.append(text + _NUMBER % (0 if room_sequence is None else room_sequence + 1))

    def _note_ack(self, text: bytes, room_sequence: int | None) -> None:
        entry = self._entries.get(text)
        if entry is None and self._room_order is not None:
            entry = self._unnumbered.pop(text, None)
        if entry is not None:
            entry.acked = True
            entry.room_sequence = room_sequence
        if self._debts and (stamp := self._read(text)) is not None:
            debt = self._debts.of((stamp.sender, stamp.sequence))
            if debt is not None:
                debt.acked = True

    def _open(self, text: bytes, stamp: Stamp) -> Entry:
        clock = self._clock_of(stamp.sender)
        audience = self._audience(stamp) if clock is None else self._sure_audience(stamp, clock)
        measured = self.is_measured(stamp.due_ns)
        entry = Entry(text, stamp, audience, measured=measured, timed=clock is None)
        self._entries[text] = entry
        self._logs[text] = entry.log
        self._order.opened(entry)
        if measured and self._slicer is not None:
            entry.cell = self._slicer.cell_of(stamp)
        return entry

    def _expect(self, entry: Entry) -> None:
        """Hold the server to a message that was sent: its process says so."""
        if entry.measured:
            self._expected_count += len(entry.audience)
            if self._slicer is not None:
                self._slicer.count(entry.cell, Count.DELIVERIES_EXPECTED, len(entry.audience))
        if self.absences.has_been_any and self._rules.reach is Reach.ROOM:
            self._count_missed(entry, entry.stamp)

    def _count_missed(self, entry: Entry, stamp: Stamp) -> None:
        if stamp.receiver is None:
            members = self.members.of_room(self._room_of(stamp))
        else:
            members = np.array([stamp.receiver] if self._is_ours(stamp.receiver) else [], np.int64)
        self.absences.count_missed(members, stamp.sent_ns, self.tally.of_incident)
        if self._rules.catches_up and entry.measured and stamp.receiver is None:
            away = self.absences.away(members, stamp.sent_ns)
            if len(away):
                self._debts.missed(entry, away.tolist())
                self._pay_ahead(entry)

    def _pay_ahead(self, entry: Entry) -> None:
        """What history has brought before its process told of it is owed no more."""
        debt = self._debts.of((entry.sender, entry.sequence))
        for user in entry.read_by or ():
            back_ns = self.members.back_ns(user)
            if debt is not None and back_ns is not None:
                debt.read(user, back_ns)

    def _sure_audience(self, stamp: Stamp, clock: Clock) -> Int64s:
        """Who must get it however far off the other clock is, within its error."""
        early, late = (
            self._audience(stamp._replace(sent_ns=stamp.sent_ns + off_ns))
            for off_ns in (-clock.error_ns, clock.error_ns)
        )
        return early if early is late else np.intersect1d(early, late, assume_unique=True)

    def _audience(self, stamp: Stamp) -> Int64s:
        if stamp.receiver is not None:
            return self._audience_of_direct(stamp)
        if self._rules.reach is Reach.SELF:
            return np.array([stamp.sender], dtype=np.int64) if self._is_ours(stamp.sender) else NOBODY
        audience = self.members.audience(self._room_of(stamp), stamp.sent_ns)
        return audience if self._rules.echo else audience[audience != stamp.sender]

    def _audience_of_direct(self, stamp: Stamp) -> Int64s:
        both = {stamp.receiver, stamp.sender} if self._rules.direct_echo else {stamp.receiver}
        ours = [user for user in both if user is not None and self._is_ours(user)]
        there = [user for user in ours if self._standing(user, stamp) is Standing.MUST]
        return np.array(sorted(there), dtype=np.int64) if there else NOBODY

    def _room_of(self, stamp: Stamp) -> int:
        return self._rules.rooms.room_of(stamp.sender, stamp.layer)

    def _is_ours(self, user: int) -> bool:
        return user % self._rules.share.count == self._rules.share.index

    def _receive_path(self) -> Receive:
        prefix, width = self._prefix, marker.WIDTH
        log_of = self._logs.get
        slow_path = self._receive_slowly
        due_ns = self._due_ns
        # One message comes to all of its room, mostly in one burst and in the same bytes. To compare a frame with the
        # latest costs 0.03 us, and to find the marker and look it up 0.37 us.
        latest: bytes | None = None
        latest_log: list[int] = []

        # Hot: every delivery comes through here. One function for all users, not a closure for each: what is
        # shared stays in the processor's cache (0.15 us of 4.3 us a delivery, 500 sockets).
        def receive(user: int, payload: bytes, now_ns: int) -> bool:
            nonlocal latest, latest_log
            if payload != latest:
                at = payload.find(prefix)
                if at < 0:
                    return False
                end = at + width
                log = log_of(payload[at:end])
                # The marker is the last thing in the text, so a second message in the frame is rarely looked for.
                if log is None or (len(payload) - end >= width and payload.find(prefix, end) >= 0):
                    return slow_path(user, payload, now_ns)
                latest, latest_log = payload, log
            # A list takes an int in 0.015 us, an array in 0.12 us; to make an array of the list takes 0.025 us later.
            latest_log.append(now_ns)
            latest_log.append(user)
            if now_ns >= due_ns[0]:  # 0.03 us
                on_due()
            return True

        def forget_latest() -> None:
            nonlocal latest
            latest = None

        def on_due() -> None:
            due_ns[0] = _NEVER_NS
            if self.on_due is not None:
                self.on_due()

        self._forget_latest = forget_latest
        return receive

    def remind(self, at_ns: int | None) -> None:
        """Have ``on_due`` called by the first delivery at or after ``at_ns``, once; None: by none.

        A hundred sockets that are ready at once are read one after the other, for milliseconds, before the event loop
        looks at its alarms again. What is due meanwhile need not wait for that.
        """
        self._due_ns[0] = _NEVER_NS if at_ns is None else at_ns

    def _receive_slowly(self, user: int, payload: bytes, now_ns: int) -> bool:
        """All markers of a frame that holds several, or one that is not open."""
        at = payload.find(self._prefix)
        while at >= 0:
            text = payload[at : at + marker.WIDTH]
            log = self._logs.get(text)
            if log is None:
                log = self._receive_unknown(user, text, payload, now_ns)
            if log is not None:
                log += now_ns, user
            at = payload.find(self._prefix, at + marker.WIDTH)
        return True

    def _receive_unknown(self, user: int, text: bytes, payload: bytes, now_ns: int) -> list[int] | None:
        """An arrival of a message that is not open; where to note it if it opens one."""
        stamp = self._read(text)
        if stamp is None:
            self._damaged(payload)
        elif stamp.sequence < self._sent_count[stamp.sender] or self._is_told_nowhere(stamp):
            self._count_extra(user, stamp, now_ns, copies=1)
        elif self._may_be_news(stamp, now_ns):
            return self._open_ahead(text, stamp).log
        else:
            self._count_unexpected(user, stamp)
        return None

    def _count_unexpected(self, user: int, stamp: Stamp) -> None:
        self._count_extras_of(stamp, Count.DELIVERIES_UNEXPECTED, user, 1)
        self._witness.one_too_many(Fault.UNEXPECTED, stamp, user)

    def _damaged(self, frame: bytes) -> None:
        self.tally.counts[Count.FRAMES_DAMAGED] += 1
        if self.on_damaged is not None:
            self.on_damaged(frame)

    def _read(self, text: bytes) -> Stamp | None:
        """What a marker says, its times on our clock; None where it is damaged."""
        stamp = marker.read(text)
        if stamp is not None and stamp.layer >= len(self._rules.rooms.layers):
            return None
        clock = None if stamp is None else self._clock_of(stamp.sender)
        return stamp if stamp is None or clock is None else clock.ours(stamp)

    def _clock_of(self, sender: int) -> Clock | None:
        """That of a sender on another host; None: ours."""
        return self._rules.other_clocks.get(sender % self._rules.share.count)

    def _is_told_nowhere(self, stamp: Stamp) -> bool:
        """Whether another process can have sent it, whose messages are for none of our users."""
        return not self._has_news and not self._is_ours(stamp.sender) and stamp.sender < self._rules.user_count

    def _may_be_news(self, stamp: Stamp, now_ns: int) -> bool:
        """Whether another process can have sent it."""
        if not self._has_news or self._is_ours(stamp.sender) or self._hearsay.is_full:
            return False
        clock = self._clock_of(stamp.sender)
        return self._bounds.admit(stamp, now_ns, 0 if clock is None else clock.error_ns)

    def _open_ahead(self, text: bytes, stamp: Stamp) -> Entry:
        """A message that is here before the news of it."""
        entry = self._open(text, stamp)
        entry.told = False
        self._hearsay.add(entry)
        return entry

    def _disown(self, entry: Entry) -> None:
        """Nobody has sent it: whoever got it read what was not for him."""
        for user in entry.log[1::2]:
            self._count_unexpected(user, entry.stamp)
        self._order.disowned(entry)
        del self._entries[entry.marker], self._logs[entry.marker]
        self._forget_latest()

    def history_told_apart(self, is_history: Callable[[bytes], bool]) -> Receive:
        """The receive path where history is read: 0.1 us more a delivery.

        It says False to a part of the history, too: the dialect may want to ask for the next.
        """
        receive, last_frames = self.receive, self._last_frames
        several = len(self._rules.rooms.layers) > 1
        prefix, receiver_at = self._prefix, marker.RECEIVER_AT

        def receive_or_read(user: int, payload: bytes, now_ns: int) -> bool:
            if is_history(payload):
                self.read_history(user, payload, now_ns)
                return False
            if receive(user, payload, now_ns):
                if several:
                    at = payload.rfind(prefix)
                    last_frames[user, payload[at + receiver_at.start : at + receiver_at.stop]] = payload
                else:
                    last_frames[user] = payload
                return True
            return False

        return receive_or_read

    def last_frame(self, user: int, layer: int) -> bytes | None:
        """The last frame with a message for one of our users in a room of its; only of :meth:`history_told_apart`.

        With one room a user, direct messages are among them.
        """
        return self._last_frames.get(user) or self._last_frames.get((user, marker.receiver_text(layer)))

    # --- what is read of what was said before -----------------------------------------------------------------

    def read_history(self, user: int, frame: bytes, now_ns: int) -> None:
        """A user has now read a part of its room's history: what it missed while it was away is recovered.

        Whatever else stands there was received, or was never for him, and is no delivery.
        """
        at = frame.find(self._prefix)
        while at >= 0:
            text = frame[at : at + marker.WIDTH]
            stamp = self._read(text)
            if stamp is None:
                self._damaged(frame)
            else:
                self.absences.count_read(user, (stamp.sender, stamp.sequence), stamp.sent_ns, self.tally.of_incident)
                back_ns = self.members.back_ns(user)
                if back_ns is not None and stamp.sent_ns < back_ns:
                    self._recover(user, text, stamp, back_ns, now_ns)
            at = frame.find(self._prefix, at + len(self._prefix))

    def _recover(self, user: int, text: bytes, stamp: Stamp, back_ns: int, now_ns: int) -> None:
        """A user who has been back since ``back_ns`` reads now what was sent before."""
        entry = self._entries.get(text)
        is_known = entry is not None or stamp.sequence < self._sent_count[stamp.sender]
        if not is_known and self._may_be_news(stamp, now_ns):
            entry = self._open_ahead(text, stamp)
        if entry is not None:
            if entry.read_by is None:
                entry.read_by = set()
            entry.read_by.add(user)
        debt = self._debts.of((stamp.sender, stamp.sequence))
        if debt is None:
            return
        if user in debt.excused:
            debt.excused.discard(user)
            self.tally.counts[Count.DELIVERIES_RECOVERED] += 1
        elif debt.read(user, back_ns) and not self._rules.reads_at_will:
            self._count_duplicate(debt, user)

    def asks_for_nothing(self, user: int, now_ns: int) -> None:
        """A user is back who does not know what to ask for: what it has missed so far, nobody owes it."""
        self._asked_nothing_ns[user] = now_ns

    def joining(self, user: int, now_ns: int) -> None:
        """A user has asked to join. A stay that is forgotten by that is accounted for before."""
        forgotten_ns = self.members.left_long_ago_ns(user)
        if forgotten_ns is not None and forgotten_ns + self._rules.deadline_ns > now_ns:
            for entry in self._entries.values():
                if entry.told and (entry.missing == user).any() and user not in entry.log[1::2]:
                    self._excuse(entry, now_ns, only=user)
        self.members.joining(user, now_ns)

    # --- what other processes say ---------------------------------------------------------------------------

    def take_news(self) -> News:
        """What other processes must hear of since this was asked last."""
        moves = b"" if self.nodes is None else self.nodes.take_moves()
        news = News(b"".join(self._sent_news), b"".join(self._acked_news), moves if self._has_news else b"")
        self._sent_news, self._acked_news = [], []
        return news

    def hear(self, news: News) -> None:
        """Take notice of the messages of other processes; the news of one process come in order.

        Our own may be among them, and are passed over: all processes are told the same.
        """
        if self.nodes is not None:
            self.nodes.hear(news.moves, self._shift_ns_of)
        for text in _records_in(news.sent, marker.WIDTH):
            if self._is_ours(marker.sender_of(text)):
                continue
            stamp = self._read(text)
            assert stamp is not None, "processes of one run write sound markers"
            if stamp.sender >= self._rules.user_count:
                continue  # nobody of this run, whoever says so
            self._sent_count[stamp.sender] = stamp.sequence + 1
            entry, forged = self._hearsay.told(text, stamp)
            for each in forged:
                self._disown(each)
            if entry is None:
                entry = self._open(text, stamp)
            entry.told = True
            self._expect(entry)
        for record in _records_in(news.acked, marker.WIDTH + _NUMBER_WIDTH):
            number = int(record[marker.WIDTH :], 16)
            self._note_ack(record[: marker.WIDTH], number - 1 if number else None)

    def _shift_ns_of(self, user: int) -> int:
        clock = self._clock_of(user)
        return 0 if clock is None else clock.shift_ns

    def take_spreads(self) -> Spreads:
        """First and last arrivals here of messages that are finished, for whoever knows those of all processes."""
        taken, self._spreads = self._spreads, []
        return Spreads.joined(taken)

    # --- accounting -----------------------------------------------------------------------------------------

    def settle(self, now_ns: int, bite: Bite = BITE) -> bool:
        """Account for messages that everybody has, or that are past the deadline; whether there may be more."""
        self.account_sends()
        oldest_ns = now_ns - self._rules.deadline_ns
        batch: list[Entry] = []
        arrival_count = 0
        more = False
        for entry in self._entries.values():
            if not entry.told:
                continue
            if entry.overdue:
                if not entry.log:
                    continue
            elif entry.stamp.sent_ns >= oldest_ns and (len(entry.log) < entry.complete_at or not entry.look()):
                continue
            batch.append(entry)
            arrival_count += len(entry.log) // 2
            if len(batch) >= bite.messages or arrival_count >= bite.arrivals:
                more = True
                break
        if batch:
            self._settle(batch, now_ns)
        return more or self._judge_some(now_ns)

    def _judge_some(self, now_ns: int) -> bool:
        """Judge the order in the rooms, a bite at a time, when all is settled; whether there is more to judge."""
        if self._room_order is None or now_ns - self._judged_ns <= NS_PER_S:
            return False
        if now_ns - self._looked_at_debts_ns > self._rules.deadline_ns:
            self._looked_at_debts_ns = now_ns
            self._debts.forget_paid(now_ns - self._rules.deadline_ns)
        # Before that, a message may be under way that reached somebody first; or be left for the next bite.
        until_ns = now_ns - self._rules.deadline_ns - NS_PER_S
        self._judge_room_order(until_ns, JUDGED_AT_ONCE)
        if self._room_order.is_ripe(until_ns):
            return True
        self._judged_ns = now_ns
        return False

    def account_sends(self) -> None:
        """Count what was sent; a part of settling that can be done by itself."""
        self._sends.account(self.tally, self._window_ns)
        if self._expected_count:
            self.tally.counts[Count.DELIVERIES_EXPECTED] += self._expected_count
            self._expected_count = 0

    def _judge_room_order(self, until_ns: int, at_most: int | None = None) -> None:
        if self._room_order is not None:
            for entry, overtaken in self._room_order.overtaken(until_ns, at_most):
                self._count(entry, Count.DELIVERIES_REORDERED, overtaken.receivers)
                self._witness.reordered_in_room(entry, *overtaken)
            # About in the order in which they were sent.
            while self._unnumbered and next(iter(self._unnumbered.values())).stamp.sent_ns < until_ns:
                del self._unnumbered[next(iter(self._unnumbered))]

    def close(self, end_ns: int) -> None:
        """The drain has ended: account for everything; what is missing is lost, or excused."""
        self.account_sends()
        # A process that died, or has left, had no time to tell of it; or nobody has sent it.
        for entry in self._hearsay.rest():
            del self._entries[entry.marker], self._logs[entry.marker]
        if self._entries:
            self._settle(list(self._entries.values()), end_ns)
        left = [entry for entry in self._entries.values() if entry.measured]
        for entry in left:
            self._count(entry, Count.DELIVERIES_LOST, entry.missing)
            split = Count.DELIVERIES_LOST_ACKED if entry.acked else Count.DELIVERIES_LOST_UNACKED
            self.tally.counts[split] += len(entry.missing)
        self._witness.lost(left)
        for debt in self._debts:
            self._collect(debt)
        self._note_spreads(left)
        self._judge_room_order(end_ns)
        self._entries.clear()
        self._logs.clear()
        self._forget_latest()
        # What comes while the sockets are closed was called lost, and is no duplicate.
        self._window_ns = (_NEVER_NS, _NEVER_NS)

    def _collect(self, debt: Debt) -> None:
        """What the server had acknowledged, and has not brought to those who are there again, is lost."""
        if not (self._rules.catches_up and debt.acked):
            return
        excused, away = self._owed(debt, debt.excused), self._owed(debt, debt.away)
        lost = np.concatenate((excused, away))
        if not len(lost):
            return
        counts, cells = self.tally.counts, self._slicer
        for name, number in (
            (Count.DELIVERIES_EXCUSED, -len(excused)),
            (Count.DELIVERIES_EXPECTED, len(away)),
            (Count.DELIVERIES_LOST, len(lost)),
        ):
            counts[name] += number
            if cells is not None:
                cells.count(debt.cell, name, number)
        if self._crossings is not None:
            self._crossings.note(debt.stamp, Count.DELIVERIES_EXCUSED, excused, copies=-1)
            self._crossings.note(debt.stamp, Count.DELIVERIES_LOST, lost)
        counts[Count.DELIVERIES_LOST_ACKED] += len(lost)
        self._witness.not_brought(debt.stamp, lost)

    def _owed(self, debt: Debt, users: Iterable[int]) -> Int64s:
        """Those who are there again, and have asked for it."""
        sent_ns = debt.stamp.sent_ns
        owed = [
            user
            for user in sorted(users)
            if (back_ns := self.members.back_ns(user)) is not None
            and sent_ns < back_ns
            and sent_ns >= self._asked_nothing_ns.get(user, 0)
        ]
        return np.array(owed, np.int64)

    @property
    def under_way(self) -> int:
        """How many messages are not finished."""
        return len(self._entries)

    def _settle(self, batch: Sequence[Entry], now_ns: int) -> None:
        arrivals, extras = self._sort_out(batch)
        self._record(arrivals)
        self._count_reordered(arrivals)
        finished = []
        for entry, new in arrivals.items():
            if len(new.receivers) == len(entry.missing):
                entry.missing = NOBODY
            elif len(new.receivers):
                entry.missing = np.setdiff1d(entry.missing, new.receivers, assume_unique=True)
            if len(entry.missing):
                self._excuse(entry, now_ns)
            is_finished = not len(entry.missing)
            if self._room_order is not None and entry.stamp.receiver is None:
                self._room_order.note(self._room_of(entry.stamp), entry, new)
                if is_finished and entry.room_sequence is None:
                    self._unnumbered[entry.marker] = entry
            if is_finished:
                finished.append(entry)
                del self._entries[entry.marker], self._logs[entry.marker]
            else:
                entry.overdue = True
            self._order.settled(entry, new, finished=is_finished, known_count=self._sent_count[entry.sender])
        if finished:
            self._forget_latest()  # a further copy of it must not be noted where nobody looks
        self._note_spreads([entry for entry in finished if entry.measured])
        for user, stamp, at_ns, copies in extras:
            self._count_extra(user, stamp, at_ns, copies=copies)

    def _count(self, entry: Entry, name: Count, receivers: Int64s) -> None:
        """Count what became of a message at some of its receivers."""
        self.tally.counts[name] += len(receivers)
        if self._slicer is not None:
            self._slicer.count(entry.cell, name, len(receivers))
        if self._crossings is not None:
            self._crossings.note(entry.stamp, name, receivers)

    def _count_extras_of(self, stamp: Stamp, name: Count, user: int, copies: int) -> None:
        """The same of copies of a message that may not be open."""
        self.tally.counts[name] += copies
        if self._slicer is not None:
            self._slicer.count(self._slicer.cell_of(stamp), name, copies)
        if self._crossings is not None:
            self._crossings.note(stamp, name, np.array([user]), copies=copies)

    def _count_reordered(self, arrivals: Mapping[Entry, Arrivals]) -> None:
        has_slices = self._slicer is not None or self._crossings is not None
        before = [len(entry.reordered) for entry in arrivals] if has_slices else ()
        reordered_count = self._order.overtaken_count(arrivals)
        if not reordered_count:
            return
        self._witness.reordered(arrivals)
        if not has_slices:
            self.tally.counts[Count.DELIVERIES_REORDERED] += reordered_count
            return
        for entry, known_count in zip(arrivals, before, strict=True):
            self._count(entry, Count.DELIVERIES_REORDERED, entry.reordered[known_count:])

    def _sort_out(self, batch: Sequence[Entry]) -> tuple[dict[Entry, Arrivals], list[_Extra]]:
        """The first arrival at each receiver that missed the message; and all others."""
        clear: list[Entry] = []
        unclear: list[Entry] = []
        departed_ns = self.members.last_departure_ns
        for entry in batch:
            # Everybody has it, there are as many arrivals as receivers, and nobody has left since: each has it once.
            # Almost all end here.
            once = entry.complete and len(entry.log) == 2 * len(entry.missing) and departed_ns < entry.stamp.sent_ns
            (clear if once else unclear).append(entry)
        arrivals = taken_arrivals(clear)
        if not unclear:
            return arrivals, []
        others, extras = self._sort_out_unclear(unclear)
        return arrivals | others, extras

    def _sort_out_unclear(self, batch: Sequence[Entry]) -> tuple[dict[Entry, Arrivals], list[_Extra]]:
        """The same with one sort for the whole batch: a key is (place in the batch, user)."""
        users = self._rules.user_count
        logs = np.concatenate([entry.noted() for entry in batch]).reshape(-1, 2)
        place = np.repeat(np.arange(len(batch)), [len(entry.log) // 2 for entry in batch])
        for entry in batch:
            entry.forget_log()
            entry.complete_at = 0
        keys = place * users + logs[:, 1]
        order = np.argsort(keys, kind="stable")
        keys, times_ns, place = keys[order], logs[order, 0], place[order]

        expected = np.concatenate([entry.missing + i * users for i, entry in enumerate(batch)])
        wanted = np.ones(len(keys), np.bool_)
        wanted[1:] = keys[1:] != keys[:-1]
        if len(expected):
            at = np.minimum(np.searchsorted(expected, keys), len(expected) - 1)
            wanted &= expected[at] == keys
        else:
            wanted[:] = False
        sent_ns = np.array([entry.stamp.sent_ns for entry in batch], dtype=np.int64)[place]
        wanted &= ~self._brought_by_history(keys % users, times_ns, sent_ns)

        extras = []
        unwanted, unwanted_ns = keys[~wanted], times_ns[~wanted]
        for key, first, copies in zip(*np.unique(unwanted, return_index=True, return_counts=True), strict=True):
            i, user = divmod(int(key), users)
            extras.append(_Extra(user, batch[i].stamp, int(unwanted_ns[first]), int(copies)))

        keys, times_ns = keys[wanted], times_ns[wanted]
        bounds = np.searchsorted(keys, np.arange(len(batch) + 1) * users)
        arrivals = {
            entry: Arrivals(keys[low:high] - i * users, times_ns[low:high])
            for i, (entry, low, high) in enumerate(zip(batch, bounds[:-1], bounds[1:], strict=True))
        }
        return arrivals, extras

    def _brought_by_history(self, receivers: Int64s, times_ns: Int64s, sent_ns: int | Int64s) -> npt.NDArray[np.bool_]:
        """Which arrivals came to somebody who was excused, and has come back."""
        is_back = times_ns >= self.members.came_back_ns(receivers, sent_ns)
        brought: npt.NDArray[np.bool_] = is_back & (
            self.members.left_ns(receivers, sent_ns) < sent_ns + self._rules.deadline_ns
        )
        return brought

    def _arrivals_so_far(self, entry: Entry) -> Arrivals:
        arrivals = entry.arrivals_so_far()
        if self.members.last_departure_ns < entry.stamp.sent_ns:
            return arrivals
        waited_for = ~self._brought_by_history(arrivals.receivers, arrivals.times_ns, entry.stamp.sent_ns)
        return Arrivals(arrivals.receivers[waited_for], arrivals.times_ns[waited_for])

    def _record(self, arrivals: dict[Entry, Arrivals]) -> None:
        """Times and counts of first arrivals."""
        sizes = np.array([len(new.receivers) for new in arrivals.values()])
        times_ns = np.concatenate([new.times_ns for new in arrivals.values()])
        due_ns = np.repeat([entry.stamp.due_ns for entry in arrivals], sizes)
        service_ns = times_ns - np.repeat([entry.stamp.sent_ns for entry in arrivals], sizes)
        on_one_clock = np.repeat([entry.timed for entry in arrivals], sizes).astype(np.bool_)
        backwards = on_one_clock & (service_ns < 0)
        if backwards.any():
            # One clock cannot do this. It is counted, doubted, and kept out of the times.
            self.tally.counts[Note.NEGATIVE_TIMES] += int(backwards.sum())
        delivery_ns = times_ns - due_ns
        measured = np.repeat([entry.measured for entry in arrivals], sizes).astype(np.bool_)
        sound = on_one_clock & ~backwards
        timed = measured & sound

        counts, metrics = self.tally.counts, self.tally.metrics
        counts[Count.DELIVERIES_RECEIVED] += int(measured.sum())
        counts[Note.DELIVERIES_UNTIMED] += int((measured & ~on_one_clock).sum())
        if late_count := int((service_ns[measured] > self._rules.deadline_ns).sum()):
            counts[Count.DELIVERIES_LATE] += late_count
            self._witness.late(arrivals, self._rules.deadline_ns)
        metrics[Metric.DELIVERY_TIME].record_many(delivery_ns[timed])
        metrics[Metric.DELIVERY_SERVICE_TIME].record_many(service_ns[timed])
        books: list[tuple[CellBooks, Int64s]] = []
        if self._slicer is not None:
            books.append((self._slicer, np.repeat([entry.cell for entry in arrivals], sizes)))
        if self._crossings is not None and self._crossings.are_told:
            receivers = np.concatenate([new.receivers for new in arrivals.values()])
            senders = [entry.sender for entry in arrivals]
            crossed = self._crossings.cells(senders, sizes, receivers, times_ns - service_ns)
            self._crossings.count_each(crossed, Count.DELIVERIES_EXPECTED, measured)
            books.append((self._crossings, crossed))
        for slicer, cells in books:
            slicer.count_each(cells, Count.DELIVERIES_RECEIVED, measured)
            if late_count:
                slicer.count_each(cells, Count.DELIVERIES_LATE, measured & (service_ns > self._rules.deadline_ns))
            slicer.time_each(cells[timed], Metric.DELIVERY_TIME, delivery_ns[timed])
            slicer.time_each(cells[timed], Metric.DELIVERY_SERVICE_TIME, service_ns[timed])

        for second, at in self.tally.by_second(times_ns):
            self.tally.seconds[second][PerSecond.DELIVERIES_RECEIVED] += int(np.count_nonzero(at))
        for second, at in self.tally.by_second(due_ns):
            self.tally.of_second(Metric.DELIVERY_TIME, second).record_many(delivery_ns[at & sound])

        some = [entry for entry, size in zip(arrivals, sizes, strict=True) if size]
        if some:
            starts = np.concatenate(([0], np.cumsum(sizes[sizes > 0])[:-1]))
            firsts, lasts = np.minimum.reduceat(times_ns, starts), np.maximum.reduceat(times_ns, starts)
            for entry, first_ns, last_ns in zip(some, firsts.tolist(), lasts.tolist(), strict=True):
                entry.first_ns = first_ns if entry.first_ns is None else min(entry.first_ns, first_ns)
                entry.last_ns = last_ns if entry.last_ns is None else max(entry.last_ns, last_ns)

    def _note_spreads(self, entries: Sequence[Entry]) -> None:
        """Messages nobody here waits for any more: their first and last arrival."""
        if not entries or (self._has_news and self._rules.other_clocks):
            return  # who was first, and when, would take one clock
        spreads = Spreads.of(entries)
        if self._has_news:
            self._spreads.append(spreads)
        else:
            record_spreads(spreads, self.tally, None if self._slicer is None else self._slicer.cells)

    def _excuse(self, entry: Entry, now_ns: int, only: int | None = None) -> None:
        """Strike out who misses the message because it left, or its socket did, before the message was late.

        And who left later, and has read it in the history since. ``only``: no other user.
        """
        until_ns = min(entry.stamp.sent_ns + self._rules.deadline_ns, now_ns)
        excused = self.members.left_ns(entry.missing, entry.stamp.sent_ns) < until_ns
        if entry.read_by is not None:
            excused |= np.isin(entry.missing, list(entry.read_by))
        if only is not None:
            excused &= entry.missing == only
        if entry.measured and excused.any():
            self._count(entry, Count.DELIVERIES_EXCUSED, entry.missing[excused])
            who = set(entry.missing[excused].tolist())
            if entry.read_by is not None:
                self.tally.counts[Count.DELIVERIES_RECOVERED] += len(who & entry.read_by)
                who -= entry.read_by
            if who:
                self._debts.excused(entry, who)
        entry.excused = np.concatenate((entry.excused, entry.missing[excused]))
        entry.missing = entry.missing[~excused]

    def _count_extra(self, user: int, stamp: Stamp, at_ns: int, *, copies: int) -> None:
        """Arrivals that nobody waited for: brought by history, duplicates, or read by someone it was not for."""
        if not self.is_measured(stamp.due_ns):
            return
        debt = self._debts.of((stamp.sender, stamp.sequence))
        if debt is not None and user in debt.excused:
            debt.excused.discard(user)
            self.tally.counts[Count.DELIVERIES_RECOVERED] += 1
            copies -= 1
        elif debt is not None and debt.came_live(user, at_ns) and not self._rules.reads_at_will:
            self._count_duplicate(debt, user)
        standing = self._sure_standing(user, stamp)
        if standing is Standing.MAY:
            # Sent while it was away, and it was back before the server came to it: it has not missed it after all.
            self.absences.count_read(user, (stamp.sender, stamp.sequence), stamp.sent_ns, self.tally.of_incident)
        if standing is Standing.MAY or not copies:
            return
        must = standing is Standing.MUST
        name = Count.DELIVERIES_DUPLICATED if must else Count.DELIVERIES_UNEXPECTED
        self._count_extras_of(stamp, name, user, copies)
        self._witness.one_too_many(Fault.DUPLICATED if must else Fault.UNEXPECTED, stamp, user)

    def _count_duplicate(self, debt: Debt, user: int) -> None:
        """The history and a live frame have brought the same to somebody who was back."""
        self._count_extras_of(debt.stamp, Count.DELIVERIES_DUPLICATED, user, 1)
        self._witness.one_too_many(Fault.DUPLICATED, debt.stamp, user)

    def _sure_standing(self, user: int, stamp: Stamp) -> Standing:
        """The same where the sender's clock is another one: where that makes a difference, it may get the message."""
        clock = self._clock_of(stamp.sender)
        if clock is None:
            return self._standing(user, stamp)
        early, late = (self._standing(user, each) for each in clock.extremes(stamp))
        return early if early is late else Standing.MAY

    def _standing(self, user: int, stamp: Stamp) -> Standing:
        is_sender = user == stamp.sender
        if stamp.receiver is not None:
            if user == stamp.receiver or (is_sender and self._rules.direct_echo):
                return self.members.standing(user, self._rules.rooms.room_of(user), stamp.sent_ns)
            return Standing.MUST_NOT
        if self._rules.reach is Reach.SELF:
            return Standing.MUST if is_sender else Standing.MUST_NOT
        if is_sender and not self._rules.echo:
            return Standing.MUST_NOT
        return self.members.standing(user, self._room_of(stamp), stamp.sent_ns)


def _records_in(texts: bytes, width: int) -> list[bytes]:
    return [texts[at : at + width] for at in range(0, len(texts), width)]
