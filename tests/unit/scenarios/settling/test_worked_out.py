"""What is worked out of what was written: rates, rooms, addresses."""

from __future__ import annotations

import pytest

from loadgen.errors import InputError
from loadgen.plan.rooms import Rooms
from scenarios.address import base_url_of
from scenarios.settle import settle
from tests.support.settled import Write, row


def test_a_rate_may_be_given_for_each_user(write: Write) -> None:
    """Ten users with six messages a minute each say one a second together."""
    settled = settle(write("[users]\ncount = 10\n[traffic]\nper_user_per_min = 6\n"), {}, {})

    assert settled.plan_for(("http://x",), "abcdef").rate_per_s == 1.0
    assert settled.rows["traffic.rate_per_s"]["value"] == 1.0


def test_a_rate_of_a_flag_beats_a_rate_for_each_user_of_the_file(write: Write) -> None:
    """No contradiction: a flag beats the file."""
    settled = settle(write("[traffic]\nper_user_per_min = 6\n"), {"traffic.rate_per_s": "3"}, {})

    assert settled.plan_for(("http://x",), "abcdef").rate_per_s == 3
    assert row(settled, "traffic.rate_per_s") == (3, "flag")


def test_a_number_of_rooms_by_flag_is_one_room_a_user(write: Write) -> None:
    """Whatever further rooms stand in the file."""
    text = '[users]\nmore_rooms = [{ shape = "own" }, { shape = "uniform", count = 7 }]\n'
    scenario = write(text)

    assert len(settle(scenario, {}, {}).plan_for(("http://x",), "abcdef").rooms.layers) == 3
    assert settle(scenario, {"users.rooms.count": "3"}, {}).plan_for(("http://x",), "abcdef").rooms == Rooms.alike(3)


def test_the_same_users_do_not_meet_again_in_their_other_rooms(write: Write) -> None:
    """Dealt anew by the seed: of fifty rooms, two users who share one rarely share another."""
    text = '[users]\nrooms = { shape = "uniform", count = 50 }\nmore_rooms = [{ shape = "uniform", count = 50 }]\n'
    rooms = settle(write(text), {}, {}).plan_for(("http://x",), "abcdef").rooms

    both = {rooms.rooms_of(user) for user in range(500)}

    assert len(both) > 400


def test_a_number_of_rooms_beats_the_shape_of_the_file(write: Write) -> None:
    """--rooms N is N rooms of equal size, whatever the file says."""
    scenario = write('[users]\ncount = 10\nrooms = { shape = "single" }\n')

    settled = settle(scenario, {"users.rooms.count": "3"}, {})

    assert row(settled, "users.rooms.shape") == ("uniform", "flag")
    assert row(settled, "users.rooms.count") == (3, "flag")
    assert settled.plan_for(("http://x",), "abcdef").rooms.count == 3


@pytest.mark.parametrize(
    ("typed", "base_url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://chat.example.org/", "https://chat.example.org"),
        ("ws://[::1]:80/base/", "http://[::1]:80/base"),
        ("wss://chat.example.org", "https://chat.example.org"),
    ],
)
def test_an_address_may_be_of_either_kind(typed: str, base_url: str) -> None:
    """HTTP and WebSocket addresses name the same place."""
    assert base_url_of(typed, "--target") == base_url


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "chat",
        "ftp://x",
        "http://",
        "http://x:99999",
        "http://x:0",
        "http://x:p",
        "http://x?a=b",
        "http://[::1",
        "http://x y\n",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    """With two that are."""
    with pytest.raises(InputError, match=r"--target: expected an address like"):
        base_url_of(typed, "--target")
