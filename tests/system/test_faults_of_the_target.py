"""Whatever the server under test does, it is data: counted, told, and soon over."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.benches import (
    CHATBENCH,
    FAST_SERVER,
    FEW,
    GENERATOR_DOUBTS,
    LONG,
    RELAY_DIALECT,
    at,
    bench,
    chatbench,
    code_of,
    doubts_of,
    errors_of,
    eventually,
    fatal_doubts_of,
    overhear,
)
from tests.support.patience import PATIENCE_S
from tests.support.programs import listening
from tests.support.raw_websocket import CLOSE, TEXT, close_frame, frame
from tests.support.rude_servers import (
    DOOR_DIALECT,
    Misdeed,
    door_server,
    misbehaving_server,
    refusing_server,
    request_of,
    restarting_server,
    silent_server,
    storm_server,
    talking_server,
    unwilling_server,
)

pytestmark = [pytest.mark.system, pytest.mark.faults]

# How long a server stands still that goes on afterwards: far more than a busy machine adds.
FREEZE_S = 1.2

ONE_AND_TWO = pytest.mark.parametrize("processes", ["1", "2"], ids=["one process", "two processes"])


# --- nobody gets in -----------------------------------------------------------------------------------------


def test_a_target_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    """Exit code 106, and nothing that would stand in the way of the next try."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    ended = chatbench("run", "--target", f"http://127.0.0.1:{port}", "--out", "run", cwd=tmp_path)

    assert (ended.returncode, ended.stdout) == (106, "")
    assert ended.stderr.startswith(f"chatbench: http://127.0.0.1:{port}: cannot connect: ")
    assert ended.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_refuses_every_login_is_106(tmp_path: Path) -> None:
    """The document says so, with what the server answered."""
    (tmp_path / "users.csv").write_text("user-000001,wrong\nuser-000002,wrong\n", encoding="utf-8")
    with (
        listening([CHATBENCH, "serve", "--port", "0", "--accounts", "2", "--exit-with-stdin"]) as server,
        bench(*LONG, "--target", server.url, "--users-file", "users.csv", cwd=tmp_path) as running,
    ):
        document = running.ends_with(106)

    assert document["run"]["ended_early"] == "login_refused"
    assert [phase["name"] for phase in document["phases"]] == ["login"]
    assert errors_of(document) == {("http_4xx", "login"): 10}
    assert "Bad username or password" in document["errors"][0]["example"]
    assert document["limit"]["side"] == "server"


def test_what_is_never_answered_is_given_up(tmp_path: Path) -> None:
    """A login or a handshake after 10 s, all of them at the same time; who got in goes on without the others."""
    (tmp_path / "door.toml").write_text(DOOR_DIALECT, encoding="utf-8")
    for name in ("logins", "handshakes", "half"):
        (tmp_path / name).mkdir()
    with ExitStack() as stack:
        silent = stack.enter_context(silent_server(upgrades=False))
        door = stack.enter_context(door_server(waits=lambda number: number % 2 == 0))
        half_load = (*FEW, "--rate", "200", "--duration", "500ms", "--drain", "200ms", *at(door.url, "../door.toml"))
        logins = stack.enter_context(bench(*LONG, *at(silent.url, "plain"), cwd=tmp_path / "logins"))
        handshakes = stack.enter_context(bench(*LONG, *at(silent.url, "echo"), cwd=tmp_path / "handshakes"))
        half = stack.enter_context(bench(*half_load, cwd=tmp_path / "half"))

        no_login = logins.ends_with(106)
        no_handshake = handshakes.ends_with(97)
        fewer = half.ends_with(97, 99)

    assert no_login["run"]["ended_early"] == "login_refused"
    assert errors_of(no_login) == {("timeout", "login"): 10}
    assert no_login["metrics"]["login_time"]["count"] == 0
    assert fatal_doubts_of(no_login) == set()

    assert no_handshake["run"]["ended_early"] == "no_user_ready"
    assert errors_of(no_handshake) == {("timeout", "connect"): 10}

    assert fewer["run"]["ended_early"] is None
    assert errors_of(fewer) == {("timeout", "login"): 5}
    assert fewer["counters"]["connections_opened"] == fewer["counters"]["connections_failed"] == 5
    assert fewer["counters"]["deliveries_received"] > 0
    assert fatal_doubts_of(fewer) <= GENERATOR_DOUBTS


