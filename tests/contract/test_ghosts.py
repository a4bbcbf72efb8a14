"""A socket that nobody reads any more: what is read of it all the same, and how its end is seen."""

from __future__ import annotations

import asyncio
import fcntl
import select
import socket
import struct
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.dialects import Opening
from loadgen.engine.clock import now_ns
from loadgen.engine.ghosts import Ghost, Ghosts
from loadgen.engine.transport import Transport
from loadgen.engine.transport.picows_transport import PicowsTransport
from loadgen.engine.transport.websockets_transport import WebsocketsTransport
from loadgen.measure.incident_tally import NO_CLOSE_FRAME
from loadgen.plan.pacing import NS_PER_S
from tests.support.event_loop import on_an_event_loop
from tests.support.listener import RecordingListener
from tests.support.patience import PATIENCE_S
from tests.support.raw_websocket import CLOSE, PING, TEXT, Conversation, RawPeer, close_frame, frame, raw_server
from tests.support.waiting import Bell

pytestmark = [pytest.mark.system, pytest.mark.faults]

RATE_BYTES_PER_S = 5_000
# The kernel keeps so much for a ghost.
LEFT_BYTES = 20_000
_NO_STATUS = 1005

MakeTransport = Callable[[str], Transport]


reading_together = partial(PicowsTransport, reads_together=True)


@pytest.fixture(
    params=[PicowsTransport, reading_together, WebsocketsTransport], ids=["picows", "together", "websockets"]
)
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    return lambda url: request.param(url, (), timeout_s=10.0)


@dataclass(slots=True)
class Server:
    """Says hello, and the rest once it is told to."""

    last_words: bytes
    resets: bool = False
    """Whether it hangs up with RST instead of FIN."""
    hangs_up: bool = True
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    def conversation(self) -> Conversation:
        """With one client."""

        async def talk(peer: RawPeer) -> None:
            await peer.upgrade(then=frame(TEXT, b"hello"))
            await self.goes_on.wait()
            peer.writer.write(self.last_words)
            await peer.writer.drain()
            if self.resets:
                peer.reset()
            elif not self.hangs_up:
                await peer.end()

        return talk


async def greeted(transport: Transport) -> RecordingListener:
    """A client that has heard the hello."""
    listener = RecordingListener()
    await transport.connect(Opening("/"), listener)
    await listener.until(lambda: bool(listener.unwanted))
    return listener


async def given_up(ghost: Ghost) -> int:
    """How the server closed it, when it has."""
    while (code := ghost.look(now_ns())) is None:
        await asyncio.sleep(0)
    return code


def socket_count() -> int:
    """How many descriptors of sockets this process has."""
    return sum(path.is_socket() for path in Path("/proc/self/fd").iterdir())


def unread_bytes(descriptor: int) -> int:
    """What the kernel keeps for whoever reads the socket."""
    return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))[0])


@pytest.mark.parametrize(
    ("last_words", "resets", "code"),
    [
        (frame(TEXT, b"MARK") + frame(PING, b"there?") + close_frame(1013, "try again later"), False, 1013),
        (frame(TEXT, b"MARK") * 1_000 + close_frame(1008), False, 1008),
        (frame(TEXT, b"MARK") + frame(CLOSE), False, _NO_STATUS),
        (frame(TEXT, b"MARK"), False, NO_CLOSE_FRAME),
        (b"", True, NO_CLOSE_FRAME),
    ],
    ids=["code", "behind_much", "no_status", "no_frame", "reset"],
)
@on_an_event_loop
async def test_a_ghost_hears_nothing_and_its_end_is_seen_with_its_code(
    make_transport: MakeTransport, last_words: bytes, resets: bool, code: int
) -> None:
    """Neither message nor close reaches the listener until it is buried."""
    server = Server(last_words, resets)
    async with raw_server(server.conversation()) as listening:
        listener = await greeted(make_transport(listening.url))
        ghost = Ghost(listener.open_connection, 0, now_ns(), 0)
        server.goes_on.set()

        assert await given_up(ghost) == code
        assert listener.calls == ["opened", "heard"]
        ghost.bury()
        await listener.end()

    assert listener.received == []


