"""What is taken in: a flood waits so that everything else has its turn, and unfinished messages are bounded."""

from __future__ import annotations

import asyncio

from loadgen.engine.transport import Traffic
from loadgen.engine.transport.bounds import (
    ASKED_FROM_MESSAGES,
    FEW,
    MOST_MESSAGES,
    MOST_OTHERS,
    Turn,
    Unfinished,
)
from tests.support.event_loop import on_an_event_loop

# Of messages, what makes somebody wait.
TOO_MANY = ASKED_FROM_MESSAGES + MOST_MESSAGES + 1


class Flood:
    """A socket of a transport, which is another's to read where it is not ours."""

    def __init__(self, turn: Turn, traffic: Traffic, *, is_ours: bool = True) -> None:
        self.is_held = False
        self.reading_count = 0
        self._turn = turn
        self._traffic = traffic
        self._is_ours = is_ours

    def hold(self) -> bool:
        is_new, self.is_held = self._is_ours and not self.is_held, self._is_ours
        return is_new

    def go_on(self) -> None:
        self.is_held = False

    def bring_others(self, frame_count: int) -> None:
        """One reading."""
        self.reading_count += 1
        for left in range(frame_count - 1, -1, -1):
            self._turn.one_more(self, has_more=left > 0)

    def bring_messages(self, frame_count: int) -> None:
        """One reading."""
        self.reading_count += 1
        for left in range(frame_count - 1, -1, -1):
            self._traffic.frames_received += 1
            if self._traffic.frames_received >= self._traffic.look_at:
                self._turn.look(self, has_more=left > 0)


def sockets_of_one_transport(count: int, *, is_ours: bool = True) -> tuple[Turn, list[Flood]]:
    traffic = Traffic()
    turn = Turn(traffic)
    return turn, [Flood(turn, traffic, is_ours=is_ours) for _ in range(count)]


@on_an_event_loop
async def test_what_comes_in_small_doses_never_waits() -> None:
    """However much it is in all: each turn of the event loop begins anew."""
    turn, (socket,) = sockets_of_one_transport(1)

    for _ in range(10):
        socket.bring_others(MOST_OTHERS - 1)
        socket.bring_messages(MOST_MESSAGES - 1)
        assert not turn.is_over
        assert not socket.is_held
        await asyncio.sleep(0)


@on_an_event_loop
async def test_floods_take_turns() -> None:
    """Whoever brings too much waits; a few go on at a time, and none of them is forgotten."""
    turn, sockets = sockets_of_one_transport(5)
    for socket in sockets:
        socket.bring_others(MOST_OTHERS + 1)
    assert turn.is_over
    assert all(socket.is_held for socket in sockets)

    for _ in range(10):
        await asyncio.sleep(0)
        going_on = [socket for socket in sockets if not socket.is_held]
        assert len(going_on) == FEW
        for socket in going_on:
            socket.bring_others(MOST_OTHERS + 1)

    assert min(socket.reading_count for socket in sockets) >= 4


@on_an_event_loop
async def test_a_flood_of_messages_waits_too() -> None:
    """The same copies without end are read as soon as there is time, and not before."""
    _, sockets = sockets_of_one_transport(3)
    for socket in sockets:
        socket.bring_messages(TOO_MANY)
    assert all(socket.is_held for socket in sockets)

    await asyncio.sleep(0)
    assert [socket.is_held for socket in sockets] == [False, False, True]


@on_an_event_loop
async def test_who_has_nothing_more_to_read_never_waits() -> None:
    """Of ten thousand users each may have one frame at the same moment: to stop them all would cost more than that."""
    turn, (flood, *others) = sockets_of_one_transport(100)
    flood.bring_others(MOST_OTHERS + 1)
    flood.bring_messages(TOO_MANY)
    assert turn.is_over

    for socket in others:
        socket.bring_others(1)
        socket.bring_messages(1)

    assert flood.is_held
    assert not any(socket.is_held for socket in others)


@on_an_event_loop
async def test_when_the_flood_is_over_all_go_on_soon() -> None:
    """Twice as many with each turn that was not too much: a hundred sockets are back after six."""
    turn, sockets = sockets_of_one_transport(100)
    for socket in sockets:
        socket.bring_others(MOST_OTHERS + 1)

    held_counts = []
    for _ in range(7):
        await asyncio.sleep(0)
        held_counts.append(sum(socket.is_held for socket in sockets))

    assert held_counts == [98, 94, 86, 70, 38, 0, 0]
    assert not turn.is_over


@on_an_event_loop
async def test_who_reads_by_himself_is_told_when_it_is_enough() -> None:
    """Such a socket cannot be held."""
    turn, (socket,) = sockets_of_one_transport(1, is_ours=False)

    socket.bring_others(MOST_OTHERS + 1)
    assert turn.is_over

    await asyncio.sleep(0)
    assert not turn.is_over


def test_unfinished_messages_are_bounded_all_together() -> None:
    """One more byte than there is room for is none, and what is finished makes room."""
    unfinished = Unfinished(100)
    assert unfinished.takes(60)
    assert unfinished.takes(40)

    assert not unfinished.takes(1)
    assert unfinished.byte_count == 100
    assert "100 bytes" in unfinished.complaint

    unfinished.gives_back(60)
    assert unfinished.takes(1)
