"""Sockets that are read together: what is not parsed again is told and counted as if it were."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import pytest

from loadgen.dialects import Opening
from loadgen.engine.transport.picows_transport import PicowsTransport
from loadgen.measure import marker
from loadgen.measure.marker import Stamp
from loadgen.measure.receive_path import ReceivePath
from tests.support.event_loop import on_an_event_loop
from tests.support.listener import RecordingListener
from tests.support.raw_websocket import CONTINUATION, PING, PONG, TEXT, RawPeer, frame, raw_server
from tests.support.waiting import Bell

pytestmark = pytest.mark.system

FIRST, SECOND, OTHER = (frame(TEXT, text) for text in (b"1 MARK", b"2 MARK", b"no mark"))
PREFIX = marker.prefix_of("c0ffee")
# The longest is more than is read at a time.
MARKED = [
    marker.write(PREFIX, Stamp(sender=0, sequence=n, due_ns=1, sent_ns=2)) + b"." * size
    for n, size in enumerate((0, 100, 1500))
]
PARTS = frame(TEXT, b"M", fin=False), frame(CONTINUATION, b"ARK")


class RingingLog(list[int]):
    """Where arrivals are noted; rings at each."""

    def __init__(self, bell: Bell) -> None:
        super().__init__()
        self._bell = bell

    def append(self, number: int) -> None:
        """Note one half of an arrival."""
        super().append(number)
        self._bell.ring()


class Books:
    """A receive path on which some messages are open, and what it was asked for."""

    def __init__(self) -> None:
        self.due_count = 0
        self.path = ReceivePath(PREFIX, lambda _user, _payload, _now_ns: True, self._be_due)
        self.bell = Bell()
        self.logs = [RingingLog(self.bell) for _ in MARKED]
        self.path.logs.update({each[: marker.WIDTH]: log for each, log in zip(MARKED, self.logs, strict=True)})

    def users(self) -> list[list[int]]:
        """Who has got each message."""
        return [sorted(log[1::2]) for log in self.logs]

    def _be_due(self) -> None:
        self.due_count += 1


class NotingListener(RecordingListener):
    """One whose messages may be noted without showing each to it."""

    def __init__(self, user: int, books: Books, *, is_shown_all: bool = False) -> None:
        super().__init__(user=user)
        self._books = books
        self.receive_path = None if is_shown_all else books.path

    def receive(self, user: int, payload: bytes, now_ns: int) -> bool:
        """As a member of a swarm does."""
        taken = self._books.path.receive(user, payload, now_ns)
        if taken:
            self.received.append(payload)
            self._note("receive", now_ns)
        return taken


class Room:
    """Some connections, each with the server's end of it."""

    def __init__(self) -> None:
        self.listeners: list[RecordingListener] = []
        self.peers: list[RawPeer] = []
        self.greeting = b""
        """What comes in one breath with the 101."""
        self._is_over = asyncio.Event()

    async def converse(self, peer: RawPeer) -> None:
        await peer.upgrade(then=self.greeting)
        self.peers.append(peer)
        await self._is_over.wait()

    async def tell(self, *chunks: bytes, until: Callable[[RecordingListener], bool]) -> None:
        """Send each chunk to everybody, and wait until everybody has heard of it."""
        for chunk in chunks:
            for peer in self.peers:
                peer.writer.write(chunk)
        for listener in self.listeners:
            await listener.until(lambda listener=listener: until(listener))  # type: ignore[misc]

    def close(self) -> None:
        self._is_over.set()


async def joined(stack: AsyncExitStack, count: int) -> tuple[Room, PicowsTransport]:
    room = Room()
    server = await stack.enter_async_context(raw_server(room.converse))
    stack.callback(room.close)
    transport = PicowsTransport(server.url, (), timeout_s=10, reads_together=True)
    for _ in range(count):
        await one_more(stack, room, transport)
    return room, transport


async def one_more(
    stack: AsyncExitStack, room: Room, transport: PicowsTransport, listener: RecordingListener | None = None
) -> RecordingListener:
    listener = listener or RecordingListener(user=len(room.listeners))
    await transport.connect(Opening("/chat"), listener)
    stack.callback(listener.open_connection.abort)
    room.listeners.append(listener)
    return listener


