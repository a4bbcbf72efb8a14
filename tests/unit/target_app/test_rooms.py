"""Rooms: membership, numbers, what is kept, limits."""

import pytest

from target_app.refusal import ErrorCode, RefusedError
from target_app.rooms import Message, Rooms
from target_app.settings import Limits

LIMITS = Limits(rooms=3, rooms_per_connection=2, recent_per_room=2)


@pytest.fixture
def rooms() -> Rooms[str]:
    return Rooms(LIMITS)


def test_members_are_kept_in_the_order_of_joining(rooms: Rooms[str]) -> None:
    """Joining twice is joining once."""
    for member in ("ann", "bob", "ann"):
        room = rooms.join("tea", member, member)

    assert list(room.members) == ["ann", "bob"]


def test_seq_counts_up_by_one_within_a_room(rooms: Rooms[str]) -> None:
    """Each room counts for itself, from 1: a client sees a gap."""
    tea, coffee = rooms.join("tea", "ann", "ann"), rooms.join("coffee", "ann", "ann")

    assert [tea.publish("ann", text, 0).seq for text in "abc"] == [1, 2, 3]
    assert coffee.publish("ann", "a", 0).seq == 1


def test_a_room_keeps_its_latest_messages_only(rooms: Rooms[str]) -> None:
    """Memory is bounded by a room, however long it talks."""
    tea = rooms.join("tea", "ann", "ann")
    for text in "abc":
        tea.publish("ann", text, now_ms=7)

    assert list(tea.recent) == [Message("tea", 2, "ann", "b", 7), Message("tea", 3, "ann", "c", 7)]


def test_only_a_member_may_speak_or_leave(rooms: Rooms[str]) -> None:
    """Whether the room exists makes no difference to the answer."""
    rooms.join("tea", "ann", "ann")
    for name in ("tea", "nowhere"):
        for attempt in (rooms.joined, rooms.leave):
            with pytest.raises(RefusedError) as refused:
                attempt(name, "bob")
            assert refused.value.code is ErrorCode.NOT_JOINED


def test_a_room_with_messages_outlives_its_members_and_one_without_does_not(rooms: Rooms[str]) -> None:
    """The numbers go on where it was; an empty room that never said anything would only take up memory."""
    rooms.join("tea", "ann", "ann").publish("ann", "hello", 0)
    rooms.join("coffee", "ann", "ann")

    rooms.leave("tea", "ann")
    rooms.leave("coffee", "ann")

    assert len(rooms) == 1
    assert rooms.join("tea", "bob", "bob").publish("bob", "hello again", 0).seq == 2


def test_the_largest_rooms_come_first_then_those_left_last() -> None:
    """Like sizes by name; of what is not to be seen nothing is told."""
    rooms: Rooms[str] = Rooms(Limits())
    rooms.wake({"old": 7, "older": 3})
    for name, members in (("b", 1), ("a", 1), ("c", 2), ("hidden", 3), ("left", 1), ("left later", 1)):
        for n in range(members):
            rooms.join(name, f"{name} {n}", "ann").publish("ann", "x", 0)
    rooms.leave("left", "left 0")
    rooms.leave("left later", "left later 0")

    everything = rooms.largest(10, lambda name: name != "hidden")

    assert everything == [("c", 2), ("a", 1), ("b", 1), ("left later", 0), ("left", 0), ("older", 0), ("old", 0)]
    assert rooms.largest(2, lambda name: name != "hidden") == everything[:2]
    assert rooms.largest(4, lambda name: name != "hidden") == everything[:4]


def test_a_broken_connection_leaves_every_room(rooms: Rooms[str]) -> None:
    """And one that was in no room leaves none."""
    tea = rooms.join("tea", "bob", "bob")
    rooms.join("tea", "ann", "ann")
    rooms.join("coffee", "ann", "ann")

    rooms.leave_all("ann")
    rooms.leave_all("nobody")

    assert list(tea.members) == ["bob"]
    assert len(rooms) == 1


def test_one_connection_may_be_in_so_many_rooms_at_once(rooms: Rooms[str]) -> None:
    """Leaving one makes way for another."""
    rooms.join("a", "ann", "ann")
    rooms.join("b", "ann", "ann")
    with pytest.raises(RefusedError) as refused:
        rooms.join("c", "ann", "ann")
    assert refused.value.code is ErrorCode.TOO_MANY_ROOMS

    rooms.leave("a", "ann")
    assert list(rooms.join("c", "ann", "ann").members) == ["ann"]


def test_the_server_keeps_so_many_rooms(rooms: Rooms[str]) -> None:
    """A refused join changes nothing."""
    for name in "abc":
        rooms.join(name, f"member of {name}", "x").publish("x", "y", 0)
    with pytest.raises(RefusedError) as refused:
        rooms.join("d", "ann", "ann")

    assert refused.value.code is ErrorCode.TOO_MANY_ROOMS
    assert len(rooms) == 3
