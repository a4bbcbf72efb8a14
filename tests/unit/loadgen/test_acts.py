"""What users do when it is their turn: by weight, and the same wherever one asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.acts import JUST_MESSAGES, Act, Acts, Mix, acts_per_message

MIX: Mix = ((Act.MESSAGE, 6.0), (Act.DIRECT, 2.0), (Act.TYPING, 2.0))
COUNT = 10_000


def test_each_act_is_as_frequent_as_its_weight_says() -> None:
    """Within four standard deviations of a binomial."""
    acts = Acts(7, MIX)
    drawn = [acts.act_of(n) for n in range(COUNT)]

    for act, ratio in ((Act.MESSAGE, 0.6), (Act.DIRECT, 0.2), (Act.TYPING, 0.2)):
        assert abs(drawn.count(act) - ratio * COUNT) < 4 * (COUNT * ratio * (1 - ratio)) ** 0.5


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=50))
def test_an_act_depends_on_its_number_alone(numbers: list[int]) -> None:
    """Every process asks for other ones, in another order."""
    one, other = Acts(3, MIX), Acts(3, MIX)

    in_order = {n: (one.act_of(n), one.receiver_of(n, 2, 10)) for n in sorted(numbers)}
    assert {n: (other.act_of(n), other.receiver_of(n, 2, 10)) for n in numbers} == in_order


@given(st.integers(2, 50), st.data())
def test_nobody_writes_to_himself(user_count: int, data: st.DataObject) -> None:
    """Nor to somebody who is not there."""
    sender = data.draw(st.integers(0, user_count - 1))
    acts = Acts(1, MIX)
    receivers = {acts.receiver_of(n, sender, user_count) for n in range(100 * user_count)}

    assert receivers == set(range(user_count)) - {sender}


@pytest.mark.parametrize(
    ("mix", "acts"),
    [
        (JUST_MESSAGES, 1.0),
        (MIX, 10 / 8),
        (((Act.HISTORY, 3.0), (Act.PRESENCE, 1.0)), 1.0),
    ],
)
def test_what_is_no_message_comes_on_top_of_the_rate_of_messages(mix: Mix, acts: float) -> None:
    """Where there are no messages, the rate is that of all else."""
    assert acts_per_message(mix) == acts


def test_of_one_kind_of_act_nothing_is_drawn() -> None:
    """It is the one, whatever its weight is."""
    assert {Acts(7, ((Act.TYPING, 0.1),)).act_of(n) for n in range(100)} == {Act.TYPING}
