"""`GET /metrics` and `GET /healthz`: the figures are those of what happened."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import ClientConnection

from tests.support.benches import eventually
from tests.support.http_answers import ask
from tests.support.patience import PATIENCE_S
from tests.support.server_process import COMMAND, ServerProcess, asked, close_of, heard, server_process, text_from

pytestmark = pytest.mark.system

# The kernel's buffers take several megabytes of these before anything waits in the server.
A_LARGE_TEXT = "x" * 50_000
ENOUGH_TO_FILL_EVERY_BUFFER = 1_000

A_SICK_SERVER = """
from target_app import __main__, app, services

def make_sick(settings):
    made = services.make_services(settings)
    made.worries += [lambda: "the store: no space left", lambda: None]
    return made

app.make_services = make_sick
raise SystemExit(__main__.main())
"""

A_FREEZE = "[[freeze]]\nafter_s = 0.0\nfor_s = 0.5\n"


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with server_process() as running:
        yield running


def figures(server: ServerProcess) -> dict[str, float]:
    """Every sample by its name, with its labels where it has some: `chat_logins_total{outcome=accepted}`."""
    answer = ask(server, "GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        sample.name + "".join(f"{{{key}={value}}}" for key, value in sample.labels.items()): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def join(server: ServerProcess, stack: ExitStack, name: str, room: str, **options: int) -> ClientConnection:
    connection = stack.enter_context(server.connect(f"/ws/rooms?token={server.token(name)}", **options))
    assert heard(connection)["type"] == "welcome"
    assert asked(connection, type="join", room=room)["type"] == "joined"
    return connection


def test_a_fresh_server_has_all_its_figures_at_nought(server: ServerProcess) -> None:
    """What has not happened yet is 0, not missing: the rate of what is missing is nothing at all."""
    now = figures(server)

    for name in (
        "chat_connections",
        "chat_rooms",
        "chat_sessions",
        "chat_messages_total",
        "chat_sends_total",
        "chat_slow_reader_closes_total",
        "chat_turned_away_total",
        "chat_outbox_waiting_frames",
        "chat_outbox_waiting_bytes",
        "chat_login_seconds_count",
        "chat_logins_total{outcome=accepted}",
        "chat_logins_total{outcome=refused}",
        "chat_logins_total{outcome=limited}",
        "chat_logins_total{outcome=failed}",
    ):
        assert now[name] == 0, name


def test_messages_and_sends_are_counted_in_both_chats(server: ServerProcess) -> None:
    """A message once; a send for each frame that is handed to a connection, answers too."""
    with ExitStack() as stack:
        ann, bob = join(server, stack, "user1", "tea"), join(server, stack, "user2", "tea")
        before = figures(server)
        asked(ann, type="message", room="tea", text="hello", id=1)
        assert heard(ann)["type"] == "ack"
        assert heard(bob)["text"] == "hello"
        after = figures(server)

        assert after["chat_connections"] == 2
        assert after["chat_rooms"] == 1
        assert after["chat_messages_total"] - before["chat_messages_total"] == 1
        assert after["chat_sends_total"] - before["chat_sends_total"] == 3

        chat = stack.enter_context(server.connect(f"/ws/chat?token={server.token('user1')}"))
        assert text_from(chat) == "user1 joined the chat!"
        chat.send("hello")
        assert text_from(chat) == "user1: hello"
        assert figures(server)["chat_messages_total"] == 2
        assert figures(server)["chat_sends_total"] - after["chat_sends_total"] == 2
    eventually(lambda: figures(server)["chat_connections"] == 0, "nobody connected")


def test_what_waits_for_a_slow_reader_is_seen_until_it_is_given_up(server: ServerProcess) -> None:
    """Frames and bytes while it is behind; a close counted, and nothing waiting, afterwards."""
    seen: list[tuple[float, float]] = []
    with ExitStack() as stack:
        sender = join(server, stack, "user1", "busy")
        slow = join(server, stack, "user2", "busy", max_queue=1)
        for _ in range(ENOUGH_TO_FILL_EVERY_BUFFER):
            asked(sender, type="message", room="busy", text=A_LARGE_TEXT)
            now = figures(server)
            if now["chat_slow_reader_closes_total"]:
                break
            seen.append((now["chat_outbox_waiting_frames"], now["chat_outbox_waiting_bytes"]))

        assert now["chat_slow_reader_closes_total"] == 1
        assert 0 < max(frames for frames, _ in seen) < 1_024
        assert max(waiting_bytes for _, waiting_bytes in seen) > len(A_LARGE_TEXT)
        # The close frame alone may still wait.
        assert now["chat_outbox_waiting_bytes"] < 200
        assert close_of(slow)[0] == 1013


def test_logins_are_counted_by_outcome_and_timed(server: ServerProcess) -> None:
    """A malformed attempt is none: no password was looked at."""
    server.token("user1")
    server.login("user1", "wrong")
    server.request("/login", b"{")
    now = figures(server)

    assert now["chat_logins_total{outcome=accepted}"] == 1
    assert now["chat_logins_total{outcome=refused}"] == 1
    assert now["chat_login_seconds_count"] == 2
    assert 0 < now["chat_login_seconds_sum"] < PATIENCE_S
    assert now["chat_login_seconds_bucket{le=+Inf}"] == 2


def test_requests_are_counted_by_route_and_status(server: ServerProcess) -> None:
    """The route as it is written, not the path that was asked for: strangers cannot make new series."""
    session_id = ask(server, "POST", "/create-session").json["session_id"]
    for path in ("/items/7", "/items/8", "/items/x", "/nowhere", "/nowhere/else"):
        ask(server, "GET", path)
    ask(server, "PUT", "/login")
    with server.connect(f"/ws/{session_id}"):
        now = {name: value for name, value in figures(server).items() if name.startswith("chat_requests_total")}

    assert now == {
        "chat_requests_total{route=/create-session}{status=200}": 1,
        "chat_requests_total{route=/items/{item_id}}{status=200}": 2,
        "chat_requests_total{route=/items/{item_id}}{status=422}": 1,
        "chat_requests_total{route=none}{status=404}": 2,
        "chat_requests_total{route=/login}{status=405}": 1,
        "chat_requests_total{route=/ws/{session_id}}{status=101}": 1,
    }


def test_sessions_are_counted(server: ServerProcess) -> None:
    """Those that wait, and those in use."""
    session_id = ask(server, "POST", "/create-session").json["session_id"]
    ask(server, "POST", "/create-session")
    with server.connect(f"/ws/{session_id}"):
        assert figures(server)["chat_sessions"] == 2


def test_a_server_that_stood_still_shows_it(tmp_path: Path) -> None:
    """The lag of the loop is measured whether or not anybody waits for it."""
    faults = tmp_path / "faults.toml"
    faults.write_text(A_FREEZE)

    def stall_count(frozen: ServerProcess) -> float:
        now = figures(frozen)
        return now["chat_event_loop_lag_seconds_count"] - now["chat_event_loop_lag_seconds_bucket{le=0.25}"]

    with (
        server_process("--faults", str(faults)) as frozen,
        frozen.connect(f"/ws/chat?token={frozen.token('user1')}") as connection,
    ):
        connection.send("hello")
        # It stands still for half a second, and looks ten times a second.
        eventually(lambda: stall_count(frozen) >= 1, "a stall of more than a quarter of a second")


def test_the_figures_name_nobody(server: ServerProcess) -> None:
    """Users, rooms and tokens are not for whoever reads the figures."""
    with ExitStack() as stack:
        join(server, stack, "user1", "a secret room")
        text = ask(server, "GET", "/metrics").body.decode()

    assert "user1" not in text
    assert "secret" not in text


def test_health_is_degraded_with_a_reason_while_something_ails() -> None:
    """Still 200: it serves whoever is connected, and a restart would not mend what it depends on."""
    with server_process(command=[*COMMAND[:1], "-c", A_SICK_SERVER]) as sick:
        status, health = sick.request("/healthz")

    assert (status, health["status"], health["reason"]) == (200, "degraded", "the store: no space left")


def test_health_without_worries_gives_no_reason(server: ServerProcess) -> None:
    """Nothing that a probe could take for one."""
    status, health = server.request("/healthz")

    assert (status, health["status"]) == (200, "ok")
    assert "reason" not in health