@on_an_event_loop
async def test_everybody_hears_every_message_once_and_all_is_counted() -> None:
    """Ten times the same bytes, ten times other ones, several frames at once, and what nobody wants."""
    async with AsyncExitStack() as stack:
        room, transport = await joined(stack, 10)
        await room.tell(FIRST, until=lambda each: len(each.received) == 1)
        await room.tell(FIRST, until=lambda each: len(each.received) == 2)
        await room.tell(SECOND, until=lambda each: len(each.received) == 3)
        await room.tell(FIRST + SECOND, until=lambda each: len(each.received) == 5)
        await room.tell(FIRST + SECOND, until=lambda each: len(each.received) == 7)
        await room.tell(OTHER, until=lambda each: each.unwanted == [b"no mark"])

        wanted = [b"1 MARK", b"1 MARK", b"2 MARK", b"1 MARK", b"2 MARK", b"1 MARK", b"2 MARK"]
        assert all(each.received == wanted for each in room.listeners)
        assert transport.traffic.frames_received == 10 * 8
        assert transport.traffic.bytes_received == 10 * (7 * 6 + 7)
        # What overtook another on the way is known by its time, also where both came together.
        assert all(each.told_ns == sorted(set(each.told_ns)) for each in room.listeners)


@on_an_event_loop
async def test_what_begins_in_the_middle_of_a_frame_is_no_frame() -> None:
    """The bytes of a whole message within another message are that one's text."""
    long = frame(TEXT, b"MARK " + FIRST + b"x")
    before, after = long[: long.index(FIRST)], b"x"
    async with AsyncExitStack() as stack:
        room, _ = await joined(stack, 2)
        await room.tell(FIRST, until=lambda each: len(each.received) == 1)
        await room.tell(FIRST, until=lambda each: len(each.received) == 2)
        one = room.listeners[0]
        for chunk in (before, FIRST, after):
            room.peers[0].writer.write(chunk)
            await room.peers[0].writer.drain()
            room.peers[1].writer.write(FIRST)
            heard_count = len(room.listeners[1].received) + 1
            await room.listeners[1].until(lambda count=heard_count: len(room.listeners[1].received) == count)  # type: ignore[misc]
        await one.until(lambda: len(one.received) == 3)

        assert one.received[2] == b"MARK " + FIRST + b"x"
        assert room.listeners[1].received == [b"1 MARK"] * 5


@on_an_event_loop
async def test_pings_fragments_and_the_end_come_as_ever() -> None:
    """Between messages that are the same for all."""
    async with AsyncExitStack() as stack:
        room, _ = await joined(stack, 3)
        for count in (1, 2):
            await room.tell(FIRST, until=lambda each, count=count: len(each.received) == count)  # type: ignore[misc]
        room.peers[0].writer.write(frame(PING, b"there?") + FIRST)
        assert await room.peers[0].frame() == (PONG, b"there?")
        await room.tell(*PARTS, until=lambda each: each.received[-1] == b"MARK")
        await room.tell(FIRST, until=lambda each: each.received[-1] == b"1 MARK")
        room.peers[1].writer.close()
        assert (await room.listeners[1].end()).code == 1006
        room.peers[2].writer.write(FIRST)
        await room.listeners[2].until(lambda: len(room.listeners[2].received) == 5)

        assert counts(room.listeners) == [5, 4, 5]


@on_an_event_loop
async def test_a_message_in_one_breath_with_the_101_is_heard_by_whom_it_was_for() -> None:
    """It is no part of what the others have to read next."""
    async with AsyncExitStack() as stack:
        room, transport = await joined(stack, 2)
        await room.tell(FIRST, until=lambda each: len(each.received) == 1)
        await room.tell(FIRST, until=lambda each: len(each.received) == 2)
        room.greeting = SECOND
        newcomer = await one_more(stack, room, transport)
        await newcomer.until(lambda: newcomer.received == [b"2 MARK"])
        await room.tell(FIRST, until=lambda each: len(each.received) == (2 if each is newcomer else 3))
        await room.tell(FIRST, until=lambda each: len(each.received) == (3 if each is newcomer else 4))

        assert newcomer.received == [b"2 MARK", b"1 MARK", b"1 MARK"]
        assert [each.received for each in room.listeners[:2]] == [[b"1 MARK"] * 4] * 2