def test_a_server_that_refuses_every_handshake_is_data(tmp_path: Path) -> None:
    """It breaks the budget that counts it (99); no doubt about us comes of it."""
    (tmp_path / "strict.toml").write_text(
        '[users]\ncount = 10\n[budgets]\nconnections_failed = "count == 0"\n', encoding="utf-8"
    )
    with refusing_server() as url, bench("strict.toml", *at(url, "echo"), cwd=tmp_path) as running:
        document = running.ends_with(99)

    assert document["run"]["ended_early"] == "no_user_ready"
    assert errors_of(document) == {("http_5xx", "connect"): 10}
    assert document["counters"]["connections_failed"] == 10
    assert document["budgets"] == [{"expression": "connections_failed: count == 0", "observed": 10, "ok": False}]
    assert fatal_doubts_of(document) == set()
    assert document["limit"]["side"] == "server"


def test_a_budget_on_what_was_never_measured_is_invalid(tmp_path: Path) -> None:
    """Nobody got in, so nothing was delivered: that is no pass, and no failure of that budget either."""
    with refusing_server() as url, bench(*LONG, *at(url, "echo"), cwd=tmp_path) as running:
        document = running.ends_with(97)

    judged = {budget["expression"]: budget["ok"] for budget in document["budgets"]}
    assert judged["delivery_time: p(50) < 250ms"] is None
    assert judged["deliveries_lost: count == 0"] is None
    assert fatal_doubts_of(document) == set()


@pytest.mark.parametrize(
    ("dialect", "kind"), [("plain", "bad_response"), ("echo", "bad_handshake")], ids=["login", "handshake"]
)
def test_garbage_for_an_answer_is_data(dialect: str, kind: str, tmp_path: Path) -> None:
    """A port that speaks another language."""

    def jabber(client: socket.socket, _: int) -> None:
        request_of(client)
        client.sendall(b"\x16\x03\x01 220 ready when you are \xff\xfe\r\n\r\n" * 50)

    with talking_server(jabber) as url, bench(*LONG, *at(url, dialect), cwd=tmp_path) as running:
        document = running.ends_with(106 if dialect == "plain" else 97)

    phase = "login" if dialect == "plain" else "connect"
    assert errors_of(document) == {(kind, phase): 10}
    assert fatal_doubts_of(document) == set()


# --- nobody understands it ----------------------------------------------------------------------------------


def closing(code: int) -> Misdeed:
    """A close frame with this code; the server waits for ours."""
    return Misdeed(close_frame(code, "so be it"))


# What a server can do to end a connection -> what the document calls it. What may not be sent is an error of protocol,
# which we answer with 1002 and the like.
ENDINGS = {
    **{closing(code): f"close_{code}" for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013)},
    **{closing(code): "close_other" for code in (1010, 1014, 3000, 4999)},
    **{closing(code): "close_1002" for code in (0, 999, 1004, 1005, 1006, 1015, 5000, 65535)},
    Misdeed(frame(CLOSE)): "close_1005",
    Misdeed(b"", hangs_up=True): "close_1006",
    Misdeed(frame(TEXT, b"half a frame, and then nothing")[:9], hangs_up=True): "close_1006",
    Misdeed(b"\x81\x7f" + (100_000_000).to_bytes(8, "big")): "close_1009",
    Misdeed(frame(TEXT, b"a frame with bits that mean nothing", reserved_bits=7)): "close_1002",
    Misdeed(frame(TEXT, b"a masked frame", masked=True)): "close_1002",
}


@pytest.mark.parametrize("transport", ["picows", "websockets"])
def test_endings_are_counted_by_kind(transport: str, tmp_path: Path) -> None:
    """Every close code, and every broken frame; a frame of 100 MB is refused when it is announced."""
    load = (*LONG, "--users", str(len(ENDINGS)), "--rate", "400", "--transport", transport)
    with misbehaving_server(*ENDINGS) as url, bench(*load, *at(url, "echo"), cwd=tmp_path) as running:
        document = running.ends_with(97, 99, within_s=PATIENCE_S)

    assert document["run"]["ended_early"] == "all_connections_lost"
    assert errors_of(document) == {(kind, "measure"): count for kind, count in Counter(ENDINGS.values()).items()}
    assert document["counters"]["connections_dropped"] == len(ENDINGS)
    assert document["generator"]["processes"][0]["rss_bytes"] < 200e6
    assert fatal_doubts_of(document) <= GENERATOR_DOUBTS


@ONE_AND_TWO
def test_text_that_is_no_utf_8_is_passed_over(processes: str, tmp_path: Path) -> None:
    """Texts are searched for markers, not read: what cannot be read is no delivery, and no error either."""
    misdeed = Misdeed(frame(TEXT, b"\xc3\x28 \xff\xfe \xed\xa0\x80"))
    load = (*FEW, "--duration", "500ms", "--drain", "200ms", "--processes", processes)
    with misbehaving_server(misdeed) as url, bench(*load, *at(url, "echo"), cwd=tmp_path) as running:
        document = running.ends_with(97)

    assert errors_of(document) == {}
    assert document["counters"]["deliveries_lost"] == document["counters"]["deliveries_expected"] > 0
    assert "no_deliveries" in fatal_doubts_of(document)


