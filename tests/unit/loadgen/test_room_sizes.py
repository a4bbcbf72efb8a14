"""Rooms of all sizes: nobody is left out, no room is empty, and the seed settles who is where."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.room_sizes import dealt, lognormal_sizes, uniform_sizes, zipf_sizes
from loadgen.plan.rooms import Layer, LayerChoice, Rooms

USERS = st.integers(1, 3_000)
SEEDS = st.integers(0, 2**40)


@given(USERS, st.integers(1, 3_000), st.floats(0.01, 10))
def test_zipf_rooms_hold_everybody_and_none_is_empty(users: int, rooms: int, exponent: float) -> None:
    """As many rooms as were asked for, the largest first."""
    rooms = min(rooms, users)
    sizes = zipf_sizes(users, rooms, exponent)

    assert len(sizes) == rooms
    assert sizes.sum() == users
    assert sizes.min() >= 1
    assert (np.diff(sizes) <= 0).all()


def test_zipf_rooms_shrink_as_their_place_says() -> None:
    """The second has half of the first, the tenth a tenth."""
    sizes = zipf_sizes(1_000_000, 100, 1.0)

    assert abs(sizes[0] / sizes[1] - 2) < 0.01
    assert abs(sizes[0] / sizes[9] - 10) < 0.1


@given(USERS, st.floats(1, 500), st.floats(0, 5), st.floats(0, 1), SEEDS)
def test_lognormal_rooms_hold_everybody_and_none_is_empty(
    users: int, median: float, sigma: float, giant: float, seed: int
) -> None:
    """However wildly they are spread."""
    sizes = lognormal_sizes(users, median, sigma, giant, seed)

    assert sizes.sum() == users
    assert sizes.min() >= 1


def test_half_of_lognormal_rooms_are_smaller_than_the_median() -> None:
    """And the giant is beside them."""
    sizes = lognormal_sizes(1_000_000, 20.0, 1.0, 0.1, seed=3)

    assert sizes[0] == 100_000
    assert abs(float(np.median(sizes[1:])) - 20) <= 1


@given(st.lists(st.integers(1, 20), min_size=1, max_size=30), SEEDS, st.integers(0, 2))
def test_the_members_of_a_room_are_those_who_are_in_it(sizes: list[int], seed: int, times: int) -> None:
    """Also of users beyond the table, who begin anew."""
    rooms = Rooms((Layer(len(sizes), dealt(np.array(sizes), seed)),))
    users = sum(sizes) * times + sum(sizes) // 2
    lists = rooms.members(users)

    for room in range(len(sizes)):
        assert lists.of(room).tolist() == [user for user in range(users) if rooms.room_of(user) == room]


@given(st.lists(st.integers(1, 7), min_size=1, max_size=4), st.integers(1, 30), SEEDS)
def test_a_user_is_in_one_room_of_each_layer(counts: list[int], users: int, seed: int) -> None:
    """Rooms are numbered through, and those who are in one are those who say so; everybody has one alone besides."""
    dealt_anew = [Layer(count, dealt(uniform_sizes(users, count), seed, number)) for number, count in enumerate(counts)]
    rooms = Rooms((*dealt_anew, Layer.own()))
    lists = rooms.members(users)

    for user in range(users):
        assert len(set(rooms.rooms_of(user))) == len(counts) + 1
        assert lists.of(rooms.room_of(user, len(counts))).tolist() == [user]
    for room in range(sum(counts)):
        assert lists.of(room).tolist() == [user for user in range(users) if room in rooms.rooms_of(user)]


@given(st.integers(1, 1000), st.integers(1, 50))
def test_rooms_of_equal_size_differ_by_one_at_most(users: int, count: int) -> None:
    """And nobody is left over."""
    sizes = uniform_sizes(users, count)

    assert sizes.sum() == users
    assert sizes.max() - sizes.min() <= 1


def test_what_is_done_in_which_room_goes_by_weight() -> None:
    """A layer that weighs nothing is only listened to."""
    rooms = Rooms((Layer(1, weight=3.0), Layer(2, weight=0.0), Layer.own(1.0)))
    choice = LayerChoice(1, rooms)

    layers = [choice.layer_of(n) for n in range(10_000)]

    assert layers == [choice.layer_of(n) for n in range(10_000)]
    assert abs(layers.count(0) - 7_500) < 200
    assert layers.count(1) == 0


def test_rooms_are_as_large_as_they_were_dealt_and_the_seed_says_to_whom() -> None:
    """Who comes first is anywhere, so that rooms fill evenly."""
    sizes = np.array([50, 30, 1])
    table = dealt(sizes, 7)

    assert Counter(table) == {0: 50, 1: 30, 2: 1}
    assert table == dealt(sizes, 7)
    assert table != dealt(sizes, 8)
    assert 0 < list(table[:40]).count(1) < 30
