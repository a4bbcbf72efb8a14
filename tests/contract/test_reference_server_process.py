"""How the reference server starts, what it says, and how it ends."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection

from tests.support.hangups import hangups_heeded
from tests.support.patience import PATIENCE_S
from tests.support.server_process import COMMAND, ServerProcess, close_of, server_process, text_from
from tests.support.silent_port import refusing_port

pytestmark = pytest.mark.system

# Each is a thread of ours; 9,000 clients end in the same way in about a second.
CLIENT_COUNT = 40


@contextmanager
def clients(server: ServerProcess, path: str, count: int) -> Iterator[list[ClientConnection]]:
    with ExitStack() as open_connections:
        token = server.token("user1")
        yield [
            open_connections.enter_context(server.connect(f"{path}?token={token}", close_timeout=0))
            for _ in range(count)
        ]


def deaf_client(server: ServerProcess) -> socket.socket:
    """Connect a client that says hello and then neither reads nor answers."""
    host, port = server.url.removeprefix("http://").split(":")
    client = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
    client.sendall(
        b"GET /ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert client.recv(12) == b"HTTP/1.1 101"
    return client


def run(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a server that is not expected to come up."""
    return subprocess.run(
        [*COMMAND, *flags], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_closes_every_client_with_1012_and_ends_in_order(how: signal.Signals) -> None:
    """Exit code 0: whoever stopped it sees no failure; a terminal that was closed is told of twice."""
    with ExitStack() as stack:
        with hangups_heeded():
            server = stack.enter_context(server_process("--lift-limits"))
        connections = stack.enter_context(clients(server, "/ws/rooms", CLIENT_COUNT))
        if how is signal.SIGHUP:
            server.process.send_signal(how)
        assert server.stop(how) == 0

        for connection in connections:
            assert close_of(connection) == (1012, "Server is stopping")


def test_under_nohup_a_server_outlives_its_terminal() -> None:
    """It was started with SIGHUP ignored, and leaves it so."""
    with server_process(command=["nohup", *COMMAND]) as server:
        server.process.send_signal(signal.SIGHUP)
        with server.connect("/ws") as connection:
            connection.send("still there")
            assert text_from(connection).endswith("still there")
        assert server.stop() == 0


def test_a_client_that_does_not_answer_holds_up_the_end_for_a_moment_only() -> None:
    """It is cut when the limit is over, and the exit is still in order."""
    with server_process() as server, deaf_client(server):
        assert server.stop() == 0


def test_a_second_signal_ends_at_once() -> None:
    """Whoever asks twice does not want to wait for a client that does not answer."""
    with server_process() as server, deaf_client(server) as client:
        server.process.send_signal(signal.SIGTERM)
        # The close frame: the first signal has been seen, and its 2 s have begun.
        while client.recv(4096)[-2:] != b"ng":
            pass
        assert server.stop() == -signal.SIGTERM


def test_the_server_ends_when_its_parent_lets_go_of_its_stdin() -> None:
    """A parent that is killed closes its end of the pipe: nobody is left to stop the server."""
    with server_process() as server:
        assert server.process.stdin is not None
        server.process.stdin.close()

        assert server.process.wait(PATIENCE_S) == 0


def test_no_token_is_ever_logged() -> None:
    """Tokens in query strings end up in log files, which is where they are stolen from."""
    with server_process() as server:
        with clients(server, "/ws/rooms", 1), server.connect("/ws/chat?token=eyJhbGciOi"):
            pass
        assert server.stop() == 0

        assert "token=" not in server.said()
        assert "eyJ" not in server.said()


def test_a_random_secret_is_announced() -> None:
    """Without CHATBENCH_SECRET, tokens do not outlive the process: that must not come as a surprise."""
    with server_process(environment={"CHATBENCH_SECRET": ""}) as server:
        assert "CHATBENCH_SECRET is not set" in server.said()
        assert server.token("user1")


@pytest.mark.parametrize("told", [True, False])
def test_that_messages_will_be_forgotten_is_announced(tmp_path: Path, told: bool) -> None:
    """With what to do about it; whoever named a database is not told."""
    with server_process(*(["--db", f"sqlite:///{tmp_path}/chat.db"] if told else [])) as server:
        assert ("--db sqlite:///chat.db keeps them" in server.said()) is not told


def test_a_taken_port_is_one_clear_line() -> None:
    """Exit code 1, the address and the reason, no traceback, nothing that looks like a ready line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--port", str(port))

    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"target_app: cannot listen on 127.0.0.1 port {port}: Address already in use\n" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--port", "70000"], "argument --port: expected 0 to 65535, got '70000'"),
        (["--accounts", "-1"], "argument --accounts: expected a whole number, 0 or more, got '-1'"),
        (["--unheard-of"], "unrecognized arguments: --unheard-of"),
        (["--host", "0.0.0.0"], "--host 0.0.0.0: everybody knows the default key"),
    ],
)
def test_flags_it_cannot_follow_are_one_clear_line_and_104(flags: list[str], complaint: str) -> None:
    """The line names the flag, what was wanted and what was found."""
    ended = run(*flags)

    assert (ended.returncode, ended.stdout) == (104, "")
    assert ended.stderr.startswith(f"target_app: {complaint}")
    assert ended.stderr.count("\n") == 1


def test_a_database_that_is_not_there_is_one_clear_line_and_104() -> None:
    """Before anything is ready, without the password, and without a traceback."""
    port = refusing_port()
    ended = run("--db", f"postgresql+asyncpg://ann:hush@127.0.0.1:{port}/chat")

    assert (ended.returncode, ended.stdout) == (104, "")
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"target_app: postgresql://ann@127.0.0.1:{port}/chat: ")
    assert "Traceback" not in ended.stderr
    assert "hush" not in ended.stderr


def test_help_is_not_an_error() -> None:
    """Standard output and exit code 0."""
    ended = run("--help")

    assert ended.returncode == 0
    assert "--exit-with-stdin" in ended.stdout
