"""Who writes and who only reads: settled by the seed, user by user."""

from __future__ import annotations

from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.rooms import Rooms
from loadgen.plan.senders import ActiveUsers, Senders

SEEDS = st.integers(0, 2**63 - 1)
SHARES = st.floats(0.001, 1.0)
USERS = st.integers(1, 3_000)


@given(SHARES, USERS, SEEDS, st.lists(st.integers(0, 10_000), max_size=20))
def test_the_sender_depends_on_the_number_alone(share: float, users: int, seed: int, asked: list[int]) -> None:
    """So every process knows who sends what without asking the others; and only active users do."""
    active = ActiveUsers(seed, share, users)
    senders = Senders(seed, active)
    answers = [senders.sender_of(n, users) for n in asked]

    assert answers == [Senders(seed, ActiveUsers(seed, share, users)).sender_of(n, users) for n in asked]
    assert all(sender is not None and 0 <= sender < users and sender in active for sender in answers)


@given(SHARES, USERS, USERS, SEEDS, st.integers(0, 5_000))
def test_of_some_of_the_users_an_active_one_writes_or_nobody(
    share: float, users: int, there: int, seed: int, n: int
) -> None:
    """Nobody where none of those who are there is active."""
    there = min(users, there)
    active = ActiveUsers(seed, share, users)
    choice = [user for user in range(there) if user in active]
    sender = Senders(seed, active).sender_of(n, there)

    assert active.count_of(there) == len(choice)
    assert active.first(there).tolist() == choice
    assert sender in choice if choice else sender is None


def test_every_active_user_gets_to_write() -> None:
    """Each as likely as the next, whether all are active or some."""
    for share, users in ((1.0, 10), (0.1, 100)):
        active = ActiveUsers(3, share, users)
        senders = Senders(3, active)
        counts = dict.fromkeys(active.first(users).tolist(), 0)
        for n in range(1_000 * len(counts)):
            sender = senders.sender_of(n, users)
            assert sender is not None
            counts[sender] += 1

        assert min(counts.values()) > 850
        assert max(counts.values()) < 1_150


@given(USERS, USERS, SEEDS, st.floats(0.05, 1.0))
def test_whether_a_user_is_active_does_not_depend_on_how_many_there_are(
    users: int, more: int, seed: int, share: float
) -> None:
    """More users change nothing for those who were there, but where nobody would have been active at all."""
    few, many = ActiveUsers(seed, share, users), ActiveUsers(seed, share, users + more)

    if many.count_of(users):
        assert few.first(users).tolist() == many.first(users).tolist()
    assert few.count_of(users) >= 1


@pytest.mark.parametrize("room_count", [10, 100, 7])
def test_every_room_has_its_share_of_active_users(room_count: int) -> None:
    """Rooms are dealt in turn; were every tenth user active, they would all be in one room of ten."""
    users, share = 100_000, 0.1
    rooms, active = Rooms.alike(room_count), ActiveUsers(1, share, users)
    counts = [0] * room_count
    for user in active.first(users).tolist():
        counts[rooms.room_of(user)] += 1

    expected = share * users / room_count
    assert all(abs(count - expected) < 5 * isqrt(round(expected)) for count in counts)


def test_a_share_of_one_is_everybody() -> None:
    """And nothing is drawn for it."""
    active = ActiveUsers(1, 1.0, 5)

    assert active.users is None
    assert active.first(5).tolist() == [0, 1, 2, 3, 4]
    assert active.count_of(5) == 5
    assert 4 in active


def test_one_user_is_active_at_least() -> None:
    """A share of a thousandth of ten users would be nobody, and a run without messages."""
    for seed in range(20):
        assert ActiveUsers(seed, 0.001, 10).count_of(10) >= 1
