"""How each kind of server is spoken to. Pure: a dialect is told what came and says what to send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who a user is to the server."""

    user: int
    """Counted from 0."""
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request to the server under test; ``path`` is relative to its base URL."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    cookies: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """How a WebSocket connection is opened; ``path`` is relative to the server's base URL."""

    path: str
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    is_binary: bool = False
    """Whether what is sent over it are binary frames."""


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """A frame that is sent again and again."""

    every_ns: int
    frame: bytes


class Confirmation(StrEnum):
    """What a server confirms."""

    CONNECTED = "connected"
    JOINED = "joined"


class Ack(NamedTuple):
    """The server has taken a message."""

    message_id: str
    room_sequence: int | None = None
    """The number it gave the message in its room, where the dialect tells."""


class Heard(NamedTuple):
    """What a frame without a marker says."""

    confirmed: Confirmation | None = None
    acks: Sequence[Ack] = ()
    replies: Sequence[bytes] = ()
    """Frames to send back at once."""
    error: str | None = None
    """What the server refuses, in its own words."""
    node: str | None = None
    """Which node of the server it is, where it says so with what it confirms."""


class Dialect(Protocol):
    """One user's way of speaking to one kind of server. Frames are the payloads of WebSocket messages."""

    @property
    def has_login(self) -> bool:
        """Whether there is a login at all."""
        ...

    @property
    def awaits_greeting(self) -> bool:
        """Whether the connection is ready only after Confirmation.CONNECTED."""
        ...

    @property
    def has_join(self) -> bool:
        """Whether a room is joined; if not, joined at the 101."""
        ...

    @property
    def awaits_join(self) -> bool:
        """Whether the joins are confirmed, the last of them by Confirmation.JOINED."""
        ...

    @property
    def has_ack(self) -> bool:
        """Whether the server acknowledges messages."""
        ...

    @property
    def has_direct_ack(self) -> bool:
        """Whether it acknowledges direct messages."""
        ...

    @property
    def awaited(self) -> str | None:
        """What the frame holds that is waited for now, as the dialect says it; None where none is."""
        ...

    @property
    def misses_answer(self) -> bool:
        """Whether the last keep-alive is to be answered, and has not been."""
        ...

    def login(self) -> HttpRequest:
        """How to log in; only where ``has_login``."""
        ...

    def token_from(self, answer: HttpAnswer) -> str | None:
        """The token in a successful answer; None where it holds none. It is used from here on."""
        ...

    def use_token(self, token: str) -> None:
        """A token from elsewhere takes the place of a login."""
        ...

    def open(self, rooms: Sequence[str]) -> Opening:
        """How to connect, to be in these rooms; what was said over an earlier connection is forgotten."""
        ...

    def on_connected(self) -> list[bytes]:
        """Frames to send once connected."""
        ...

    def join(self, rooms: Sequence[str]) -> list[bytes]:
        """Frames that ask for the rooms, in one of which everything is from here on."""
        ...

    def leave(self) -> list[bytes]:
        """Frames to say good-bye with, before the connection is closed."""
        ...

    def publish(self, room: str, text: str, message_id: str) -> bytes | HttpRequest:
        """What sends ``text`` to one of its rooms."""
        ...

    def direct(self, receiver: str, text: str, message_id: str) -> bytes | HttpRequest:
        """What sends ``text`` to one user; only where the dialect has direct messages."""
        ...

    def typing(self, room: str) -> bytes | HttpRequest:
        """What tells a room that the user is about to write; only where the dialect has it."""
        ...

    def presence(self, room: str) -> bytes | HttpRequest:
        """What asks who is in a room; only where the dialect has it."""
        ...

    def history(self, room: str) -> bytes | HttpRequest:
        """What asks for a room's latest messages; only where the dialect has it."""
        ...

    def http(self, room: str) -> HttpRequest:
        """What the user asks over HTTP now and then; only where the dialect has it."""
        ...

    def has_heard(self, room: str, frame: bytes) -> None:
        """The last message of a room that came before the socket was lost; a catch-up begins after it.

        Where an earlier catch-up of the room had not come to its end, the next goes on from there: what lies between
        has not come.
        """
        ...

    def catch_up(self) -> list[bytes]:
        """After a reconnect: frames that ask for what was missed, if anything is known to ask for."""
        ...

    def unread(self) -> list[bytes]:
        """Frames that ask again for what is not read yet of the catch-up; none when all is."""
        ...

    def on_frame(self, frame: bytes) -> Heard:
        """What a frame says that brings no marked message, or may say something beside them."""
        ...

    def may_tell(self, frame: bytes) -> bool:
        """Whether ``on_frame`` must hear of a frame that brings messages; asked of each where a frame may say more."""
        ...

    def keep_alive(self) -> KeepAlive | None:
        """What to send now, as is done regularly."""
        ...
