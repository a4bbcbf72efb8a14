"""A user and its socket."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from loadgen.dialects import Credentials
from loadgen.dialects.script import ConnectScript, DialectScript, ErrorsScript, FramesScript, JoinScript, PublishScript
from loadgen.dialects.scripted import speaker_of
from loadgen.engine.member import Member
from loadgen.engine.user import Books, User, UserState
from loadgen.errors import ErrorKind, ServerError
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger, Receive, Rules
from loadgen.measure.marker import Stamp
from loadgen.measure.payload import Payload
from loadgen.measure.tally import Count, Tally
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import UNSLICED
from tests.support.event_loop import on_an_event_loop

TAG = "abc123"
SCRIPT = DialectScript(
    "test",
    ConnectScript("/", until="HELLO"),
    PublishScript("{id} {text}", ack="ACK {id}"),
    join=JoinScript(("JOIN {room}",), "IN {room}"),
    errors=ErrorsScript(("NO",)),
)


@dataclass
class FakeConnection:
    """Keeps what is sent over it."""

    sent: list[bytes] = field(default_factory=list)
    is_closed: bool = False
    writable: bool = True

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)

    def close(self) -> None:
        self.is_closed = True

    def stop_reading(self) -> int:
        return 0

    def abort(self) -> None:
        self.is_closed = True


class FakeClub:
    """Members come and go."""

    def __init__(self, receive: Receive, *, hears_beside: bool) -> None:
        self.receive = receive
        self.hears_beside = hears_beside
        self.gone_count = 0

    def one_has_opened(self) -> None:
        pass

    def one_has_closed(self) -> None:
        pass

    def one_is_gone(self) -> None:
        self.gone_count += 1

    def one_was_cut_off(self, user: int, incident: int) -> None:
        pass


def a_member(script: DialectScript = SCRIPT) -> tuple[Member, FakeClub, FakeConnection, Ledger]:
    """Connected, and not greeted yet."""
    tally = Tally(0)
    rules = Rules(1, Rooms.alike(1), script.publish.reach, script.publish.echo, deadline_ns=1_000, slicing=UNSLICED)
    ledger = Ledger(rules, marker.prefix_of(TAG), tally)
    ledger.measure(0, 10**12)
    user = User(0, [0], speaker_of(script, Credentials(0, "ann", "")), Books(ledger, Payload(1, 100), TAG, 1_000))
    club, connection = FakeClub(ledger.receive, hears_beside=script.has_several_in_a_frame), FakeConnection()
    member = Member(user, club)
    user.connecting(0)
    member.opened(connection, 1)
    return member, club, connection, ledger


def test_frames_with_messages_go_to_the_ledger_and_nowhere_else() -> None:
    """The very function: a dialect adds nothing to it."""
    member, club, _, _ = a_member()
    assert member.receive is club.receive


def test_what_comes_in_a_frame_with_a_message_is_heard() -> None:
    """A confirmation, an acknowledgement; and nothing of a user who has nothing to do with the socket any more."""
    member, _, connection, ledger = a_member(replace(SCRIPT, frames=FramesScript(separator="\n")))
    member.heard(b"HELLO", 2)
    member.send_all(member.chatter.joining(3))
    mark = marker.write(marker.prefix_of(TAG), Stamp(0, 0, 5, 6))
    ledger.sent(mark, Stamp(0, 0, 5, 6))

    assert member.receive(0, mark + b"\nIN room-1", 7)
    assert member.chatter.state is UserState.READY
    message = member.chatter.due(0, 8, 8, writable=True)
    assert isinstance(message, bytes)
    message_id = message.partition(b" ")[0]
    assert member.receive(0, mark + b"\nACK " + message_id, 9)
    assert ledger.tally.counts[Count.ACKS_RECEIVED] == 1
    member.retire()
    assert member.receive(0, mark + b"\nNO", 10)
    assert ledger.tally.errors == {}
    assert connection.sent == [b"JOIN room-1"]


@on_an_event_loop
async def test_who_is_waited_for_is_refused_once() -> None:
    """However many frames say so: it is for whoever waits to count it, and to let go of the socket."""
    member, club, connection, ledger = a_member()
    waiting = asyncio.create_task(member.answered(UserState.GREETING, 10))
    await asyncio.sleep(0)
    member.heard(b"NO room for you", 2)
    member.heard(b"NO more of you", 3)

    with pytest.raises(ServerError, match="NO room for you"):
        await waiting
    assert (club.gone_count, connection.is_closed, ledger.tally.errors) == (0, False, {})


@pytest.mark.parametrize("before", [[], [b"HELLO"]])
def test_who_is_refused_by_a_frame_is_gone(before: list[bytes]) -> None:
    """While it waits for the greeting, or for its room; and the socket is closed."""
    member, club, connection, ledger = a_member()
    for frame in before:
        member.heard(frame, 2)
        member.send_all(member.chatter.joining(3))
    member.heard(b"NO room for you", 4)

    assert member.chatter.state is UserState.GONE
    assert club.gone_count == 1
    assert connection.is_closed
    (((kind, _), error),) = ledger.tally.errors.items()
    assert (kind, error.example) == (ErrorKind.ERROR_FRAME, "NO room for you")
    member.closed(1000, "", 5)
    assert club.gone_count == 1
