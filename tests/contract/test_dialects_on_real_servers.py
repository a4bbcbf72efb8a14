"""The dialects of known protocols, spoken to servers that are not ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loadgen.errors import ErrorKind, ServerError
from loadgen.measure.tally import Count
from tests.support import peers
from tests.support.benches import chatbench
from tests.support.chat import Chat, Member
from tests.support.event_loop import on_an_event_loop
from tests.support.peers import Peer, in_files

pytestmark = pytest.mark.system

NAMES = [
    "socketio_node",
    "socketio_python",
    "mosquitto",
    "rabbitmq_stomp",
    "rabbitmq_mqtt",
    "prosody",
    "nchan",
    "nats",
]


@pytest.fixture(scope="module")
def socketio_node() -> Iterator[Peer]:
    with peers.socketio_node() as peer:
        yield peer


@pytest.fixture(scope="module")
def socketio_python() -> Iterator[Peer]:
    with peers.socketio_python() as peer:
        yield peer


@pytest.fixture(scope="module")
def mosquitto() -> Iterator[Peer]:
    with peers.mosquitto() as peer:
        yield peer


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[tuple[Peer, Peer]]:
    with peers.rabbitmq() as both:
        yield both


@pytest.fixture(scope="module")
def rabbitmq_stomp(rabbitmq: tuple[Peer, Peer]) -> Peer:
    return rabbitmq[0]


@pytest.fixture(scope="module")
def rabbitmq_mqtt(rabbitmq: tuple[Peer, Peer]) -> Peer:
    return rabbitmq[1]


@pytest.fixture(scope="module")
def prosody() -> Iterator[Peer]:
    with peers.prosody() as peer:
        yield peer


@pytest.fixture(scope="module")
def nchan() -> Iterator[Peer]:
    with peers.nchan() as peer:
        yield peer


@pytest.fixture(scope="module")
def nats() -> Iterator[Peer]:
    with peers.nats() as peer:
        yield peer


@pytest.fixture(params=NAMES)
def peer(request: pytest.FixtureRequest) -> Peer:
    server: Peer = request.getfixturevalue(request.param)
    return server


async def arrivals(chat: Chat, peer: Peer) -> list[Member]:
    accounts = peer.accounts or tuple((f"user{n}", "") for n in range(1, chat.user_count + 1))
    return [await chat.member(*accounts[n]).arrive() for n in range(chat.user_count)]


@on_an_event_loop
async def test_rooms_are_kept_apart_and_a_message_comes_whole_and_once(peer: Peer) -> None:
    """To the sender, too; and the server acknowledges it, where the protocol has that."""
    async with Chat(peer.url, peer.script, user_count=4, room_count=2) as chat:
        members = await arrivals(chat, peer)

        first = await members[0].say(0)
        await chat.until(lambda: all(member.messages for member in members[::2]))
        # Whoever was wrongly given the first message had it before the second was said.
        last = await members[3].say(1)
        await chat.until(lambda: all(last.encode() in b"".join(member.messages) for member in members[1::2]))

        for number, member in enumerate(members):
            text = last if number % 2 else first
            assert [frame.count(text.encode()) for frame in member.messages] == [1]
        if peer.script.publish.ack is not None:
            await chat.until(lambda: chat.tally.counts[Count.ACKS_RECEIVED] == 2)
        chat.ledger.close(2**62)
    assert chat.tally.errors == {}
    assert chat.tally.counts[Count.DELIVERIES_RECEIVED] == chat.tally.counts[Count.DELIVERIES_EXPECTED] == 4


# How a server is told to hang up on who is silent, and what we then have to say.
_IMPATIENT: dict[str, tuple[tuple[str, str], ...]] = {
    "socketio_node": (),
    "socketio_python": (),
    "mosquitto": (("keep_alive_s = 20.0", "keep_alive_s = 0.5"),),
    "rabbitmq_mqtt": (("keep_alive_s = 20.0", "keep_alive_s = 0.5"),),
    "rabbitmq_stomp": (("heart-beat:20000,20000", "heart-beat:500,0"),),
    "nats": (),
}


@pytest.mark.parametrize("name", _IMPATIENT)
@on_an_event_loop
async def test_who_keeps_alive_stays_and_who_does_not_is_hung_up_on(name: str, request: pytest.FixtureRequest) -> None:
    """By pings of ours, or by answers to the server's."""
    peer: Peer = request.getfixturevalue(name).with_text(*_IMPATIENT[name])
    async with Chat(peer.url, peer.script, user_count=2) as chat:
        ann, bob = await arrivals(chat, peer)
        bob.is_mute = True

        pings = peer.script.alive.every_ns is not None
        while not bob.is_closed:
            if pings:
                ann.keep_alive()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await chat.until(lambda: bob.is_closed)
        assert not ann.is_closed
    assert all(kind is ErrorKind.ERROR_FRAME or kind.startswith("close_") for kind, _ in chat.tally.errors)


