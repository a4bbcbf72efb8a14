"""Which messages there are: those that are not finished, and how many each sender has sent.

Of a message of another process one hears by its first delivery, whose marker says all there is to know, and by the
news of its process. What news have not told of is *hearsay* (:mod:`loadgen.measure.hearsay`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from loadgen.measure.accounts import Accounts
from loadgen.measure.audience import Audience
from loadgen.measure.entry import Entry
from loadgen.measure.hearsay import Bounds, Hearsay
from loadgen.measure.marker import Stamp
from loadgen.measure.order import Order
from loadgen.measure.receive_path import ReceivePath
from loadgen.measure.rules import Rules


@dataclass(slots=True)
class OpenMessages:
    """Of one process; memory is bounded by what is under way and what is lost. Times are monotonic ns.

    A finished message needs no tombstone: its marker is sound and its sequence number is one its sender has used, so a
    further copy is a duplicate.
    """

    rules: Rules
    audience: Audience
    accounts: Accounts
    order: Order
    path: ReceivePath
    by_marker: dict[bytes, Entry] = field(default_factory=dict)
    """Those that are not finished, in the order in which they were opened."""
    _sent_count: Counter[int] = field(default_factory=Counter)  # of each sender, as far as we know without gaps
    _hearsay: Hearsay = field(default_factory=Hearsay)
    _bounds: Bounds = field(init=False)
    _has_news: bool = field(init=False)

    def __post_init__(self) -> None:
        rules = self.rules
        self._bounds = Bounds(rules.user_count, self.accounts.tally.origin_ns, rules.has_direct)
        self._has_news = rules.crosses_processes

    def next_sequence(self, sender: int) -> int:
        """The sequence number of the sender's next message."""
        return self._sent_count[sender]

    def has_been(self, stamp: Stamp) -> bool:
        """Whether we know that it was sent: what is not open any more is finished, and a copy is one too many."""
        return stamp.sequence < self._sent_count[stamp.sender]

    def is_for_nobody_here(self, stamp: Stamp) -> bool:
        """Whether another process can have sent it, whose messages are for none of our users."""
        rules = self.rules
        return not (self._has_news or rules.is_ours(stamp.sender)) and stamp.sender < rules.user_count

    def may_be_news(self, stamp: Stamp, now_ns: int) -> bool:
        """Whether another process can have sent it, and has yet to tell of it."""
        rules = self.rules
        if not self._has_news or rules.is_ours(stamp.sender) or self._hearsay.is_full:
            return False
        clock = rules.clock_of(stamp.sender)
        return self._bounds.admit(stamp, now_ns, 0 if clock is None else clock.error_ns)

    def sent(self, text: bytes, stamp: Stamp) -> Entry:
        """One of our users has sent a message with the marker ``text``."""
        self._sent_count[stamp.sender] = stamp.sequence + 1
        return self._open(text, stamp)

    def heard_of(self, text: bytes, stamp: Stamp) -> Entry:
        """A message is here before the news of it."""
        entry = self._open(text, stamp, told=False)
        self._hearsay.add(entry)
        return entry

    def told(self, text: bytes, stamp: Stamp) -> tuple[Entry, list[Entry]]:
        """Its process tells of a message; and those that are thereby shown to be forged."""
        self._sent_count[stamp.sender] = stamp.sequence + 1
        entry, forged = self._hearsay.told(text, stamp)
        for each in forged:
            self.order.disowned(each)
        self.drop(forged)
        if entry is None:
            return self._open(text, stamp), forged
        entry.told = True
        for earlier, late in self.order.told(entry):
            self.accounts.overtaken(earlier, late)
        return entry, forged

    def drop(self, entries: Iterable[Entry]) -> None:
        """They are finished, or forged."""
        texts = [entry.marker for entry in entries]
        for text in texts:
            del self.by_marker[text]
        if texts:
            self.path.close(texts)

    def drop_untold(self) -> None:
        """A process that died, or has left, had no time to tell of them; or nobody has sent them."""
        self.drop(self._hearsay.rest())

    def _open(self, text: bytes, stamp: Stamp, *, told: bool = True) -> Entry:
        measured = self.accounts.is_measured(stamp.due_ns)
        timed = self.rules.clock_of(stamp.sender) is None
        entry = Entry(text, stamp, self.audience.of(stamp), measured=measured, timed=timed, told=told)
        if measured:
            entry.cell = self.accounts.cell_of(stamp)
        self.by_marker[text] = entry
        self.path.logs[text] = entry.log
        self.order.opened(entry)
        return entry
