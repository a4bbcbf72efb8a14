"""What a dialect file says, as plain data. How such a file is read and checked: scenarios/dialect_files.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadgen.dialects.scripted import ScriptedDialect


class Reach(StrEnum):
    """Whom a message reaches."""

    ROOM = "room"
    SELF = "self"


@dataclass(frozen=True, slots=True)
class HttpScript:
    """An HTTP request; at most one of json, form and body."""

    path: str
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    form: dict[str, str] | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class LoginScript:
    """[login]"""

    http: HttpScript
    token: str | None = None
    """JSONPath, or header:NAME, or cookie:NAME."""


@dataclass(frozen=True, slots=True)
class TokenScript:
    """[token]: a JSON Web Token (RFC 7519) that is signed here, in place of a login."""

    claims: dict[str, Any]
    secret: str = field(repr=False)
    """Or a private key, as PEM."""
    algorithm: str = "HS256"
    lifetime_s: int = 3600
    issued_at_s: int = 0
    """Seconds since 1970; claim ``iat``, and the beginning of ``exp``."""


class FrameKind(StrEnum):
    """What a client's frames are to the WebSocket; either kind is taken from the server."""

    TEXT = "text"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class FramesScript:
    """[frames]"""

    kind: FrameKind = FrameKind.TEXT
    separator: str | None = None
    """Between messages of the server, where a frame may hold several."""


@dataclass(frozen=True, slots=True)
class StepScript:
    """[[connect.then]]: what is sent once the frame before has come, and the frame to wait for next."""

    send: tuple[str, ...]
    until: str


@dataclass(frozen=True, slots=True)
class ConnectScript:
    """[connect]"""

    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    subprotocols: tuple[str, ...] = ()
    send: tuple[str, ...] = ()
    until: str | None = None
    then: tuple[StepScript, ...] = ()
    """Only where there is ``until``."""
    node: str | None = None
    """Where in those frames the server says which of its nodes it is, with {node}; only where there is ``until``."""

    @property
    def names_room(self) -> bool:
        """Whether a connection is one to a room."""
        return any("room}" in text for text in (self.path, *self.query.values(), *self.headers.values()))


@dataclass(frozen=True, slots=True)
class JoinScript:
    """[join]"""

    send: tuple[str, ...]
    until: str | None = None
    watch: tuple[str, ...] = ()
    """Sent instead where a user also wants to hear who comes and goes."""


@dataclass(frozen=True, slots=True)
class LeaveScript:
    """[leave]"""

    send: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishScript:
    """[publish]: one of send and http."""

    send: str | None = None
    http: HttpScript | None = None
    echo: bool = True
    reach: Reach = Reach.ROOM
    ack: str | None = None
    """With {id} or {n}."""
    acks_in_order: bool = False
    """Whether acknowledgements do not say which message they are of: each is of the oldest that has none."""

    @property
    def has_room_sequence(self) -> bool:
        """Whether the acknowledgement tells a message's number in its room."""
        return self.ack is not None and "{seq}" in self.ack


@dataclass(frozen=True, slots=True)
class DirectScript:
    """[direct]: one of send and http."""

    send: str | None = None
    http: HttpScript | None = None
    echo: bool = False
    ack: str | None = None


@dataclass(frozen=True, slots=True)
class SideScript:
    """[typing], [presence]: one of send and http."""

    send: str | None = None
    http: HttpScript | None = None


@dataclass(frozen=True, slots=True)
class HistoryScript:
    """[history]"""

    frame: str
    """How its answers are told from news."""
    send: str | None = None
    catch_up: str | None = None
    """Sent after a reconnect, with {after}."""
    seq: str | None = None
    """Where the number of a message stands in a frame."""
    more: str | None = None
    """What an answer holds that is not the last."""


@dataclass(frozen=True, slots=True)
class AliveScript:
    """[alive]"""

    reply: dict[str, str] = field(default_factory=dict)
    every_ns: int | None = None
    send: str | None = None
    answer: str | None = None
    """What the server must have said by the time the next one is sent."""


@dataclass(frozen=True, slots=True)
class ErrorsScript:
    """[errors]"""

    frames: tuple[str, ...] = ()
    """How frames are recognised with which the server refuses something."""


@dataclass(frozen=True, slots=True)
class DialectScript:
    """A whole dialect file."""

    name: str
    connect: ConnectScript
    publish: PublishScript
    login: LoginScript | None = None
    token: TokenScript | None = None
    frames: FramesScript = FramesScript()
    join: JoinScript | None = None
    leave: LeaveScript = LeaveScript()
    direct: DirectScript | None = None
    typing: SideScript | None = None
    presence: SideScript | None = None
    history: HistoryScript | None = None
    http: HttpScript | None = None
    """What users ask besides."""
    alive: AliveScript = AliveScript()
    errors: ErrorsScript = ErrorsScript()
    speaker: type[ScriptedDialect] | None = None
    """Who speaks a protocol that a file cannot describe; None: whoever follows the file."""
    options: Any = None
    """What the speaker wants to know besides."""

    @property
    def has_rooms(self) -> bool:
        """Whether a user says which room it wants; else all of a run are in one."""
        return self.join is not None or self.connect.names_room

    @property
    def has_several_in_a_frame(self) -> bool:
        """Whether a frame that brings a message may bring something else as well."""
        return self.frames.separator is not None or (self.speaker is not None and self.speaker.HAS_SEVERAL_IN_A_FRAME)
