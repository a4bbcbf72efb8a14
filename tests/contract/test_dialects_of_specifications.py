"""The dialects written from specifications, spoken to small servers that were written from the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from loadgen.dialects.script import AliveScript, DialectScript
from loadgen.engine.clock import now_ns
from loadgen.engine.user import UserState
from loadgen.errors import ErrorKind, ServerError
from loadgen.measure.tally import Count
from scenarios.dialect_files import load_dialect, named_text, read_dialect, summary_of
from tests.support.benches import at, books_close, chatbench, code_of, document_in, errors_of, unless_starved
from tests.support.chat import Chat, Member
from tests.support.event_loop import on_an_event_loop
from tests.support.fake_actioncable import FakeActionCable
from tests.support.fake_centrifuge import FakeCentrifuge
from tests.support.fake_chat import FakeChat
from tests.support.fake_phoenix import FakePhoenix
from tests.support.waiting import Bell

SECRET = "a secret for tests, of 32 bytes or more"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A dialect, and the server it is for."""

    name: str
    server: Callable[..., FakeChat]
    refusal: str
    """What the server says where a room is closed."""
    has_acks: bool = True
    beat_every_s: float | None = None
    """In a whole run; so long, where pings are to be answered, that no busy machine is late."""

    @property
    def script(self) -> DialectScript:
        return load_dialect(self.name)


ALL = [
    Spoken("phoenix", FakePhoenix, '"reason":"unauthorized"'),
    Spoken("actioncable", FakeActionCable, '"type":"reject_subscription"', has_acks=False, beat_every_s=0.2),
    Spoken("centrifuge", FakeCentrifuge, '"message":"permission denied"', beat_every_s=3.0),
]
WITH_ACKS = [spoken for spoken in ALL if spoken.has_acks]

spoken_to_each = pytest.mark.parametrize("spoken", ALL, ids=lambda spoken: spoken.name)
spoken_to_those_with_acks = pytest.mark.parametrize("spoken", WITH_ACKS, ids=lambda spoken: spoken.name)


async def arrivals(chat: Chat) -> list[Member]:
    return [await chat.member(f"user-{n}", "").arrive() for n in range(1, chat.user_count + 1)]


def errors_in(chat: Chat) -> list[tuple[ErrorKind, str]]:
    return [(kind, error.example) for (kind, _), error in chat.tally.errors.items()]


@spoken_to_each
def test_it_is_said_what_has_not_been_proven(spoken: Spoken) -> None:
    """Whoever lists the dialects reads it."""
    assert "not yet proven on the real server" in summary_of(named_text(spoken.name))


# --- joining and talking


@spoken_to_each
@on_an_event_loop
async def test_a_message_reaches_its_room_and_nobody_else(spoken: Spoken) -> None:
    """Whole, once, the sender included; acknowledged where there are acknowledgements."""
    async with spoken.server().serve() as url, Chat(url, spoken.script, user_count=4, room_count=2) as chat:
        members = await arrivals(chat)
        first = await members[0].say(0)
        await chat.until(lambda: all(member.messages for member in members[::2]))
        # Whoever was wrongly given the first message had it before the second was said.
        second = await members[3].say(1)
        await chat.until(lambda: all(member.messages for member in members))
        counts = chat.tally.counts
        await chat.until(lambda: counts[Count.ACKS_RECEIVED] == 2 * spoken.has_acks)

        for n, member in enumerate(members):
            (frame,) = member.messages
            assert (first, second)[n % 2].encode() in frame
        chat.ledger.close(2**62)

    assert counts[Count.DELIVERIES_EXPECTED] == counts[Count.DELIVERIES_RECEIVED] == 4
    assert not counts[Count.DELIVERIES_UNEXPECTED] + counts[Count.DELIVERIES_DUPLICATED] + counts[Count.FRAMES_DAMAGED]
    assert errors_in(chat) == []


@spoken_to_each
@on_an_event_loop
async def test_words_may_hold_what_json_escapes(spoken: Spoken) -> None:
    """They come as they were said, however many layers of JSON are around them."""
    words = 'a "quoted" back\\slash,\na line, {room} and ü'
    async with spoken.server().serve() as url, Chat(url, spoken.script, user_count=1) as chat:
        (ann,) = await arrivals(chat)
        frame = ann.chatter.says(words, now_ns(), now_ns(), writable=True)
        assert isinstance(frame, bytes)
        ann._send([frame])
        await chat.until(lambda: bool(ann.messages))

    (line,) = [line for line in ann.messages[0].splitlines() if b"quoted" in line]
    assert any(text.startswith(words) for text in _texts_in(json.loads(line)))


def _texts_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in _texts_in(part)]


