"""A reference server that does wrong on purpose: clients see each fault, and the truth log has it."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from target_app.accounts import generated_password
from target_app.choices import choice, drawn_delay, who
from target_app.faults import read_faults
from target_app.settings import DEFAULT_ACCOUNTS_KEY
from tests.support.benches import eventually
from tests.support.patience import PATIENCE_S
from tests.support.server_process import COMMAND, ServerProcess, asked, close_of, heard, server_process, text_from

pytestmark = [pytest.mark.system, pytest.mark.faults]

ANN, BOB, CAT, DAN = EVERYBODY = [f"user-{number:06d}" for number in range(1, 5)]

# As chatbench stamps its texts.
A_MARKER = "cbm" + "0123456789abcdef" * 4 + "01"

S, MS = 1_000_000_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Client:
    """A client in one room, and the texts it has read so far."""

    connection: ClientConnection
    texts: list[str] = field(default_factory=list)

    def say(self, *texts: str) -> None:
        """Send messages; the server has taken all of them when this returns."""
        for text in texts:
            self.connection.send(json.dumps({"type": "message", "room": "tea", "text": text}))
        self.catch_up()

    def catch_up(self) -> None:
        """Read whatever the server sent before now."""
        self.connection.send('{"type":"ping"}')
        while (frame := heard(self.connection))["type"] != "pong":
            self.texts.append(frame["text"])

    def read(self, count: int) -> None:
        """Read until there are that many texts."""
        while len(self.texts) < count:
            self.texts.append(heard(self.connection)["text"])


@dataclass(frozen=True, slots=True)
class FaultyServer:
    """A server with a faults file and a truth log; its clients are closed with it."""

    server: ServerProcess
    faults_path: Path
    truth_path: Path
    open_connections: ExitStack

    def connect(self, name: str, path: str, **options: Any) -> ClientConnection:
        """Log in and connect."""
        # Without a limit to what it has not read, a client notices the end at once.
        opening = self.server.connect(f"{path}?token={self.server.token(name)}", max_queue=None, **options)
        return self.open_connections.enter_context(opening)

    def arrive(self, name: str) -> Client:
        """Log in, connect and join the room."""
        connection = self.connect(name, "/ws/rooms")
        assert heard(connection)["type"] == "welcome"
        assert asked(connection, type="join", room="tea")["type"] == "joined"
        return Client(connection)

    def truth(self) -> list[dict[str, Any]]:
        """Stop the server in order; every line of its log."""
        assert self.server.stop() == 0
        return [json.loads(line) for line in self.truth_path.read_text().splitlines()]

    def told(self, event: str) -> list[dict[str, Any]]:
        """Stop the server in order; its events of one kind, messages by their number."""
        return sorted((line for line in self.truth() if line.get("event") == event), key=lambda line: line.get("n", 0))


Start = Callable[[str], FaultyServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as running:

        def start_with(faults: str) -> FaultyServer:
            folder = tmp_path / str(len(list(tmp_path.iterdir())))
            folder.mkdir()
            faults_path, truth_path = folder / "faults.toml", folder / "truth.ndjson"
            faults_path.write_text(faults)
            flags = ("--accounts", "20", "--faults", str(faults_path), "--truth", str(truth_path))
            server = running.enter_context(server_process("--lift-limits", *flags))
            return FaultyServer(server, faults_path, truth_path, running.enter_context(ExitStack()))

        yield start_with


def log_in(faulty: FaultyServer, name: str) -> int:
    """Log in with the right password; the status."""
    return faulty.server.login(name, generated_password(DEFAULT_ACCOUNTS_KEY, name))[0]


# --- deliveries


def test_a_listed_drop_is_missed_by_its_receiver_alone(start: Start) -> None:
    """And the log names it; what is not listed arrives."""
    tea = start(f'deliveries.drop = [{{ message = 1, receiver = "{BOB}" }}]')
    ann, bob = tea.arrive(ANN), tea.arrive(BOB)

    ann.say("a", "b", "c")
    bob.catch_up()

    assert (ann.texts, bob.texts) == (["a", "b", "c"], ["a", "c"])
    messages = tea.told("message")
    assert [message["dropped"] for message in messages] == [[], [BOB], []]
    assert [message["deliveries"]["to"] for message in messages] == [[ANN, BOB], [ANN], [ANN, BOB]]


def test_drops_by_chance_are_those_that_the_seed_says(start: Start) -> None:
    """What clients miss, what the log says and what can be worked out beforehand are the same."""
    tea = start("seed = 7\ndeliveries.drop = 0.3")
    clients = {name: tea.arrive(name) for name in EVERYBODY}

    clients[ANN].say(*map(str, range(30)))
    for client in clients.values():
        client.catch_up()

    drop = choice(7, "drop", 0.3)
    assert drop is not None
    messages = tea.told("message")
    for name, client in clients.items():
        expected = [number for number in range(30) if not drop.times(number, who(name))]
        assert list(map(int, client.texts)) == expected
        assert [message["n"] for message in messages if name in message["deliveries"]["to"]] == expected
        assert 0 < len(expected) < 30


def test_a_duplicate_is_heard_as_often_as_the_log_says(start: Start) -> None:
    """`copies` are those beyond the first."""
    tea = start(f'deliveries.duplicate = [{{ message = 1, receiver = "{BOB}", copies = 2 }}]')
    ann, bob = tea.arrive(ANN), tea.arrive(BOB)

    ann.say("a", "b", "c")
    bob.catch_up()

    assert (ann.texts, bob.texts) == (["a", "b", "c"], ["a", "b", "b", "b", "c"])
    assert [message["deliveries"]["copies"] for message in tea.told("message")] == [[0, 0], [0, 2], [0, 0]]


def test_a_swapped_message_comes_after_the_next_one_of_its_sender(start: Start) -> None:
    """At one receiver; the last message of all has no later one, and never comes."""
    swapped = ", ".join(f'{{ message = {number}, receiver = "{BOB}" }}' for number in (0, 4))
    tea = start(f"deliveries.swap = [{swapped}]")
    ann, bob = tea.arrive(ANN), tea.arrive(BOB)

    ann.say("a")
    bob.say("x")
    ann.say("b", "c", "d")
    bob.catch_up()

    assert (ann.texts, bob.texts) == (["a", "x", "b", "c", "d"], ["x", "b", "a", "c"])
    messages = tea.told("message")
    assert [message["swapped"] for message in messages] == [[BOB], [], [], [], [BOB]]
    assert [message["gone"] for message in messages] == [[], [], [], [], [BOB]]


def test_delays_are_those_that_the_seed_says_and_keep_the_order(start: Start) -> None:
    """No delivery leaves before its time; stamps are of the clock that clients have too."""
    tea = start('seed = 7\ndeliveries.delay = { kind = "lognormal", median_ms = 20, sigma = 0.5 }')
    clients = {name: tea.arrive(name) for name in EVERYBODY}

    said_ns = time.monotonic_ns()
    clients[ANN].say(*map(str, range(20)))
    for client in clients.values():
        client.read(20)
    heard_ns = time.monotonic_ns()

    delay = drawn_delay(7, "delay", read_faults(tea.faults_path).deliveries.delay)
    assert delay is not None
    messages = tea.told("message")
    late_ns = []
    for name, client in clients.items():
        assert client.texts == list(map(str, range(20)))
        due_ns = 0
        for message in messages:
            due_ns = max(due_ns, message["received_ns"] + delay.ns(message["n"], who(name)))
            deliveries = message["deliveries"]
            sent_ns = deliveries["sent_ns"][deliveries["to"].index(name)]
            assert said_ns < message["received_ns"] < due_ns <= sent_ns < heard_ns
            late_ns.append(sent_ns - due_ns)
    # Most are a tenth of a millisecond late; a busy machine may hold up any of them.
    assert min(late_ns) < 20 * MS


def test_the_plain_chat_room_has_the_same_faults(start: Start) -> None:
    """Room and id are null there; who comes and goes is told without faults."""
    chat = start(f'deliveries.drop = [{{ message = 0, receiver = "{ANN}" }}]')
    ann, bob = chat.connect(ANN, "/ws/chat"), chat.connect(BOB, "/ws/chat")
    assert text_from(bob) == f"{BOB} joined the chat!"

    bob.send("one")
    bob.send("two")

    assert [text_from(bob) for _ in range(2)] == [f"{BOB}: one", f"{BOB}: two"]
    assert [text_from(ann) for _ in range(3)] == [f"{ANN} joined the chat!", f"{BOB} joined the chat!", f"{BOB}: two"]
    first = chat.told("message")[0]
    assert (first["room"], first["id"], first["from"], first["dropped"]) == (None, None, BOB, [ANN])


def test_a_message_is_found_again_by_its_id_and_its_marker(start: Start) -> None:
    """So that the log can be laid beside the books of whoever sent it."""
    tea = start("")
    ann = tea.arrive(ANN).connection

    asked(ann, type="message", room="tea", text=f"words {A_MARKER}", id="m1")
    asked(ann, type="ping")
    asked(ann, type="message", room="tea", text="words")

    marked, unmarked = tea.told("message")
    assert (marked["id"], marked["marker"], marked["room"], marked["from"]) == ("m1", A_MARKER, "tea", ANN)
    assert unmarked["id"] is None
    assert "marker" not in unmarked


# --- the whole server


def test_a_frozen_server_answers_nobody(start: Start) -> None:
    """Whoever asks meanwhile waits for the thaw; both ends of the freeze are in the log."""
    tea = start("freeze = [{ after_s = 0.2, for_s = 0.5 }]")
    ann = tea.arrive(ANN)
    ann.say("a")

    # Of a server that answers after a second, the freeze is over.
    answered_ns = [time.monotonic_ns()]
    while answered_ns[-1] - answered_ns[0] < S:
        ann.catch_up()
        answered_ns.append(time.monotonic_ns())

    (freeze,) = tea.told("freeze")
    assert freeze["to_ns"] - freeze["from_ns"] >= 500 * MS
    # An answer from before the freeze may be a little late on a busy machine, but not half of the freeze.
    assert not any(freeze["from_ns"] + 250 * MS < each < freeze["to_ns"] for each in answered_ns)


def test_sockets_of_named_users_are_closed_with_the_code(start: Start) -> None:
    """Code and reason arrive; the others stay."""
    tea = start(f'close = [{{ after_s = 0, users = ["{BOB}", "nobody"], code = 4001, reason = "enough" }}]')
    ann, bob = tea.arrive(ANN), tea.arrive(BOB)

    ann.say("a")

    assert close_of(bob.connection) == (4001, "enough")
    ann.catch_up()
    truth = tea.truth()
    (close,) = (line for line in truth if line.get("event") == "close")
    assert (close["users"], close["code"], close["reason"]) == ([BOB], 4001, "enough")
    ends = [(line["user"], line["code"]) for line in truth if line.get("event") == "gone"]
    assert ends == [(BOB, 4001), (ANN, 1012)]


def has_connections(server: ServerProcess, count: int) -> bool:
    return bool(server.request("/healthz")[1]["connections"] == count)


def test_a_share_of_the_sockets_is_closed(start: Start) -> None:
    """Exactly that share of those who are there, the same ones for one seed in whatever order they came."""
    closed = []
    for names in (EVERYBODY, EVERYBODY[::-1]):
        tea = start("close = [{ after_s = 0, share = 0.5, code = 4002 }]")
        clients = {name: tea.arrive(name) for name in names}
        clients[ANN].connection.send('{"type":"message","room":"tea","text":"a"}')
        eventually(partial(has_connections, tea.server, 2), "half of them closed")
        (close,) = tea.told("close")
        codes = {name: close_of(client.connection) for name, client in clients.items()}
        assert {name for name in names if codes[name] == (4002, "")} == set(close["users"])
        closed.append(sorted(close["users"]))

    assert len(closed[0]) == 2
    assert closed[0] == closed[1]


# --- before there is a connection


def test_logins_are_refused_by_the_seed_and_not_by_the_order(start: Start) -> None:
    """401 for the same users whoever comes first; another attempt is another draw."""
    refused = []
    for names in (EVERYBODY, EVERYBODY[::-1]):
        tea = start("seed = 3\nlogin.refuse = 0.5")
        refused.append([(name, attempt) for name in names for attempt in range(5) if log_in(tea, name) == 401])
        assert [(line["user"], line["attempt"]) for line in tea.told("login_refused")] == refused[-1]

    assert 0 < len(refused[0]) < 20
    assert sorted(refused[0]) == sorted(refused[1])


def test_a_slow_login_takes_its_time(start: Start) -> None:
    """It succeeds all the same; a wrong password is not the fault's business."""
    tea = start('login.delay = { kind = "constant", ms = 100 }')

    asked_ns = time.monotonic_ns()
    assert log_in(tea, ANN) == 200
    assert time.monotonic_ns() - asked_ns >= 100 * MS
    assert tea.server.login(ANN, "wrong")[0] == 401

    (delayed,) = tea.told("login_delayed")
    assert delayed["user"] == ANN
    assert delayed["to_ns"] - delayed["from_ns"] >= 100 * MS


