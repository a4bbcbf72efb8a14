"""A server that speaks each dialect, and does wrong at each of its turns: what comes of it is counted, and no crash."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum, auto

import pytest

from loadgen.dialects.script import DialectScript
from loadgen.engine import swarm as swarm_module
from loadgen.engine.clock import now_ns
from loadgen.engine.duty import transports_for
from loadgen.engine.entrance import Entrance
from loadgen.engine.swarm import Swarm
from loadgen.engine.user import UserState
from loadgen.errors import ErrorKind, kind_of_close
from loadgen.measure.tally import Count
from loadgen.plan.pacing import NS_PER_S, Gaps
from loadgen.plan.plan import Plan
from loadgen.plan.rooms import Rooms
from scenarios.dialect_files import load_dialect, read_dialect
from tests.support.event_loop import on_an_event_loop
from tests.support.lone_member import a_payload
from tests.support.mutations import NONSENSE, TOWERS, with_other_numbers, with_other_types
from tests.support.raw_websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawPeer,
    close_frame,
    frame,
    raw_server,
)
from tests.support.tongues import TONGUES, Tongue, tongue

pytestmark = [pytest.mark.system, pytest.mark.faults]

SCRIPTS = {each.name: load_dialect(each.dialect) for each in TONGUES}

# How long a silent server is waited for here, instead of 10 s.
SHORT_S = 0.1
LATE = b"as late as that"
"""In a ping that is sent when the first message was answered: its pong says that all before it was heard."""


@pytest.fixture(autouse=True)
def words_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every user has the same, drawn once."""
    monkeypatch.setattr(swarm_module, "payload_of", lambda _: a_payload())


Says = Callable[[Sequence[bytes], int], bytes]
"""Of the frames that a server had to say and their opcode: what it sends first, or instead."""


class Then(Enum):
    """What a server does after its misdeed."""

    TRUTH = auto()  # says what it had to say
    GOES_ON = auto()  # has said it already, and goes on
    SILENCE = auto()  # never says anything again
    CLOSES = auto()  # waits for the other end to close
    HANGS_UP = auto()
    RESETS = auto()


@dataclass(frozen=True, slots=True)
class Misdeed:
    """What a server does in one of its turns."""

    name: str
    then: Then
    says: Says = lambda _frames, _opcode: b""
    kinds: tuple[ErrorKind, ...] = ()
    """What may be counted; where it ends the connection: the one kind that must be, once."""
    confuses_streams: bool = False
    """Whether MQTT, whose packets may go on in the next frame, cannot tell afterwards where one begins."""

    @property
    def is_the_end(self) -> bool:
        """Whether the connection does not outlive it."""
        return self.then in (Then.CLOSES, Then.HANGS_UP, Then.RESETS)

    def does_to(self, tongue: Tongue) -> bool:
        """Whether it can be told what comes of it in this dialect."""
        return not (self.confuses_streams and tongue.name == "mqtt" and self.then is Then.TRUTH)


def instead(data: bytes) -> Says:
    """These bytes, whatever there was to say."""
    return lambda _frames, _opcode: data


def texts(*payloads: bytes) -> Says:
    """The same in frames of text."""
    return instead(b"".join(frame(TEXT, payload) for payload in payloads))


def changed(change: Callable[[bytes], list[bytes]]) -> Says:
    """Each frame, but for a message, in every changed form. A message is looked for, not read."""
    return lambda frames, opcode: b"".join(
        frame(opcode, other) for true in frames if b"cbm" not in true for other in change(true)
    )


