"""Who is online, and over which connections."""

from __future__ import annotations

from target_app.people import People


def test_a_user_is_there_as_long_as_one_of_his_connections_is() -> None:
    """He may have a phone and a desk; who came first stands first."""
    people = People[str]()
    people.arrive("ann", "phone")
    people.arrive("bob", "desk")
    people.arrive("ann", "laptop")

    assert (list(people), len(people)) == (["ann", "bob"], 2)
    assert list(people.connections_of("ann")) == ["phone", "laptop"]
    assert people.all_connections() == ["phone", "laptop", "desk"]

    people.leave("ann", "phone")
    assert list(people) == ["ann", "bob"]
    people.leave("ann", "laptop")
    assert list(people) == ["bob"]
    assert not people.connections_of("ann")
