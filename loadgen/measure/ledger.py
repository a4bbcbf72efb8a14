"""The books: every delivery that was expected, and what became of it.

A message is opened when it is sent, with the receivers who must get it. Arrivals are noted as (time, receiver) on
the hot path. Every now and then :meth:`Ledger.settle` accounts for what is complete or past the deadline, all of it
in one go with numpy: times go into histograms, and of the message nothing is left but who still misses it. So memory
is bounded by what is under way and what is lost, not by the length of the run. When the drain ends,
:meth:`Ledger.close` calls what is missing lost.

A finished message needs no tombstone: its marker is sound and its sequence number is one its sender has used, so a
further copy is a duplicate.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np
import numpy.typing as npt

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.marker import Stamp
from loadgen.measure.order import Arrivals, Order
from loadgen.measure.tally import Count, Metric, Note, PerSecond, Tally
from loadgen.plan.pacing import NS_PER_S

Int64s = npt.NDArray[np.int64]
Receive = Callable[[int, bytes, int], bool]
"""(user, payload, now_ns) -> whether it was a message of this run."""

_NEVER_NS = np.iinfo(np.int64).max
_NOBODY: Int64s = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the ledger holds a server to."""

    user_count: int
    reach: Reach
    echo: bool
    """Whether the sender gets a message of its own (where it reaches the room)."""
    deadline_ns: int
    """A delivery later than this after it was sent is late."""


@dataclass(slots=True, eq=False)
class Entry:
    """One message that is not finished."""

    marker: bytes
    stamp: Stamp
    measured: bool
    """Whether it was due in the measured window."""
    audience: Int64s
    """Who must get it: users, rising."""
    missing: Int64s
    """Who had not got it when it was last settled: users, rising."""
    log: array[int] = field(default_factory=lambda: array("q"))
    """Arrivals since then, in order: time_ns, user, time_ns, user, ..."""
    complete_at: int = 0
    """The length of the log from which on it is worth a look."""
    complete: bool = False
    """Whether everybody in ``missing`` is in the log."""
    acked: bool = False
    overdue: bool = False

    @property
    def sender(self) -> int:
        return self.stamp.sender

    @property
    def sequence(self) -> int:
        return self.stamp.sequence

    def arrivals_so_far(self) -> Arrivals:
        """The first arrivals in the log."""
        times_ns, users = np.array(self.log, dtype=np.int64).reshape(-1, 2).T
        receivers, first = np.unique(users, return_index=True)
        return Arrivals(receivers, times_ns[first])

    def look(self) -> bool:
        """Find out whether it is complete, and if not, how long the log must be before it can be."""
        if len(self.log) < self.complete_at:
            return False
        users = np.array(self.log, dtype=np.int64)[1::2]
        has_it = np.zeros(max(int(users.max(initial=0)), int(self.missing.max(initial=0))) + 1, np.bool_)
        has_it[users] = True
        absent = int(np.count_nonzero(~has_it[self.missing]))
        self.complete_at = len(self.log) + 2 * absent
        self.complete = absent == 0
        return self.complete


