"""Who sends too much: refused, then closed, and nobody else notices."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from target_app.settings import Limits
from tests.support.patience import PATIENCE_S
from tests.support.server_process import ServerProcess, asked, close_of, heard, server_process, text_from

pytestmark = [pytest.mark.system, pytest.mark.faults]

LIMITS = Limits()
A_FLOOD = 10_000


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process() as running:
        yield running


def flood(connection: ClientConnection, frames: Iterator[str]) -> None:
    """Send without waiting for answers, until the server has had enough."""

    def send() -> None:
        with suppress(ConnectionClosed):
            for frame in frames:
                connection.send(frame)

    # Beside the test, which reads: a server that is not read from lets nobody write, either.
    Thread(target=send, daemon=True).start()


def texts_before_the_close(connection: ClientConnection) -> list[str]:
    """Read to the end; what came."""
    texts = []
    with suppress(ConnectionClosed):
        while True:
            texts.append(text_from(connection))
    return texts


def test_a_flood_to_a_room_is_refused_frame_by_frame_and_then_closed(server: ServerProcess) -> None:
    """What is refused was not said; the others hear the rest, which includes all that was acknowledged."""
    with (
        server.connect(f"/ws/rooms?token={server.token('user1')}") as flooder,
        server.connect(f"/ws/rooms?token={server.token('user2')}", max_queue=None) as other,
    ):
        for connection in (flooder, other):
            heard(connection)
            assert asked(connection, type="join", room="tea")["type"] == "joined"

        flood(
            flooder,
            (json.dumps({"type": "message", "room": "tea", "text": str(n), "id": n}) for n in range(A_FLOOD)),
        )
        answers = [json.loads(text) for text in texts_before_the_close(flooder)]
        acknowledged = [frame["id"] for frame in answers if frame["type"] == "ack"]
        refused = [frame["id"] for frame in answers if frame.get("code") == "rate_limited"]

        assert close_of(flooder) == (1008, "Too many messages")
        assert len(refused) >= LIMITS.refused_frames_at_once
        other.send('{"type":"ping"}')
        texts = []
        while (frame := heard(other))["type"] != "pong":
            texts.append(int(frame["text"]))
        assert texts == sorted(texts)
        # The join was a frame, too.
        assert LIMITS.frames_at_once - 1 <= len(texts) < A_FLOOD / 2
        assert set(acknowledged) <= set(texts)
        assert not set(texts) & set(refused)


def test_who_waits_a_moment_is_heard_again(server: ServerProcess) -> None:
    """The limit is a rate: some of it comes back every second, and the connection lives."""
    with server.connect(f"/ws/rooms?token={server.token('user1')}", max_queue=None) as connection:
        assert heard(connection)["type"] == "welcome"
        for _ in range(LIMITS.frames_at_once + LIMITS.refused_frames_at_once // 2):
            connection.send('{"type":"ping"}')
        answers = [heard(connection) for _ in range(LIMITS.frames_at_once + LIMITS.refused_frames_at_once // 2)]
        assert answers[-1]["type"] in ("error", "pong")
        assert "rate_limited" in {answer.get("code") for answer in answers}

        give_up_at = time.monotonic() + PATIENCE_S
        while asked(connection, type="ping")["type"] != "pong":
            assert time.monotonic() < give_up_at, "refused for ever"


@pytest.mark.parametrize("path", ["/ws", "/ws/chat", "/ws/protected", "/ws/SESSION"])
def test_a_flood_to_a_plain_endpoint_is_closed(server: ServerProcess, path: str) -> None:
    """There is no error frame to say it with; what came before is answered, and nothing after."""
    begun_s = time.monotonic()
    if path == "/ws/SESSION":
        path = f"/ws/{server.request('/create-session', b'')[1]['session_id']}"
    with server.connect(f"{path}?token={server.token('user1')}") as connection:
        flood(connection, (f"text {n}" for n in range(A_FLOOD)))

        texts = texts_before_the_close(connection)
        assert close_of(connection) == (1008, "Too many messages")
    answered_count = sum("text " in text for text in texts)
    assert LIMITS.frames_at_once <= answered_count
    assert answered_count <= LIMITS.frames_at_once + LIMITS.frames_per_s * (time.monotonic() - begun_s)


def test_a_flood_in_the_chat_leaves_the_others_alone(server: ServerProcess) -> None:
    """They hear what was said in time, and that the flooder has left."""
    with (
        server.connect(f"/ws/chat?token={server.token('user2')}", max_queue=None) as other,
        server.connect(f"/ws/chat?token={server.token('user1')}") as flooder,
    ):
        flood(flooder, (f"text {n}" for n in range(A_FLOOD)))
        assert close_of(flooder) == (1008, "Too many messages")

        while text_from(other) != "user1 left the chat!":
            pass
        other.send("quiet again")
        assert text_from(other) == "user2: quiet again"