def test_a_handshake_may_get_no_answer(start: Start) -> None:
    """It is read and nothing comes back, until one of the two gives up; that is no error of the server's."""
    tea = start("upgrade.never_answer = 1")
    host, port = tea.server.url.removeprefix("http://").split(":")
    with pytest.raises(TimeoutError):
        tea.connect(ANN, "/ws/chat", open_timeout=0.2)
    with closing(socket.create_connection((host, int(port)), timeout=PATIENCE_S)) as patient:
        patient.sendall(
            f"GET /ws/rooms?token={tea.server.token(BOB)} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        # A later request is answered, so this one was read before the end.
        assert tea.server.request("/healthz")[0] == 200

        hung = tea.told("upgrade_hung")

        assert not patient.recv(4096).startswith(b"HTTP/1.1 101")
    assert [line["user"] for line in hung] == [ANN, BOB]
    assert "ERROR" not in tea.server.said()


def test_the_server_reads_slowly_from_some(start: Start) -> None:
    """As long over a frame as its bytes take at that rate; who it is stands in the log."""
    tea = start("reading.slow = { share = 1, bytes_per_s = 1000 }")
    ann = tea.arrive(ANN)

    said_ns = time.monotonic_ns()
    ann.say("x" * 300)
    assert time.monotonic_ns() - said_ns >= 300 * MS

    (slow,) = tea.told("reads_slowly")
    assert (slow["user"], slow["bytes_per_s"]) == (ANN, 1000)


# --- loud when on, silent when off


def test_nobody_can_take_a_faulty_server_for_a_good_one(start: Start) -> None:
    """A warning in the log that lists every fault, the same list in /healthz, a header on every response."""
    tea = start("deliveries.drop = 0.5\nlogin.refuse = 0.0")
    faults = ["deliveries.drop 0.5", "login.refuse 0.0"]

    assert f"WARNING faults are on, on purpose: {'; '.join(faults)}\n" in tea.server.said()
    assert tea.server.request("/healthz")[1]["faults"] == faults
    assert tea.server.headers("/healthz")["X-Chatbench-Faults"] == "on"
    response_to_upgrade = tea.connect(ANN, "/ws/rooms").response
    assert response_to_upgrade is not None
    assert response_to_upgrade.headers["X-Chatbench-Faults"] == "on"


def test_a_server_without_faults_says_nothing_of_them() -> None:
    """No header, no list, no warning."""
    with server_process() as server:
        assert "faults" not in server.request("/healthz")[1]
        assert "X-Chatbench-Faults" not in server.headers("/healthz")
        assert "WARNING" not in server.said()


# --- the truth log


def test_the_log_begins_with_the_faults_and_ends_with_the_counts(start: Start) -> None:
    """A copy is no delivery of its own, a dropped one is none at all."""
    tea = start(f'deliveries.duplicate = 1\ndeliveries.drop = [{{ message = 0, receiver = "{BOB}" }}]')
    ann = tea.arrive(ANN)
    tea.arrive(BOB)
    ann.say("a", "b")

    first, *_, last = tea.truth()

    assert (first["truth"], first["seed"], first["faults"]["deliveries"]["duplicate"]) == ("chatbench.truth/1", 1, 1.0)
    assert first["started_ns"] < time.monotonic_ns()
    assert last == {"event": "end", "messages": 2, "deliveries": 3}


def test_a_log_that_was_cut_short_has_no_end(start: Start) -> None:
    """A server that was killed cannot say what it did last, and must not look as if it had."""
    tea = start("")
    tea.arrive(ANN).say("a")

    tea.server.stop(signal.SIGKILL)

    assert '"event":"end"' not in tea.truth_path.read_text()


def test_what_is_under_way_when_the_server_stops_is_gone(start: Start) -> None:
    """Nothing is left open: each delivery has its place in the log."""
    tea = start('deliveries.delay = { kind = "constant", ms = 3600000 }')
    ann = tea.arrive(ANN)
    ann.say("a")

    (message,) = tea.told("message")

    assert (message["deliveries"]["to"], message["gone"]) == ([], [ANN])
    assert close_of(ann.connection) == (1012, "Server is stopping")


@pytest.mark.parametrize(
    ("faults", "truth", "complaint"),
    [
        ("deliveries.drop = 2", "truth", "argument --faults: {faults}: deliveries.drop: expected less than"),
        ("", "missing/truth", "--truth {truth}: cannot write: No such file or directory"),
        (None, "truth", "--truth: tells what became of the faults, so it needs --faults FILE"),
    ],
)
def test_what_it_cannot_follow_is_one_clear_line_and_104(
    tmp_path: Path, faults: str | None, truth: str, complaint: str
) -> None:
    """Before it listens: file and key, what was wanted and what was found."""
    faults_path, truth_path = tmp_path / "faults.toml", tmp_path / truth
    flags = ["--port", "0", "--truth", str(truth_path)]
    if faults is not None:
        faults_path.write_text(faults)
        flags += ["--faults", str(faults_path)]

    ended = subprocess.run([*COMMAND, *flags], capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert (ended.returncode, ended.stdout) == (104, "")
    said = f"target_app: {complaint.format(faults=faults_path, truth=truth_path)}"
    assert any(line.startswith(said) for line in ended.stderr.splitlines())
    assert "Traceback" not in ended.stderr