class Ledger:
    """The books of one process. Times are monotonic ns; users and rooms are counted from 0."""

    def __init__(self, rules: Rules, prefix: bytes, tally: Tally) -> None:
        """``prefix`` is what the run's markers start with."""
        self.tally = tally
        self._rules = rules
        self._prefix = prefix
        self._entries: dict[bytes, Entry] = {}
        self._log_append: dict[bytes, Callable[[int], None]] = {}  # marker -> how to note an arrival
        self._order = Order()
        self._members: defaultdict[int, set[int]] = defaultdict(set)
        self._audiences: dict[int, Int64s] = {}  # of rooms that have not changed since
        self._room_of: dict[int, int] = {}
        self._joined_ns = np.full(rules.user_count, _NEVER_NS, np.int64)
        self._gone_ns = np.full(rules.user_count, _NEVER_NS, np.int64)
        self._sent_count: Counter[int] = Counter()
        self._window_ns = (_NEVER_NS, _NEVER_NS)
        self.receive: Receive = self._receive_path()
        """The receive path: called with user, payload and the time it was complete. False where the payload holds no
        marker of this run: then it is for the dialect."""

    def measure(self, start_ns: int, end_ns: int) -> None:
        """Messages due in [start_ns, end_ns) are measured; before this is said, none is."""
        self._window_ns = (start_ns, end_ns)

    def is_measured(self, due_ns: int) -> bool:
        """Whether a message due then counts."""
        return self._window_ns[0] <= due_ns < self._window_ns[1]

    # --- who is there ---------------------------------------------------------------------------------------

    def joining(self, user: int, room: int) -> None:
        """The user has asked to join: from here on it may get the room's messages, but need not."""
        self._room_of[user] = room

    def joined(self, user: int, room: int, now_ns: int) -> None:
        """The join is confirmed: messages sent from now on must reach the user."""
        self._room_of[user] = room
        self._joined_ns[user] = now_ns
        self._members[room].add(user)
        self._audiences.pop(room, None)

    def gone(self, user: int, now_ns: int) -> None:
        """The user's socket is gone: what it has not received by now is excused."""
        room = self._room_of.get(user)
        if room is not None and user in self._members[room]:
            self._members[room].discard(user)
            self._audiences.pop(room, None)
            self._gone_ns[user] = now_ns

    # --- what is sent and received --------------------------------------------------------------------------

    def next_sequence(self, sender: int) -> int:
        """The sequence number of the sender's next message."""
        return self._sent_count[sender]

    def sent(self, text: bytes, stamp: Stamp) -> None:
        """A message with the marker ``text`` was handed to the transport at ``stamp.sent_ns``."""
        audience = self._audience(stamp.sender)
        measured = self.is_measured(stamp.due_ns)
        entry = Entry(text, stamp, measured, audience, audience)
        entry.complete_at = 2 * len(audience)
        self._sent_count[stamp.sender] += 1
        self._entries[text] = entry
        self._log_append[text] = entry.log.append
        self._order.opened(entry)
        if measured:
            self.tally.counts[Count.DELIVERIES_EXPECTED] += len(audience)

    def acked(self, text: bytes) -> None:
        """The server says it has taken the message with the marker ``text``."""
        entry = self._entries.get(text)
        if entry is not None:
            entry.acked = True

    def _receive_path(self) -> Receive:
        prefix, width = self._prefix, marker.WIDTH
        log_append_of = self._log_append.get
        slow_path = self._receive_slowly

        # Hot: every delivery comes through here, 0.35 us. One function for all users, not a closure for each: what is
        # shared stays in the processor's cache (0.15 us of 4.3 us a delivery, 500 sockets).
        def receive(user: int, payload: bytes, now_ns: int) -> bool:
            at = payload.find(prefix)
            if at < 0:
                return False
            end = at + width
            append = log_append_of(payload[at:end])
            # The marker is the last thing in the text, so a second message in the frame is rarely even looked for.
            if append is None or (len(payload) - end >= width and payload.find(prefix, end) >= 0):
                return slow_path(user, payload, now_ns)
            append(now_ns)
            append(user)
            return True

        return receive

    def _receive_slowly(self, user: int, payload: bytes, now_ns: int) -> bool:
        """All markers of a frame that holds several, or one that is not open."""
        at = payload.find(self._prefix)
        while at >= 0:
            text = payload[at : at + marker.WIDTH]
            append = self._log_append.get(text)
            if append is not None:
                append(now_ns)
                append(user)
            else:
                self._receive_unknown(user, text)
            at = payload.find(self._prefix, at + marker.WIDTH)
        return True

    def _receive_unknown(self, user: int, text: bytes) -> None:
        stamp = marker.read(text)
        if stamp is None:
            self.tally.counts[Count.FRAMES_DAMAGED] += 1
        elif stamp.sequence >= self._sent_count.get(stamp.sender, 0):
            self.tally.counts[Count.DELIVERIES_UNEXPECTED] += 1
        else:
            self._count_extra(user, stamp, copies=1)

    # --- accounting -----------------------------------------------------------------------------------------

    def settle(self, now_ns: int) -> None:
        """Account for all messages that everybody has, or that are past the deadline."""
        oldest_ns = now_ns - self._rules.deadline_ns
        batch = []
        for entry in self._entries.values():
            if entry.overdue:
                if entry.log:
                    batch.append(entry)
            elif entry.stamp.sent_ns < oldest_ns or (len(entry.log) >= entry.complete_at and entry.look()):
                batch.append(entry)
        if batch:
            self._settle(batch, now_ns)

    def close(self, end_ns: int) -> None:
        """The drain has ended: account for everything; what is missing is lost, or excused."""
        if self._entries:
            self._settle(list(self._entries.values()), end_ns)
        for entry in self._entries.values():
            if entry.measured:
                self.tally.counts[Count.DELIVERIES_LOST] += len(entry.missing)
        self._entries.clear()
        self._log_append.clear()

    @property
    def under_way(self) -> int:
        """How many messages are not finished."""
        return len(self._entries)

    def _settle(self, batch: Sequence[Entry], now_ns: int) -> None:
        arrivals = self._sort_out(batch)
        reordered = self._order.overtaken(arrivals)
        for entry, count in reordered.items():
            if entry.measured:
                self.tally.counts[Count.DELIVERIES_REORDERED] += count
        self._record(arrivals)
        for entry, new in arrivals.items():
            if len(new.receivers) == len(entry.missing):
                entry.missing = _NOBODY
            elif len(new.receivers):
                entry.missing = np.setdiff1d(entry.missing, new.receivers, assume_unique=True)
            if len(entry.missing):
                self._excuse(entry, now_ns)
            finished = not len(entry.missing)
            if finished:
                del self._entries[entry.marker], self._log_append[entry.marker]
            else:
                entry.overdue = True
            self._order.settled(entry, new, finished=finished)

    def _sort_out(self, batch: Sequence[Entry]) -> dict[Entry, Arrivals]:
        """The first arrival at each receiver that missed the message; everything else is counted on the spot."""
        arrivals = {}
        unclear = []
        for entry in batch:
            # Everybody has it, and there are as many arrivals as receivers: each has it once. Almost all end here.
            if entry.complete and len(entry.log) == 2 * len(entry.missing):
                times_ns, receivers = np.array(entry.log, dtype=np.int64).reshape(-1, 2).T
                arrivals[entry] = Arrivals(receivers, times_ns)
                del entry.log[:]
            else:
                unclear.append(entry)
        if unclear:
            arrivals |= self._sort_out_unclear(unclear)
        return arrivals

    def _sort_out_unclear(self, batch: Sequence[Entry]) -> dict[Entry, Arrivals]:
        """The same with one sort for the whole batch: a key is (place in the batch, user)."""
        users = self._rules.user_count
        logs = np.concatenate([np.array(entry.log, dtype=np.int64) for entry in batch]).reshape(-1, 2)
        place = np.repeat(np.arange(len(batch)), [len(entry.log) // 2 for entry in batch])
        for entry in batch:
            del entry.log[:]
            entry.complete_at = 0
        keys = place * users + logs[:, 1]
        order = np.argsort(keys, kind="stable")
        keys, times_ns = keys[order], logs[order, 0]

        expected = np.concatenate([entry.missing + i * users for i, entry in enumerate(batch)])
        wanted = np.ones(len(keys), np.bool_)
        wanted[1:] = keys[1:] != keys[:-1]
        if len(expected):
            at = np.minimum(np.searchsorted(expected, keys), len(expected) - 1)
            wanted &= expected[at] == keys
        else:
            wanted[:] = False

        for key, copies in zip(*np.unique(keys[~wanted], return_counts=True), strict=True):
            i, user = divmod(int(key), users)
            self._count_extra(user, batch[i].stamp, copies=int(copies))

        keys, times_ns = keys[wanted], times_ns[wanted]
        bounds = np.searchsorted(keys, np.arange(len(batch) + 1) * users)
        return {
            entry: Arrivals(keys[low:high] - i * users, times_ns[low:high])
            for i, (entry, low, high) in enumerate(zip(batch, bounds[:-1], bounds[1:], strict=True))
        }

    def _record(self, arrivals: dict[Entry, Arrivals]) -> None:
        """Times and counts of first arrivals."""
        sizes = [len(new.receivers) for new in arrivals.values()]
        times_ns = np.concatenate([new.times_ns for new in arrivals.values()])
        due_ns = np.repeat([entry.stamp.due_ns for entry in arrivals], sizes)
        service_ns = times_ns - np.repeat([entry.stamp.sent_ns for entry in arrivals], sizes)
        backwards = service_ns < 0
        if backwards.any():
            # One clock cannot do this. It is counted, doubted, and kept out of the times.
            self.tally.counts[Note.NEGATIVE_TIMES] += int(backwards.sum())
        delivery_ns = times_ns - due_ns
        measured = np.repeat([entry.measured for entry in arrivals], sizes).astype(np.bool_)
        timed = measured & ~backwards

        counts, metrics = self.tally.counts, self.tally.metrics
        counts[Count.DELIVERIES_RECEIVED] += int(measured.sum())
        counts[Count.DELIVERIES_LATE] += int((service_ns[measured] > self._rules.deadline_ns).sum())
        metrics[Metric.DELIVERY_TIME].record_many(delivery_ns[timed])
        metrics[Metric.DELIVERY_SERVICE_TIME].record_many(service_ns[timed])

        for second, at in self._by_second(times_ns):
            self.tally.seconds[second][PerSecond.DELIVERIES_RECEIVED] += int(np.count_nonzero(at))
        for second, at in self._by_second(due_ns):
            self.tally.of_second(Metric.DELIVERY_TIME, second).record_many(delivery_ns[at & ~backwards])

    def _by_second(self, times_ns: Int64s) -> list[tuple[int, npt.NDArray[np.bool_]]]:
        """Each second of the series that occurs, with a mask of the times in it."""
        seconds = (times_ns - self.tally.origin_ns) // NS_PER_S
        if not len(seconds):
            return []
        low, high = int(seconds.min()), int(seconds.max())
        if low == high:
            return [(low, np.ones(len(seconds), np.bool_))]
        return [(int(second), seconds == second) for second in np.unique(seconds)]

    def _excuse(self, entry: Entry, now_ns: int) -> None:
        """Strike out who misses the message because the socket was gone before it was late."""
        until_ns = min(entry.stamp.sent_ns + self._rules.deadline_ns, now_ns)
        excused = self._gone_ns[entry.missing] < until_ns
        if entry.measured:
            self.tally.counts[Count.DELIVERIES_EXCUSED] += int(excused.sum())
        entry.missing = entry.missing[~excused]

    def _count_extra(self, user: int, stamp: Stamp, *, copies: int) -> None:
        """Arrivals that nobody waited for: duplicates, or somebody read what was not for him."""
        if not self.is_measured(stamp.due_ns):
            return
        standing = self._standing(user, stamp)
        if standing is _Standing.MUST:
            self.tally.counts[Count.DELIVERIES_DUPLICATED] += copies
        elif standing is _Standing.MUST_NOT:
            self.tally.counts[Count.DELIVERIES_UNEXPECTED] += copies

    def _standing(self, user: int, stamp: Stamp) -> _Standing:
        is_sender = user == stamp.sender
        if self._rules.reach is Reach.SELF:
            return _Standing.MUST if is_sender else _Standing.MUST_NOT
        if is_sender and not self._rules.echo:
            return _Standing.MUST_NOT
        if self._room_of.get(user) != self._room_of.get(stamp.sender):
            return _Standing.MUST_NOT
        if self._joined_ns[user] > stamp.sent_ns:
            return _Standing.MAY
        return _Standing.MUST

    def _audience(self, sender: int) -> Int64s:
        if self._rules.reach is Reach.SELF:
            return np.array([sender], dtype=np.int64)
        room = self._room_of[sender]
        audience = self._audiences.get(room)
        if audience is None:
            audience = np.array(sorted(self._members[room]), dtype=np.int64)
            self._audiences[room] = audience
        return audience if self._rules.echo else audience[audience != sender]


class _Standing(Enum):
    """Whether a user gets a message."""

    MUST = auto()
    MAY = auto()  # the join was not confirmed when the message was sent
    MUST_NOT = auto()
