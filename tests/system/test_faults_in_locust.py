"""The faults of a target and of a generator again, under Locust: the same document, the same exit code, no orphan."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.support.benches import (
    FAST_SERVER,
    GENERATOR_DOUBTS,
    RELAY_DIALECT,
    WORKER,
    code_of,
    doubts_of,
    errors_of,
    fatal_doubts_of,
    overhear,
)
from tests.support.locust_process import MEASURING, LocustProcess, locust, two_workers
from tests.support.patience import PATIENCE_S
from tests.support.programs import listening
from tests.support.raw_websocket import CLOSE, CONTINUATION, TEXT, close_frame, frame
from tests.support.rude_servers import Misdeed, misbehaving_server

pytestmark = [pytest.mark.system, pytest.mark.faults]

HEADLESS = ("--headless", "-u", "10", "-r", "50", "--out", "run")
FEW = ("smoke", "--rooms", "1", "--warmup", "0s", "--drain", "500ms")
LONG = (*FEW, "--duration", "10m")
FREEZE_S = 1.2


def at(url: str, dialect: str = RELAY_DIALECT) -> tuple[str, ...]:
    """The flags for a server that is there already."""
    return ("--host", url, "--dialect", dialect)


def test_a_target_that_stands_still_and_then_dies_is_data(tmp_path: Path) -> None:
    """The freeze is in the delivery times, each connection that breaks is counted, and the run ends at once: 99."""
    with (
        listening(FAST_SERVER) as relay,
        locust(*LONG, *at(relay.url), *HEADLESS, *two_workers(), cwd=tmp_path) as running,
    ):
        running.wait_for(MEASURING)
        os.kill(relay.pid, signal.SIGSTOP)
        time.sleep(FREEZE_S)
        os.kill(relay.pid, signal.SIGCONT)
        overhear(relay.url, count=5)
        os.kill(relay.pid, signal.SIGKILL)
        code = running.finish(PATIENCE_S)
        document = running.ends_with(code)

    assert code == code_of(document, otherwise=99)
    assert document["run"]["ended_early"] == "all_connections_lost"
    assert {kind for kind, _ in errors_of(document)} == {"close_1006"}
    assert sum(errors_of(document).values()) == document["counters"]["connections_dropped"] == 10
    assert document["metrics"]["delivery_time"]["max"] > 1000 * FREEZE_S / 2
    assert fatal_doubts_of(document) <= GENERATOR_DOUBTS


# What a server does to each of its clients -> what the document calls it.
ENDINGS = {
    Misdeed(close_frame(1008, "so be it")): "close_1008",
    Misdeed(close_frame(4001)): "close_other",
    Misdeed(frame(CLOSE)): "close_1005",
    Misdeed(frame(TEXT, b"half a frame, and then nothing")[:9], hangs_up=True): "close_1006",
    Misdeed(frame(TEXT, b"\xff\xfe \xc3\x28") + frame(CONTINUATION, b"of what?")): "close_1002",
}


def test_garbage_is_counted_by_kind(tmp_path: Path) -> None:
    """As in a run of ours; when nobody is left, the run is over."""
    load = (*LONG, "--rate", "200")
    with (
        misbehaving_server(*ENDINGS) as url,
        locust(*load, *at(url, "echo"), *HEADLESS, cwd=tmp_path) as running,
    ):
        code = running.finish()
        document = running.ends_with(code)

    assert code in (97, 99)
    assert document["run"]["ended_early"] == "all_connections_lost"
    kinds: Counter[str] = Counter()
    for (kind, _), count in errors_of(document).items():
        kinds[kind] += count
    assert kinds == dict.fromkeys(ENDINGS.values(), 2)
    assert fatal_doubts_of(document) <= GENERATOR_DOUBTS


def forked_workers(running: LocustProcess) -> list[psutil.Process]:
    """Locust's own, which it has forked: they are called as it is."""
    master = psutil.Process(running.process.pid)
    return [each for each in master.children() if each.cmdline() == master.cmdline()]


def test_a_forked_worker_that_is_killed_takes_its_swarm_with_it(tmp_path: Path) -> None:
    """The other goes on to the end of the window; who is missing is named, and nobody believes the figures."""
    load = (*FEW, "--duration", "7s")
    with (
        listening(FAST_SERVER) as relay,
        locust(*load, *at(relay.url), *HEADLESS, *two_workers(), cwd=tmp_path) as running,
    ):
        running.wait_for(MEASURING)
        killed = forked_workers(running)[0]
        killed.kill()
        document = running.ends_with(97)

    assert document["run"]["ended_early"] is None
    assert doubts_of(document)["worker_died"] == "fatal"
    assert killed.pid in {each["pid"] for each in document["generator"]["helpers"]}
    assert document["counters"]["deliveries_received"] > 0
    assert document["rates"]["window_s"] == pytest.approx(7)


def test_a_swarm_that_is_killed_ends_the_run_of_its_process(tmp_path: Path) -> None:
    """At once, with the figures of the seconds it had."""
    with (
        listening(FAST_SERVER) as relay,
        locust(*LONG, *at(relay.url), *HEADLESS, cwd=tmp_path) as running,
    ):
        running.wait_for(MEASURING)
        (swarm,) = (each for each in running.processes() if WORKER in each.cmdline())
        swarm.kill()
        document = running.ends_with(97, within_s=PATIENCE_S)

    assert document["run"]["ended_early"] == "worker_died"
    (detail,) = (doubt["detail"] for doubt in document["doubts"] if doubt["code"] == "worker_died")
    assert "killed by SIGKILL" in detail
    assert document["counters"]["deliveries_received"] > 0
