"""What is sent to one connection, so that a slow reader never slows the room."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from websockets.frames import Frame, Opcode

from target_app.settings import Limits

# Why we close (RFC 6455, 7.4.1, and IANA's registry after it).
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013


class Line(Protocol):
    """The connection below: `target_app.connection` in the server, a fake in tests."""

    def write(self, data: bytes, /) -> None:
        """Hand bytes to the socket, without waiting."""

    def is_closing(self) -> bool:
        """Whether bytes would be written in vain."""

    def begin_close(self, code: int, reason: str) -> bytes:
        """Start the closing handshake and its time limit; the close frame, which the caller sends."""


@dataclass(slots=True)
class Outboxes:
    """Every connection's outbox, and what happened to them."""

    limits: Limits
    # Bytes leave during the write, and not when the event loop comes round: for stamps that tell when.
    write_at_once: bool = False
    open: set["Outbox"] = field(default_factory=set)
    slow_reader_close_count: int = 0
    # Connections that there was no room for.
    turned_away_count: int = 0
    sent_frame_count: int = 0


class Outbox:
    """The way to one connection.

    While the reader keeps up, a frame goes straight to the socket. When the socket
    is full, frames wait here, up to a limit in frames and in bytes. Past the
    limit the reader is given up: what waited is dropped and the connection closed
    with 1013, or cut when it takes not even that.

    Nothing here waits, so a broadcast is a plain loop. It writes the same bytes to
    uvicorn's transport for everyone, past the ASGI messages: 5.0 to 5.8 us of CPU a
    send to 500 members, beside 7.9 to 10.6 us of `await websocket.send_text` in a
    loop (six pairs, 0.54 to 0.71 of it; 40 messages of 200 bytes a second, uvloop).
    """

    __slots__ = ("_line", "_outboxes", "_paused", "_waiting", "_waiting_bytes", "_write", "closed_with")

    def __init__(self, line: Line, outboxes: Outboxes) -> None:
        self._line = line
        self._write = line.write
        self._outboxes = outboxes
        self._paused = False
        # A deque would be 700 bytes of an idle connection.
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        # The code we closed with, or 1005 once the other side is gone; None while open.
        self.closed_with: int | None = None
        outboxes.open.add(self)

    def send(self, frame: bytes) -> None:
        """Send one encoded frame, now or as soon as the reader catches up; in vain once closed."""
        if self._paused:
            self._wait(frame)
        elif self.closed_with is None and not self._line.is_closing():
            self._write(frame)

    def is_open(self) -> bool:
        """Whether what is sent now is not sent in vain."""
        return self.closed_with is None and not self._line.is_closing()

    @property
    def is_behind(self) -> bool:
        """Whether what is sent now has to wait for the reader: no time for what can be left out."""
        return self._paused

    def send_text(self, text: str) -> None:
        """Send one text to this connection alone; for many, `broadcast` encodes it once."""
        self.send(text_frame(text))
        self.count_sent(1)

    def count_sent(self, frame_count: int) -> None:
        """Count what was sent, here or to others at once: a broadcast pays for this once, not at every `send`."""
        self._outboxes.sent_frame_count += frame_count

    @property
    def waiting_frame_count(self) -> int:
        """How many frames wait for the reader."""
        return len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait for the reader."""
        return self._waiting_bytes

    def close(self, code: int, reason: str) -> None:
        """Say goodbye after whatever waits; what is sent from now on is dropped."""
        if self.closed_with is not None or self._line.is_closing():
            return
        self.closed_with = code
        goodbye = self._line.begin_close(code, reason)
        if self._paused:
            self._waiting.append(goodbye)
            self._waiting_bytes += len(goodbye)
        else:
            self._write(goodbye)

    def pause(self) -> None:
        """Told by the connection: the socket is full."""
        self._paused = True

    def resume(self) -> None:
        """Told by the connection: the socket takes more."""
        self._paused = False
        # A write may fill the socket again, and pause us in the middle of the loop.
        while self._waiting and not self._paused:
            frame = self._waiting.pop(0)
            self._waiting_bytes -= len(frame)
            self._write(frame)

    def lost(self) -> None:
        """Told by the connection: the other side has closed or gone."""
        self._waiting.clear()
        self._waiting_bytes = 0
        if self.closed_with is None:
            self.closed_with = 1005
        self._outboxes.open.discard(self)

    def _wait(self, frame: bytes) -> None:
        if self.closed_with is not None:
            return
        limits = self._outboxes.limits
        if len(self._waiting) < limits.outbox_frames and self._waiting_bytes + len(frame) <= limits.outbox_bytes:
            self._waiting.append(frame)
            self._waiting_bytes += len(frame)
            return
        self._waiting.clear()
        self._waiting_bytes = 0
        self._outboxes.slow_reader_close_count += 1
        self.close(TRY_AGAIN_LATER, "Reading too slowly")


def text_frame(text: str) -> bytes:
    """Return the bytes of a text frame: the same for everyone, as a server does not mask (RFC 6455, 5.1)."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def broadcast(text: str, outboxes: Collection[Outbox]) -> None:
    """Send one text to many, encoded once."""
    frame = text_frame(text)
    for outbox in outboxes:
        outbox.send(frame)
    if outboxes:
        outbox.count_sent(len(outboxes))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message comes from; ``room`` is None outside the many rooms, ``id`` where the client gave none."""

    room: str | None
    sender: str
    id: str | int | None


class Deliver(Protocol):
    """How a message gets to those who are in its room."""

    def __call__(self, text: str, members: Mapping[Outbox, object], origin: Origin, /) -> None:
        """Send one text to many."""


def deliver(text: str, members: Mapping[Outbox, object], _origin: Origin, /) -> None:
    """Send one text to many, now and as it is."""
    broadcast(text, members)
