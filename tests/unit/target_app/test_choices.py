"""Choices: which deliveries a fault befalls."""

import pytest

from target_app.choices import Choice, DrawnDelay, Who, choice, who
from target_app.faults import CopiesPick, Pick, UniformDelay

ANN, BOB = who("ann"), who("bob")


def chosen(by: Choice | None, receiver: Who, messages: range) -> list[int]:
    assert by is not None
    return [message for message in messages if by.times(message, receiver)]


def test_a_seed_says_exactly_which_deliveries() -> None:
    """These figures hold for every machine and version: truth logs are compared over time."""
    drop = choice(7, "drop", 0.02)

    assert chosen(drop, ANN, range(200)) == [23, 27, 29, 75, 80, 132, 182]
    assert chosen(drop, BOB, range(200)) == [97, 101, 139, 148]


def test_seeds_kinds_and_receivers_are_drawn_apart() -> None:
    """What is dropped is not also what is duplicated."""
    messages = range(1_000)
    all_of_them = [
        chosen(choice(seed, kind, 0.1), receiver, messages)
        for seed in (1, 2)
        for kind in ("drop", "swap")
        for receiver in (ANN, BOB)
    ]

    assert all(70 < len(each) < 130 for each in all_of_them)
    assert len({tuple(each) for each in all_of_them}) == 8


def test_the_answer_does_not_depend_on_who_asks_first() -> None:
    """Users come in another order in each run."""
    drop = choice(1, "drop", 0.5)

    assert chosen(drop, ANN, range(50)) == chosen(drop, ANN, range(49, -1, -1))[::-1]


@pytest.mark.parametrize(("probability", "count"), [(0.0, 0), (1.0, 1_000)])
def test_never_and_always_are_meant(probability: float, count: int) -> None:
    """A probability of 0 or 1 leaves nothing to chance."""
    assert len(chosen(choice(1, "drop", probability), ANN, range(1_000))) == count


def test_a_list_names_the_deliveries() -> None:
    """These and no others; a duplicate may have more than one copy."""
    drop = choice(1, "drop", [Pick(message=3, receiver="ann")])
    duplicate = choice(1, "duplicate", [CopiesPick(message=2, receiver="bob", copies=4)])

    assert (chosen(drop, ANN, range(10)), chosen(drop, BOB, range(10))) == ([3], [])
    assert duplicate is not None
    assert [duplicate.times(message, BOB) for message in range(4)] == [0, 0, 4, 0]


def test_nothing_said_is_no_choice() -> None:
    """So that it costs nothing."""
    assert choice(1, "drop", None) is None


def test_delays_are_drawn_like_choices() -> None:
    """Within their bounds, another one for each message and receiver, the same whenever asked."""
    delay = DrawnDelay(1, "delay", UniformDelay(kind="uniform", from_ms=1, to_ms=2))
    drawn = [delay.ns(message, receiver) for message in range(100) for receiver in (ANN, BOB)]

    assert all(1_000_000 <= each <= 2_000_000 for each in drawn)
    assert len(set(drawn)) == 200
    assert delay.ns(99, BOB) == drawn[-1]
