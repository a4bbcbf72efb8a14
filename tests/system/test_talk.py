"""How users talk, come and go, through the real command: both loops, stages, several nodes, tokens, early ends."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.server import ServerConnection as AsyncServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from loadgen.dialects.script import ConnectScript, DialectScript, PublishScript, Reach
from loadgen.engine.clock import now_ns
from loadgen.engine.duty import transports_for
from loadgen.engine.incidents import Incidents
from loadgen.engine.swarm import Swarm
from loadgen.measure.tally import Count
from loadgen.plan.incidents import Backoff, Incident, IncidentKind
from loadgen.plan.pacing import NS_PER_S, Gaps
from loadgen.plan.plan import Plan, TransportKind
from loadgen.plan.rooms import Rooms
from tests.support.benches import (
    CHATBENCH,
    FAST_SERVER,
    RELAY_DIALECT,
    bench,
    books_close,
    chatbench,
    document_in,
    doubts_of,
    errors_of,
    unless_starved,
)
from tests.support.event_loop import on_an_event_loop
from tests.support.patience import PATIENCE_S
from tests.support.programs import Listening, listening
from tests.support.server_process import server_process
from tests.support.waiting import Bell
from tests.support.websocket_peer import websocket_server

pytestmark = pytest.mark.system

BARE = ("--no-plots", "--no-html", "--quiet", "--force")
# How long the slow echo takes for each answer: far above what a busy machine adds by chance.
ANSWER_S = 0.2


class Silent:
    """Announces nothing."""

    def announce(self, user: int, n: int, due_ns: int) -> None:
        raise AssertionError("no announcement is planned")


@pytest.fixture(scope="module")
def relay() -> Iterator[Listening]:
    with listening(FAST_SERVER) as server:
        yield server


def against(relay: Listening) -> tuple[str, ...]:
    """The flags that make the relay the target."""
    return ("--target", relay.url, "--dialect", RELAY_DIALECT)


def run(cwd: Path, text: str, *flags: str) -> tuple[int, dict[str, Any]]:
    """Exit code and document of a run of a scenario, whose books close."""
    (cwd / "mine.toml").write_text(text, encoding="utf-8")
    ended = chatbench("run", "mine.toml", *BARE, *flags, "--out", "run", cwd=cwd)
    document = document_in(cwd / "run")
    assert books_close(document)
    return ended.returncode, document


def scenario(*, users: int = 20, rate: float, loop: str = "open", more: str = "") -> str:
    """A short one, with equal gaps between messages."""
    return f"""
        [users]
        count = {users}
        connect_rate_per_s = 1000
        [traffic]
        loop = "{loop}"
        rate_per_s = {rate}
        gaps = "constant"
        [phases]
        warmup = "200ms"
        measure = "1500ms"
        drain = "500ms"
        {more}
    """


# --- the two loops --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class SlowEcho:
    """A server that sends each message back after ANSWER_S, one after the other on each connection."""

    url: str = ""
    impatient: list[str | bytes] = field(default_factory=list)
    """Messages that came while the answer to an earlier one was owed."""

    def handle(self, connection: ServerConnection) -> None:
        """Answer one client."""
        owed: list[str | bytes] = []
        with suppress(ConnectionClosed):
            while True:
                owed.append(connection.recv())
                while owed:
                    self._listen(connection, owed, time.monotonic() + ANSWER_S)
                    connection.send(owed.pop(0))

    def _listen(self, connection: ServerConnection, owed: list[str | bytes], until_s: float) -> None:
        while (left_s := until_s - time.monotonic()) > 0:
            with suppress(TimeoutError):
                owed.append(connection.recv(timeout=left_s))
                self.impatient.append(owed[-1])


@contextmanager
def slow_echo() -> Iterator[SlowEcho]:
    """In threads of the test, which sees what it sees."""
    echo = SlowEcho()
    logger = logging.Logger("slow_echo")
    logger.addHandler(logging.NullHandler())
    with serve(echo.handle, "127.0.0.1", 0, compression="deflate", logger=logger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        echo.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        try:
            yield echo
        finally:
            server.shutdown()
            thread.join(PATIENCE_S)


def test_in_a_closed_loop_nobody_speaks_before_the_answer_and_the_rate_falls(tmp_path: Path) -> None:
    """Answers take as long as thoughts, so half of the rate is left; each is timed from when its sender had thought."""
    with slow_echo() as echo:
        flags = ("--dialect", "echo", "--target", echo.url)
        _, document = unless_starved(lambda: run(tmp_path, scenario(rate=100, loop="closed"), *flags))
    counts, delivery = document["counters"], document["metrics"]["delivery_time"]

    assert echo.impatient == []
    assert counts["messages_due"] == counts["messages_sent"] == counts["deliveries_received"]
    assert 35 <= counts["messages_sent"] <= 80  # of 150
    assert ANSWER_S * 1000 <= delivery["min"] <= delivery["p50"] < 2 * ANSWER_S * 1000
    service = document["metrics"]["delivery_service_time"]["mean"] + document["metrics"]["send_lateness"]["mean"]
    assert delivery["mean"] == pytest.approx(service, rel=0.01)


def test_in_an_open_loop_the_rate_is_kept_and_the_wait_grows(tmp_path: Path) -> None:
    """Twice as much as the same server can answer: what a user feels is how long it has been waiting in line."""
    with slow_echo() as echo:
        _, document = run(tmp_path, scenario(rate=200), "--dialect", "echo", "--target", echo.url)
    counts, delivery = document["counters"], document["metrics"]["delivery_time"]

    assert echo.impatient
    assert counts["messages_due"] == counts["messages_sent"] == 300
    assert delivery["max"] > 4 * ANSWER_S * 1000


def test_a_closed_loop_waits_for_acknowledgements_and_keeps_its_rate_where_they_come_at_once(
    relay: Listening, tmp_path: Path
) -> None:
    """With two processes, each for its own users."""
    flags = (*against(relay), "--processes", "2")
    _, document = unless_starved(lambda: run(tmp_path, scenario(rate=40, loop="closed"), *flags))
    counts = document["counters"]

    assert 40 <= counts["messages_sent"] <= 65
    assert counts["acks_received"] == counts["messages_sent"] == counts["messages_due"]
    assert counts["deliveries_received"] == counts["deliveries_expected"] == 20 * counts["messages_sent"]


# --- who comes and goes ---------------------------------------------------------------------------------------


def test_stages_bring_users_in_and_out(relay: Listening, tmp_path: Path) -> None:
    """Thirty come, twenty leave and come back, all leave; nothing of it is lost, nobody reads what he must not."""
    stages = [f"--stage={within}:{count}" for within, count in (("1s", 30), ("1s", 10), ("1s", 30), ("1s", 0))]
    text = '[traffic]\nrate_per_s = 60\n[phases]\nwarmup = "0s"\ndrain = "500ms"\n'
    _, document = run(tmp_path, text, *stages, *against(relay), "--processes", "2")
    counts, open_counts = document["counters"], document["series"]["connections"]

    assert document["plan"]["users.count"]["value"] == counts["users_planned"] == 30
    assert counts["connections_opened"] == counts["connections_planned"] == 50
    assert counts["reconnects"] == counts["connections_dropped"] == counts["connections_failed"] == 0
    assert 15 <= max(open_counts) <= 30
    assert open_counts[-1] == 0
    assert 0 < counts["messages_sent"] <= counts["messages_due"] < 4 * 60
    for name in ("lost", "duplicated", "unexpected"):
        assert counts[f"deliveries_{name}"] == 0, name
    assert errors_of(document) == {}


def test_nobody_is_missing_where_a_run_ends_as_the_last_user_comes(relay: Listening, tmp_path: Path) -> None:
    """Who was not tried, since the time was up, is not planned either."""
    text = '[traffic]\nrate_per_s = 20\n[phases]\nwarmup = "0s"\ndrain = "0s"\n'
    _, document = run(tmp_path, text, "--stage", "1s:10", *against(relay))
    counts = document["counters"]

    assert 8 <= counts["connections_opened"] == counts["connections_planned"] <= 10
    assert counts["connections_failed"] == 0
    assert "users_missing" not in doubts_of(document)


def test_tokens_take_the_place_of_logins(tmp_path: Path) -> None:
    """Users take them in turn: three tokens serve nine users, who all get in."""
    with server_process("--accounts", "3", command=[CHATBENCH, "serve"]) as server:
        tokens = [server.token(f"user-{number:06}") for number in (1, 2, 3)]
        (tmp_path / "tokens.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
        flags = ("--target", server.url, "--tokens-file", "tokens.txt")
        _, document = run(tmp_path, scenario(users=9, rate=40), *flags)
    counts = document["counters"]

    assert document["metrics"]["login_time"]["count"] == 0
    assert counts["connections_opened"] == 9
    assert counts["deliveries_received"] == counts["deliveries_expected"] == 9 * counts["messages_sent"] > 0


def connection_count(server: Listening) -> int:
    """How many clients a server has."""
    connections = psutil.Process(server.pid).net_connections("tcp")
    return sum(connection.status == psutil.CONN_ESTABLISHED for connection in connections)


def test_users_are_spread_over_the_nodes_in_turn(relay: Listening, tmp_path: Path) -> None:
    """Half of the connections each; two rooms of every second user lie on one node each, so everything arrives."""
    (tmp_path / "mine.toml").write_text(
        scenario(rate=40, more="[users.rooms]\nshape = 'uniform'\ncount = 2"), encoding="utf-8"
    )
    with listening(FAST_SERVER) as other:
        targets = (*against(relay), "--target", other.url)
        with bench("mine.toml", *targets, "--processes", "2", cwd=tmp_path) as running:
            running.wait_for("measured window")
            counted = [connection_count(node) for node in (relay, other)]
            assert running.finish() in (0, 97), running.said
        document = running.document
    counts = document["counters"]

    assert counted == [10, 10]
    assert document["target"]["urls"] == [relay.url, other.url]
    assert counts["deliveries_received"] == counts["deliveries_expected"] == 10 * counts["messages_sent"] > 0


# --- how it ends, and what carries it -------------------------------------------------------------------------


def test_a_broken_budget_ends_the_run_where_that_was_asked_for(relay: Listening, tmp_path: Path) -> None:
    """At once for a count, with its books closed; the run has failed and is not called interrupted."""
    flags = ("--duration", "60s", "--budget", "messages_sent: count < 10", "--abort-on-fail")
    code, document = unless_starved(lambda: run(tmp_path, scenario(rate=40), *against(relay), *flags))

    assert (code, document["verdict"], document["run"]["ended_early"]) == (99, "fail", "budget_broken")
    assert document["run"]["interrupted"] is False
    assert 10 <= document["counters"]["messages_sent"] < 40 * 30
    assert document["counters"]["deliveries_lost"] == 0
    assert [budget["ok"] for budget in document["budgets"]] == [False]


def test_the_other_transport_carries_a_run_as_well(relay: Listening, tmp_path: Path) -> None:
    """A second opinion by another implementation: nothing is missing, and it is written down which one it was."""
    _, document = run(tmp_path, scenario(rate=40), *against(relay), "--transport", "websockets")
    counts = document["counters"]

    assert document["plan"]["run.transport"] == {"value": "websockets", "origin": "flag"}
    assert counts["deliveries_received"] == counts["deliveries_expected"] == 20 * counts["messages_sent"] > 0
    assert counts["frames_received"] >= counts["deliveries_received"]
    assert document["target"]["extensions"] == []


def test_what_compression_was_agreed_on_is_noted(tmp_path: Path) -> None:
    """It changes what is measured: a note, and the extension in the document."""
    text = scenario(users=5, rate=20, loop="closed", more="[target]\ncompression = true")
    with slow_echo() as echo:
        flags = ("--dialect", "echo", "--target", echo.url, "--transport", "websockets")
        _, document = run(tmp_path, text, *flags)
    counts = document["counters"]

    assert doubts_of(document)["compression_negotiated"] == "note"
    assert document["target"]["extensions"][0].startswith("permessage-deflate")
    assert counts["deliveries_received"] == counts["deliveries_expected"] > 0


def a_plan(url: str, **changes: Any) -> Plan:
    """Six users of an echo server."""
    plan = Plan(
        tag="abc123",
        seed=1,
        base_urls=(url,),
        dialect=DialectScript("echo", ConnectScript("/"), PublishScript(send="{text}", reach=Reach.SELF)),
        accounts=(("ann", "pw"),),
        user_count=6,
        connect_rate_per_s=1000.0,
        rooms=Rooms.alike(1),
        rate_per_s=10.0,
        gaps=Gaps.CONSTANT,
        payload_bytes=100,
        warmup_ns=0,
        measure_ns=NS_PER_S,
        drain_ns=0,
        deadline_ns=NS_PER_S,
    )
    return replace(plan, **changes)


@pytest.mark.parametrize("transport", TransportKind)
@on_an_event_loop
async def test_connections_leave_from_each_of_the_source_addresses(transport: TransportKind) -> None:
    """In turn, so that one address need not have a port for each."""
    seen: list[str] = []

    async def handle(connection: AsyncServerConnection) -> None:
        seen.append(connection.remote_address[0])
        await connection.wait_closed()

    async with websocket_server(handle) as url:
        plan = a_plan(url, transport=transport, source_addresses=("127.0.0.2", "127.0.0.3"))
        swarm = Swarm(plan, now_ns(), transports_for(plan))
        assert await swarm.connect() == 6
        await swarm.close()

    assert sorted(seen) == ["127.0.0.2"] * 3 + ["127.0.0.3"] * 3


@pytest.mark.parametrize("transport", TransportKind)
@on_an_event_loop
async def test_nobody_is_missing_where_a_run_ends_while_users_are_on_their_way_back(transport: TransportKind) -> None:
    """The server lets them wait at the door: whether they would have got in is not known, and was not planned."""
    knocks, bell, opened_late = 0, Bell(), asyncio.Event()

    async def at_the_door(*_: object) -> None:
        nonlocal knocks
        knocks += 1
        bell.ring()
        if knocks > 6:
            await opened_late.wait()

    async with websocket_server(AsyncServerConnection.wait_closed, process_request=at_the_door) as url:
        storm = Incident(IncidentKind.RECONNECT_STORM, 0, 1.0, backoff=Backoff.NONE)
        plan = a_plan(url, transport=transport, incidents=(storm,))
        swarm = Swarm(plan, now_ns(), transports_for(plan))
        await swarm.connect()
        assert await swarm.join() == 6
        moving = asyncio.create_task(Incidents(swarm, (), now_ns(), lambda _: None, Silent()).run())
        await bell.until(lambda: knocks == 12)
        assert swarm.tally.counts[Count.CONNECTIONS_PLANNED] == 12
        moving.cancel()
        await asyncio.wait({moving})
        await swarm.close()
        opened_late.set()

    assert swarm.tally.counts[Count.CONNECTIONS_PLANNED] == swarm.tally.counts[Count.CONNECTIONS_OPENED] == 6
    assert swarm.tally.counts[Count.CONNECTIONS_FAILED] == 0
