"""A user with a socket that is none, and no swarm around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from loadgen.dialects import Credentials
from loadgen.dialects.script import DialectScript
from loadgen.dialects.scripted import speaker_of
from loadgen.engine.books import Books
from loadgen.engine.member import Member
from loadgen.engine.user import User
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.payload import Payload
from loadgen.measure.receive_path import Receive
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Tally
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import UNSLICED

TAG = "abc123"


@cache
def a_payload() -> Payload:
    """Texts of 100 bytes; to draw the words takes 0.1 s, and anybody may have the same."""
    return Payload(seed=1, payload_bytes=100)


@dataclass
class FakeConnection:
    """Keeps what is sent over it."""

    sent: list[bytes] = field(default_factory=list)
    is_closed: bool = False
    writable: bool = True

    def send(self, frame: bytes) -> None:
        """Keep it."""
        self.sent.append(frame)

    def close(self) -> None:
        """Nothing comes of it."""
        self.is_closed = True

    def stop_reading(self) -> int:
        """Nothing is read anyway."""
        return 0

    def abort(self) -> None:
        """Nothing comes of it either."""
        self.is_closed = True


class FakeClub:
    """Members come and go."""

    receive_path = None

    def __init__(self, receive: Receive, *, hears_beside: bool) -> None:
        self.receive = receive
        self.hears_beside = hears_beside
        self.gone_count = 0

    def one_has_opened(self) -> None:
        """Nobody counts them."""

    def one_has_closed(self) -> None:
        """Nobody counts them."""

    def one_is_gone(self) -> None:
        """Count it."""
        self.gone_count += 1

    def one_was_cut_off(self, user: int, incident: int) -> None:
        """No incident is planned."""


def a_member(script: DialectScript) -> tuple[Member, FakeClub, FakeConnection, Ledger]:
    """Connected at 1 ns, and not greeted yet; what is due within 1,000 s is measured."""
    tally = Tally(0)
    rules = Rules(1, Rooms.alike(1), script.publish.reach, script.publish.echo, deadline_ns=1_000, slicing=UNSLICED)
    ledger = Ledger(rules, marker.prefix_of(TAG), tally)
    ledger.measure(0, 10**12)
    user = User(0, [0], speaker_of(script, Credentials(0, "ann", "")), Books(ledger, a_payload(), TAG, 1_000))
    club, connection = FakeClub(ledger.receive, hears_beside=script.has_several_in_a_frame), FakeConnection()
    member = Member(user, club)
    user.connecting(0)
    member.opened(connection, 1)
    return member, club, connection, ledger