# --- it goes away -------------------------------------------------------------------------------------------


@ONE_AND_TWO
def test_a_target_that_dies_is_data(processes: str, tmp_path: Path) -> None:
    """The run ends at once, since nobody is left; what the server lost breaks its budgets: 99.

    Hundreds of thousands of messages are still to come then; that they are written off must not look as if the
    generator could not keep up.
    """
    load = (*LONG, "--rate", "500", "--processes", processes)

    with listening(FAST_SERVER) as server, bench(*load, *at(server.url, RELAY_DIALECT), cwd=tmp_path) as running:
        running.wait_for("measured window")
        overhear(server.url, count=5)
        os.kill(server.pid, signal.SIGKILL)
        document = running.ends_with(97, 99, within_s=PATIENCE_S)

    counts = document["counters"]
    assert running.finish() == code_of(document, otherwise=99)
    assert document["run"]["ended_early"] == "all_connections_lost"
    assert document["run"]["interrupted"] is False
    assert counts["connections_dropped"] == 10
    assert sum(errors_of(document).values()) == 10
    assert counts["messages_unsent"] > counts["messages_sent"] > 0
    assert "schedule_unmet" not in doubts_of(document)
    assert fatal_doubts_of(document) <= GENERATOR_DOUBTS


def test_an_own_target_that_dies_makes_the_run_invalid(tmp_path: Path) -> None:
    """We had it in our hands: nobody can say whether it or this machine was the reason (97)."""
    with bench(*LONG, "--processes", "2", cwd=tmp_path) as running:
        running.wait_for("measured window")
        running.part("target_app").kill()

        document = running.ends_with(97, within_s=PATIENCE_S)

    assert document["run"]["ended_early"] == "all_connections_lost"
    assert doubts_of(document)["target_restarted"] == "fatal"
    assert any("killed by SIGKILL" in doubt["detail"] for doubt in document["doubts"])


def test_a_server_that_closes_everybody_is_data(tmp_path: Path) -> None:
    """With the close code it gave; the run does not go on alone."""
    with restarting_server(after_count=20) as url, bench(*LONG, *at(url, "echo"), cwd=tmp_path) as running:
        document = running.ends_with(97, 99, within_s=PATIENCE_S)

    assert document["run"]["ended_early"] == "all_connections_lost"
    assert errors_of(document) == {("close_1012", "measure"): 10}
    assert "restarting" in document["errors"][0]["example"]
    assert document["counters"]["connections_dropped"] == 10
    assert fatal_doubts_of(document) <= GENERATOR_DOUBTS


RESTART = """
[users]
count = 10
connect_rate_per_s = 1000
[traffic]
rate_per_s = 50
[phases]
warmup = "0s"
measure = "5s"
drain = "500ms"
[[incident]]
at = "1s"
kind = "reconnect_storm"
share = 1.0
backoff = "constant"
[budgets]
deliveries_lost = "count == 0"
reconnects = "count == 10"
"""


def test_users_who_are_away_come_back_to_a_server_that_was_restarted(tmp_path: Path) -> None:
    """On the same port; nothing is lost, since nobody was there when it died."""
    (tmp_path / "restart.toml").write_text(RESTART, encoding="utf-8")
    with ExitStack() as stack:
        first = stack.enter_context(listening(FAST_SERVER))
        running = stack.enter_context(bench("restart.toml", *at(first.url, RELAY_DIALECT), cwd=tmp_path))
        running.wait_for("measured window")
        server = psutil.Process(first.pid)
        eventually(lambda: not _client_count(server), "everybody is away")
        server.kill()
        stack.enter_context(listening([*FAST_SERVER, "--port", first.url.rpartition(":")[2]]))
        document = running.ends_with(0, 97)

    counts = document["counters"]
    assert running.finish() == code_of(document, otherwise=0)
    assert document["run"]["ended_early"] is None
    assert counts["reconnects"] == 10
    assert counts["connections_opened"] == 20
    assert counts["deliveries_lost"] == 0
    assert counts["deliveries_received"] > 0
    assert fatal_doubts_of(document) <= GENERATOR_DOUBTS


def _client_count(server: psutil.Process) -> int:
    return sum(each.status == psutil.CONN_ESTABLISHED for each in server.net_connections("tcp"))


# --- it stands still ----------------------------------------------------------------------------------------


