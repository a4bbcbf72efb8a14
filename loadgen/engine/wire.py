"""What coordinator and worker say to each other, over a socket pair of their own.

Messages are pickled dataclasses behind a length of four bytes. Both ends are the same program on the same host,
started by one another, and nobody else holds the socket: the trust is that of multiprocessing.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from loadgen.measure.clocks import Clock
from loadgen.measure.news import News
from loadgen.measure.record import Phase
from loadgen.measure.spread import Spreads
from loadgen.measure.tally import Tally
from loadgen.plan.plan import Plan
from loadgen.plan.sections import Section

_LENGTH = struct.Struct("!I")

# How often processes say what others must hear of, and the coordinator hands it on: so that it is known long before
# any deadline, and seldom enough to cost nothing.
NEWS_PERIOD_NS = 50_000_000


# Coordinator to worker


@dataclass(frozen=True, slots=True)
class Begin:
    """The first message; seconds of the series count from ``origin_ns``."""

    plan: Plan
    origin_ns: int
    other_clocks: dict[int, Clock] = field(default_factory=dict)
    """Index of a share on another host -> its clock."""


@dataclass(frozen=True, slots=True)
class Do:
    """Bring all users through one of login, connect, join; answered by Done."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class Talk:
    """Warm up, measure and drain from ``start_ns`` on; answered by Done."""

    start_ns: int


@dataclass(frozen=True, slots=True)
class Want:
    """On call: so many of your users are to be there."""

    user_count: int


@dataclass(frozen=True, slots=True)
class Speak:
    """On call: warm up, and measure from ``section.start_ns`` + warm-up on; or, where you do, go on with a section.

    Answered by Done when the drain is over.
    """

    section: Section


@dataclass(frozen=True, slots=True)
class Measure:
    """On call: this is the measured window, from now on; whatever was measured in an earlier ``epoch`` is forgotten."""

    start_ns: int
    end_ns: int
    epoch: int


class Deed(StrEnum):
    """What a scripted user can be asked to do."""

    LOG_IN = "log_in"
    CONNECT = "connect"
    JOIN = "join"
    SEND = "send"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Ask:
    """On call: have a scripted user do something; answered by Answer. Users of a process are numbered from 0."""

    ticket: int
    user: int
    deed: Deed
    text: str = ""
    asked_ns: int = 0
    """When the script wanted it."""


@dataclass(frozen=True, slots=True)
class Hear:
    """News of another worker."""

    news: News


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop talking, wait ``grace_ns`` for what is under way, tell the last news; answered by Done."""

    grace_ns: int


@dataclass(frozen=True, slots=True)
class Finish:
    """All news has been heard: close the books and the sockets; answered by Closed."""


# Worker to coordinator


@dataclass(frozen=True, slots=True)
class Done:
    """A phase is over; ``user_count`` users have come through it."""

    user_count: int


@dataclass(frozen=True, slots=True)
class Tell:
    """What the other workers must hear."""

    news: News


@dataclass(frozen=True, slots=True)
class Attended:
    """On call: who is there, and which epoch what is told belongs to."""

    wanted_count: int
    arriving_count: int
    ready_count: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Tick:
    """What was counted since the last one."""

    tally: Tally
    spreads: Spreads
    attendance: Attended | None = None
    """On call."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked is done, or why it could not be."""

    ticket: int
    complaint: str | None


@dataclass(frozen=True, slots=True)
class Overheard:
    """A frame has come to a scripted user."""

    user: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The last message: the books are closed."""

    tally: Tally
    spreads: Spreads
    handshake_headers: dict[str, str]


Message = (
    Begin
    | Do
    | Talk
    | Want
    | Speak
    | Measure
    | Ask
    | Hear
    | Stop
    | Finish
    | Done
    | Tell
    | Tick
    | Answer
    | Overheard
    | Closed
)


def packed(message: Message) -> bytes:
    """The message as it goes over the pipe: what many are told is made into bytes once."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


class Wire:
    """One end of the pipe."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, sock: socket.socket) -> Self:
        """The end that ``sock`` is."""
        return cls(*await asyncio.open_connection(sock=sock))

    async def send(self, message: Message) -> None:
        """Send one message; ConnectionError where the other end is gone."""
        self.post(message)
        await self._writer.drain()

    def post(self, message: Message | bytes) -> None:
        """Send one message, :func:`packed` or not, without waiting for an end that is slow to read.

        Nothing happens where it is gone.
        """
        self._writer.write(message if isinstance(message, bytes) else packed(message))

    async def receive(self) -> Message | None:
        """The next message; None where the other end is gone."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            data = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        message: Message = pickle.loads(data)  # noqa: S301  # our own process, see above
        return message

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
