"""Several processes of the reference server that are one chat, on a real Redis and a real database."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from redis import Redis

from target_app.nodes.homes import LEAP
from tests.support.benches import bench, books_close, eventually
from tests.support.patience import PATIENCE_S
from tests.support.redis_server import RedisServer, redis_server
from tests.support.rooms_client import RoomsClient, Visitors, visitors
from tests.support.server_process import COMMAND, SECRET, ServerProcess, server_process
from tests.support.silent_port import refusing_port

pytestmark = pytest.mark.system


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def company(redis: RedisServer, tmp_path: Path) -> tuple[str, ...]:
    """The flags that make servers one chat."""
    return ("--lift-limits", "--broker", redis.url, "--db", f"sqlite:///{tmp_path}/chat.db")


@dataclass(frozen=True, slots=True)
class Two:
    """Two servers, and a way in to each."""

    a: ServerProcess
    b: ServerProcess
    at_a: Visitors
    at_b: Visitors


@pytest.fixture
def two(company: tuple[str, ...]) -> Iterator[Two]:
    with ExitStack() as stack:
        a = stack.enter_context(server_process(*company, "--instance", "a"))
        b = stack.enter_context(server_process(*company, "--instance", "b"))
        yield Two(a, b, stack.enter_context(visitors(a)), stack.enter_context(visitors(b)))


def heard(client: RoomsClient, kind: str = "message") -> list[tuple[int, str]]:
    """Wait for one of a kind, and return all that came of it by then."""
    frames = [client.hear()]
    while frames[-1]["type"] != kind:
        frames.append(client.hear())
    frames += client.hear_all()
    return [(frame["seq"], frame["text"]) for frame in frames if frame["type"] == kind]


def health(server: ServerProcess) -> str:
    status: str = server.request("/healthz")[1]["status"]
    return status


def test_two_servers_are_one_chat(two: Two) -> None:
    """A message said on one is heard on both, numbered once; who is where can be asked of either."""
    ann = two.at_a.arrive("ann").join("tea")
    bob = two.at_b.arrive("bob").join("tea")

    assert ann.say("tea", "from a") == [1]
    assert bob.say("tea", "from b") == [2]

    assert heard(ann) == [(2, "from b")]
    figures = two.b.text("/metrics")
    for line in ("chat_nodes 1.0", "chat_bus_up 1.0", "chat_rooms_at_home 0.0", "chat_rooms_followed 1.0"):
        assert f"\n{line}\n" in figures
    # Of a message that came from elsewhere, nothing is counted twice.
    assert "\nchat_messages_total 0.0\n" in figures
    assert bob.ask(type="history", room="tea")["messages"][0]["text"] == "from a"
    ann.send(type="direct", to="bob", text="psst", id=1)
    assert bob.hear()["text"] == "psst"


def test_a_message_is_published_once_for_each_other_node_that_has_members(
    two: Two, company: tuple[str, ...], redis: RedisServer
) -> None:
    """Whatever their number, and to no node without; one said at a node that follows goes to the home before."""
    with server_process(*company, "--instance", "c"), Redis.from_url(redis.url) as connection:
        ann, *_ = [two.at_a.arrive(f"at a {number}").join("tea") for number in range(3)]
        bob, *_ = [two.at_b.arrive(f"at b {number}").join("tea") for number in range(3)]
        with connection.pubsub(ignore_subscribe_messages=True) as overheard:
            overheard.psubscribe("*")
            eventually(lambda: overheard.get_message() is not None, "it hears the nodes")
            ann.say("tea", "from the home")
            bob.say("tea", "from elsewhere")

            kinds: list[str] = []
            while kinds.count("Stored") == 0:
                told = overheard.get_message(timeout=PATIENCE_S)
                assert told is not None
                kind = json.loads(told["data"])[1]
                kinds += [kind] if kind in ("Say", "Said", "Stored") else []

    assert kinds == ["Said", "Say", "Said", "Stored"]


def test_nothing_acknowledged_is_lost_where_redis_is_killed_in_a_run(
    two: Two, redis: RedisServer, tmp_path: Path
) -> None:
    """Both servers say that they are degraded, and are well again when Redis is: empty, as it keeps nothing here."""
    flags = ("--target", two.a.url, "--target", two.b.url, "--users", "20", "--rooms", "1", "--rate", "40")
    with bench("smoke", *flags, "--duration", "5s", "--drain", "6s", cwd=tmp_path) as running:
        running.wait_for("measured window")
        redis.kill()
        eventually(lambda: health(two.a) == health(two.b) == "degraded", "both say that they are degraded")
        redis.start()
        eventually(lambda: health(two.a) == health(two.b) == "ok", "both are well again")
        document = running.ends_with(97, 99)

    counts = document["counters"]
    assert counts["acks_received"] > 0
    assert counts["deliveries_lost"] == counts["deliveries_lost_unacked"]
    assert (counts["deliveries_duplicated"], counts["deliveries_reordered"]) == (0, 0)
    assert books_close(document)


def test_who_was_cut_off_is_told_and_catches_up(two: Two, redis: RedisServer) -> None:
    """A room goes on where it is at home; the others hear it later, once and in order."""
    ann = two.at_a.arrive("ann").join("tea")
    bob = two.at_b.arrive("bob").join("tea")
    redis.kill()
    assert bob.hear()["code"] == "nodes_apart"
    assert ann.hear()["code"] == "nodes_apart"

    assert ann.say("tea", "meanwhile") == [1]
    assert bob.ask(type="message", room="tea", text="in vain", id=1)["code"] == "nodes_apart"

    redis.start()
    assert heard(bob) == [(1, "meanwhile")]
    assert bob.say("tea", "again") == [2]
    assert heard(ann) == [(2, "again")]


def test_a_worker_that_is_killed_is_replaced(company: tuple[str, ...]) -> None:
    """The others go on at once with its rooms, and no number is given twice; the end leaves nobody behind."""
    with server_process(*company, "--workers", "2") as server:
        workers = psutil.Process(server.process.pid).children()
        assert len(workers) == 2
        with visitors(server) as arriving:
            # The kernel deals them out: until there are some at either.
            clients = [arriving.arrive(f"user{number}").join("tea") for number in range(12)]
            assert clients[0].say("tea", "one") == [1]
            victim = workers[0]
            ports = {each.raddr.port for each in victim.net_connections("tcp") if each.raddr}
            left = [each for each in clients if each.connection.local_address[1] not in ports]
            assert 0 < len(left) < len(clients)

            victim.kill()
            eventually(lambda: "serves again" in server.said(), "another takes its place")

            (seq,) = eventually_said(left[0])
            assert seq in (2, LEAP + 2)
            for each in left[1:]:
                assert heard(each)[-1] == (seq, "two")
            arriving.arrive("late").join("tea")
        everybody = psutil.Process(server.process.pid).children()
        assert server.stop() == 0
        assert not [each for each in everybody if each.is_running()]


def eventually_said(client: RoomsClient) -> list[int]:
    """Say something, until it is taken: the numbers."""
    seqs: list[int] = []

    def is_taken() -> bool:
        client.send(type="message", room="tea", text="two", id="two")
        while (frame := client.hear())["type"] not in ("ack", "error") or frame.get("id") != "two":
            pass
        if frame["type"] == "ack":
            seqs.append(frame["seq"])
        return bool(seqs)

    eventually(is_taken, "the room has a home again")
    return seqs


def test_workers_end_when_the_process_above_them_is_killed(company: tuple[str, ...]) -> None:
    """Nobody is left who holds the port."""
    with server_process(*company, "--workers", "2") as server:
        workers = psutil.Process(server.process.pid).children()
        server.process.kill()

        eventually(lambda: not any(each.is_running() for each in workers), "they end by themselves")


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--broker", "redis://127.0.0.1:{free}"), "Redis: Error 111 connecting to 127.0.0.1:"),
        (("--broker", "redis://127.0.0.1:{free}", "--workers", "2"), "Redis: Error 111 connecting to 127.0.0.1:"),
    ],
    ids=["one", "workers"],
)
def test_without_redis_a_server_does_not_begin(flags: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    """One clear line, and the exit code of a command line that cannot be followed."""
    port = str(refusing_port())
    given = [flag.replace("{free}", port) for flag in flags]
    done = subprocess.run(
        [*COMMAND, "--port", "0", "--db", f"sqlite:///{tmp_path}/chat.db", *given],
        env={**os.environ, "CHATBENCH_SECRET": SECRET},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 104
    assert f"target_app: {complaint}" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
