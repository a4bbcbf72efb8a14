"""A user and its socket."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from loadgen.dialects.script import (
    AliveScript,
    ConnectScript,
    DialectScript,
    ErrorsScript,
    FramesScript,
    JoinScript,
    PublishScript,
)
from loadgen.engine.member import MOST_UNREAD_REPLIES, Member
from loadgen.engine.user import UserState
from loadgen.errors import ErrorKind, ServerError
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.tally import Count
from tests.support.event_loop import on_an_event_loop
from tests.support.lone_member import TAG, FakeClub, FakeConnection
from tests.support.lone_member import a_member as a_member_of

SCRIPT = DialectScript(
    "test",
    ConnectScript("/", until="HELLO"),
    PublishScript("{id} {text}", ack="ACK {id}"),
    join=JoinScript(("JOIN {room}",), "IN {room}"),
    errors=ErrorsScript(("NO",)),
)


def a_member(script: DialectScript = SCRIPT) -> tuple[Member, FakeClub, FakeConnection, Ledger]:
    """Connected, and not greeted yet."""
    return a_member_of(script)


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


def test_a_server_that_asks_and_does_not_read_is_answered_so_often_and_no_more() -> None:
    """What piles up with us is bounded; one that reads again is answered again."""
    member, _, connection, _ = a_member(replace(SCRIPT, alive=AliveScript(reply={"2": "3"})))
    connection.writable = False
    for _ in range(2 * MOST_UNREAD_REPLIES):
        member.heard(b"2", 2)
    assert connection.sent == [b"3"] * MOST_UNREAD_REPLIES

    connection.writable = True
    member.heard(b"2", 3)
    assert len(connection.sent) == MOST_UNREAD_REPLIES + 1


def test_a_frame_that_asks_a_million_times_is_answered_no_more_often_than_that() -> None:
    """Of a server that reads, too: how much it will read is not known when the answers are written."""
    frames = FramesScript(separator="\n")
    member, _, connection, _ = a_member(replace(SCRIPT, frames=frames, alive=AliveScript(reply={"2": "3"})))
    member.heard(b"2\n" * 5 * MOST_UNREAD_REPLIES, 2)
    assert connection.sent == [b"3"] * MOST_UNREAD_REPLIES

    member.heard(b"2\n", 3)
    assert len(connection.sent) == MOST_UNREAD_REPLIES + 1


@on_an_event_loop
async def test_an_answer_in_the_very_moment_that_the_time_is_up_is_one() -> None:
    """A user who was let in then was away without a reason: neither in, nor an error."""
    member, _, _, _ = a_member()
    waiting = asyncio.create_task(member.answered(UserState.GREETING, 0))
    await asyncio.sleep(0)
    member.heard(b"HELLO", 2)
    await waiting

    assert member.chatter.state is UserState.CONNECTED
    with pytest.raises(TimeoutError):
        await member.answered(UserState.CONNECTED, 0)


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


# --- how sockets end ------------------------------------------------------------------------------------------


def ends(ledger: Ledger) -> dict[tuple[int, str, str], int]:
    """Code, phase and closer of each."""
    return {(close.code, close.phase, str(close.who)): count for close, count in ledger.tally.closes.items()}


@pytest.mark.parametrize(("code", "who"), [(1000, "server"), (1012, "server"), (4001, "server"), (1006, "network")])
def test_a_socket_that_goes_by_itself_was_ended_by_the_server_or_by_nobody(code: int, who: str) -> None:
    """Where no close frame came, it may as well have been the network."""
    member, _, _, ledger = a_member()
    member.closed(code, "", 5)

    assert ends(ledger) == {(code, "login", who): 1}


@pytest.mark.parametrize(("code", "who"), [(1000, "us"), (1006, "us"), (1005, "us"), (1012, "server")])
def test_our_own_close_at_the_end_is_told_apart(code: int, who: str) -> None:
    """Also where it is not answered; but a server that gives another reason was there before us."""
    member, _, _, ledger = a_member()
    member.chatter._books.is_over = True
    member.chatter.leaving()
    member.closed(code, "", 5)

    assert ends(ledger) == {(code, "end", who): 1}


def test_a_socket_that_was_taken_away_by_plan_was_ended_by_us() -> None:
    """A storm is ours, however the socket goes."""
    member, _, _, ledger = a_member()
    member.retire()
    member.closed(1006, "", 5)

    assert ends(ledger) == {(1006, "login", "us"): 1}


def test_a_socket_that_somebody_else_watches_is_not_counted_twice() -> None:
    """Of a ghost, its watcher knows the code."""
    member, _, _, ledger = a_member()
    member.retire(silently=True)
    member.closed(1006, "", 5)

    assert ends(ledger) == {}
