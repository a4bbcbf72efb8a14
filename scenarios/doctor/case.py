"""What is known when a step is judged: the dialect, the two users who speak it, and how things are worded. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from loadgen.dialects.script import DialectScript, Reach
from loadgen.dialects.template import PLACEHOLDER
from scenarios.doctor.attempts import Person, Refrain
from scenarios.doctor.wording import Wording


@dataclass(frozen=True, slots=True)
class Case:
    """The dialect as its file says it, the two users and their room; ``words`` shows what happened to them."""

    script: DialectScript
    people: tuple[Person, Person]
    room: str
    words: Wording
    refrain: Refrain | None = None
    """Of what came until now; None where no frame came twice."""

    @property
    def publish_key(self) -> str:
        """The key that says how a message is published."""
        return "publish.http" if self.script.publish.send is None else "publish.send"

    @property
    def expects_own(self) -> bool:
        """Whether user 1 must get its own message."""
        return self.script.publish.echo or self.script.publish.reach is Reach.SELF

    @property
    def receivers(self) -> list[int]:
        """The users (from 0) whom the message of user 1 must reach."""
        return [1] * (self.script.publish.reach is Reach.ROOM) + [0] * self.expects_own

    def messages_in(self, frame: bytes) -> list[bytes]:
        """What a frame holds, as the dialect divides it."""
        separator = self.script.frames.separator
        return [frame] if separator is None else [part for part in frame.split(separator.encode()) if part]

    def filled(self, text: str, user: int) -> str:
        """``text`` with its placeholders replaced for a user (from 0)."""
        person = self.people[user]
        values = {
            "username": person.username,
            "password": person.password,
            "token": person.token or "",
            "user_id": str(user + 1),
            "room": self.room,
            "room_number": "1",
        }
        return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)
