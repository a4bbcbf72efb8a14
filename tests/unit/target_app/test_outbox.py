"""The outbox: straight to the socket, a bounded wait, or the end."""

import pytest

from target_app.outbox import Outbox, Outboxes, broadcast, text_frame
from target_app.settings import Limits

LIMITS = Limits(outbox_frames=3, outbox_bytes=100)


class FakeLine:
    """A socket that takes everything until it is told to be full."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closing = False
        self.closed_with: tuple[int, str] | None = None

    def write(self, data: bytes, /) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def begin_close(self, code: int, reason: str) -> bytes:
        assert self.closed_with is None, "closed twice"
        self.closed_with = (code, reason)
        return b"goodbye"


@pytest.fixture
def line() -> FakeLine:
    return FakeLine()


@pytest.fixture
def outboxes() -> Outboxes:
    return Outboxes(LIMITS)


@pytest.fixture
def outbox(line: FakeLine, outboxes: Outboxes) -> Outbox:
    return Outbox(line, outboxes)


def test_a_reader_that_keeps_up_is_written_to_at_once(outbox: Outbox, line: FakeLine) -> None:
    """Nothing waits while the socket takes it."""
    for frame in (b"1", b"2", b"3", b"4"):
        outbox.send(frame)

    assert line.written == [b"1", b"2", b"3", b"4"]


def test_what_waited_is_sent_in_order_when_the_reader_catches_up(outbox: Outbox, line: FakeLine) -> None:
    """Frames never overtake each other."""
    outbox.send(b"1")
    outbox.pause()
    outbox.send(b"2")
    outbox.send(b"3")
    assert line.written == [b"1"]

    outbox.resume()
    outbox.send(b"4")

    assert line.written == [b"1", b"2", b"3", b"4"]


def test_a_socket_that_fills_up_again_pauses_the_flush(outbox: Outbox, line: FakeLine) -> None:
    """A write may pause us in the middle of catching up; the rest goes on waiting."""

    class FullAgain(FakeLine):
        def write(self, data: bytes, /) -> None:
            super().write(data)
            cramped.pause()

    full_again = FullAgain()
    cramped = Outbox(full_again, Outboxes(LIMITS))
    cramped.pause()
    cramped.send(b"1")
    cramped.send(b"2")

    cramped.resume()
    assert full_again.written == [b"1"]

    cramped.resume()
    assert full_again.written == [b"1", b"2"]


@pytest.mark.parametrize("frame", [b"x", b"x" * 40], ids=["too many frames", "too many bytes"])
def test_past_the_limit_the_reader_is_given_up(
    frame: bytes, outbox: Outbox, line: FakeLine, outboxes: Outboxes
) -> None:
    """What waited is dropped, 1013 takes its place, and the loss is counted once."""
    outbox.pause()
    for _ in range(10):
        outbox.send(frame)

    assert line.closed_with == (1013, "Reading too slowly")
    assert outboxes.slow_reader_close_count == 1
    outbox.resume()
    assert line.written == [b"goodbye"]


def test_the_limit_counts_what_waits_now_not_what_ever_waited(outbox: Outbox, line: FakeLine) -> None:
    """A reader that is often a little behind is not a slow reader."""
    for _ in range(100):
        outbox.pause()
        outbox.send(b"x" * 50)
        outbox.send(b"x" * 50)
        outbox.resume()

    assert line.closed_with is None
    assert len(line.written) == 200


def test_an_orderly_close_comes_after_what_waits(outbox: Outbox, line: FakeLine) -> None:
    """A stopping server drains its outboxes first; only a slow reader loses what waited."""
    outbox.pause()
    outbox.send(b"1")
    outbox.close(1012, "Server is stopping")
    outbox.send(b"too late")
    outbox.resume()

    assert line.written == [b"1", b"goodbye"]
    assert outbox.closed_with == 1012


def test_nothing_is_written_after_the_close(outbox: Outbox, line: FakeLine) -> None:
    """A frame after a close frame breaks the protocol; a second close frame too."""
    outbox.close(1008, "Unauthorized")
    outbox.send(b"late")
    outbox.close(1011, "Internal server error")

    assert line.written == [b"goodbye"]
    assert line.closed_with == (1008, "Unauthorized")


def test_nothing_is_written_to_a_connection_that_is_closing(outbox: Outbox, line: FakeLine) -> None:
    """For uvicorn closes on its own account too, when the peer's frames break the rules."""
    line.closing = True

    outbox.send(b"late")
    outbox.close(1012, "Server is stopping")

    assert line.written == []
    assert line.closed_with is None


def test_a_lost_connection_is_forgotten(outbox: Outbox, line: FakeLine, outboxes: Outboxes) -> None:
    """Its frames are dropped and it is no longer counted; what is sent later goes nowhere."""
    assert outboxes.open == {outbox}
    outbox.pause()
    outbox.send(b"1")

    outbox.lost()
    outbox.send(b"2")
    outbox.resume()

    assert outboxes.open == set()
    assert line.written == []


def test_one_slow_reader_does_not_keep_a_broadcast_from_the_others(outboxes: Outboxes) -> None:
    """Everyone gets the very same bytes: a text is encoded once, not once a member."""
    lines = [FakeLine() for _ in range(3)]
    members = [Outbox(line, outboxes) for line in lines]
    members[1].pause()

    broadcast("Zoë", members)

    assert lines[0].written == lines[2].written == [text_frame("Zoë")]
    assert lines[0].written[0] is lines[2].written[0]
    assert lines[1].written == []


def test_a_text_frame_is_unmasked_utf8() -> None:
    """RFC 6455, 5.2: FIN and opcode 1, the length in bytes, no mask from a server."""
    assert text_frame("Zoë") == b"\x81\x04Zo\xc3\xab"
    assert text_frame("x" * 126)[:4] == b"\x81\x7e\x00\x7e"