@spoken_to_each
@on_an_event_loop
async def test_a_user_in_several_rooms_joins_each(spoken: Spoken) -> None:
    """It is in when the last is confirmed, and says good-bye to all."""
    fake = spoken.server()
    async with fake.serve() as url, Chat(url, spoken.script, user_count=1) as chat:
        ann = chat.member("ann", "")
        ann.chatter.rooms = (0, 6)
        await ann.arrive()

        assert set(fake.clients[0].rooms) == {"room-1", "room-7"}
        await ann.leave()
        await fake.until(lambda: not fake.clients)
    assert sorted(fake.left) == ["room-1", "room-7"]
    assert errors_in(chat) == []


@spoken_to_each
@on_an_event_loop
async def test_who_leaves_says_so(spoken: Spoken) -> None:
    """The room goes on without that user."""
    fake = spoken.server()
    async with fake.serve() as url, Chat(url, spoken.script, user_count=2) as chat:
        ann, bob = await arrivals(chat)
        await ann.leave()
        await fake.until(lambda: len(fake.clients) == 1)

        await bob.say(0)
        await chat.until(lambda: bool(bob.messages))
        assert fake.left == ["room-1"]
        assert ann.messages == []
    assert errors_in(chat) == []


# --- refusals


@spoken_to_each
@on_an_event_loop
async def test_a_room_that_is_closed_is_named(spoken: Spoken) -> None:
    """The server's own words, within the join time-out."""
    fake = spoken.server(closed_rooms=["room-2"])
    async with fake.serve() as url, Chat(url, spoken.script, user_count=2, room_count=2) as chat:
        ann, bob = chat.member("ann", ""), chat.member("bob", "")
        await ann.arrive()
        with pytest.raises(ServerError) as refused:
            await bob.arrive()

    assert refused.value.kind is ErrorKind.ERROR_FRAME
    assert spoken.refusal in str(refused.value)


@spoken_to_those_with_acks
@on_an_event_loop
async def test_a_message_that_is_refused_is_named(spoken: Spoken) -> None:
    """It has no acknowledgement, the frame is counted, and the user stays."""
    fake = spoken.server(read_only_rooms=["room-1"])
    async with fake.serve() as url, Chat(url, spoken.script, user_count=1) as chat:
        (ann,) = await arrivals(chat)
        await ann.say(0)
        await chat.until(lambda: bool(chat.tally.errors))

        assert ann.chatter.state is UserState.READY
        assert chat.tally.counts[Count.ACKS_RECEIVED] == 0
    ((kind, example),) = errors_in(chat)
    assert kind is ErrorKind.ERROR_FRAME
    assert '"read only"' in example or '"permission denied"' in example


# --- Phoenix


@on_an_event_loop
async def test_phoenix_keeps_who_sends_heartbeats() -> None:
    """Who is silent for its 60 seconds is cut off."""
    fake = FakePhoenix()
    async with fake.serve() as url, Chat(url, load_dialect("phoenix"), user_count=2) as chat:
        ann, bob = await arrivals(chat)
        await fake.beat()  # both have joined in that time
        ann.keep_alive()
        await chat.until(lambda: not ann.chatter.dialect.misses_answer)
        await fake.beat()
        await chat.until(lambda: bob.is_closed)
        ann.keep_alive()
        await chat.until(lambda: not ann.chatter.dialect.misses_answer)

        assert ann.chatter.state is UserState.READY
    assert ErrorKind.ALIVE_TIMEOUT not in dict(errors_in(chat))


@on_an_event_loop
async def test_phoenix_names_a_topic_that_it_does_not_know() -> None:
    """As happens where the file's topic is not the application's."""
    text = named_text("phoenix").replace('"room:{json:room}","phx_join"', '"chat:{json:room}","phx_join"')
    script = read_dialect(text, "other", "other.toml")
    async with FakePhoenix().serve() as url, Chat(url, script, user_count=1) as chat:
        with pytest.raises(ServerError, match="unmatched topic"):
            await arrivals(chat)


@on_an_event_loop
async def test_phoenix_names_an_event_that_its_channel_does_not_know() -> None:
    """The channel crashes."""
    text = named_text("phoenix").replace('"new_msg"', '"shout"')
    script = read_dialect(text, "other", "other.toml")
    async with FakePhoenix().serve() as url, Chat(url, script, user_count=1) as chat:
        (ann,) = await arrivals(chat)
        await ann.say(0)
        await chat.until(lambda: bool(chat.tally.errors))

    ((kind, example),) = errors_in(chat)
    assert kind is ErrorKind.ERROR_FRAME
    assert '"phx_error"' in example


