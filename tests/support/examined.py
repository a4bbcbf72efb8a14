"""Two users who try a dialect, as the unit tests of ``chatbench doctor`` make them up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from loadgen.dialects.script import (
    ConnectScript,
    DialectScript,
    HttpScript,
    JoinScript,
    LoginScript,
    PublishScript,
)
from loadgen.measure import marker
from loadgen.measure.marker import Stamp
from scenarios.doctor.attempts import Overheard, Person, Refrain, Talk
from scenarios.doctor.case import Case
from scenarios.doctor.secrets import secrets_of
from scenarios.doctor.steps import Outcome, Step
from scenarios.doctor.wording import Wording

ANN, BOB = Person("ann", "pass word/1", "tok-ann-12345"), Person("bob", "hunter22", "tok-bob-12345")
CHAT = DialectScript(
    name="chat",
    login=LoginScript(HttpScript("/login", json={"user": "{username}", "password": "{password}"}), "$.access_token"),
    connect=ConnectScript("/ws?token={token}", until='"type":"welcome"'),
    join=JoinScript(("JOIN {room}",), "JOINED {room}"),
    publish=PublishScript(send="SAY {id} {text}", ack="ACK {id}"),
)
MARK = marker.write(marker.prefix_of("c0ffee"), Stamp(0, 0, 1_000, 1_500)).decode()
WORDS = "dipa sudi la tiluwe "
TEXT = WORDS + MARK

FINE = (Outcome.OK, None)


def case(script: DialectScript = CHAT, refrain: Refrain | None = None) -> Case:
    """Ann and Bob, who speak the dialect and wait for 5 s."""
    return Case(script, (ANN, BOB), "room-1", Wording(secrets_of((ANN, BOB), ()), 5.0), refrain)


def publishing(**changes: Any) -> DialectScript:
    """The chat with another [publish]."""
    return replace(CHAT, publish=replace(CHAT.publish, **changes))


def heard(*frames: str) -> Overheard:
    """What came to a user."""
    return Overheard(tuple(frame.encode() for frame in frames), len(frames))


def talk(own: Overheard, other: Overheard, **changes: Any) -> Talk:
    """The message of user 1, and what came to both after it."""
    message = f"SAY c0ffee-0-0 {TEXT}".encode()
    return replace(Talk(TEXT, MARK, "c0ffee-0-0", message, (own, other)), **changes)


ALL_WELL = talk(heard(f"MSG ann {TEXT}", "ACK c0ffee-0-0"), heard(f"MSG ann {TEXT}"), is_acked=True)


def verdict(step: Step) -> tuple[Outcome, str | None]:
    """How a step went, and the key to look at."""
    return step.outcome, step.key
