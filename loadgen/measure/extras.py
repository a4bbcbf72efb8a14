"""Arrivals that nobody waited for: brought by history, duplicates, or read by someone they were not for."""

from __future__ import annotations

from loadgen.measure.accounts import Accounts
from loadgen.measure.audience import Audience
from loadgen.measure.catching_up import CatchingUp
from loadgen.measure.examples import Fault
from loadgen.measure.first_arrivals import Extra
from loadgen.measure.marker import Stamp
from loadgen.measure.membership import Standing


class Extras:
    """Says what such an arrival is, and counts it."""

    def __init__(self, audience: Audience, catching_up: CatchingUp, accounts: Accounts) -> None:
        self._audience = audience
        self._catching_up = catching_up
        self._accounts = accounts

    def count(self, extra: Extra) -> None:
        """Copies of a message that there is, or has been."""
        user, stamp, at_ns, copies = extra
        if not self._accounts.is_measured(stamp.due_ns):
            return
        if self._catching_up.came_live(user, stamp, at_ns):
            copies -= 1
        standing = self._audience.standing(user, stamp)
        if standing is Standing.MAY:
            # Sent while it was away, and it was back before the server came to it: it has not missed it after all.
            self._catching_up.note_read(user, stamp)
        elif copies:
            must = standing is Standing.MUST
            self._accounts.one_too_many(Fault.DUPLICATED if must else Fault.UNEXPECTED, stamp, user, copies)

    def count_forged(self, user: int, stamp: Stamp) -> None:
        """A message that nobody has sent: whoever got it read what was not for him."""
        self._accounts.one_too_many(Fault.UNEXPECTED, stamp, user)
