"""Our figures beside those of a client that shares nothing with us: no code, no process, no clock of a plan."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from statistics import median, quantiles
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.support.benches import FAST_SERVER, RELAY_DIALECT, bench, books_close
from tests.support.patience import PATIENCE_S
from tests.support.programs import Listening, listening

pytestmark = [pytest.mark.system, pytest.mark.alone]

USERS, RATE_PER_S = 100, 20
# With this work for each delivery a message takes 20 ms to reach all: far above what a busy machine adds by chance.
WORK_US = 200
# By hand, so often: together with ours the server is busy for little more than half of the time.
PAUSE_S = 0.1
OWN_MESSAGES = 50


@pytest.fixture(scope="module")
def relay() -> Iterator[Listening]:
    with listening([*FAST_SERVER, "--work-us", str(WORK_US)]) as server:
        yield server


def overhear(client: ClientConnection, until_s: float) -> None:
    """Read what others say until then."""
    while (left_s := until_s - time.monotonic()) > 0:
        with suppress(TimeoutError):
            client.recv(timeout=left_s)


def say_and_wait(client: ClientConnection, number: int) -> float:
    """Milliseconds from sending a message to its coming back to its sender."""
    overhear(client, time.monotonic() + PAUSE_S)
    text = f"by-hand-{number}"
    sent_s = time.monotonic()
    client.send(f"SAY {number} {text}")
    while not str(client.recv(timeout=PATIENCE_S)).endswith(text):
        pass
    return (time.monotonic() - sent_s) * 1000


@pytest.fixture(scope="module")
def measured(relay: Listening, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[float]]:
    """The document of a run, and what a client in the same room has measured meanwhile, in ms."""
    flags = ("--users", str(USERS), "--rate", str(RATE_PER_S), "--duration", "6s", "--warmup", "1s", "--drain", "1s")
    target = ("--target", relay.url, "--dialect", RELAY_DIALECT)
    with bench("fanout", *flags, *target, cwd=tmp_path_factory.mktemp("truth")) as running:
        running.wait_for("measured window")
        with connect(
            relay.url.replace("http", "ws", 1) + "/relay?name=by-hand", proxy=None, compression=None
        ) as client:
            # The last to join is the last to be served: it waits for the whole room.
            client.send("JOIN room-1")
            by_hand_ms = [say_and_wait(client, number) for number in range(OWN_MESSAGES)]
        assert running.finish() in (0, 97), running.said
        return running.document, by_hand_ms


def test_nothing_is_lost_on_the_way(measured: tuple[dict[str, Any], list[float]]) -> None:
    """A stranger's messages are no deliveries of ours: nothing is unexpected, damaged or counted twice."""
    counts = measured[0]["counters"]

    assert counts["deliveries_expected"] == USERS * counts["messages_sent"] > 0
    assert counts["deliveries_received"] == counts["deliveries_expected"]
    for name in ("lost", "duplicated", "reordered", "unexpected", "excused"):
        assert counts[f"deliveries_{name}"] == 0
    assert counts["frames_damaged"] == 0
    assert books_close(measured[0])


def test_our_times_are_those_of_a_client_by_hand(measured: tuple[dict[str, Any], list[float]]) -> None:
    """It is served last, our users everywhere in the room: our median lies below its, our tail above."""
    document, by_hand_ms = measured
    ours = document["metrics"]["delivery_service_time"]
    theirs_p50, theirs_p90 = median(by_hand_ms), quantiles(by_hand_ms, n=10)[-1]
    print(f"ours p50 {ours['p50']:.1f} p99 {ours['p99']:.1f} ms; by hand p50 {theirs_p50:.1f} p90 {theirs_p90:.1f} ms")

    # The least that physics allows: the server works so long for each copy.
    assert theirs_p50 > USERS * WORK_US / 1000
    assert theirs_p50 / 6 < ours["p50"] < theirs_p50 * 2
    assert theirs_p50 / 2 < ours["p99"] < theirs_p90 * 4 + 20
    assert ours["min"] < theirs_p50 / 3
    assert document["metrics"]["ack_time"]["p50"] == pytest.approx(theirs_p50, rel=0.75)


def test_delivery_time_counts_from_when_a_message_was_due(measured: tuple[dict[str, Any], list[float]]) -> None:
    """What is sent late is late: corrected time is service time plus lateness."""
    metrics = measured[0]["metrics"]

    assert metrics["delivery_time"]["count"] == metrics["delivery_service_time"]["count"]
    assert metrics["delivery_time"]["mean"] == pytest.approx(
        metrics["delivery_service_time"]["mean"] + metrics["send_lateness"]["mean"], rel=0.01
    )
