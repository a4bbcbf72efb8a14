"""The protocol that tests/support/relay.toml relies on, spoken with a plain WebSocket client."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.patience import PATIENCE_S
from tests.support.programs import Listening, listening

pytestmark = pytest.mark.system

COMMAND = [sys.executable, "-m", "tests.support.fast_server", "--port", "0", "--exit-with-stdin"]


class Arrive(Protocol):
    """Connects a user, and joins the room if there is one."""

    def __call__(self, name: str, room: str | None = None) -> ClientConnection: ...


@pytest.fixture(scope="module")
def server() -> Iterator[Listening]:
    with listening(COMMAND) as running:
        yield running


@pytest.fixture
def arrive(server: Listening) -> Iterator[Arrive]:
    with ExitStack() as open_connections:

        def connect_and_join(name: str, room: str | None = None) -> ClientConnection:
            url = server.url.replace("http", "ws", 1) + f"/relay?name={name}"
            connection = connect(url, proxy=None, compression=None)
            open_connections.enter_context(connection)
            if room is not None:
                connection.send(f"JOIN {room}")
                assert heard(connection) == f"JOINED {room}"
            return connection

        yield connect_and_join


def heard(connection: ClientConnection) -> str | bytes:
    return connection.recv(timeout=PATIENCE_S)


def test_every_member_of_the_room_gets_a_message_and_the_sender_its_ack(arrive: Arrive) -> None:
    """SAY gives MSG to all, the sender included, and then ACK to the sender alone."""
    ann, bob = arrive("ann", "lobby"), arrive("bob", "lobby")

    ann.send("SAY 7 good  morning, Zoë")
    assert heard(ann) == "MSG lobby ann good  morning, Zoë"
    assert heard(ann) == "ACK 7"

    bob.send("SAY 8 hello")
    assert heard(ann) == "MSG lobby bob hello"
    assert heard(bob) == "MSG lobby ann good  morning, Zoë"
    assert heard(bob) == "MSG lobby bob hello"
    assert heard(bob) == "ACK 8"


@pytest.mark.parametrize("text_bytes", [0, 1, 125, 126, 65_535, 65_536])
def test_a_text_of_any_length_arrives_whole(arrive: Arrive, text_bytes: int) -> None:
    """A frame has three forms of length field; each is written right."""
    ann = arrive("ann", "lobby")

    ann.send("SAY 1 " + "x" * text_bytes)

    assert heard(ann) == "MSG lobby ann " + "x" * text_bytes
    assert heard(ann) == "ACK 1"


def test_rooms_are_kept_apart(arrive: Arrive) -> None:
    """A message stays in the room it was said in."""
    ann, bob = arrive("ann", "red"), arrive("bob", "blue")

    ann.send("SAY 1 for red")
    assert heard(ann) == "MSG red ann for red"
    assert heard(ann) == "ACK 1"
    bob.send("SAY 2 for blue")

    assert heard(bob) == "MSG blue bob for blue"


def test_joining_another_room_leaves_the_first(arrive: Arrive) -> None:
    """A user is in one room at a time."""
    ann, bob = arrive("ann", "red"), arrive("bob", "red")
    bob.send("JOIN blue")
    assert heard(bob) == "JOINED blue"

    ann.send("SAY 1 for red")
    assert heard(ann) == "MSG red ann for red"
    bob.send("SAY 2 for blue")

    assert heard(bob) == "MSG blue bob for blue"


def test_who_has_left_hears_nothing_and_may_not_speak(arrive: Arrive) -> None:
    """LEAVE ends the membership at once."""
    ann, bob = arrive("ann", "lobby"), arrive("bob", "lobby")
    bob.send("LEAVE")
    assert heard(bob) == "LEFT lobby"

    ann.send("SAY 1 is bob gone?")
    assert heard(ann) == "MSG lobby ann is bob gone?"
    bob.send("SAY 2 yes")

    assert heard(bob) == "ERR not in a room"


def test_a_member_who_disconnects_is_no_longer_written_to(arrive: Arrive) -> None:
    """The room goes on without whoever has gone."""
    ann, bob = arrive("ann", "lobby"), arrive("bob", "lobby")
    bob.close()
    assert bob.close_code == 1000

    ann.send("SAY 1 still here")

    assert heard(ann) == "MSG lobby ann still here"
    assert heard(ann) == "ACK 1"


@pytest.mark.parametrize("nonsense", ["SHOUT 1 hello", "JOIN", "JOIN ", "", b"SAY 1 binary"])
def test_what_is_not_understood_is_answered_with_err(arrive: Arrive, nonsense: str | bytes) -> None:
    """A refusal is told, and the connection stays usable."""
    ann = arrive("ann", "lobby")

    ann.send(nonsense)

    assert str(heard(ann)).startswith("ERR ")
    ann.send("SAY 1 hello")
    assert heard(ann) == "MSG lobby ann hello"


def test_a_connection_without_a_name_is_refused(server: Listening) -> None:
    """The handshake says what is missing."""
    with pytest.raises(InvalidStatus) as refused:
        connect(server.url.replace("http", "ws", 1) + "/relay", proxy=None, open_timeout=PATIENCE_S)

    assert refused.value.response.status_code == 400


def test_a_member_who_stops_reading_is_cut_off_and_the_room_goes_on(arrive: Arrive) -> None:
    """What is kept for one member is bounded."""
    ann, idler = arrive("ann", "lobby"), arrive("idler", "lobby")
    text = "x" * 1_000_000
    # The 64 MB of the server, after what two kernels' buffers and the client's queue hold.
    message_count = 160

    for n in range(message_count):
        ann.send(f"SAY {n} {text}")
        assert heard(ann) == f"MSG lobby ann {text}"
        assert heard(ann) == f"ACK {n}"

    with pytest.raises(ConnectionClosedError):
        all(heard(idler) for _ in range(message_count))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(number: signal.Signals) -> None:
    """It stops with 0 and without a word."""
    command = [sys.executable, "-m", "tests.support.fast_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()

        process.send_signal(number)

        assert process.communicate(timeout=PATIENCE_S) == (b"", b"")
        assert process.returncode == 0