def halves(frames: Sequence[bytes], opcode: int) -> bytes:
    """Half of each message, in a frame that is whole."""
    return b"".join(frame(opcode, true[: len(true) // 2]) for true in frames)


def half_a_frame(frames: Sequence[bytes], opcode: int) -> bytes:
    """A frame that is announced longer than what comes of it."""
    whole = frame(opcode, frames[0])
    return whole[: len(whole) // 2 + 1]


def of_the_other_kind(frames: Sequence[bytes], opcode: int) -> bytes:
    """Binary where text is usual, and the other way round."""
    return b"".join(frame(TEXT if opcode == BINARY else BINARY, true) for true in frames)


def in_parts(frames: Sequence[bytes], opcode: int) -> bytes:
    """Three fragments each, the first of them empty, and a ping between them."""
    return b"".join(
        frame(opcode, fin=False)
        + frame(CONTINUATION, true[:3], fin=False)
        + frame(PING, b"meanwhile")
        + frame(CONTINUATION, true[3:])
        for true in frames
    )


UNANSWERED = (ErrorKind.JOIN_TIMEOUT,)

MISDEEDS = [
    Misdeed("is killed", Then.HANGS_UP, kinds=(ErrorKind.CLOSE_1006,)),
    Misdeed("resets", Then.RESETS, kinds=(ErrorKind.CLOSE_1006,)),
    Misdeed("is killed within a frame", Then.HANGS_UP, half_a_frame, (ErrorKind.CLOSE_1006,)),
    *(
        Misdeed(f"closes with {code}", Then.CLOSES, instead(close_frame(code)), (kind_of_close(code),))
        for code in (1000, 1001, 1003, 1008, 1011, 1013, 4001)
    ),
    Misdeed("closes without a code", Then.CLOSES, instead(frame(CLOSE)), (ErrorKind.CLOSE_1005,)),
    Misdeed("masks", Then.CLOSES, instead(frame(TEXT, b"x", masked=True)), (ErrorKind.CLOSE_1002,)),
    Misdeed("sets what is reserved", Then.CLOSES, instead(frame(TEXT, reserved_bits=7)), (ErrorKind.CLOSE_1002,)),
    Misdeed("goes on with what never began", Then.CLOSES, instead(frame(CONTINUATION)), (ErrorKind.CLOSE_1002,)),
    Misdeed(
        "announces 100 MB", Then.CLOSES, instead(b"\x81\x7f" + (10**8).to_bytes(8, "big")), (ErrorKind.CLOSE_1009,)
    ),
    Misdeed("never answers", Then.SILENCE, kinds=UNANSWERED),
    Misdeed("says half of it", Then.SILENCE, halves, (*UNANSWERED, ErrorKind.TEXT_CHANGED)),
    Misdeed("says nonsense", Then.SILENCE, texts(*NONSENSE, *TOWERS), (*UNANSWERED, ErrorKind.ERROR_FRAME)),
    Misdeed("says nonsense first", Then.TRUTH, texts(*NONSENSE), confuses_streams=True),
    Misdeed("builds towers first", Then.TRUTH, texts(*TOWERS), confuses_streams=True),
    Misdeed("mistakes types first", Then.TRUTH, changed(with_other_types), confuses_streams=True),
    Misdeed("mistakes numbers first", Then.TRUTH, changed(with_other_numbers), confuses_streams=True),
    Misdeed("says it in the other kind of frames", Then.GOES_ON, of_the_other_kind),
    Misdeed("says it in parts", Then.GOES_ON, in_parts),
]


@dataclass(slots=True)
class Server:
    """Speaks a dialect to whoever comes, but for one of its turns."""

    tongue: Tongue
    misdeed: Misdeed
    at_turn: int
    has_answered: asyncio.Event = field(default_factory=asyncio.Event)
    """The first message was answered, or should have been, and the user has heard all that was said."""

    async def talk(self, peer: RawPeer) -> None:
        """With one who has connected."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            request = await peer.request()
            offered = re.search(rb"(?i)sec-websocket-protocol: ([^,\r\n]+)", request)
            peer.accept(request, headers=b"" if offered is None else offered[0] + b"\r\n")
            await self._converse(peer)

    async def _converse(self, peer: RawPeer) -> None:
        turn, is_silent = 0, False
        answers = list(self.tongue.hello)
        while True:
            if answers and not is_silent:
                is_silent = self._says(peer, answers, turn)
                if turn == self.at_turn and self.misdeed.then is Then.HANGS_UP:
                    return
                if turn == self.at_turn and self.misdeed.then is Then.RESETS:
                    await reset(peer)
                    return
                turn += 1
            opcode, said = await peer.frame()
            if opcode == CLOSE:
                if not is_silent or self.misdeed.then is Then.SILENCE:
                    peer.writer.write(frame(CLOSE, said))
                return
            if opcode == PONG and said == LATE:
                self.has_answered.set()
            answers = [] if opcode == PONG else self.tongue.answers(said)

    def _says(self, peer: RawPeer, frames: Sequence[bytes], turn: int) -> bool:
        """Whether that was the last that it says."""
        opcode, then = BINARY if self.tongue.is_binary else TEXT, self.misdeed.then
        truth = b"".join(frame(opcode, true) for true in frames)
        if turn == self.at_turn:
            truth = self.misdeed.says(frames, opcode) + (truth if then is Then.TRUTH else b"")
        is_last = turn == self.at_turn and then not in (Then.TRUTH, Then.GOES_ON)
        if turn == self.tongue.turns_in and not (is_last and self.misdeed.is_the_end):
            truth += frame(PING, LATE)
        peer.writer.write(truth)
        return is_last


async def reset(peer: RawPeer) -> None:
    """Cut the connection with RST, once the user has seen that it is open."""
    peer.writer.write(frame(PING))
    while (await peer.frame())[0] != PONG:
        pass
    peer.reset()


async def answer_login(peer: RawPeer, request: bytes, body: bytes, headers: bytes = b"") -> None:
    """Read the whole request, and say 200."""
    length = re.search(rb"(?i)content-length: (\d+)", request)
    await peer.reader.readexactly(0 if length is None else int(length[1]))
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n%b\r\n" % (len(body), headers)
    peer.writer.write(head + body)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of a user."""

    state: UserState
    errors: dict[ErrorKind, int]
    counts: dict[str, int]


def fits(outcome: Outcome, misdeed: Misdeed, tongue: Tongue, turn: int) -> bool:
    """Whether it is what is promised: the documented error, once, or none; and the books close."""
    counts = outcome.counts
    if counts["expected"] != counts["received"] + counts["lost"] + counts["excused"]:
        return False
    if misdeed.is_the_end:
        return outcome.state is UserState.GONE and outcome.errors == {misdeed.kinds[0]: 1} and counts["dropped"] == 1
    if misdeed.then is Then.SILENCE:
        # Half of an answer may hold all that is waited for; and where nothing is waited for, nothing is missed.
        is_in = outcome.state is UserState.READY and (turn == tongue.turns_in or misdeed.says is halves)
        return set(outcome.errors) <= set(misdeed.kinds) and (is_in or sum(outcome.errors.values()) == 1)
    heard = {"expected": 1, "received": 1, "duplicated": 0, "unexpected": 0, "acked": counts["has_acks"]}
    return outcome.state is UserState.READY and not outcome.errors and heard.items() <= counts.items()


def a_plan(url: str, dialect: DialectScript, user_count: int = 1) -> Plan:
    """Users who come when they are told to."""
    return Plan(
        tag="abc123",
        seed=1,
        base_urls=(url,),
        dialect=dialect,
        accounts=(("ann", "pw"),),
        user_count=user_count,
        connect_rate_per_s=1000.0,
        rooms=Rooms.alike(1),
        rate_per_s=10.0,
        gaps=Gaps.CONSTANT,
        payload_bytes=100,
        warmup_ns=0,
        measure_ns=NS_PER_S,
        drain_ns=0,
        deadline_ns=NS_PER_S,
    )


async def outcome_of(misdeed: Misdeed, tongue: Tongue, turn: int) -> Outcome:
    """Have a user come, and say one thing where it gets so far."""
    server = Server(tongue, misdeed, turn)
    async with raw_server(server.talk) as listening:
        plan = replace(a_plan(listening.url, SCRIPTS[tongue.name]), tokens=("let-me-in",))
        swarm = Swarm(plan, now_ns(), transports_for(plan))
        swarm.ledger.measure(0, 2**62)
        await Entrance(swarm, (), lambda _: None).come(0)
        member = swarm.members[0]
        goes_on = not misdeed.is_the_end and misdeed.then is not Then.SILENCE
        if member.chatter.state is UserState.READY and (goes_on or turn == tongue.turns_in):
            now = now_ns()
            message = member.chatter.due(0, now, now, writable=True)
            assert isinstance(message, bytes)
            member.send_all([message])
            if not misdeed.is_the_end:
                await server.has_answered.wait()
        if misdeed.is_the_end:
            await swarm.nobody_left.wait()
        state = member.chatter.state
        swarm.ledger.close(2**62)
        await swarm.close()
    errors: Counter[ErrorKind] = Counter()
    for (kind, _), error in swarm.tally.errors.items():
        errors[kind] += error.count
    counts = swarm.tally.counts
    return Outcome(
        state,
        dict(errors),
        {
            "expected": counts[Count.DELIVERIES_EXPECTED],
            "received": counts[Count.DELIVERIES_RECEIVED],
            "lost": counts[Count.DELIVERIES_LOST],
            "excused": counts[Count.DELIVERIES_EXCUSED],
            "duplicated": counts[Count.DELIVERIES_DUPLICATED],
            "unexpected": counts[Count.DELIVERIES_UNEXPECTED],
            "acked": counts[Count.ACKS_RECEIVED],
            "has_acks": int(plan.dialect.publish.ack is not None),
            "dropped": counts[Count.CONNECTIONS_DROPPED],
        },
    )


@pytest.mark.parametrize("misdeed", MISDEEDS, ids=lambda misdeed: misdeed.name)
def test_what_a_server_does_in_any_turn_is_counted(misdeed: Misdeed, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every dialect, at each step of the way in and at the first message; whoever gets in all the same is heard."""
    if misdeed.then is Then.SILENCE:
        monkeypatch.setattr(swarm_module, "ANSWER_TIMEOUT_S", SHORT_S)
    places = [(tongue, turn) for tongue in TONGUES if misdeed.does_to(tongue) for turn in range(tongue.turns_in + 1)]

    @on_an_event_loop
    async def all_at_once() -> None:
        outcomes = await asyncio.gather(*(outcome_of(misdeed, tongue, turn) for tongue, turn in places))
        wrong = {
            f"{tongue.name}, turn {turn}": outcome
            for (tongue, turn), outcome in zip(places, outcomes, strict=True)
            if not fits(outcome, misdeed, tongue, turn)
        }
        assert wrong == {}

    all_at_once()


@on_an_event_loop
async def test_who_is_never_greeted_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the others go on, and whoever is not in its room by the end of that is counted again."""
    monkeypatch.setattr(swarm_module, "ANSWER_TIMEOUT_S", 10 * SHORT_S)
    cable, never = tongue("actioncable"), next(each for each in MISDEEDS if each.name == "never answers")
    servers = iter((Server(cable, never, 0), Server(cable, never, cable.turns_in)))

    async def talk(peer: RawPeer) -> None:
        await next(servers).talk(peer)

    async with raw_server(talk) as listening:
        plan = a_plan(listening.url, load_dialect(cable.dialect), user_count=2)
        swarm = Swarm(plan, now_ns(), transports_for(plan))
        assert await swarm.connect() == 1
        assert await swarm.join() == 1
        await swarm.close()

    assert {key: error.count for key, error in swarm.tally.errors.items()} == {(ErrorKind.JOIN_TIMEOUT, "connect"): 1}


# --- logins


def mine(token: str) -> DialectScript:
    """A dialect whose token stands elsewhere, and goes into a header."""
    text = f"""
[login]
path = "/login"
token = "{token}"
[connect]
path = "/ws"
headers = {{ Authorization = "Bearer {{token}}" }}
[publish]
send = "{{text}}"
"""
    return read_dialect(text, "mine", "mine.toml")


LOGIN_DIALECTS = {
    "body": load_dialect("plain"),
    "header": mine("header:X-Token"),
    "cookie": mine("cookie:session"),
}

# What an answer to a login holds in the place of a token: in its body, in headers, and whether a user gets in with it.
TOKENS: dict[str, tuple[bytes, bytes, bool]] = {
    "a word": (b'"let-me-in"', b"let-me-in", True),
    "a number": (b"17", b"17", True),
    "a huge number": (b"%d" % 10**4000, b"%d" % 10**3000, True),
    "letters of elsewhere": ('"żółw"'.encode(), "żółw".encode(), True),
    "bytes that are no UTF-8": (b'"\xff\xfe"', b"\xff\xfe", False),
    "half a character": (rb'"\ud800"', b"\xed\xa0\x80", False),
    "a header of its own": (rb'"a\r\nX-Mine: 1"', b"a\x01", False),
    "a list": (b'["let-me-in"]', b"", False),
    "nothing": (b"null", b"", False),
    "a truth": (b"true", b"", False),
    "a fraction": (b"1.5", b"", False),
    "half of it": (b'"let-', b"", False),
    "a tower": (b"[" * 100_000, b"", False),
}


@pytest.mark.parametrize("place", LOGIN_DIALECTS)
@on_an_event_loop
async def test_a_token_that_cannot_be_sent_is_data(place: str) -> None:
    """Whoever got it does not get in, and the others do."""
    answers = iter(TOKENS.values())

    async def talk(peer: RawPeer) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            request = await peer.request()
            if request.startswith(b"POST"):
                in_body, in_header, _ = next(answers)
                said_in_headers = place != "body" and bool(in_header)
                headers = b"X-Token: %b\r\nSet-Cookie: session=%b\r\n" % (in_header, in_header)
                await answer_login(
                    peer, request, b'{"access_token":' + in_body + b"}", headers if said_in_headers else b""
                )
                return
            peer.accept(request)
            while (await peer.frame())[0] != CLOSE:
                pass
            peer.writer.write(frame(CLOSE))

    async with raw_server(talk) as listening:
        plan = a_plan(listening.url, LOGIN_DIALECTS[place], user_count=len(TOKENS))
        swarm = Swarm(plan, now_ns(), transports_for(plan))
        async with swarm.http_clients(1) as clients:
            entrance = Entrance(swarm, clients, lambda _: None)
            for user in range(len(TOKENS)):
                await entrance.come(user)
        is_in = [swarm.members[user].chatter.state is UserState.READY for user in range(len(TOKENS))]
        await swarm.close()

    expected = {name: gets_in for name, (_, _, gets_in) in TOKENS.items()}
    assert dict(zip(TOKENS, is_in, strict=True)) == expected
    refused_count = list(expected.values()).count(False)
    assert {kind: error.count for (kind, _), error in swarm.tally.errors.items()} == {
        ErrorKind.BAD_RESPONSE: refused_count
    }
