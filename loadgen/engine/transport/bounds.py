"""How much of what a server sends is taken in: bounded in work at a time, and in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from loadgen.engine.transport import Traffic

# Of messages, between two turns of the event loop: 20 to 50 ms of work. Where users are merely many, a turn has less.
MOST_MESSAGES = 10_000
# Of other frames: 5 ms of work, or 20 where a dialect looks closely at each.
MOST_OTHERS = 1_000
# From so many on the next turn is asked for: to ask costs as much as a few frames.
ASKED_FROM_MESSAGES = 2_000
ASKED_FROM_OTHERS = 250
# Sockets that go on with a turn; twice as many with the next, where that was not too much.
FEW = 2

# A message may have 16 MB (MAX_FRAME_BYTES), and nobody writes hundreds of such at a time; a machine with a few GB can
# hold this much for each process.
MOST_UNFINISHED_BYTES = 256 * 1024 * 1024


class Holdable(Protocol):
    """A socket that can be made to wait."""

    def hold(self) -> bool:
        """Read nothing until told to go on; False where it waits already, or another reads it."""
        ...

    def go_on(self) -> None:
        """Read again."""
        ...


class Turn:
    """Has sockets wait whose server sends frames faster than we can look at them; needs a running event loop.

    Without it, one socket with messages, or ten with empty frames, kept the event loop from everything else for as long
    as they came. A socket that has nothing more to read is never made to wait, however much the others bring.
    """

    def __init__(self, traffic: Traffic) -> None:
        """``traffic`` counts all frames."""
        self._traffic = traffic
        self._other_count = 0
        self._has_looked = self._was_too_much = self._is_asked = False
        self._held: deque[Holdable] = deque()
        self._on_at_once = FEW
        traffic.look_at = traffic.frames_received + ASKED_FROM_MESSAGES

    @property
    def is_over(self) -> bool:
        """Whether something else must have its turn, since too much has come that is no message."""
        return self._other_count >= MOST_OTHERS

    def one_more(self, socket: Holdable, *, has_more: bool) -> None:
        """A frame has come on ``socket`` that is no message of ours; ``has_more``: not the last that was read."""
        self._other_count += 1
        if self._other_count == ASKED_FROM_OTHERS:
            self._ask()
        elif has_more and self._other_count >= MOST_OTHERS:
            self._hold(socket)

    def look(self, socket: Holdable, *, has_more: bool) -> None:
        """A frame has come on ``socket``, and that makes ``look_at`` of the traffic."""
        if not self._has_looked:
            self._has_looked = True
            self._traffic.look_at += MOST_MESSAGES
            self._ask()
        elif has_more:
            self._hold(socket)

    def _hold(self, socket: Holdable) -> None:
        self._was_too_much = True
        if socket.hold():
            self._held.append(socket)

    def _ask(self) -> None:
        if not self._is_asked:
            self._is_asked = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._on_at_once = 2 * self._on_at_once if self._held and not self._was_too_much else FEW
        self._is_asked = self._has_looked = self._was_too_much = False
        self._other_count = 0
        self._traffic.look_at = self._traffic.frames_received + ASKED_FROM_MESSAGES
        for _ in range(min(self._on_at_once, len(self._held))):
            self._held.popleft().go_on()
        if self._held:
            self._ask()


class Unfinished:
    """Bytes of messages that have begun to come, of all connections together."""

    def __init__(self, most_bytes: int = MOST_UNFINISHED_BYTES) -> None:
        self._most_bytes = most_bytes
        self.byte_count = 0

    def takes(self, byte_count: int) -> bool:
        """Have room for so many more; False where there is none, and nothing is taken."""
        if self.byte_count + byte_count > self._most_bytes:
            return False
        self.byte_count += byte_count
        return True

    def gives_back(self, byte_count: int) -> None:
        """A message is whole, or nobody waits for it any more."""
        self.byte_count -= byte_count

    @property
    def complaint(self) -> str:
        """What is said to a server that wants more."""
        return f"unfinished messages of more than {self._most_bytes} bytes, of all connections together"