def _as(username: str, password: str) -> Callable[[Peer], tuple[Peer, str, str]]:
    return lambda peer: (peer, username, password)


def _with(*changes: tuple[str, str]) -> Callable[[Peer], tuple[Peer, str, str]]:
    return lambda peer: (peer.with_text(*changes), "user1", "")


@pytest.mark.parametrize(
    ("name", "stranger", "kind", "says"),
    [
        ("socketio_node", _as("nobody", ""), ErrorKind.ERROR_FRAME, '44{"message":"not you"}'),
        ("socketio_python", _as("nobody", ""), ErrorKind.ERROR_FRAME, '44{"message":"not you"}'),
        ("mosquitto", _as("user1", "wrong"), ErrorKind.ERROR_FRAME, "CONNACK 5: not authorized"),
        ("rabbitmq_stomp", _with(("passcode:guest", "passcode:no")), ErrorKind.ERROR_FRAME, "ERROR"),
        (
            "rabbitmq_mqtt",
            _with(('username = ""', 'username = "guest"'), ('password = ""', 'password = "no"')),
            ErrorKind.CLOSE_1002,
            "unauthenticated",
        ),
        ("prosody", _as("user1", "wrong"), ErrorKind.ERROR_FRAME, "not-authorized"),
        ("nchan", _with(("/pubsub/", "/closed/")), ErrorKind.HTTP_4XX, "403"),
        ("nats", _with(("let-me-in", "open")), ErrorKind.ERROR_FRAME, "-ERR 'Authorization Violation'"),
    ],
)
@on_an_event_loop
async def test_who_is_refused_is_told_why(
    name: str,
    stranger: Callable[[Peer], tuple[Peer, str, str]],
    kind: ErrorKind,
    says: str,
    request: pytest.FixtureRequest,
) -> None:
    """In the server's own words."""
    peer, username, password = stranger(request.getfixturevalue(name))
    async with Chat(peer.url, peer.script, user_count=1) as chat:
        with pytest.raises(ServerError) as caught:
            await chat.member(username, password).arrive()

    assert caught.value.kind is kind
    assert says in str(caught.value)


def test_a_run_closes_its_books(peer: Peer, tmp_path: Path) -> None:
    """Two processes, rooms of different sizes: every message reaches everyone it is for, and is acknowledged."""
    run = chatbench(
        *("run", "smoke", *in_files(peer, tmp_path), "--users", "10", "--rooms", "3", "--processes", "2"),
        *("--warmup", "500ms", "--duration", "2s", "--drain", "1s", "--no-plots", "--no-html", "--json", "-o", "out"),
        cwd=tmp_path,
    )
    assert run.returncode in (0, 97), run.stderr  # 97: this machine was busy
    document = json.loads(run.stdout)
    counters = document["counters"]
    assert document["errors"] == []
    assert counters["messages_due"] == counters["messages_sent"] > 0
    assert counters["deliveries_expected"] == counters["deliveries_received"] > counters["messages_sent"]
    assert counters["acks_received"] == (counters["messages_sent"] if peer.script.publish.ack else 0)


def test_who_waits_for_the_others_to_come_is_kept_alive(mosquitto: Peer, tmp_path: Path) -> None:
    """Nine users need three seconds to connect, and a silent one is hung up on after half of that."""
    impatient = mosquitto.with_text(*_IMPATIENT["mosquitto"])
    run = chatbench(
        *("run", "smoke", *in_files(impatient, tmp_path), "--users", "9", "--connect-rate", "3"),
        *("--warmup", "0s", "--duration", "1s", "--drain", "1s", "--no-plots", "--no-html", "--json", "-o", "out"),
        cwd=tmp_path,
    )
    assert run.returncode in (0, 97), run.stderr
    document = json.loads(run.stdout)
    assert document["errors"] == []
    assert document["counters"]["connections_dropped"] == 0


def test_the_doctor_finds_it_well(peer: Peer, tmp_path: Path) -> None:
    """Step by step, none failed."""
    examined = chatbench("doctor", *in_files(peer, tmp_path), cwd=tmp_path)

    assert examined.returncode == 0, examined.stdout
    assert "All is well" in examined.stdout