@on_an_event_loop
async def test_a_server_that_hangs_up_early_is_heard_of() -> None:
    """Before there were two messages to compare."""
    async with AsyncExitStack() as stack:
        room, _ = await joined(stack, 1)
        await room.tell(FIRST, until=lambda each: len(each.received) == 1)
        room.peers[0].writer.close()

        assert (await room.listeners[0].end()).code == 1006


@on_an_event_loop
async def test_a_socket_that_is_read_no_more_is_left_to_whoever_asked() -> None:
    """The others are read on."""
    async with AsyncExitStack() as stack:
        room, _ = await joined(stack, 3)
        await room.tell(FIRST, until=lambda each: len(each.received) == 1)
        assert room.listeners[0].open_connection.stop_reading() > 0
        room.listeners[1].open_connection.abort()
        for peer in (room.peers[0], room.peers[2]):
            peer.writer.write(FIRST)
        await room.listeners[2].until(lambda: len(room.listeners[2].received) == 2)

        assert counts(room.listeners) == [1, 1, 2]


@on_an_event_loop
async def test_what_is_noted_without_being_shown_is_in_the_same_books() -> None:
    """Each message once for each user; one whose listener must be shown all of them is."""
    books = Books()
    async with AsyncExitStack() as stack:
        room, transport = await joined(stack, 0)
        listeners = [NotingListener(user, books, is_shown_all=user == 3) for user in range(5)]
        for listener in listeners:
            await one_more(stack, room, transport, listener)
        for payload in (*MARKED, *reversed(MARKED)):
            await tell_of(room, books, frame(TEXT, payload))
        await tell_of(room, books, b"".join(frame(TEXT, payload) for payload in MARKED))

        assert books.users() == [sorted([*range(5)] * 3)] * 3
        assert len(listeners[3].received) == 9
        assert sum(len(listener.received) for listener in listeners) < 5 * 9, "some were not shown"
        assert transport.traffic.frames_received == 5 * 9
        assert transport.traffic.bytes_received == 5 * 3 * sum(map(len, MARKED))
        for log in books.logs:
            assert log[::2] == sorted(log[::2])


@on_an_event_loop
async def test_what_is_due_is_done_by_a_delivery_that_is_not_shown() -> None:
    """A message need not wait until all sockets have been read."""
    books = Books()
    async with AsyncExitStack() as stack:
        room, transport = await joined(stack, 0)
        for user in range(3):
            await one_more(stack, room, transport, NotingListener(user, books))
        for count in (0, 1, 2):
            await tell_of(room, books, frame(TEXT, MARKED[0]))
            assert books.due_count == count
            books.path.remind(1)


@on_an_event_loop
async def test_nothing_is_noted_of_whom_is_read_no_more() -> None:
    """Whether we have stopped, or it has ended."""
    books = Books()
    async with AsyncExitStack() as stack:
        room, transport = await joined(stack, 0)
        for user in range(4):
            await one_more(stack, room, transport, NotingListener(user, books))
        message = frame(TEXT, MARKED[0])
        for _ in range(2):
            await tell_of(room, books, message)
        assert room.listeners[0].open_connection.stop_reading() > 0
        room.listeners[1].open_connection.abort()
        # What follows a fault is not looked at.
        room.peers[2].writer.write(frame(CONTINUATION, b"of nothing"))
        await room.listeners[2].end()
        for peer in (room.peers[0], room.peers[2], room.peers[3]):
            peer.writer.write(message)
        await books.bell.until(lambda: books.users()[0].count(3) == 3)

        assert books.users()[0] == [0, 0, 1, 1, 2, 2, 3, 3, 3]


async def tell_of(room: Room, books: Books, chunk: bytes) -> None:
    """Send it to everybody, and wait until all of it is in the books."""
    before = sum(map(len, books.logs))
    message_count = sum(chunk.count(payload[: marker.WIDTH]) for payload in MARKED)
    for peer in room.peers:
        peer.writer.write(chunk)
    await books.bell.until(lambda: sum(map(len, books.logs)) == before + 2 * message_count * len(room.peers))


def counts(listeners: Sequence[RecordingListener]) -> list[int]:
    return [len(listener.received) for listener in listeners]
