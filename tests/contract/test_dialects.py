"""The dialects that come with chatbench, and the one of the fast server, spoken to the servers they are for."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadgen.dialects.script import DialectScript
from loadgen.engine.clock import now_ns
from loadgen.engine.user import UserState
from loadgen.errors import ErrorKind
from loadgen.measure.tally import Count
from scenarios.dialect_files import builtin_dialects, load_dialect
from target_app.accounts import generated_password
from target_app.settings import DEFAULT_ACCOUNTS_KEY
from tests.support import chat as chat_module
from tests.support.chat import Chat, Member
from tests.support.event_loop import on_an_event_loop
from tests.support.programs import listening
from tests.support.server_process import server_process

pytestmark = pytest.mark.system

FAST_SERVER = [sys.executable, "-m", "tests.support.fast_server", "--port", "0", "--exit-with-stdin"]
RELAY = str(Path(chat_module.__file__).with_name("relay.toml"))


@pytest.fixture(scope="module")
def reference_url() -> Iterator[str]:
    with server_process("--accounts", "20") as server:
        yield server.url


@pytest.fixture(scope="module")
def relay_url() -> Iterator[str]:
    with listening(FAST_SERVER) as server:
        yield server.url


@pytest.fixture(params=["reference", "plain", "echo", RELAY], ids=["reference", "plain", "echo", "relay"])
def server(request: pytest.FixtureRequest) -> tuple[str, DialectScript]:
    url = request.getfixturevalue("relay_url" if request.param == RELAY else "reference_url")
    return url, load_dialect(request.param)


async def arrivals(chat: Chat) -> list[Member]:
    members = []
    for n in range(1, chat.user_count + 1):
        name = f"user-{n:06}"
        member = chat.member(name, generated_password(DEFAULT_ACCOUNTS_KEY, name))
        members.append(await member.arrive())
    return members


def test_every_dialect_that_comes_with_us_is_tried() -> None:
    """These three here; others on the servers that they are for, or on small ones that follow their specification."""
    here = {"echo", "plain", "reference"}
    on_real_servers = {"mqtt", "nats", "nchan", "socketio", "stomp", "xmpp"}
    of_specifications = {"actioncable", "centrifuge", "phoenix"}

    assert set(builtin_dialects()) == here | on_real_servers | of_specifications


@on_an_event_loop
async def test_a_message_reaches_everyone_it_is_for_and_nobody_else(server: tuple[str, DialectScript]) -> None:
    """Log in, connect, be greeted, join, publish: the text comes whole to the room, the sender included, once."""
    url, script = server
    has_rooms, to_self = script.join is not None, script.publish.reach == "self"
    async with Chat(url, script, user_count=4, room_count=2 if has_rooms else 1) as chat:
        members = await arrivals(chat)
        audience_of_first = members[:1] if to_self else members[::2] if has_rooms else members
        audience_of_last = members[3:] if to_self else members[1::2] if has_rooms else members

        first = await members[0].say(0)
        await chat.until(lambda: all(member.messages for member in audience_of_first))
        # Whoever was wrongly given the first message had it before the second was said.
        last = await members[3].say(1)
        await chat.until(lambda: all(last.encode() in b"".join(member.messages) for member in audience_of_last))

        for member in members:
            expected = [first] * (member in audience_of_first) + [last] * (member in audience_of_last)
            assert len(member.messages) == len(expected)
            assert all(text.encode() in frame for text, frame in zip(expected, member.messages, strict=True))
        chat.ledger.close(2**62)

    delivery_count = len(audience_of_first) + len(audience_of_last)
    counts = chat.tally.counts
    assert counts[Count.MESSAGES_SENT] == 2
    assert counts[Count.DELIVERIES_EXPECTED] == counts[Count.DELIVERIES_RECEIVED] == delivery_count
    assert not counts[Count.DELIVERIES_UNEXPECTED] + counts[Count.DELIVERIES_DUPLICATED] + counts[Count.FRAMES_DAMAGED]
    assert not chat.tally.errors


@on_an_event_loop
async def test_acknowledgements_are_recognised(server: tuple[str, DialectScript]) -> None:
    """Each message sent has its own, where the dialect has any."""
    url, script = server
    async with Chat(url, script, user_count=2) as chat:
        ann, bob = await arrivals(chat)
        counts = chat.tally.counts
        for n in range(3):
            await ann.say(n)
        await bob.say(3)
        if script.publish.ack is not None:
            await chat.until(lambda: counts[Count.ACKS_RECEIVED] == 4)
        else:
            await chat.until(lambda: len(ann.messages) >= 3 and bool(bob.messages))

    assert counts[Count.ACKS_RECEIVED] == (4 if script.name in {"reference", "relay"} else 0)


@on_an_event_loop
async def test_the_reference_server_answers_the_keep_alive(reference_url: str) -> None:
    """Its answer is no message and no acknowledgement; the user stays ready."""
    async with Chat(reference_url, load_dialect("reference"), user_count=1) as chat:
        (ann,) = await arrivals(chat)
        ann.keep_alive()
        await chat.until(lambda: b'{"type":"pong"}' in ann.other_frames)

        assert ann.chatter.state is UserState.READY
        assert ann.messages == []


@pytest.mark.parametrize("name", ["reference", "plain"])
@on_an_event_loop
async def test_a_wrong_password_is_data(reference_url: str, name: str) -> None:
    """401 with what the server said; the user is out."""
    async with Chat(reference_url, load_dialect(name), user_count=1) as chat:
        ann = chat.member("user1", 'not "his" password')
        await ann.log_in()

        assert ann.chatter.state is UserState.GONE
    ((key, error),) = chat.tally.errors.items()
    assert key == (ErrorKind.HTTP_4XX, "login")
    assert "401" in error.example
    assert "Bad username or password" in error.example


@on_an_event_loop
async def test_a_token_the_server_does_not_believe_is_data(reference_url: str) -> None:
    """The reference server accepts the connection and closes it with 1008: a drop, with its reason."""
    script = load_dialect("plain")
    async with Chat(reference_url, script, user_count=1) as chat:
        ann = chat.member("user1", "password1")
        await chat.transport.connect(ann.chatter.connecting(now_ns()), ann)
        await chat.until(lambda: ann.chatter.state is UserState.GONE)

    (((kind, _), error),) = chat.tally.errors.items()
    assert kind is ErrorKind.CLOSE_1008
    assert "Unauthorized" in error.example
