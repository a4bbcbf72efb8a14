"""`python -m tests.support.careless_server CARE FLAGS`: a reference server that leaves out one thing it takes care of.

Or nothing, which is the server that the others are held beside. All of them take a node for dead sooner than the real
one does, so that a test need not wait for that.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from importlib import import_module
from typing import Any

from target_app import rooms_answers as answers
from target_app.broker import Answer
from target_app.nodes import messages as m
from target_app.nodes.broker import NodesBroker
from target_app.nodes.homes import Claim
from target_app.nodes.housing import Housing
from target_app.nodes.lease import Lease
from target_app.nodes.places import Followed
from target_app.nodes.sql_homes import SqlHomes
from target_app.outbox import Origin, Outbox
from target_app.rooms import Message, Room
from target_app.rooms_protocol import Join, Publish, ReadHistory, parse_frame
from target_app.rooms_session import RoomsSession
from target_app.settings import read_settings
from target_app.writer import OnStored, Writer


class Care(StrEnum):
    """What a careless server does not do."""

    NOTHING = "nothing"
    STORED_FIRST = "stored-first"
    ONE_HOME = "one-home"
    LEASE = "lease"
    LEAP = "leap"
    ORDER = "order"
    GAPS = "gaps"
    ONCE = "once"
    MEMBERS_ONLY = "members-only"
    LIVE_FROM_JOINED = "live-from-joined"
    CATCHING_UP_AND_PRESENCE = "catching-up-and-presence"


def careless(care: Care) -> Sequence[str]:
    """The command of a server without this."""
    return sys.executable, "-m", "tests.support.careless_server", care


class AcksFirst(Writer):
    """Says that a message is stored, and stores it later: after the end of any test."""

    def put(self, message: Message, on_stored: OnStored) -> None:
        super().put(message, lambda _: None)
        on_stored(None)

    async def settled(self) -> None:
        """Nobody waits for what would take so long."""

    async def _write_on(self) -> None:
        await asyncio.sleep(3_600)


class OwnHomes(SqlHomes):
    """Every node is the home of every room."""

    async def claim(self, node: str, room: str) -> Claim:
        return Claim(node, (await super().claim(node, room)).seq)


class LeaseForEver(Lease):
    """Numbers on, whoever may have taken the rooms meanwhile."""

    @property
    def lasts(self) -> bool:
        return True


class NeverMovesOut(Housing):
    """Is at home where it was, whoever else is by now."""

    def move_out(self) -> None:
        pass


class ShownAtOnce(Housing):
    """Does not show what is shown already."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.shown: set[str] = set()

    def _take(self, room: Room[Outbox], message: Message) -> None:
        if message.text in self.shown:
            room.take(message)
        else:
            super()._take(room, message)


class ShowsAtOnce(NodesBroker):
    """Shows its own members what they say before the room's home has numbered it."""

    async def publish(self, outbox: Outbox, wanted: Publish, answer: Answer) -> None:
        place = self._housing.places.get(wanted.room)
        if isinstance(place, Followed) and place.is_whole and outbox in place.room.members:
            room, user = place.room, place.room.members[outbox].user
            assert isinstance(self._housing, ShownAtOnce)
            self._housing.shown.add(wanted.text)
            guessed = Message(room.name, room.seq + 1, user, wanted.text, 0)
            self._deliver(answers.message_frame(guessed), room.members, Origin(room.name, user, wanted.id))
        await super().publish(outbox, wanted, answer)


class MissesWhatItMissed(Housing):
    """Goes on where the room is, without what was said meanwhile."""

    def _answered(self, name: str, home: str, answer: m.Answer, users: dict[str, int]) -> bool:
        skipped = answer._replace(missed=[]) if isinstance(answer, m.Followed) else answer
        return super()._answered(name, home, skipped, users)


def asks_for_more_than_it_misses(number: int, room: str, after: int | None, users: dict[str, int]) -> m.Follow:
    """Take the place of `Follow`: the last twenty are shown once more."""
    return m.Follow(number, room, None if after is None else max(0, after - 20), users)


