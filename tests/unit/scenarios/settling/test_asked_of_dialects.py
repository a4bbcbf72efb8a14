"""What a run asks of its dialect, which may not have it: rooms, tokens, answers, compression, presence."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadgen.plan.pacing import Loop
from loadgen.plan.plan import TransportKind
from scenarios.settle import settle
from tests.support.settled import Write, complaint, plan_of

ROOMS_DIALECT = """
[connect]
path = "/"
[join]
send = "JOIN {room}"
[publish]
send = "{text}"
"""
# A name and no answer: it neither takes a token nor tells a sender anything.
MUTE_DIALECT = """
[connect]
path = "/"
[publish]
send = "{text}"
echo = false
"""


def test_a_wrong_dialect_file_is_told_with_its_own_key(here: Path) -> None:
    """The mistake is in that file, not in the scenario."""
    (here / "mine.dialect.toml").write_text('[connect]\npaht = "/"\n[publish]\nsend = "{text}"\n', encoding="utf-8")

    assert complaint("smoke", {"target.dialect": "mine.dialect.toml"}).startswith("mine.dialect.toml: connect.pa")


def test_a_dialect_file_with_a_join_may_have_many_rooms(here: Path) -> None:
    """Only one without cannot."""
    (here / "rooms.toml").write_text(ROOMS_DIALECT, encoding="utf-8")

    settled = settle("smoke", {"target.dialect": "rooms.toml", "users.rooms.count": 3}, {})

    assert settled.plan_for(("http://x",), "abcdef").dialect.name == "rooms"


def test_tokens_need_a_dialect_that_uses_them(here: Path) -> None:
    """Nobody would notice that they are not used."""
    (here / "tokens.txt").write_text("abc\n", encoding="utf-8")
    (here / "late.toml").write_text(
        '[connect]\npath = "/"\nsend = "AUTH {token}"\n[publish]\nsend = "{text}"\n', encoding="utf-8"
    )
    (here / "later.toml").write_text(
        '[connect]\npath = "/"\n[publish]\nsend = "{text}"\n[http]\npath = "/?{token}"\n', encoding="utf-8"
    )
    flags = {"users.tokens_file": "tokens.txt"}

    assert plan_of(settle("fanout", {**flags, "target.dialect": "late.toml"}, {})).tokens == ("abc",)
    assert plan_of(settle("fanout", {**flags, "target.dialect": "later.toml"}, {})).tokens == ("abc",)
    assert complaint("echo", flags) == (
        '--tokens-file: expected none, since the dialect "echo" has no {token} to put one in, got "tokens.txt"'
    )


@pytest.mark.parametrize(
    "publish",
    ['send = "{text}"', 'send = "{id} {text}"\necho = false\nack = "OK {id}"', 'send = "{text}"\nreach = "self"'],
)
def test_a_closed_loop_waits_for_an_echo_or_an_acknowledgement(here: Path, publish: str) -> None:
    """Either is an answer."""
    (here / "some.toml").write_text(f'[connect]\npath = "/"\n[publish]\n{publish}\n', encoding="utf-8")

    settled = settle("fanout", {"target.dialect": "some.toml", "traffic.loop": "closed"}, {})

    assert plan_of(settled).loop is Loop.CLOSED


@pytest.mark.parametrize("publish", ['send = "{text}"', 'http = { path = "/send", body = "{text}" }'])
def test_a_closed_loop_without_an_answer_is_refused(here: Path, publish: str) -> None:
    """With the keys that would be one."""
    (here / "mute.toml").write_text(MUTE_DIALECT.replace('send = "{text}"', publish), encoding="utf-8")

    assert complaint("fanout", {"target.dialect": "mute.toml", "traffic.loop": "closed"}) == (
        '--loop: expected "open", since the dialect "mute" has no answer to wait for (publish.ack, or '
        'publish.echo = true, would be one), got "closed"'
    )


def test_compression_needs_the_library_that_has_it(write: Write) -> None:
    """The fast one has none."""
    scenario = write("[target]\ncompression = true\n")

    plan = plan_of(settle(scenario, {"run.transport": "websockets"}, {}))

    assert (plan.transport, plan.compression) == (TransportKind.WEBSOCKETS, True)
    assert complaint(scenario) == (
        "mine.toml: target.compression: expected false, since picows has no permessage-deflate "
        '(run.transport = "websockets" has), got true'
    )


def test_who_wants_to_know_who_is_there_joins_in_another_way(write: Write) -> None:
    """By the frame that the dialect has for it; everything else stays as it was."""
    one, other = (plan_of(settle(write(f"[users]\nwatch_presence = {wish}\n"), {}, {})) for wish in ("true", "false"))

    assert one.dialect.join is not None
    assert other.dialect.join is not None
    assert one.dialect.join.send == other.dialect.join.watch != other.dialect.join.send
    assert one.dialect.publish == other.dialect.publish


@pytest.mark.parametrize("dialect", ["plain", "echo"])
def test_a_dialect_that_cannot_tell_who_is_there_is_refused_where_it_is_asked(write: Write, dialect: str) -> None:
    """It has no frame for it."""
    scenario = write(f'[target]\ndialect = "{dialect}"\n[users]\nwatch_presence = true\n')

    assert complaint(scenario) == (
        f'mine.toml: users.watch_presence: expected false, since the dialect "{dialect}" has no join.watch, got true'
    )
