"""Who must get a message, who may, and who must not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loadgen.dialects.script import Reach
from loadgen.measure.clocks import Clock
from loadgen.measure.entry import NOBODY
from loadgen.measure.marker import Stamp
from loadgen.measure.membership import Membership, Standing
from loadgen.measure.rules import Rules

Int64s = npt.NDArray[np.int64]


class Audience:
    """Of the messages of all processes, among the users of one.

    Where a message was stamped by another host's clock, it is not known better than within that clock's error who was
    there when it was sent: then must and must not are said of those alone of whom they hold throughout.
    """

    def __init__(self, rules: Rules, members: Membership) -> None:
        self._rules = rules
        self._members = members
        self._room_of = rules.rooms.room_of
        # Almost always: whoever is in the room gets it, and all go by one clock.
        self._is_the_room = rules.reach is Reach.ROOM and rules.echo and not rules.other_clocks

    def of(self, stamp: Stamp) -> Int64s:
        """Who must get a message: our users, rising. Not to be written to."""
        if self._is_the_room and stamp.receiver is None:
            return self._members.audience(self._room_of(stamp.sender, stamp.layer), stamp.sent_ns)
        clock = self._rules.clock_of(stamp.sender)
        return self._of(stamp) if clock is None else self._sure(stamp, clock)

    def standing(self, user: int, stamp: Stamp) -> Standing:
        """Whether one of our users gets a message."""
        clock = self._rules.clock_of(stamp.sender)
        if clock is None:
            return self._standing(user, stamp)
        early, late = (self._standing(user, each) for each in clock.extremes(stamp))
        return early if early is late else Standing.MAY

    def _sure(self, stamp: Stamp, clock: Clock) -> Int64s:
        early, late = (self._of(each) for each in clock.extremes(stamp))
        return early if early is late else np.intersect1d(early, late, assume_unique=True)

    def _of(self, stamp: Stamp) -> Int64s:
        rules = self._rules
        if stamp.receiver is not None:
            return self._of_direct(stamp, stamp.receiver)
        if rules.reach is Reach.SELF:
            return np.array([stamp.sender], dtype=np.int64) if rules.is_ours(stamp.sender) else NOBODY
        audience = self._members.audience(rules.room_of(stamp), stamp.sent_ns)
        return audience if rules.echo else audience[audience != stamp.sender]

    def _of_direct(self, stamp: Stamp, receiver: int) -> Int64s:
        # Whether the sender gets it, too, its standing says.
        ours = [user for user in sorted({receiver, stamp.sender}) if self._rules.is_ours(user)]
        there = [user for user in ours if self._standing(user, stamp) is Standing.MUST]
        return np.array(there, dtype=np.int64)

    def _standing(self, user: int, stamp: Stamp) -> Standing:
        rules, is_sender = self._rules, user == stamp.sender
        if stamp.receiver is not None:
            if user == stamp.receiver or (is_sender and rules.direct_echo):
                return self._members.standing(user, rules.rooms.room_of(user), stamp.sent_ns)
            return Standing.MUST_NOT
        if rules.reach is Reach.SELF:
            return Standing.MUST if is_sender else Standing.MUST_NOT
        if is_sender and not rules.echo:
            return Standing.MUST_NOT
        return self._members.standing(user, rules.room_of(stamp), stamp.sent_ns)
