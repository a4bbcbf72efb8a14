"""What a dialect file says, as plain data. How such a file is read and checked: scenarios/dialect_files.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


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
class ConnectScript:
    """[connect]"""

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    subprotocols: tuple[str, ...] = ()
    send: tuple[str, ...] = ()
    until: str | None = None


@dataclass(frozen=True, slots=True)
class JoinScript:
    """[join]"""

    send: tuple[str, ...]
    until: str | None = None
    watch: tuple[str, ...] = ()
    """Sent instead where a user also wants to hear who comes and goes."""


@dataclass(frozen=True, slots=True)
class PublishScript:
    """[publish]: one of send and http."""

    send: str | None = None
    http: HttpScript | None = None
    echo: bool = True
    reach: Reach = Reach.ROOM
    ack: str | None = None

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


@dataclass(frozen=True, slots=True)
class DialectScript:
    """A whole dialect file."""

    name: str
    connect: ConnectScript
    publish: PublishScript
    login: LoginScript | None = None
    join: JoinScript | None = None
    direct: DirectScript | None = None
    typing: SideScript | None = None
    presence: SideScript | None = None
    history: HistoryScript | None = None
    http: HttpScript | None = None
    """What users ask besides."""
    alive: AliveScript = AliveScript()
