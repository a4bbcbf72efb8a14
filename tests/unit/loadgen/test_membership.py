"""Who must get a message, and who may: beside a naive model that remembers every stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.measure.membership import Membership, Standing
from loadgen.plan.plan import WHOLE, Share
from loadgen.plan.rooms import Rooms

USERS, ROOMS = 5, 2
Deed = Callable[[Membership, int, int], None]
"""(membership, user, now_ns)"""


@dataclass
class Stay:
    """One stay in a room; what has not happened yet is None."""

    asked_ns: int
    joined_ns: int | None = None
    leaving_ns: int | None = None
    out_ns: int | None = None

    def holds(self, at_ns: int) -> bool:
        """Whether the user was in the room for certain."""
        began = self.joined_ns is not None and self.joined_ns <= at_ns
        return began and (self.leaving_ns is None or at_ns < self.leaving_ns)


@dataclass
class Naive:
    """The stays of each user, as one would write them down."""

    stays: dict[int, list[Stay]] = field(default_factory=lambda: {user: [] for user in range(USERS)})

    def can(self, user: int, deed: Deed) -> bool:
        """Whether it makes sense now."""
        present = self.stays[user][-1] if self.stays[user] else None
        is_there = present is not None and present.out_ns is None
        if deed is Membership.joining:
            return not is_there
        if deed is Membership.joined:
            return is_there and present is not None and present.joined_ns is present.leaving_ns is None
        return is_there

    def do(self, user: int, deed: Deed, now_ns: int) -> None:
        """Write it down."""
        if deed is Membership.joining:
            self.stays[user].append(Stay(now_ns))
            return
        present = self.stays[user][-1]
        if deed is Membership.joined:
            present.joined_ns = now_ns
            return
        if present.leaving_ns is None:
            present.leaving_ns = now_ns
        if deed is Membership.left:
            present.out_ns = now_ns

    def must_get(self, user: int, sent_ns: int) -> bool:
        """Whether it was in the room when the message was sent, in its present stay or the last one before."""
        before = [stay for stay in self.stays[user][:-1] if stay.joined_ns is not None]
        return any(stay.holds(sent_ns) for stay in [*before[-1:], *self.stays[user][-1:]])

    def standing(self, user: int, room: int, sent_ns: int) -> Standing:
        """What the membership should say."""
        if user % ROOMS != room or not self.stays[user]:
            return Standing.MUST_NOT
        if self.must_get(user, sent_ns):
            return Standing.MUST
        out_ns = self.stays[user][-1].out_ns
        return Standing.MAY if out_ns is None or sent_ns < out_ns else Standing.MUST_NOT


# A time that passes, a user, and what it does where it can.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, USERS - 1),
        st.sampled_from([Membership.joining, Membership.joined, Membership.leaving, Membership.left]),
    ),
    max_size=40,
)


def live(several: list[Membership], steps: list[tuple[int, int, Deed]]) -> tuple[Naive, int]:
    """Have it all happen, to each process what is its own; the naive model, and the time at the end."""
    naive, now_ns = Naive(), 0
    for passed_ns, user, deed in steps:
        now_ns += passed_ns
        members = several[user % len(several)]
        if naive.can(user, deed):
            naive.do(user, deed, now_ns)
            deed(members, user, now_ns)
        # Asked all the time, since what is asked is remembered.
        members.audience(user % ROOMS, now_ns)
    return naive, now_ns


@settings(max_examples=300)
@given(STEPS)
def test_it_agrees_with_a_model_that_remembers_every_stay(steps: list[tuple[int, int, Deed]]) -> None:
    """For a message sent at any instant so far, whoever asks and whenever."""
    members = Membership(USERS, Rooms.alike(ROOMS), WHOLE)
    naive, now_ns = live([members], steps)

    for sent_ns in range(now_ns + 2):
        for room in range(ROOMS):
            users = [user for user in range(room, USERS, ROOMS) if naive.must_get(user, sent_ns)]
            assert members.audience(room, sent_ns).tolist() == users
            for user in range(USERS):
                assert members.standing(user, room, sent_ns) is naive.standing(user, room, sent_ns)


@settings(max_examples=100)
@given(STEPS, st.integers(2, 4))
def test_the_audiences_of_all_processes_are_that_of_one(steps: list[tuple[int, int, Deed]], process_count: int) -> None:
    """Each knows its own users: nobody is missing, and nobody is there twice."""
    whole = Membership(USERS, Rooms.alike(ROOMS), WHOLE)
    parts = [Membership(USERS, Rooms.alike(ROOMS), Share(index, process_count)) for index in range(process_count)]
    live([whole], steps)
    _, now_ns = live(parts, steps)

    for sent_ns in range(now_ns + 2):
        for room in range(ROOMS):
            ours = [user for part in parts for user in part.audience(room, sent_ns).tolist()]
            assert sorted(ours) == whole.audience(room, sent_ns).tolist()


def a_member(*, joined_ns: int = 10) -> Membership:
    """User 0 of room 0, who asked 5 ns before its join was confirmed."""
    members = Membership(USERS, Rooms.alike(ROOMS), WHOLE)
    members.joining(0, joined_ns - 5)
    members.joined(0, joined_ns)
    return members


@pytest.mark.parametrize(
    ("sent_ns", "standing"),
    [
        (4, Standing.MAY),  # the server may have a history
        (7, Standing.MAY),
        (10, Standing.MUST),
        (19, Standing.MUST),
        (20, Standing.MAY),
        (29, Standing.MAY),
        (30, Standing.MUST_NOT),
    ],
)
def test_who_joins_and_leaves_must_get_it_in_between_and_may_at_the_edges(sent_ns: int, standing: Standing) -> None:
    """While the server has been asked and has not answered, either is right."""
    members = a_member()
    members.leaving(0, 20)
    members.left(0, 30)

    assert members.standing(0, 0, sent_ns) is standing
    assert members.standing(0, 1, sent_ns) is Standing.MUST_NOT


def test_who_has_never_asked_must_not_get_anything() -> None:
    """It has no business in the room."""
    assert Membership(USERS, Rooms.alike(ROOMS), WHOLE).standing(0, 0, 100) is Standing.MUST_NOT


def test_a_message_that_is_heard_of_late_is_judged_by_the_stay_it_was_sent_in() -> None:
    """A user has been away and has come back meanwhile."""
    members = a_member()
    members.left(0, 20)
    members.joining(0, 40)
    members.joined(0, 45)

    assert members.audience(0, 15).tolist() == [0]
    assert members.audience(0, 30).tolist() == []
    assert members.audience(0, 50).tolist() == [0]
    users, sent_ns = np.array([0, 0]), np.array([15, 50])
    assert members.left_ns(users, sent_ns).tolist() == [20, np.iinfo(np.int64).max]
    assert members.came_back_ns(users, sent_ns).tolist() == [40, np.iinfo(np.int64).max]


def test_a_second_leave_does_not_move_the_first() -> None:
    """A socket that dies after its user has left was left long before."""
    members = a_member()
    members.leaving(0, 20)
    members.left(0, 30)
    members.left(0, 40)

    assert members.left_ns(np.array([0]), 15).tolist() == [20]
    assert members.standing(0, 0, 35) is Standing.MUST_NOT
    assert members.last_departure_ns == 20