@on_an_event_loop
async def test_a_ghost_reads_as_much_as_it_should(make_transport: MakeTransport) -> None:
    """Its rate times the time since it began, of what the kernel keeps for it; nothing without a rate."""
    server = Server(bytes(LEFT_BYTES), hangs_up=False)
    async with raw_server(server.conversation()) as listening:
        listener = await greeted(make_transport(listening.url))
        before_ns = now_ns()
        ghost = Ghost(listener.open_connection, 0, before_ns, RATE_BYTES_PER_S)
        after_ns = now_ns()
        descriptor = listener.open_connection.stop_reading()
        server.goes_on.set()
        while unread_bytes(descriptor) < LEFT_BYTES:
            await asyncio.sleep(0)

        for second in (1, 2, 3):
            at_ns = after_ns + second * NS_PER_S
            assert ghost.look(at_ns) is None
            read = LEFT_BYTES - unread_bytes(descriptor)
            assert second * RATE_BYTES_PER_S - 1 <= read <= (at_ns - before_ns) * RATE_BYTES_PER_S / NS_PER_S
        ghost.bury()
        await listener.end()


@on_an_event_loop
async def test_a_ghost_makes_up_for_nothing_that_it_could_not_read(make_transport: MakeTransport) -> None:
    """A slow reader is no faster after a quiet minute."""
    server = Server(bytes(LEFT_BYTES), hangs_up=False)
    async with raw_server(server.conversation()) as listening:
        listener = await greeted(make_transport(listening.url))
        ghost = Ghost(listener.open_connection, 0, now_ns(), RATE_BYTES_PER_S)
        descriptor = listener.open_connection.stop_reading()
        quiet_until_ns = now_ns() + 60 * NS_PER_S
        assert ghost.look(quiet_until_ns) is None
        server.goes_on.set()
        while unread_bytes(descriptor) < LEFT_BYTES:
            await asyncio.sleep(0)

        assert ghost.look(quiet_until_ns + NS_PER_S) is None
        assert LEFT_BYTES - unread_bytes(descriptor) == RATE_BYTES_PER_S
        ghost.bury()
        await listener.end()


@on_an_event_loop
async def test_a_ghost_without_a_rate_reads_nothing_and_stays(make_transport: MakeTransport) -> None:
    """However long that is; a server that waits for it keeps it."""
    server = Server(bytes(1_000), hangs_up=False)
    async with raw_server(server.conversation()) as listening:
        listener = await greeted(make_transport(listening.url))
        ghost = Ghost(listener.open_connection, 0, now_ns(), 0)
        descriptor = listener.open_connection.stop_reading()
        server.goes_on.set()
        while unread_bytes(descriptor) < 1_000:
            await asyncio.sleep(0)

        assert ghost.look(now_ns() + 3_600 * NS_PER_S) is None
        assert unread_bytes(descriptor) == 1_000
        ghost.bury()
        await listener.end()


@pytest.mark.parametrize("is_given_up", [True, False])
@on_an_event_loop
async def test_a_buried_ghost_leaves_no_descriptor(make_transport: MakeTransport, is_given_up: bool) -> None:
    """Neither its own nor the transport's, whether the server had closed it or not."""
    server = Server(close_frame(1001), hangs_up=is_given_up)
    before = socket_count()
    async with raw_server(server.conversation()) as listening:
        listener = await greeted(make_transport(listening.url))
        ghost = Ghost(listener.open_connection, 0, now_ns(), 0)
        server.goes_on.set()
        if is_given_up:
            await given_up(ghost)
        ghost.bury()
        await listener.end()
    while socket_count() > before:
        await asyncio.sleep(0)


