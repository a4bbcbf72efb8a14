"""Two servers that are one chat on PostgreSQL and Redis: what they do while one of these, or the way there, is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.support.benches import eventually
from tests.support.http_answers import ask
from tests.support.network import Network, network
from tests.support.postgres_server import PostgresServer, postgres_server
from tests.support.redis_server import RedisServer, redis_server
from tests.support.rooms_client import Frame, RoomsClient, Visitors, token_for, visitors
from tests.support.server_process import COMMAND, SECRET, ServerProcess, server_process

pytestmark = [pytest.mark.system, pytest.mark.faults]


@dataclass(frozen=True, slots=True)
class Two:
    """Two servers, a way in to each, and what they stand on."""

    a: ServerProcess
    b: ServerProcess
    at_a: Visitors
    at_b: Visitors
    redis: RedisServer
    postgres: PostgresServer

    def settled(self, room: str) -> tuple[RoomsClient, RoomsClient]:
        """Ann at the room's home, a, and bob at b, who has heard her; both servers are well."""
        ann, bob = self.at_a.arrive("ann").join(room), self.at_b.arrive("bob").join(room)
        assert ann.say(room, "before") == [1]
        assert messages(bob, 1) == [(1, "before")]
        assert healths(self) == ("ok", "ok")
        return ann, bob


@pytest.fixture(scope="module")
def two() -> Iterator[Two]:
    with ExitStack() as stack:
        redis, postgres = stack.enter_context(redis_server()), stack.enter_context(postgres_server())
        flags = ("--lift-limits", "--broker", redis.url, "--db", postgres.url(postgres.new_database()))
        a = stack.enter_context(server_process(*flags, "--instance", "a"))
        b = stack.enter_context(server_process(*flags, "--instance", "b"))
        yield Two(a, b, stack.enter_context(visitors(a)), stack.enter_context(visitors(b)), redis, postgres)


def messages(client: RoomsClient, count: int) -> list[tuple[int, str]]:
    """Wait for so many messages; these, and what else has come by then."""
    told: list[tuple[int, str]] = []
    while len(told) < count:
        told += _messages_in([client.hear()])
    return told + _messages_in(client.hear_all())


def _messages_in(frames: list[Frame]) -> list[tuple[int, str]]:
    return [(frame["seq"], frame["text"]) for frame in frames if frame["type"] == "message"]


def answer_to(client: RoomsClient, room: str, text: str) -> Frame:
    """Say something; its ack, or why there is none."""
    client.send(type="message", room=room, text=text, id=text)
    while (frame := client.hear()).get("id") != text:
        pass
    return frame


def healths(two: Two) -> tuple[str, str]:
    """What both servers say of themselves."""
    first, second = (server.request("/healthz")[1]["status"] for server in (two.a, two.b))
    return first, second


def users_in(server: ServerProcess, room: str) -> tuple[int, list[str] | None]:
    """Who is there, as one server tells it over HTTP."""
    told = ask(server, "GET", f"/rooms/{room}/users", headers={"Authorization": f"Bearer {token_for('ann')}"})
    return told.status, sorted(told.json["users"]) if told.status == 200 else None


def is_whole_again(ann: RoomsClient, bob: RoomsClient, room: str, after: int) -> None:
    """What is said on either side is acknowledged and heard on both, under numbers that go on."""
    eventually(lambda: answer_to(bob, room, "bob is heard again")["type"] == "ack", "bob is heard again")
    seqs = ann.say(room, "and ann")
    assert seqs[0] > after + 1
    assert messages(bob, 1)[-1] == (seqs[0], "and ann")
    page = ann.ask(type="history", room=room, after=0)["messages"]
    assert [each["seq"] for each in page] == sorted({each["seq"] for each in page})