class TellsEverybody(Housing):
    """Passes on what is said elsewhere to whoever is in any room here."""

    def _take(self, room: Room[Outbox], message: Message) -> None:
        room.take(message)
        everybody = dict.fromkeys(self._rooms._joined)
        self._pass_on(answers.message_frame(message), everybody, Origin(room.name, message.sender, None))


class JoinsLater(RoomsSession):
    """Says that one has joined, and lets him in a moment later."""

    _late: asyncio.Task[None] | None = None

    async def _do(self, fields: dict[str, Any]) -> None:
        frame = parse_frame(fields, self._limits)
        if not isinstance(frame, Join):
            await super()._do(fields)
            return
        self._outbox.send_text(answers.joined(frame.room, 1, 0))
        self._late = asyncio.create_task(self._join_later(fields))

    async def _join_later(self, fields: dict[str, Any]) -> None:
        await asyncio.sleep(0.3)
        await super()._do(fields)


class ForgetsThePast(RoomsSession):
    """Answers who has come back that nothing was said meanwhile."""

    async def _read_history(self, wanted: ReadHistory) -> None:
        if wanted.after is None:
            await super()._read_history(wanted)
        else:
            self._outbox.send_text(answers.history(wanted.room, (), more=False))


def nothing_is_told(*_: object) -> None:
    """Take the place of `tell_watchers`: nobody hears who comes and goes."""


def be_quick() -> None:
    """Have a lease of two seconds, and whoever is silent for one looked after."""
    put("target_app.nodes.sql_homes", "_LEASE_MS", 2_000)
    put("target_app.nodes.lease", "LEASE_S", 2.0)
    put("target_app.nodes.lease", "MARGIN_S", 0.2)
    put("target_app.nodes.node", "RENEW_S", 0.4)
    put("target_app.nodes.node", "SILENT_S", 1.0)
    put("target_app.nodes.node", "TICK_S", 0.2)
    put("target_app.nodes.redis_bus", "BEAT_S", 0.1)
    put("target_app.nodes.redis_bus", "RETRY_S", 0.1)


def put(module: str, name: str, piece: object) -> None:
    """Put something in the place of what a module calls by a name."""
    found = import_module(module)
    assert hasattr(found, name), f"{module} has no {name}"
    setattr(found, name, piece)


def give_up(care: Care) -> None:
    """Put a piece without this care in the place of the server's own."""
    pieces: dict[Care, list[tuple[str, str, object]]] = {
        Care.NOTHING: [],
        Care.STORED_FIRST: [("services", "Writer", AcksFirst)],
        Care.ONE_HOME: [("services", "SqlHomes", OwnHomes)],
        Care.LEASE: [("nodes.node", "Lease", LeaseForEver), ("nodes.node", "Housing", NeverMovesOut)],
        Care.LEAP: [("nodes.sql_homes", "LEAP", 0)],
        Care.ORDER: [("nodes.node", "Housing", ShownAtOnce), ("nodes.node", "NodesBroker", ShowsAtOnce)],
        Care.GAPS: [("nodes.node", "Housing", MissesWhatItMissed)],
        Care.ONCE: [("nodes.housing", "Follow", asks_for_more_than_it_misses)],
        Care.MEMBERS_ONLY: [("nodes.node", "Housing", TellsEverybody)],
        Care.LIVE_FROM_JOINED: [("rooms_socket", "RoomsSession", JoinsLater)],
        Care.CATCHING_UP_AND_PRESENCE: [
            ("rooms_socket", "RoomsSession", ForgetsThePast),
            *((f"nodes.{each}", "tell_watchers", nothing_is_told) for each in ("telling", "answering")),
        ],
    }
    for module, name, piece in pieces[care]:
        put(f"target_app.{module}", name, piece)


def main() -> None:
    """Serve until told to stop."""
    be_quick()
    give_up(Care(sys.argv[1]))
    from target_app.server import serve

    serve(read_settings(sys.argv[2:], os.environ))


if __name__ == "__main__":
    main()