@on_an_event_loop
async def test_a_reply_that_repeats_the_message_is_one_more_delivery() -> None:
    """The file says so: such a reply is taken for a copy, and acknowledges nothing."""
    fake = FakePhoenix(repeats_payload=True)
    async with fake.serve() as url, Chat(url, load_dialect("phoenix"), user_count=2) as chat:
        ann, bob = await arrivals(chat)
        await ann.say(0)
        await chat.until(lambda: len(ann.messages) == 2 and len(bob.messages) == 1)
        chat.ledger.close(2**62)

    counts = chat.tally.counts
    assert counts[Count.DELIVERIES_RECEIVED] == counts[Count.DELIVERIES_EXPECTED] == 2
    assert counts[Count.DELIVERIES_DUPLICATED] == 1
    assert counts[Count.ACKS_RECEIVED] == 0


# --- ActionCable


@on_an_event_loop
async def test_actioncable_pings_and_awaits_nothing() -> None:
    """A ping is no message, is not answered, and the user stays."""
    fake = FakeActionCable()
    async with fake.serve() as url, Chat(url, load_dialect("actioncable"), user_count=1) as chat:
        (ann,) = await arrivals(chat)
        fake.clients[0].has_spoken = False
        for _ in range(3):
            await fake.beat()
        await chat.until(lambda: b'{"type":"ping","message":3}' in ann.other_frames)
        await ann.say(0)
        await chat.until(lambda: bool(ann.messages))

        assert ann.chatter.state is UserState.READY
    assert chat.script.alive == AliveScript()
    assert errors_in(chat) == []


@on_an_event_loop
async def test_actioncable_names_why_nobody_gets_in() -> None:
    """As where the application's connection knows no cookie of ours."""
    fake = FakeActionCable(lets_in=False)
    async with fake.serve() as url, Chat(url, load_dialect("actioncable"), user_count=1) as chat:
        with pytest.raises(ServerError, match='"reason":"unauthorized"') as refused:
            await arrivals(chat)

    assert refused.value.kind is ErrorKind.ERROR_FRAME


# --- Centrifuge


@on_an_event_loop
async def test_centrifuge_keeps_who_answers_its_pings() -> None:
    """An empty command for an empty reply."""
    fake = FakeCentrifuge()
    async with fake.serve() as url, Chat(url, load_dialect("centrifuge"), user_count=2) as chat:
        ann, bob = await arrivals(chat)
        for _ in range(3):
            await fake.beat()
            await fake.until(lambda: not fake.unanswered)

        assert ann.chatter.state is bob.chatter.state is UserState.READY
    assert errors_in(chat) == []


@on_an_event_loop
async def test_centrifuge_cuts_off_who_does_not_answer() -> None:
    """Its close says why."""
    fake, script = FakeCentrifuge(), replace(load_dialect("centrifuge"), alive=AliveScript())
    async with fake.serve() as url, Chat(url, script, user_count=1) as chat:
        (ann,) = await arrivals(chat)
        await fake.beat()
        await fake.beat()
        await chat.until(lambda: ann.is_closed)

    ((_, example),) = errors_in(chat)
    assert "3012" in example
    assert "no pong" in example


@on_an_event_loop
async def test_centrifuge_may_put_several_messages_into_a_frame() -> None:
    """Each of them is delivered, acknowledged and answered."""
    fake = FakeCentrifuge()
    async with fake.serve() as url, Chat(url, load_dialect("centrifuge"), user_count=2) as chat:
        ann, bob = await arrivals(chat)
        with fake.holding():
            for n in range(3):
                await ann.say(n)
            await fake.until(lambda: len(fake.clients[0].outbox) == 6)
            await fake.beat()
        await chat.until(lambda: chat.tally.counts[Count.ACKS_RECEIVED] == 3 and bool(bob.messages))
        await fake.until(lambda: not fake.unanswered)
        chat.ledger.close(2**62)

        assert len(ann.messages) == len(bob.messages) == 1  # one frame each
    counts = chat.tally.counts
    assert counts[Count.DELIVERIES_RECEIVED] == counts[Count.DELIVERIES_EXPECTED] == 6
    assert errors_in(chat) == []


@on_an_event_loop
async def test_centrifuge_may_let_a_user_in_with_the_rooms_next_message() -> None:
    """The confirmation and the message come in one frame."""
    fake = FakeCentrifuge()
    async with fake.serve() as url, Chat(url, load_dialect("centrifuge"), user_count=2) as chat:
        ann, bob = chat.member("ann", ""), chat.member("bob", "")
        await ann.arrive()
        await chat.transport.connect(bob.chatter.connecting(now_ns()), bob)
        await chat.until(lambda: bob.chatter.state is UserState.CONNECTED)
        with fake.holding():
            bob._send(bob.chatter.joining(now_ns()))
            await fake.until(lambda: len(fake.members_of("room-1")) == 2)
            await ann.say(0)
            await fake.until(lambda: len(fake.clients[1].outbox) == 2)
        await chat.until(lambda: bool(bob.messages))

        assert bob.chatter.state is UserState.READY
    assert errors_in(chat) == []


