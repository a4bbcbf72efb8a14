"""What a user says and does beside messages to its room, as it is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadgen.dialects import HttpRequest
from loadgen.dialects.script import DirectScript, HistoryScript, HttpScript, SideScript
from loadgen.measure import marker
from loadgen.measure.marker import Stamp
from loadgen.measure.tally import Metric
from loadgen.plan.acts import Act
from tests.support.users import BARE, a_user, ready


def test_a_user_says_what_others_have_chosen_for_it() -> None:
    """With a marker behind it, by which it is known wherever it comes."""
    user, _ = ready(BARE)
    said = user.says("mind the gap", 70, 80, writable=True)

    assert isinstance(said, bytes)
    assert said.startswith(b"mind the gap ")
    assert marker.read(said[-marker.WIDTH :]) == Stamp(0, 0, 70, 80)
    assert user.says("mind the gap", 90, 95, writable=False) is None


def test_a_user_writes_to_another_one() -> None:
    """By the name that the server knows, and with an acknowledgement of its own."""
    user, tally = ready(replace(BARE, direct=DirectScript("TO {to} {id} {text}", ack="ACK {id}")))
    said = user.due(7, 70, 80, writable=True, to=(1, "bob"))

    assert isinstance(said, bytes)
    assert said.startswith(b"TO bob abc123-0-0 ")
    assert marker.read(said[-marker.WIDTH :]) == Stamp(0, 0, 70, 80, receiver=1)
    user.heard(b"ACK abc123-0-0", 100)
    assert tally.metrics[Metric.ACK_TIME].max_ns == 20


BUSY = replace(
    BARE,
    typing=SideScript("typing in {room}"),
    presence=SideScript("who is in {room}"),
    history=HistoryScript("past", send="what was in {room}"),
    http=HttpScript("/rooms/{room}"),
)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (Act.TYPING, b"typing in room-1"),
        (Act.PRESENCE, b"who is in room-1"),
        (Act.HISTORY, b"what was in room-1"),
        (Act.HTTP, HttpRequest("POST", "/rooms/room-1")),
    ],
)
def test_a_user_does_other_things_in_its_room(act: Act, said: bytes | HttpRequest) -> None:
    """Once it is in; each as the dialect says it."""
    assert a_user(BUSY)[0].does(act) is None
    assert ready(BUSY)[0].does(act) == said


def test_a_message_is_nothing_that_a_user_does_beside_messages() -> None:
    """Who asks for that has mistaken one for the other."""
    with pytest.raises(ValueError, match="a message is said"):
        ready(BUSY)[0].does(Act.MESSAGE)
