"""Who was not there when a message came: excused, made good by the history, or owed it.

A receiver that left, or lost its socket, before a message was late is excused. Whoever comes back may read in the
history what it has missed; and where it asks for that, the server owes it all that it had acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from loadgen.dialects.script import Reach
from loadgen.measure.absences import Absences
from loadgen.measure.accounts import Accounts
from loadgen.measure.debts import Debt, Debts
from loadgen.measure.entry import Entry
from loadgen.measure.examples import Fault
from loadgen.measure.marker import Stamp
from loadgen.measure.membership import Membership
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count

Int64s = npt.NDArray[np.int64]


class CatchingUp:
    """Of the users of one process. Times are monotonic ns."""

    def __init__(self, rules: Rules, members: Membership, absences: Absences, accounts: Accounts) -> None:
        self._rules = rules
        self._members = members
        self._absences = absences
        self._accounts = accounts
        # What history may still bring to those whose socket was gone, and must where it was acknowledged.
        self._debts = Debts()
        self._looked_at_debts_ns = 0
        self._asked_nothing_ns: dict[int, int] = {}

    # --- what they miss -------------------------------------------------------------------------------------

    def expected(self, entry: Entry) -> None:
        """A message was sent: note who misses it, being away by an incident of the plan."""
        if not self._absences.has_been_any or self._rules.reach is not Reach.ROOM:
            return
        stamp = entry.stamp
        if stamp.receiver is None:
            members = self._members.of_room(self._rules.room_of(stamp))
        else:
            members = np.array([stamp.receiver] if self._rules.is_ours(stamp.receiver) else [], np.int64)
        self._absences.count_missed(members, stamp.sent_ns, self._accounts.tally.of_incident)
        if self._rules.catches_up and entry.measured and stamp.receiver is None:
            away = self._absences.away(members, stamp.sent_ns)
            if len(away):
                self._pay_ahead(entry, self._debts.missed(entry, away.tolist()))

    def acked(self, text: bytes) -> None:
        """The server has taken the message with the marker ``text``: now it owes it to who has missed it."""
        stamp = self._rules.read(text) if self._debts else None
        debt = None if stamp is None else self._debts.of((stamp.sender, stamp.sequence))
        if debt is not None:
            debt.acked = True

    def excuse(self, entry: Entry, now_ns: int, only: int | None = None) -> None:
        """Strike out who misses the message because it left, or its socket did, before the message was late.

        And who left later, and has read it in the history since. ``only``: no other user.
        """
        until_ns = min(entry.stamp.sent_ns + self._rules.deadline_ns, now_ns)
        excused = self._members.left_ns(entry.missing, entry.stamp.sent_ns) < until_ns
        if entry.read_by is not None:
            excused |= np.isin(entry.missing, list(entry.read_by))
        if only is not None:
            excused &= entry.missing == only
        if entry.measured and excused.any():
            self._accounts.count(entry, Count.DELIVERIES_EXCUSED, entry.missing[excused])
            who = set(entry.missing[excused].tolist())
            if entry.read_by is not None:
                self._accounts.tally.counts[Count.DELIVERIES_RECOVERED] += len(who & entry.read_by)
                who -= entry.read_by
            if who:
                self._debts.excused(entry, who)
        entry.missing = entry.missing[~excused]

    # --- what they get --------------------------------------------------------------------------------------

    def read(self, user: int, stamp: Stamp) -> int | None:
        """A user finds a message in the history; since when it is back, where that is what it had missed."""
        self.note_read(user, stamp)
        back_ns = self._members.back_ns(user)
        return back_ns if back_ns is not None and stamp.sent_ns < back_ns else None

    def recover(self, user: int, stamp: Stamp, entry: Entry | None, back_ns: int) -> None:
        """A user who has been back since ``back_ns`` reads now what was sent before; ``entry`` where it is open."""
        if entry is not None:
            if entry.read_by is None:
                entry.read_by = set()
            entry.read_by.add(user)
        debt = self._debts.of((stamp.sender, stamp.sequence))
        if debt is None or self._pay(debt, user):
            return
        if debt.read(user, back_ns) and not self._rules.reads_at_will:
            self._accounts.one_too_many(Fault.DUPLICATED, debt.stamp, user)

    def came_live(self, user: int, stamp: Stamp, at_ns: int) -> bool:
        """A copy that nobody waited for came to a user; whether it makes good what was excused."""
        debt = self._debts.of((stamp.sender, stamp.sequence))
        if debt is None:
            return False
        if self._pay(debt, user):
            return True
        if debt.came_live(user, at_ns) and not self._rules.reads_at_will:
            # The history and a live frame have brought the same to somebody who was back.
            self._accounts.one_too_many(Fault.DUPLICATED, debt.stamp, user)
        return False

    def note_read(self, user: int, stamp: Stamp) -> None:
        """It has not missed the message after all, if it was away when it was sent."""
        message = stamp.sender, stamp.sequence
        self._absences.count_read(user, message, stamp.sent_ns, self._accounts.tally.of_incident)

    def _pay(self, debt: Debt, user: int) -> bool:
        if user not in debt.excused:
            return False
        debt.excused.discard(user)
        self._accounts.tally.counts[Count.DELIVERIES_RECOVERED] += 1
        return True

    def _pay_ahead(self, entry: Entry, debt: Debt) -> None:
        """What history has brought before its process told of it is owed no more."""
        for user in entry.read_by or ():
            back_ns = self._members.back_ns(user)
            if back_ns is not None:
                debt.read(user, back_ns)

    # --- what they are owed ---------------------------------------------------------------------------------

    def asks_for_nothing(self, user: int, now_ns: int) -> None:
        """A user is back who does not know what to ask for: what it has missed so far, nobody owes it."""
        self._asked_nothing_ns[user] = now_ns

    def forget_paid(self, now_ns: int) -> None:
        """Forget what nobody misses any more; once in a deadline."""
        if now_ns - self._looked_at_debts_ns > self._rules.deadline_ns:
            self._looked_at_debts_ns = now_ns
            self._debts.forget_paid(now_ns - self._rules.deadline_ns)

    def forget(self) -> None:
        """Another window is measured: of the one before, nothing is owed."""
        self._debts.clear()

    def close(self) -> None:
        """What the server had acknowledged, and has not brought to those who are there again, is lost."""
        for debt in self._debts:
            if self._rules.catches_up and debt.acked:
                excused, away = self._owed(debt, debt.excused), self._owed(debt, debt.away)
                if len(excused) or len(away):
                    self._accounts.not_brought(debt, excused, away)

    def _owed(self, debt: Debt, users: Iterable[int]) -> Int64s:
        """Those who are there again, and have asked for it."""
        sent_ns = debt.stamp.sent_ns
        owed = [
            user
            for user in sorted(users)
            if (back_ns := self._members.back_ns(user)) is not None
            and sent_ns < back_ns
            and sent_ns >= self._asked_nothing_ns.get(user, 0)
        ]
        return np.array(owed, np.int64)
