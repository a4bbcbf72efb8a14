"""What the home of a room knows of its members on other nodes."""

from __future__ import annotations

from target_app.nodes.places import Home
from target_app.rooms import Room


def test_a_user_leaves_with_the_last_of_its_connections_wherever_they_are() -> None:
    """And somebody who is not there cannot leave: a node may tell twice, or without having followed."""
    home = Home(Room("room-1", 0, 10))
    home.follow("a", {"ann": 2})
    home.follow("b", {"ann": 1, "bob": 1})

    assert [home.leave("a", "ann") for _ in range(3)] == [False, False, False]
    assert home.leave("c", "ann") is False
    assert home.leave("b", "ann") is True
    assert home.leave("b", "ann") is False
    assert list(home.users()) == ["bob"]
