"""How often somebody may do something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_app.throttle import Attempts, Bucket, LoginFailures, counted_as

S = 1_000_000_000


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    """Two a second: after half a second there is one more."""
    bucket = Bucket(per_s=2, burst=3)

    assert [bucket.take(10 * S) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(10 * S + S // 2) for _ in range(2)] == [True, False]
    assert [bucket.take(20 * S) for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.integers(0, 5 * S), max_size=200), st.floats(0.5, 50), st.integers(1, 20))
def test_no_span_of_time_gives_more_than_burst_and_rate(gaps_ns: list[int], per_s: float, burst: int) -> None:
    """Whatever the pace at which it is asked."""
    bucket, now_ns, taken_ns = Bucket(per_s, burst), 0, []
    for gap_ns in gaps_ns:
        now_ns += gap_ns
        if bucket.take(now_ns):
            taken_ns.append(now_ns)

    for first, first_ns in enumerate(taken_ns):
        for last, last_ns in enumerate(taken_ns[first:], start=first):
            assert last - first + 1 <= burst + (last_ns - first_ns) / S * per_s + 1e-3


def test_who_has_failed_too_often_waits_until_the_first_failure_is_old() -> None:
    """Whole seconds, for Retry-After; others are not held up."""
    attempts = Attempts(most=3, within_s=60, names=100)
    for at_s in (0, 10, 20):
        assert attempts.wait_s("ann", at_s * S) is None
        attempts.note("ann", at_s * S)

    assert attempts.wait_s("ann", 20 * S + 1) == 40
    assert attempts.wait_s("bob", 20 * S) is None
    assert attempts.wait_s("ann", 60 * S) is None


def test_with_no_limit_nobody_waits_and_nothing_is_remembered() -> None:
    """A load test of failing logins fills no memory."""
    attempts = Attempts(most=None, within_s=60, names=10)
    for _ in range(100):
        attempts.note("ann", 0)

    assert attempts.wait_s("ann", 0) is None


def test_more_failures_than_allowed_wait_for_the_latest_of_them() -> None:
    """They were under way when the limit was reached; the oldest no longer counts."""
    attempts = Attempts(most=2, within_s=60, names=10)
    for at_s in (0, 10, 20):
        attempts.note("ann", at_s * S)

    assert attempts.wait_s("ann", 20 * S) == 50


def test_what_is_remembered_is_bounded() -> None:
    """By the number of names; those tried last are known, and one that is tried all the time among them."""
    attempts = Attempts(most=1, within_s=60, names=10)
    for number in range(1_000):
        attempts.note("ann", number)
        attempts.note(f"user{number}", number)

    known = [number for number in range(1_000) if attempts.wait_s(f"user{number}", 1_000) is not None]
    assert known == list(range(991, 1_000))
    assert attempts.wait_s("ann", 1_000) is not None


def test_a_success_is_a_fresh_start() -> None:
    """Who mistyped twice and then got in may mistype again."""
    attempts = Attempts(most=1, within_s=60, names=10)
    attempts.note("ann", 0)

    attempts.forget("ann")

    assert attempts.wait_s("ann", 1) is None


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("/run/chat.sock", "/run/chat.sock"),
    ],
)
def test_an_ipv6_address_counts_with_its_neighbours(host: str, counted: str) -> None:
    """One customer has 2^64 of them; IPv4 within IPv6 is still many customers."""
    assert counted_as(host) == counted


def test_who_guesses_waits_for_the_name_and_for_the_address() -> None:
    """The longer of the two; a success lets the name go on at once, and the address not."""
    failures = LoginFailures(Attempts(most=1, within_s=60, names=9), Attempts(most=2, within_s=100, names=9))
    assert failures.wait_s("ann", "::1", 0) is None
    failures.note("ann", "::1", 0)
    assert failures.wait_s("ann", "::1", S) == 59
    assert failures.wait_s("bob", "::1", S) is None
    failures.note("bob", "::1", S)

    assert failures.wait_s("ann", "::1", 2 * S) == 98
    assert failures.wait_s("ann", "::2", 2 * S) == 58
    failures.forget("ann")
    assert failures.wait_s("ann", "::2", 2 * S) is None
    assert failures.wait_s("ann", "::1", 2 * S) == 98