def test_a_freeze_is_in_the_delivery_times(tmp_path: Path) -> None:
    """Messages are due all the while, and wait in the sockets; nothing is lost, and the longest wait is seen."""
    load = (*FEW, "--rate", "50", "--duration", "3500ms", "--drain", "1500ms")
    with listening(FAST_SERVER) as relay, bench(*load, *at(relay.url, RELAY_DIALECT), cwd=tmp_path) as running:
        running.wait_for("measured window")
        overhear(relay.url, count=5)
        os.kill(relay.pid, signal.SIGSTOP)
        time.sleep(FREEZE_S)
        os.kill(relay.pid, signal.SIGCONT)
        document = running.ends_with(0, 97, 99)

    counts, times = document["counters"], document["metrics"]
    assert document["run"]["ended_early"] is None
    assert counts["deliveries_lost"] == counts["connections_dropped"] == 0
    assert counts["deliveries_received"] == counts["deliveries_expected"] > 0
    assert counts["messages_sent"] == counts["messages_due"]
    for metric in ("delivery_time", "delivery_service_time", "ack_time"):
        assert times[metric]["max"] > 1000 * FREEZE_S / 2
    assert fatal_doubts_of(document) <= GENERATOR_DOUBTS


def test_a_server_that_is_frozen_for_good_does_not_hold_the_run(tmp_path: Path) -> None:
    """The plan ends as planned; then 3 s for the closing, and where the server is ours, 5 s until it is killed."""
    load = (*FEW, "--rate", "50", "--duration", "3s", "--drain", "500ms", "--processes", "2")
    with bench(*load, "--events", "events.ndjson", cwd=tmp_path) as running:
        running.wait_for("measured window")
        # 100 deliveries: a budget wants some to judge by.
        eventually(lambda: messages_taken(tmp_path / "events.ndjson") >= 10, "ten messages")
        running.part("target_app").suspend()

        document = running.ends_with(97, 99)

    counts = document["counters"]
    assert running.finish() == code_of(document, otherwise=99)
    assert document["run"]["ended_early"] is None
    assert counts["deliveries_lost"] > 0
    assert counts["deliveries_lost"] == counts["deliveries_lost_acked"] + counts["deliveries_lost_unacked"]
    assert errors_of(document) == {}
    assert fatal_doubts_of(document) <= GENERATOR_DOUBTS


def messages_taken(events: Path) -> float:
    """How many the reference server of a run has taken so far."""
    started = json.loads(events.read_text(encoding="utf-8").splitlines()[0])
    connection = HTTPConnection(started["target"].removeprefix("http://"), timeout=PATIENCE_S)
    connection.request("GET", "/metrics", headers={"Connection": "close"})
    lines = connection.getresponse().read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("chat_messages_total "))


# --- a thousand errors a second -----------------------------------------------------------------------------

# A few lines of events in each second of a run, and those of its beginning and end.
MOST_LINES_A_SECOND, MOST_LINES_BESIDE = 8, 40
LONGEST_DOCUMENT_BYTES = 300_000

TELEGRAMS = """
[connect]
path = "/ws"
[publish]
http = { method = "POST", path = "/say", json = { text = "{text}" } }
"""

STORM = """
[users]
count = 100
connect_rate_per_s = 1000
[traffic]
rate_per_s = 20
[phases]
warmup = "0s"
measure = "3s"
drain = "200ms"
[[incident]]
at = "300ms"
kind = "reconnect_storm"
share = 1.0
backoff = "none"
[budgets]
reconnects = "count == 100"
"""


@pytest.mark.parametrize(
    ("scenario", "server", "kinds"),
    [
        ((*FEW, "--duration", "3s", "--drain", "200ms", "--rate", "1000"), unwilling_server, {"http_5xx"}),
        (("storm.toml",), lambda: storm_server(100), {"reset", "bad_handshake"}),
    ],
    ids=["messages", "reconnects"],
)
def test_a_thousand_errors_a_second_leave_little_to_read(
    scenario: tuple[str, ...], server: Callable[[], Any], kinds: set[str], tmp_path: Path
) -> None:
    """They are counted by kind, with one example of each; neither log nor document nor events grow with them."""
    (tmp_path / "telegrams.toml").write_text(TELEGRAMS, encoding="utf-8")
    (tmp_path / "storm.toml").write_text(STORM, encoding="utf-8")
    with (
        server() as url,
        bench(*scenario, "--events", "events.ndjson", *at(url, "telegrams.toml"), cwd=tmp_path) as running,
    ):
        document = running.ends_with(97, 99)

    lines = (tmp_path / "events.ndjson").read_text(encoding="utf-8").splitlines()
    assert sum(errors_of(document).values()) > 500
    assert {kind for kind, _ in errors_of(document)} <= kinds
    assert (tmp_path / "run" / "result.json").stat().st_size < LONGEST_DOCUMENT_BYTES
    assert len(lines) < MOST_LINES_A_SECOND * document["phases"][-1]["end_s"] + MOST_LINES_BESIDE
    assert json.loads(lines[-1])["event"] == "run_ended"
