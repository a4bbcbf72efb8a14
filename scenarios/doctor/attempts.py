"""What two users tried at a server, and what came of it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from loadgen.dialects import HttpAnswer, HttpRequest, Opening
from loadgen.errors import ErrorKind

# As the transport says it of an answer to the handshake that is no 101.
_BEFORE_STATUS = "but received "
_STATUS = re.compile(r"\b([345]\d\d)\b")
_NO_CLOSE_FRAME = 1006


@dataclass(frozen=True, slots=True)
class Person:
    """Who one of the two users is; ``token`` is None where there is none."""

    username: str
    password: str
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What kept an answer from coming."""

    kind: ErrorKind
    text: str

    @property
    def status(self) -> int | None:
        """That of the answer, where one came that was not the wanted one."""
        found = _STATUS.search(self.text) if self.kind.startswith("http") else None
        return None if found is None else int(found[1])

    @property
    def said(self) -> str:
        """What the server said, without our own words around it."""
        return self.text.rpartition(_BEFORE_STATUS)[2]


@dataclass(frozen=True, slots=True)
class Closing:
    """The server is gone: its code and reason, 1006 where it said nothing."""

    code: int
    reason: str

    @property
    def was_said(self) -> bool:
        """Whether it sent a close frame."""
        return self.code != _NO_CLOSE_FRAME


@dataclass(frozen=True, slots=True)
class Overheard:
    """What came to one user during a step: the first frames of it, and those that may hold the message."""

    frames: tuple[bytes, ...] = ()
    frame_count: int = 0
    closing: Closing | None = None


@dataclass(frozen=True, slots=True)
class Refrain:
    """A frame that came again and again, and to which nothing was said."""

    frame: bytes
    count: int


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A login, and its answer or why there is none."""

    request: HttpRequest
    answer: HttpAnswer | None = None
    trouble: Trouble | None = None
    has_token: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether the server did not let the user in."""
        return self.answer is None or not 200 <= self.answer.status < 300


@dataclass(frozen=True, slots=True)
class ConnectAttempt:
    """A handshake, and what came in the moment after it."""

    opening: Opening
    trouble: Trouble | None = None
    closing: Closing | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Frames sent, and the wait for what the dialect awaits after them."""

    sent: tuple[bytes, ...] = ()
    has_come: bool = True
    heard: Overheard = Overheard()
    refusal: str | None = None
    """The frame that the dialect takes for an error."""
    awaited: str | None = None
    """What the frame holds that has not come."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What became of the one message, which user 1 wrote."""

    text: str
    marker: str
    message_id: str
    message: bytes | HttpRequest
    heard: tuple[Overheard, Overheard]
    is_acked: bool = False
    answer: HttpAnswer | None = None
    """Where it went over HTTP, as is ``trouble``."""
    trouble: Trouble | None = None

    def message_at(self, user: int) -> Overheard:
        """The frames that brought a user (from 0) the message with its marker intact."""
        frames = tuple(frame for frame in self.heard[user].frames if self.marker.encode() in frame)
        return Overheard(frames, len(frames))

    def beside_message(self) -> tuple[bytes, ...]:
        """What else came to user 1, who waits for the acknowledgement."""
        return tuple(frame for frame in self.heard[0].frames if self.marker.encode() not in frame)

    def copies(self, user: int) -> int:
        """How often a user (from 0) got it so."""
        return sum(frame.count(self.marker.encode()) for frame in self.message_at(user).frames)
