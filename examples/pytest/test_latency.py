"""How fast the chat has to be: budgets that every change is held to."""

from pathlib import Path

import pytest
from chat import app

# Our chat has one room. 40 messages a second to 20 users for 3 s are 2,400 deliveries; p(99) needs 1,000 of them.
OURS = {"dialect": Path(__file__).with_name("chat.toml"), "rooms": 1, "users": 20, "rate": 40, "duration": "3s"}


@pytest.mark.latency_budget("delivery_time: p(99) < 250ms", "deliveries_lost: count == 0")
def test_everybody_hears_everything_in_time(chatbench):
    """The server is a process of its own, as it is in production."""
    chatbench.run("smoke", app="chat:app", **OURS)


def test_nothing_is_lost_in_a_small_room(chatbench):
    """The application is served by a thread, so a test can reach into it."""
    result = chatbench.run("smoke", app=app, **OURS)

    assert result
    assert result.count("deliveries_lost") == 0
    result.check("connect_time: max < 2s")
