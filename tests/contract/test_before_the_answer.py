"""What a client sends before its handshake is answered: nothing of it is lost, and nothing is answered too early."""

from collections.abc import Iterator

import pytest

from tests.support.raw_client import HANDSHAKE, Ending, RawClient, raw_client
from tests.support.raw_websocket import CLOSE, PING, PONG, TEXT, close_frame, frame
from tests.support.rooms_client import token_for
from tests.support.server_process import ServerProcess, server_process

pytestmark = pytest.mark.system

ECHO = HANDSHAKE % b"/ws"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process() as running:
        before = running.said()
        yield running
        assert running.said() == before, "what strangers send fills no log"


@pytest.fixture
def client(server: ServerProcess) -> Iterator[RawClient]:
    with raw_client(server.url) as connected:
        yield connected


def masked(opcode: int, payload: bytes = b"") -> bytes:
    """A frame as a client writes it."""
    return frame(opcode, payload, masked=True)


def end_of(client: RawClient) -> Ending:
    """Take leave; all that has come."""
    client.send(masked(CLOSE, close_frame(1000)[2:]))
    return client.read_to_the_end()


@pytest.mark.parametrize(
    "cut",
    [0, len(ECHO) // 2, len(ECHO), len(ECHO) + 3],
    ids=["at once", "in the handshake", "behind the handshake", "in the frame"],
)
def test_a_text_that_comes_with_the_handshake_is_answered(client: RawClient, cut: int) -> None:
    """Wherever the network cuts what was sent in two."""
    data = ECHO + masked(TEXT, b"hello")
    client.send(data[:cut])
    client.send(data[cut:])

    client.read_until(b"Message text was: hello")
    ending = end_of(client)

    assert ending.status == 101
    assert [payload for opcode, payload in ending.frames if opcode == TEXT] == [b"Message text was: hello"]


def test_many_texts_that_come_with_the_handshake_are_answered_in_order(client: RawClient) -> None:
    """More of them than are parsed in one go."""
    texts = [b"%02d%s" % (number, b"x" * 1_000) for number in range(50)]
    client.send(ECHO + b"".join(masked(TEXT, text) for text in texts))

    client.read_until(texts[-1])
    ending = end_of(client)

    echoes = [payload for opcode, payload in ending.frames if opcode == TEXT]
    assert echoes == [b"Message text was: " + text for text in texts]


def test_a_room_is_joined_in_the_same_breath(client: RawClient) -> None:
    """With all that follows: the greeting comes first, the ack last."""
    client.send(
        HANDSHAKE % f"/ws/rooms?token={token_for('ann')}".encode()
        + masked(TEXT, b'{"type":"join","room":"tea"}')
        + masked(TEXT, b'{"type":"message","room":"tea","text":"hello","id":7}')
    )

    client.read_until(b'"type":"ack"')
    kinds = [payload.split(b'"')[3] for opcode, payload in end_of(client).frames if opcode == TEXT]

    assert kinds == [b"welcome", b"joined", b"message", b"ack"]


def test_a_ping_is_answered_behind_the_handshake(client: RawClient) -> None:
    """A pong before the 101 would be no HTTP."""
    client.send(ECHO + masked(PING, b"x"))

    client.read_until(frame(PONG, b"x"))
    ending = end_of(client)

    assert ending.status == 101
    assert ending.frames[0] == (PONG, b"x")


def test_a_broken_frame_is_closed_with_its_code_behind_the_handshake(client: RawClient) -> None:
    """1002, as ever."""
    client.send(ECHO + masked(3))

    ending = client.read_to_the_end()

    assert (ending.status, ending.close_code) == (101, 1002)


def test_who_is_not_let_in_hears_why(client: RawClient) -> None:
    """What it had to say is of no interest then."""
    client.send(HANDSHAKE % b"/ws/chat" + masked(TEXT, b"hello"))

    client.read_until(b"Unauthorized: No token provided")
    ending = end_of(client)

    assert (ending.status, ending.close_code) == (101, 1008)


def test_who_knocks_nowhere_hears_so(client: RawClient) -> None:
    """By a status: there is no WebSocket whose frames these could be."""
    client.send(HANDSHAKE % b"/nowhere" + masked(TEXT, b"hello"))

    assert client.read_to_the_end().status == 404


def test_who_hangs_up_with_its_handshake_is_no_fault_of_ours(server: ServerProcess) -> None:
    """Nobody is there to be answered: nothing fails, and nothing is said of it."""
    for _ in range(20):
        with raw_client(server.url) as client:
            client.send(ECHO)
            client.end()
            client.read_to_the_end()

    assert "failed" not in server.said()