def signing_dialect(secret: str) -> DialectScript:
    """The file as it is when its [token] is no comment any more."""
    text = named_text("centrifuge").replace("# [token]", "[token]").replace("# claims", "claims")
    return read_dialect(text.replace('# secret = "..."', f'secret = "{secret}"'), "signing", "signing.toml")


@on_an_event_loop
async def test_centrifuge_takes_tokens_that_are_signed_here() -> None:
    """With the secret of the server."""
    script = signing_dialect(SECRET)
    async with FakeCentrifuge(secret=SECRET).serve() as url, Chat(url, script, user_count=1) as chat:
        (ann,) = await arrivals(chat)

        assert ann.chatter.state is UserState.READY


@pytest.mark.parametrize("script", [load_dialect("centrifuge"), signing_dialect(SECRET[::-1])], ids=["none", "wrong"])
@on_an_event_loop
async def test_centrifuge_names_a_token_that_it_does_not_take(script: DialectScript) -> None:
    """By its close code."""
    async with FakeCentrifuge(secret=SECRET).serve() as url, Chat(url, script, user_count=1) as chat:
        with pytest.raises(ServerError, match=r"3500.*invalid token"):
            await arrivals(chat)


@on_an_event_loop
async def test_a_client_of_its_own_makers_takes_the_server_for_centrifuge() -> None:
    """So the dialect was tried on what such a client speaks, too: each hears the other."""
    centrifuge = pytest.importorskip("centrifuge", reason="no client to try: pip install centrifuge-python")
    fake, bell, heard, ended = FakeCentrifuge(closed_rooms=["room-2"]), Bell(), [], []

    class Events(centrifuge.SubscriptionEventHandler):  # type: ignore[name-defined, misc]
        async def on_publication(self, ctx: Any) -> None:
            heard.append(ctx.pub.data)
            bell.ring()

        async def on_unsubscribed(self, ctx: Any) -> None:
            ended.append(ctx.code)
            bell.ring()

    async with fake.serve() as url, Chat(url, load_dialect("centrifuge"), user_count=1) as chat:
        client = centrifuge.Client(url.replace("http", "ws", 1) + fake.PATH, proxy=None)
        await client.connect()
        room, closed = (client.new_subscription(name, events=Events()) for name in ("room-1", "room-2"))
        await room.subscribe()
        await room.ready()
        (ann,) = await arrivals(chat)

        text = await ann.say(0)
        await bell.until(lambda: bool(heard))
        await room.publish({"text": "hello"})
        await chat.until(lambda: any(b'"text":"hello"' in frame for frame in ann.other_frames))
        await closed.subscribe()
        await bell.until(lambda: bool(ended))
        for _ in range(2):
            await fake.beat()
            await fake.until(lambda: not fake.unanswered)
        await room.unsubscribe()
        await client.disconnect()
        await fake.until(lambda: len(fake.clients) == 1)

    assert heard[0] == {"text": text}
    assert ended == [103, 0]  # permission denied; its own wish
    assert errors_in(chat) == []


# --- whole runs


@pytest.mark.system
@spoken_to_each
def test_a_run_closes_its_books(spoken: Spoken, tmp_path: Path) -> None:
    """Every message is acknowledged where it can be, and every delivery is there."""
    quick = ("--users", "8", "--rate", "40", "--warmup", "200ms", "--duration", "1s", "--drain", "500ms")
    bare = ("--no-plots", "--no-html", "--quiet", "--out", "run", "--force")

    def attempt() -> tuple[int, dict[str, Any]]:
        ended = chatbench("run", "smoke", *at(url, spoken.name), *quick, *bare, cwd=tmp_path)
        return ended.returncode, document_in(tmp_path / "run")

    with spoken.server().serve_from_a_thread(spoken.beat_every_s) as url:
        code, document = unless_starved(attempt, only_counts=True)

    counts = document["counters"]
    assert books_close(document)
    assert errors_of(document) == {}
    assert counts["deliveries_received"] == counts["deliveries_expected"] > 0
    assert counts["acks_received"] == counts["messages_sent"] * spoken.has_acks
    assert counts["messages_sent"] == counts["messages_due"] > 0
    assert code == code_of(document, 0)
