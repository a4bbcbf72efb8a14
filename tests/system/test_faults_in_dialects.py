"""The faults of a target again, where it speaks another dialect than ours, to two processes."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.benches import (
    FEW,
    GENERATOR_DOUBTS,
    LONG,
    at,
    bench,
    code_of,
    errors_of,
    fatal_doubts_of,
)
from tests.support.locust_process import locust
from tests.support.mutations import NONSENSE
from tests.support.patience import PATIENCE_S
from tests.support.peers import in_files
from tests.support.raw_websocket import TEXT, frame
from tests.support.rude_servers import DOOR_DIALECT, door_server, speaking_server
from tests.support.tongues import tongue

pytestmark = [pytest.mark.system, pytest.mark.faults]

TWO = ("--processes", "2")
# How long a server stands still that goes on afterwards: far more than a busy machine adds.
FREEZE_S = 1.2
# A tower is small here, since it comes with every answer.
NOISE = b"".join(frame(TEXT, each) for each in (*NONSENSE, b"[" * 10_000))


def test_a_broker_that_dies_is_data(tmp_path: Path) -> None:
    """NATS: every connection that breaks is counted, and the run ends at once."""
    with peers.nats() as broker, bench(*LONG, *TWO, *in_files(broker, tmp_path), cwd=tmp_path) as running:
        running.wait_for("measured window")
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        document = running.ends_with(97, 99, within_s=PATIENCE_S)

    assert document["run"]["ended_early"] == "all_connections_lost"
    assert {kind for kind, _ in errors_of(document)} == {"close_1006"}
    assert sum(errors_of(document).values()) == document["counters"]["connections_dropped"] == 10
    assert fatal_doubts_of(document) <= GENERATOR_DOUBTS


def test_a_broker_that_stands_still_is_seen_in_the_delivery_times(tmp_path: Path) -> None:
    """MQTT: what is due meanwhile waits in the sockets, and all of it arrives."""
    load = (*FEW, *TWO, "--rate", "50", "--duration", "3s", "--drain", "1500ms")
    with peers.mosquitto() as broker, bench(*load, *in_files(broker, tmp_path), cwd=tmp_path) as running:
        running.wait_for("measured window")
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGSTOP)
        time.sleep(FREEZE_S)
        os.kill(broker.pid, signal.SIGCONT)
        document = running.ends_with(0, 97, 99)

    counts, times = document["counters"], document["metrics"]
    assert document["run"]["ended_early"] is None
    assert errors_of(document) == {}
    assert counts["deliveries_received"] == counts["deliveries_expected"] > 0
    assert counts["acks_received"] == counts["messages_sent"] == counts["messages_due"]
    for metric in ("delivery_time", "delivery_service_time", "ack_time"):
        assert times[metric]["max"] > 1000 * FREEZE_S / 2
    assert fatal_doubts_of(document) <= GENERATOR_DOUBTS


@pytest.mark.parametrize("name", ["reference", "centrifuge"])
def test_nonsense_between_the_lines_is_passed_over(name: str, tmp_path: Path) -> None:
    """No error, nothing in the log, and every message is delivered and acknowledged."""
    load = ("smoke", "--users", "20", "--rooms", "20", "--rate", "40", "--warmup", "0s", "--duration", "1s")
    with (
        speaking_server(tongue(name), noise=NOISE) as url,
        bench(*load, "--drain", "500ms", *TWO, *at(url, name), cwd=tmp_path) as running,
    ):
        document = running.ends_with(0, 97)

    counts = document["counters"]
    assert running.finish() == code_of(document, otherwise=0)
    assert "cookie" not in running.log
    assert errors_of(document) == {}
    assert counts["deliveries_received"] == counts["deliveries_expected"] == counts["messages_sent"] > 0
    assert counts["acks_received"] == counts["messages_sent"] == counts["messages_due"]


def test_what_is_never_answered_is_given_up(tmp_path: Path) -> None:
    """The login of XMPP within its connection, the subscription of STOMP, a login under Locust: each after 10 s."""
    (tmp_path / "door.toml").write_text(DOOR_DIALECT, encoding="utf-8")
    for name in ("xmpp", "stomp", "door"):
        (tmp_path / name).mkdir()
    with ExitStack() as stack:
        xmpp_url, stomp_url = (
            stack.enter_context(speaking_server(tongue(name), turns=1)) for name in ("xmpp", "stomp")
        )
        door = stack.enter_context(door_server())
        there = ("--host", door.url, "--dialect", "../door.toml", "--headless", "-u", "10", "-r", "50", "--out", "run")
        hung = stack.enter_context(locust("smoke", "--rooms", "1", *there, cwd=tmp_path / "door"))
        xmpp = stack.enter_context(bench(*LONG, *TWO, *at(xmpp_url, "xmpp"), cwd=tmp_path / "xmpp"))
        stomp = stack.enter_context(bench(*LONG, *TWO, *at(stomp_url, "stomp"), cwd=tmp_path / "stomp"))

        no_login_inside = xmpp.ends_with(97)
        no_receipt = stomp.ends_with(97)
        no_login = hung.ends_with(106)

    assert no_login_inside["run"]["ended_early"] == no_receipt["run"]["ended_early"] == "no_user_ready"
    assert errors_of(no_login_inside) == {("join_timeout", "connect"): 10}
    assert "the greeting ('<success') never came" in no_login_inside["errors"][0]["example"]
    assert errors_of(no_receipt) == {("join_timeout", "join"): 10}
    assert no_login["run"]["ended_early"] == "login_refused"
    assert errors_of(no_login) == {("timeout", "login"): 10}
    for document in (no_login_inside, no_receipt, no_login):
        assert fatal_doubts_of(document) == set()