def test_while_redis_is_frozen_rooms_go_on_where_they_are_at_home(two: Two) -> None:
    """Both servers are degraded, everybody concerned is told, and who was cut off catches up: once, and in order."""
    ann, bob = two.settled("ice")
    assert users_in(two.b, "ice") == (200, ["ann", "bob"])
    two.redis.freeze()
    try:
        assert bob.hear()["code"] == ann.hear()["code"] == "nodes_apart"
        assert healths(two) == ("degraded", "degraded")

        assert ann.say("ice", "meanwhile") == [2]
        assert answer_to(bob, "ice", "in vain")["code"] == "nodes_apart"
        # The room's home knows who was there; elsewhere one says that one does not know, and nothing wrong.
        assert users_in(two.b, "ice") == (503, None)
    finally:
        two.redis.thaw()

    assert messages(bob, 1) == [(2, "meanwhile")]
    eventually(lambda: healths(two) == ("ok", "ok"), "both are well again")
    is_whole_again(ann, bob, "ice", after=2)
    assert users_in(two.b, "ice") == users_in(two.a, "ice") == (200, ["ann", "bob"])


def test_while_postgres_is_away_nothing_is_acknowledged_and_numbers_go_on_afterwards(two: Two) -> None:
    """The room talks on without acks; both servers are degraded; no number is given again."""
    ann, bob = two.settled("disk")
    two.postgres.stop()
    try:
        refused = answer_to(ann, "disk", "not kept")
        assert (refused["type"], refused["code"]) == ("error", "storage_failed")
        assert messages(bob, 1) == [(2, "not kept")]
        eventually(lambda: healths(two) == ("degraded", "degraded"), "both say that they are degraded")
    finally:
        two.postgres.start()

    eventually(lambda: answer_to(ann, "disk", "kept")["type"] == "ack", "ann is acknowledged again")
    (kept,) = [seq for seq, text in messages(bob, 1) if text == "kept"][-1:]
    assert kept > 2
    eventually(lambda: healths(two) == ("ok", "ok"), "both are well again")
    is_whole_again(ann, bob, "disk", after=kept)


def test_when_redis_and_postgres_are_killed_at_once_all_is_well_when_they_are_back(two: Two) -> None:
    """Redis comes back empty: it keeps nothing here that anybody needs."""
    ann, bob = two.settled("both")
    two.redis.kill()
    two.postgres.stop()
    try:
        eventually(lambda: healths(two) == ("degraded", "degraded"), "both say that they are degraded")
        assert answer_to(bob, "both", "in vain")["code"] == "nodes_apart"
    finally:
        two.postgres.start()
        two.redis.start()

    eventually(lambda: healths(two) == ("ok", "ok"), "both are well again")
    ann.hear_all()
    is_whole_again(ann, bob, "both", after=1)
    assert users_in(two.b, "both") == users_in(two.a, "both") == (200, ["ann", "bob"])


@pytest.fixture
def cable() -> Iterator[Network]:
    with network() as made:
        yield made


def test_a_server_whose_way_to_redis_is_cut_says_so_and_catches_up(cable: Network) -> None:
    """Nobody closes anything: packets are lost, for seconds, and only for one of the two."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(also_at=cable.host))
        postgres = stack.enter_context(postgres_server())
        database = postgres.new_database()
        here = ("--broker", redis.url, "--db", postgres.url(database))
        # A Unix socket reaches everywhere: the database stays where it is.
        socket = postgres.url(database).replace("@127.0.0.1", "@")
        there = (
            *("--broker", redis.url.replace("127.0.0.1", cable.host), "--host", cable.address),
            *("--db", f"{socket}?host={postgres.folder}"),
        )
        a = stack.enter_context(server_process("--lift-limits", *here, "--instance", "a"))
        b = stack.enter_context(
            server_process(
                *("--lift-limits", *there, "--instance", "b"),
                command=[*cable.prefix, *COMMAND],
                # Away from loopback nobody may know the key of the generated accounts.
                environment={"CHATBENCH_SECRET": SECRET, "CHATBENCH_ACCOUNTS_KEY": "ours alone"},
            )
        )
        two = Two(a, b, stack.enter_context(visitors(a)), stack.enter_context(visitors(b)), redis, postgres)
        ann, bob = two.settled("tea")

        cable.cut()
        assert bob.hear()["code"] == "nodes_apart"
        assert healths(two) == ("ok", "degraded")
        assert ann.say("tea", "meanwhile") == [2]
        assert answer_to(bob, "tea", "in vain")["code"] == "nodes_apart"

        cable.mend()
        assert messages(bob, 1) == [(2, "meanwhile")]
        eventually(lambda: healths(two) == ("ok", "ok"), "both are well again")
        is_whole_again(ann, bob, "tea", after=2)
