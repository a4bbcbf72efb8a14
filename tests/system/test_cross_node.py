"""Deliveries within a node and from node to node, of real nodes on a real Redis."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.benches import bench, books_close, chatbench, document_in, eventually
from tests.support.peers import needed
from tests.support.redis_server import redis_server
from tests.support.server_process import server_process

pytestmark = pytest.mark.system

SHORT = ("--users", "20", "--rate", "40", "--warmup", "1s", "--duration", "2s", "--drain", "2s")
UNJUDGED = ("--budget", "delivery_time{node: same}: p(50) < 5s", "--budget", "delivery_time{node: other}: p(50) < 5s")


def split_of(document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is told of deliveries within a node, and of those from one to another; their books close."""
    slices = {each["name"]: each for each in document["slices"]}
    same, other = slices["node: same"], slices["node: other"]
    for name in ("deliveries_expected", "deliveries_received", "deliveries_lost"):
        assert same["counters"][name] + other["counters"][name] == document["counters"][name]
    assert books_close(document)
    return same, other


def test_cross_node_brings_all_that_it_needs(tmp_path: Path) -> None:
    """Two nodes, a Redis, a database: half of the room is at either, and when the run is over nothing is left."""
    needed("redis-server", install="apt-get install redis-server")
    (tmp_path / "tmp").mkdir()
    # Two processes of load: who is where is told from the one to the other.
    flags = (*SHORT, *UNJUDGED, "--processes", "2", "--no-html", "--no-plots", "--out", "run")
    done = chatbench("run", "cross_node", *flags, cwd=tmp_path, TMPDIR=str(tmp_path / "tmp"))
    document = document_in(tmp_path / "run")
    same, other = split_of(document)

    assert done.returncode in (0, 97), done.stderr  # 97: a machine too busy to be believed
    assert document["counters"]["deliveries_lost"] == 0
    assert same["counters"]["deliveries_received"] == other["counters"]["deliveries_received"] > 0
    assert all(part["metrics"]["delivery_time"]["p50"] for part in (same, other))
    assert "node: other" in done.stderr
    assert [each["name"] for each in document["server"]["processes"]] == ["node-1", "node-2", "Redis"]
    assert len(document["target"]["urls"]) == 2
    assert not list((tmp_path / "tmp").iterdir())


def test_a_temporary_folder_whose_path_is_too_long_for_a_socket_is_told_in_one_line(tmp_path: Path) -> None:
    needed("redis-server", install="apt-get install redis-server")
    place = tmp_path / ("t" * 100)
    place.mkdir()
    done = chatbench("run", "cross_node", *SHORT, "--out", "run", cwd=tmp_path, TMPDIR=str(place))

    assert done.returncode == 106
    assert "has too long a path for a socket in it: set TMPDIR to a shorter one" in done.stderr
    assert not list(place.iterdir())


def test_who_interrupts_it_finds_nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes end, and the folder goes; the harness looks for those that were left."""
    needed("redis-server", install="apt-get install redis-server")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with bench("cross_node", *SHORT, "--duration", "5m", cwd=tmp_path) as running:
        running.wait_for("measured window")
        os.kill(running.process.pid, signal.SIGINT)
        running.ends_with(105)

    eventually(lambda: not list((tmp_path / "tmp").iterdir()), "the folder is gone")


def test_workers_behind_one_port_are_told_apart_by_their_names(tmp_path: Path) -> None:
    """The kernel deals users out; the greeting says to whom."""
    with redis_server() as redis:
        flags = ("--lift-limits", "--broker", redis.url, "--db", f"sqlite:///{tmp_path}/chat.db", "--workers", "2")
        with server_process(*flags) as server:
            target = ("--target", server.url, "--no-html", "--no-plots", "--out", "run")
            chatbench("run", "cross_node", *SHORT, *UNJUDGED, *target, cwd=tmp_path)
    same, other = split_of(document_in(tmp_path / "run"))

    assert same["counters"]["deliveries_received"] > 0
    assert other["counters"]["deliveries_received"] > 0
