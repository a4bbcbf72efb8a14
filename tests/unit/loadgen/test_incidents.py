"""What goes wrong by plan: whom it hits and how long they stay away are functions of the seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.incidents import (
    CONSTANT_NS,
    FIRST_BOUND_NS,
    LAST_BOUND_NS,
    LEAST_RETRY_NS,
    Backoff,
    Incident,
    IncidentKind,
)
from loadgen.plan.pacing import NS_PER_S

USERS = st.integers(0, 1_000_000)
ATTEMPTS = st.integers(0, 200)
SEEDS = st.integers(0, 2**63 - 1)
SHARES = st.floats(0.0, 1.0, exclude_min=True)
STORMS = st.builds(
    Incident,
    st.just(IncidentKind.RECONNECT_STORM),
    st.just(NS_PER_S),
    SHARES,
    st.just(0),
    st.sampled_from(Backoff),
)

# Five standard deviations of a share of so many users: for these seeds, no accident.
USER_COUNT = 4_000
DEVIATIONS = 5


def a_storm(share: float = 0.5, backoff: Backoff = Backoff.EXPONENTIAL_JITTER) -> Incident:
    """A storm of no importance."""
    return Incident(IncidentKind.RECONNECT_STORM, NS_PER_S, share, backoff=backoff)


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("seed", [1, 2, 2**63 - 1])
def test_a_storm_hits_its_share(share: float, seed: int) -> None:
    """As closely as chance allows."""
    hit_count = sum(a_storm(share).hits(user, seed) for user in range(USER_COUNT))

    assert abs(hit_count - share * USER_COUNT) <= DEVIATIONS * (share * (1 - share) * USER_COUNT) ** 0.5


@given(USERS, SEEDS)
def test_a_storm_of_everybody_spares_nobody(user: int, seed: int) -> None:
    """A share of 1 is all."""
    assert a_storm(1.0).hits(user, seed)


@given(STORMS, USERS, ATTEMPTS, SEEDS)
def test_whom_it_hits_and_how_long_depends_on_the_seed_alone(
    storm: Incident, user: int, attempt: int, seed: int
) -> None:
    """So every process knows without asking the others, in whatever order it asks."""
    first = storm.hits(user, seed), storm.wait_ns(user, attempt, seed)
    storm.wait_ns(user + 1, attempt, seed)

    assert (storm.hits(user, seed), storm.wait_ns(user, attempt, seed)) == first


@given(USERS, SEEDS, SHARES, SHARES)
def test_a_larger_storm_hits_whom_a_smaller_one_hits(user: int, seed: int, one: float, other: float) -> None:
    """Two runs with two shares differ in as few users as they can."""
    assert a_storm(min(one, other)).hits(user, seed) <= a_storm(max(one, other)).hits(user, seed)


@given(USERS, ATTEMPTS, SEEDS)
def test_jitter_lies_below_a_bound_that_doubles(user: int, attempt: int, seed: int) -> None:
    """Up to 30 s; never so soon that a refused user tries without a pause."""
    wait_ns = a_storm().wait_ns(user, attempt, seed)

    assert (LEAST_RETRY_NS if attempt else 0) <= wait_ns <= min(LAST_BOUND_NS, FIRST_BOUND_NS * 2**attempt)


@pytest.mark.parametrize("attempt", [0, 1, 3, 20])
def test_jitter_fills_the_time_below_its_bound(attempt: int) -> None:
    """Evenly: otherwise everybody would be back at once."""
    bound_ns = min(LAST_BOUND_NS, FIRST_BOUND_NS * 2**attempt)
    waits = [a_storm().wait_ns(user, attempt, seed=1) for user in range(USER_COUNT)]

    quarters = [sum(i <= 4 * wait_ns / bound_ns < i + 1 for wait_ns in waits) for i in range(4)]

    deviation = (0.25 * 0.75 * USER_COUNT) ** 0.5
    assert all(abs(count - USER_COUNT / 4) <= DEVIATIONS * deviation for count in quarters)


def test_how_long_a_user_waits_says_nothing_of_whether_it_is_hit() -> None:
    """Those who are hit are a fair sample: they wait as long as all would, half the bound on average."""
    storm = a_storm(0.1)
    waits = [storm.wait_ns(user, 0, seed=1) for user in range(USER_COUNT) if storm.hits(user, seed=1)]

    assert sum(waits) / len(waits) == pytest.approx(FIRST_BOUND_NS / 2, rel=0.15)


@given(USERS, ATTEMPTS, SEEDS)
def test_without_jitter_all_wait_as_long(user: int, attempt: int, seed: int) -> None:
    """A constant wait is constant; none is none, but for what a refused user must wait."""
    assert a_storm(backoff=Backoff.CONSTANT).wait_ns(user, attempt, seed) == CONSTANT_NS
    assert a_storm(backoff=Backoff.NONE).wait_ns(user, attempt, seed) == (LEAST_RETRY_NS if attempt else 0)


@given(USERS, SEEDS, st.integers(0, 10**12))
def test_those_whom_it_hits_are_spread_over_its_window(user: int, seed: int, within_ns: int) -> None:
    """None outside it; without one, all at once."""
    herd = Incident(IncidentKind.HERD_JOIN, NS_PER_S, within_ns=within_ns)

    assert 0 <= herd.after_ns(user, seed) <= within_ns


def test_they_are_spread_evenly_and_whenever_they_are_hit() -> None:
    """Who is hit late is no other kind of user than who is hit early: half of either waits long."""
    herd = Incident(IncidentKind.HERD_JOIN, 0, within_ns=1_000, backoff=Backoff.EXPONENTIAL_JITTER)
    early = [user for user in range(USER_COUNT) if herd.after_ns(user, seed=1) < 500]

    assert len(early) == pytest.approx(USER_COUNT / 2, rel=0.1)
    waits_long = sum(herd.wait_ns(user, 0, seed=1) > FIRST_BOUND_NS / 2 for user in early)
    assert waits_long == pytest.approx(len(early) / 2, rel=0.1)


@given(st.integers(1, 1_000_000), SEEDS)
def test_an_announcement_is_made_by_one_of_the_users(user_count: int, seed: int) -> None:
    """Whoever that is, every process knows."""
    assert 0 <= Incident(IncidentKind.ANNOUNCEMENT, 0).author(user_count, seed) < user_count