class Mourner:
    """Writes down which ghosts were given up; implements :class:`loadgen.engine.ghosts.Observer`."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, bool]] = []
        """Incident, code, and whether it is known when."""
        self.bell = Bell()

    def gave_up(self, ghost: Ghost, code: int, now_ns: int | None) -> None:
        """One was."""
        assert now_ns is None or now_ns >= ghost.began_ns
        self.told.append((ghost.incident, code, now_ns is not None))
        self.bell.ring()


@on_an_event_loop
async def test_who_watches_is_told_of_each_ghost_once(make_transport: MakeTransport) -> None:
    """With its incident and its code; those that are left are buried when the run is over."""
    leaving, staying = Server(close_frame(1013)), Server(b"", hangs_up=False)
    mourner = Mourner()
    ghosts = Ghosts(mourner)
    async with raw_server(leaving.conversation()) as first, raw_server(staying.conversation()) as second:
        listeners = [await greeted(make_transport(each.url)) for each in (first, second)]
        for number, listener in enumerate(listeners):
            ghosts.add(Ghost(listener.open_connection, number, now_ns(), 0))
        watching = asyncio.create_task(ghosts.watch())
        for server in (leaving, staying):
            server.goes_on.set()
        await mourner.bell.until(lambda: bool(mourner.told))
        await listeners[0].end()
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await ghosts.bury_all()
        await listeners[1].end()

    assert mourner.told == [(0, 1013, True)]


@on_an_event_loop
async def test_the_last_word_behind_much_that_was_never_read_is_read_in_the_end(make_transport: MakeTransport) -> None:
    """When it was said is not known: it could not be sent before."""
    server = Server(frame(TEXT, bytes(1_000_000)) + close_frame(1013))
    mourner = Mourner()
    ghosts = Ghosts(mourner)
    async with raw_server(server.conversation()) as listening:
        listener = await greeted(make_transport(listening.url))
        ghosts.add(Ghost(listener.open_connection, 3, now_ns(), 0))
        server.goes_on.set()
        await ghosts.bury_all()
        await listener.end()

    assert mourner.told == [(3, 1013, False)]


# --- what the last bytes say -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BareConnection:
    """A TCP socket as a connection."""

    socket: socket.socket
    writable: bool = True

    def send(self, frame: bytes) -> None:
        """Nothing is ever said."""

    def close(self) -> None:
        """Nothing is ever said."""

    def stop_reading(self) -> int:
        """Nobody reads it."""
        return self.socket.fileno()

    def abort(self) -> None:
        """The end."""
        self.socket.close()


@contextmanager
def left_behind(data: bytes) -> Iterator[Ghost]:
    """A ghost whose server has sent ``data``, and has hung up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = BareConnection(socket.create_connection(server.getsockname()))
        ghost = Ghost(connection, 0, now_ns(), 0)
        with server.accept()[0] as peer:
            peer.sendall(data)
        try:
            yield ghost
        finally:
            ghost.bury()


def code_in(data: bytes) -> int:
    """What is seen of a server that has sent ``data``, and has hung up."""
    with left_behind(data) as ghost:
        while (code := ghost.look(now_ns())) is None:
            select.select([ghost.connection.stop_reading()], [], [], PATIENCE_S)
    return code


MESSAGES = st.lists(st.text(st.characters(codec="ascii"), max_size=300), max_size=3).map(
    lambda texts: b"".join(frame(TEXT, text.encode()) for text in texts)
)
REASONS = st.text(max_size=40).filter(lambda reason: len(reason.encode()) <= 123)
ON_REAL_SOCKETS = settings(max_examples=40, deadline=None)


@given(MESSAGES, st.integers(1000, 4999), REASONS)
@ON_REAL_SOCKETS
def test_a_close_frame_is_found_behind_whatever_was_left_unread(messages: bytes, code: int, reason: str) -> None:
    """Its code counts, whatever the reason."""
    assert code_in(messages + close_frame(code, reason)) == code


@given(MESSAGES)
@ON_REAL_SOCKETS
def test_messages_alone_are_no_close_frame(messages: bytes) -> None:
    """Whatever they say."""
    assert code_in(messages) == NO_CLOSE_FRAME


@given(st.binary(max_size=300))
@ON_REAL_SOCKETS
def test_any_bytes_at_all_have_some_code(data: bytes) -> None:
    """A server may hang up in the middle of a frame."""
    assert 0 <= code_in(data) <= 0xFFFF
