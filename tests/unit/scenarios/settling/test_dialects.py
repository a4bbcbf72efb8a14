"""What follows from a dialect for a run: rooms, tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from scenarios.settle import Settled, settle
from tests.support.settled import A_MACHINE, A_SERVER

MQTT_WITH_TOKENS = """
protocol = "mqtt"
[connect]
path = "/"
[options]
password = "{token}"
"""


def settled(**flags: Any) -> Settled:
    return settle("smoke", {"target.url": A_SERVER} | flags, {}, A_MACHINE)


@pytest.mark.parametrize(
    ("urls", "dialect", "several"),
    [
        (["http://a", "http://b"], "plain", True),
        (["http://a", "ws://a/"], "plain", False),
        (["http://a"], "plain", False),
        (["http://a"], "reference", True),
        (None, "reference", False),
    ],
)
def test_nodes_are_told_apart_by_address_or_by_name(urls: list[str] | None, dialect: str, several: bool) -> None:
    """A server of ours is one, where the scenario has it so."""
    flags = {"target.url": urls, "target.dialect": dialect, "users.rooms.count": 1}
    plan = settled(**flags).plan_for((), "0" * 6)

    assert plan.slicing.nodes == several
    assert settle("cross_node", {}, {}, A_MACHINE).plan_for((), "0" * 6).slicing.nodes


def test_a_connection_that_names_its_room_makes_rooms_without_a_join() -> None:
    """As many as one likes, one a user."""
    plan = settled(**{"target.dialect": "nchan", "users.rooms.count": 4}).plan_for(("http://chat",), "0" * 6)

    assert plan.dialect.join is None
    assert plan.rooms.layers[0].count == 4


def test_a_connection_that_names_its_room_is_one_to_one_room(here: Path) -> None:
    """Somebody who is in two would need two."""
    (here / "mine.toml").write_text('[[users.more_rooms]]\nshape = "uniform"\ncount = 2\n', encoding="utf-8")

    with pytest.raises(InputError) as caught:
        settle("mine.toml", {"target.url": "http://chat", "target.dialect": "nchan"}, {}, A_MACHINE)
    assert str(caught.value) == (
        'mine.toml: users.more_rooms: expected none, since the dialect "nchan" has a connection for one room, got 1'
    )


def test_a_token_may_stand_in_the_options_of_a_protocol(here: Path) -> None:
    """And where it stands nowhere, tokens are refused."""
    (here / "tokens.txt").write_text("abc\n", encoding="utf-8")
    (here / "mine.toml").write_text(MQTT_WITH_TOKENS, encoding="utf-8")

    run = settled(**{"target.dialect": "mine.toml", "users.tokens_file": "tokens.txt"})
    assert run.plan_for(("http://chat",), "0" * 6).tokens == ("abc",)
    with pytest.raises(InputError, match=r'since the dialect "mqtt" has no \{token\} to put one in'):
        settled(**{"target.dialect": "mqtt", "users.tokens_file": "tokens.txt"})
