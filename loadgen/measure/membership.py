"""Who is in a room at an instant: whom a message must reach, and whom it may reach.

A user with several rooms comes into all of them, and leaves them, together: it is there when it is in the last.

A user *must* get what is sent while its join is confirmed and it has not left, by itself or with its socket. While a
join or leave is under way, and after coming back, it *may* get a message: such a delivery is neither lost nor
unexpected.

A message of another process may be heard of a fraction of a second after it was sent. So of each user the stay before
the present one is known, too; who has come and gone twice in that time may get the message.
"""

from __future__ import annotations

from enum import Enum, auto

import numpy as np
import numpy.typing as npt

from loadgen.plan.plan import Share
from loadgen.plan.rooms import Rooms

Int64s = npt.NDArray[np.int64]

_NEVER_NS = np.iinfo(np.int64).max


class Standing(Enum):
    """Whether a user gets a message."""

    MUST = auto()
    MAY = auto()
    MUST_NOT = auto()


class Membership:
    """The comings and goings of the users of one process. Times are monotonic ns and never fall."""

    def __init__(self, user_count: int, rooms: Rooms, share: Share) -> None:
        """``user_count`` is that of the whole plan; the users of ``share`` are ours."""
        self._rooms = rooms
        self._share = share
        self._members = rooms.members(user_count)
        self._asked_ns = _nevers(user_count)
        self._joined_ns = _nevers(user_count)
        self._left_ns = _nevers(user_count)
        self._out_ns = _nevers(user_count)
        # The stay before:
        self._joined_before_ns = _nevers(user_count)
        self._left_before_ns = _nevers(user_count)
        self._users_of: dict[int, Int64s] = {}  # ours, of a room, rising
        self._audiences: dict[int, Int64s] = {}  # of rooms that have not changed since
        self._changed_ns: dict[int, int] = {}
        self.last_departure_ns = -1
        """When somebody left last, or lost its socket."""

    def joining(self, user: int, now_ns: int) -> None:
        """The user has asked to join: from here on it may get the room's messages."""
        if self._joined_ns[user] != _NEVER_NS:
            self._joined_before_ns[user], self._left_before_ns[user] = self._joined_ns[user], self._left_ns[user]
        self._joined_ns[user] = self._left_ns[user] = self._out_ns[user] = _NEVER_NS
        self._asked_ns[user] = now_ns

    def joined(self, user: int, now_ns: int) -> None:
        """The join is confirmed: messages sent from now on must reach the user."""
        self._joined_ns[user] = now_ns
        self._change(user, now_ns)

    def leaving(self, user: int, now_ns: int) -> None:
        """The user has asked to leave: messages sent from now on may reach it, but need not."""
        if self._left_ns[user] == _NEVER_NS:
            self._left_ns[user] = now_ns
            self.last_departure_ns = now_ns
            self._change(user, now_ns)

    def left(self, user: int, now_ns: int) -> None:
        """The leave is confirmed, or the socket is gone: messages sent from now on must not reach the user."""
        self.leaving(user, now_ns)
        self._out_ns[user] = min(int(self._out_ns[user]), now_ns)

    def audience(self, room: int, sent_ns: int) -> Int64s:
        """Our users, rising, whom a message sent to the room at ``sent_ns`` must reach. Not to be written to."""
        unchanged = sent_ns >= self._changed_ns.get(room, 0)
        audience = self._audiences.get(room) if unchanged else None
        if audience is None:
            users = self.of_room(room)
            audience = users[self._in_present_stay(users, sent_ns) | self._in_stay_before(users, sent_ns)]
            if unchanged:
                self._audiences[room] = audience
        return audience

    def left_ns(self, users: Int64s, sent_ns: int | Int64s) -> Int64s:
        """When the stay ended in which each of some receivers of a message sent at ``sent_ns`` was."""
        ends: Int64s = np.where(self._in_stay_before(users, sent_ns), self._left_before_ns[users], self._left_ns[users])
        return ends

    def came_back_ns(self, users: Int64s, sent_ns: int | Int64s) -> Int64s:
        """When each of some receivers began its present stay, where it was in an earlier one at ``sent_ns``.

        The arrays go together: who, and when what was for him was sent. The end of time for those who have not been
        away since.
        """
        came_back: Int64s = np.where(self._in_stay_before(users, sent_ns), self._asked_ns[users], _NEVER_NS)
        return came_back

    def back_ns(self, user: int) -> int | None:
        """When one of our users asked for the rooms that it is in now; None where it is in none."""
        is_there = self._joined_ns[user] != _NEVER_NS and self._left_ns[user] == _NEVER_NS
        return int(self._asked_ns[user]) if is_there else None

    def left_long_ago_ns(self, user: int) -> int | None:
        """When the stay before the latest one ended, which is forgotten at the next join; None where there is none."""
        left_ns = int(self._left_before_ns[user])
        return None if left_ns == _NEVER_NS else left_ns

    def standing(self, user: int, room: int, sent_ns: int) -> Standing:
        """Whether one of our users gets what was sent to a room at ``sent_ns``."""
        if room not in self._rooms.rooms_of(user):
            return Standing.MUST_NOT
        one = np.array([user])
        if self._in_present_stay(one, sent_ns)[0] or self._in_stay_before(one, sent_ns)[0]:
            return Standing.MUST
        away = self._asked_ns[user] == _NEVER_NS or sent_ns >= self._out_ns[user]
        return Standing.MUST_NOT if away else Standing.MAY

    def _change(self, user: int, now_ns: int) -> None:
        for room in self._rooms.rooms_of(user):
            self._audiences.pop(room, None)
            self._changed_ns[room] = now_ns

    def of_room(self, room: int) -> Int64s:
        """Our users, rising, whose room it is, there or not. Not to be written to."""
        users = self._users_of.get(room)
        if users is None:
            members = self._members.of(room)
            users = self._users_of[room] = members[members % self._share.count == self._share.index]
        return users

    def _in_present_stay(self, users: Int64s, sent_ns: int | Int64s) -> npt.NDArray[np.bool_]:
        within: npt.NDArray[np.bool_] = (self._joined_ns[users] <= sent_ns) & (sent_ns < self._left_ns[users])
        return within

    def _in_stay_before(self, users: Int64s, sent_ns: int | Int64s) -> npt.NDArray[np.bool_]:
        within: npt.NDArray[np.bool_] = (self._joined_before_ns[users] <= sent_ns) & (
            sent_ns < self._left_before_ns[users]
        )
        return within


def _nevers(count: int) -> Int64s:
    return np.full(count, _NEVER_NS, np.int64)
