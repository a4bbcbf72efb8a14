"""Pacing, rooms and shares: arithmetic on numbers, never on the clock."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.dialects.script import HistoryScript, PublishScript, TokenScript
from loadgen.plan.incidents import Incident, IncidentKind
from loadgen.plan.pacing import (
    BLOCK_SIZE,
    NS_PER_S,
    OF_EACH_USER,
    ConstantSchedule,
    Drawn,
    ExponentialSchedule,
    Gaps,
    Stream,
    schedule,
)
from loadgen.plan.rooms import LayerChoice, Rooms
from tests.support.plans import a_plan

RATES = st.floats(0.01, 100_000)
SEEDS = st.integers(0, 2**63 - 1)
IN_COMMON = st.sampled_from(sorted(set(Gaps) - OF_EACH_USER))


@given(IN_COMMON, RATES, SEEDS, st.lists(st.integers(0, 10_000), max_size=20))
def test_the_due_time_depends_on_the_number_alone(gaps: Gaps, rate: float, seed: int, asked: list[int]) -> None:
    """Asked in any order, by anyone, message n is due at the same instant; so no slow server can move it."""
    one = schedule(gaps, rate, seed)
    answers = [one.due_ns(n) for n in asked]

    assert answers == [schedule(gaps, rate, seed).due_ns(n) for n in asked]


@given(IN_COMMON, RATES, SEEDS, st.integers(0, 5_000))
def test_due_times_never_fall(gaps: Gaps, rate: float, seed: int, n: int) -> None:
    """The next message is due no earlier than this one."""
    pace = schedule(gaps, rate, seed)

    assert 0 <= pace.due_ns(n) <= pace.due_ns(n + 1)


@given(RATES, st.integers(0, 10_000))
def test_constant_gaps_are_constant(rate: float, n: int) -> None:
    """Message n is due n gaps after the first, to the nanosecond."""
    assert ConstantSchedule(rate).due_ns(n) == round(n * NS_PER_S / rate)


@given(RATES, SEEDS, st.integers(0, 20))
def test_exponential_gaps_keep_the_rate_exactly(rate: float, seed: int, block: int) -> None:
    """Every block of messages lies in its share of the time: the rate neither drifts nor depends on the seed."""
    pace = ExponentialSchedule(rate, seed)
    length_ns = BLOCK_SIZE * NS_PER_S / rate

    assert pace.due_ns(block * BLOCK_SIZE) >= int(block * length_ns)
    assert pace.due_ns((block + 1) * BLOCK_SIZE - 1) <= (block + 1) * length_ns


def test_exponential_gaps_vary_as_a_poisson_process_does() -> None:
    """Mean and standard deviation of the gaps are equal, and one gap says nothing of the next."""
    pace = ExponentialSchedule(100.0, seed=7)
    due_s = [pace.due_ns(n) / NS_PER_S for n in range(50_000)]
    gaps = [b - a for a, b in pairwise(due_s)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5

    assert mean == pytest.approx(0.01, rel=0.01)
    assert deviation == pytest.approx(0.01, rel=0.03)
    assert sum(gap > 0.01 for gap in gaps) / len(gaps) == pytest.approx(0.3679, abs=0.01)  # 1/e


def test_two_seeds_give_two_schedules() -> None:
    """The seed matters, where chance does."""
    assert ExponentialSchedule(10.0, 1).due_ns(5) != ExponentialSchedule(10.0, 2).due_ns(5)


@given(st.integers(1, 500), st.integers(1, 16))
def test_shares_are_the_whole_plan_without_loss_or_overlap(users: int, processes: int) -> None:
    """However many processes: each user belongs to one of them."""
    plan = a_plan(users)
    shares = [list(plan.share(i, processes).users) for i in range(processes)]

    assert sorted(user for share in shares for user in share) == list(range(users))


@given(st.integers(1, 300), st.integers(1, 40))
def test_rooms_are_of_equal_size(users: int, rooms: int) -> None:
    """The sizes of two rooms differ by one at most."""
    sizes = [0] * rooms
    for user in range(users):
        sizes[Rooms.alike(rooms).room_of(user)] += 1

    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("gaps", sorted(OF_EACH_USER))
def test_pauses_of_each_user_make_no_schedule_of_all(gaps: Gaps) -> None:
    """Whoever asks for one has made a mistake, and is not given another."""
    with pytest.raises(ValueError, match="of each user"):
        schedule(gaps, 1.0, 1)


def test_a_user_belongs_to_the_share_that_has_it() -> None:
    """Users are dealt out in turn."""
    shares = [a_plan(10).share(index, 3) for index in range(3)]

    for user in range(10):
        (owner,) = [index for index, share in enumerate(shares) if user in share.users]
        assert shares[0].share_of(user) == owner


def test_who_comes_with_a_herd_is_held_back_until_then() -> None:
    """So somebody logs in after the first message; a storm holds nobody back."""
    storm = Incident(IncidentKind.RECONNECT_STORM, NS_PER_S, share=1.0)
    herd = Incident(IncidentKind.HERD_JOIN, NS_PER_S, share=0.5)
    stormy, crowded = replace(a_plan(), incidents=(storm,)), replace(a_plan(), incidents=(storm, herd))

    assert not stormy.brings_in_late
    assert not any(stormy.is_held_back(user) for user in range(1_000))
    assert crowded.brings_in_late
    assert [crowded.is_held_back(user) for user in range(1_000)] == [herd.hits(user, 1) for user in range(1_000)]


def test_what_is_announced_has_numbers_of_its_own() -> None:
    """No message in turn, and none of another announcement, has them."""
    numbers = {a_plan().number_out_of_turn(incident, n) for incident in range(3) for n in (0, 1, 10**6)}

    assert len(numbers) == 9
    assert min(numbers) > 10**15


def test_numbers_are_the_same_when_they_were_forgotten_meanwhile() -> None:
    """Only a few blocks are kept, since users with a rhythm of their own ask for many."""
    drawn = Drawn(1, Stream.ACTS)
    asked = range(0, 100 * BLOCK_SIZE, BLOCK_SIZE)

    assert [drawn.of(n) for n in asked] == [drawn.of(n) for n in asked]


def test_of_one_room_for_each_user_nothing_is_drawn() -> None:
    """It is the one."""
    assert {LayerChoice(1, Rooms.alike(3)).layer_of(n) for n in range(100)} == {0}


def test_what_nobody_may_read_is_known_of_all_users_and_headers() -> None:
    """Passwords, tokens from a file, headers that say something, addresses with both, and what tokens are signed with.

    Of one user, those of the others are left out.
    """
    plan = replace(
        a_plan(),
        accounts=(("ann", "open-sesame"), ("bob", "swordfish")),
        tokens=("let-me-in",),
        headers=(("X-Mine", "abc"),),
        base_urls=("http://me:my%20own@127.0.0.1:1",),
        dialect=replace(a_plan().dialect, token=TokenScript({}, "signature", "HS256", 60, 0)),
    )
    told = "open-sesame swordfish let-me-in abc my own signature bWU6bXkgb3du"

    assert plan.secrets.hide(told) == "*** *** *** *** *** *** ***"
    assert plan.secrets_of(0, "a-token").hide(f"{told} a-token") == "*** swordfish let-me-in *** *** *** *** ***"
    assert plan.secrets_of(None, "").hide(told) == "open-sesame swordfish let-me-in *** *** *** ***"


def test_who_comes_back_catches_up_where_the_server_says_what_it_keeps() -> None:
    """It takes a way to ask, somebody who comes back, and acknowledgements."""
    asking = replace(
        a_plan().dialect,
        history=HistoryScript("HISTORY", catch_up="AFTER {after}"),
        publish=PublishScript(send="{text}", ack="ACK {id}"),
    )
    back = (Incident(IncidentKind.RECONNECT_STORM, NS_PER_S, share=1.0),)

    assert replace(a_plan(), dialect=asking, incidents=back).catches_up
    assert not replace(a_plan(), dialect=asking).catches_up
    assert not replace(a_plan(), incidents=back).catches_up
    silent = replace(asking, publish=PublishScript(send="{text}"))
    assert not replace(a_plan(), dialect=silent, incidents=back).catches_up


def test_where_no_token_is_signed_here_there_is_none_to_hide() -> None:
    """Passwords are hidden all the same."""
    plan = replace(a_plan(), accounts=(("ann", "open-sesame"),))

    assert plan.secrets.hide("open-sesame") == "***"
