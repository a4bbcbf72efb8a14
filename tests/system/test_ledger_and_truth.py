"""Every class of the ledger beside the truth of a server that did all of it on purpose, in one run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from loadgen.plan.pacing import NS_PER_S
from reports.calibration_findings import Fault
from reports.calibration_truth import injected_counts
from reports.truth import Truth, read_truth
from tests.support.benches import bench, books_close
from tests.support.patience import PATIENCE_S
from tests.support.server_process import server_process

pytestmark = pytest.mark.system

USERS = 20
DEADLINE_NS = 500_000_000
FAULTS = """
seed = 3

[deliveries]
delay = { kind = "uniform", from_ms = 0, to_ms = 200 }
drop = 0.02
duplicate = 0.02
swap = 0.02
stray = 0.01

[[freeze]]  # what is sent in its first half is late
after_s = 1.0
for_s = 0.9

[[close]]  # what is on its way to them is excused
after_s = 2.5
users = ["user-000003", "user-000004", "user-000005"]
code = 1012
reason = "restart"
"""
LOAD = ("--users", str(USERS), "--rooms", "2", "--rate", "60")
TIMES = ("--warmup", "0s", "--duration", "4s", "--drain", "2s", "--deadline", "500ms")
# A delivery that was handed over this close to its deadline may have come on either side of it.
EITHER_SIDE_NS = 100_000_000


@dataclass(frozen=True, slots=True)
class Both:
    """What the server says it did, and what we counted."""

    truth: Truth
    document: dict[str, Any]

    def counted(self, name: str) -> int:
        return int(self.document["counters"][f"deliveries_{name}"])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("both")
    (folder / "faults.toml").write_text(FAULTS)
    log = folder / "truth.ndjson"
    flags = ("--accounts", str(USERS), "--faults", str(folder / "faults.toml"), "--truth", str(log))
    with server_process(*flags) as server:
        with bench("fanout", *LOAD, *TIMES, "--seed", "5", "--target", server.url, cwd=folder) as running:
            running.finish()
            document = running.document
        server.process.terminate()
        server.process.wait(PATIENCE_S)
    with log.open(encoding="utf-8") as lines:
        yield Both(read_truth(lines), document)


def test_the_books_close(both: Both) -> None:
    """Whatever the server did."""
    assert books_close(both.document)
    assert both.document["counters"]["messages_sent"] == len(both.truth.messages) > 200


def test_what_was_dropped_is_lost(both: Both) -> None:
    """To the last one; but not what was dropped on its way to somebody who had gone. Most of it was acked before."""
    injected = injected_counts(both.truth, DEADLINE_NS)

    assert both.counted("lost") == injected[Fault.LOST] > 0
    assert both.counted("lost") == both.counted("lost_acked") + both.counted("lost_unacked")
    assert both.counted("lost_acked") > 0


def test_what_was_sent_twice_is_duplicated(both: Both) -> None:
    """Each extra copy, and nothing else."""
    assert both.counted("duplicated") == injected_counts(both.truth, DEADLINE_NS)[Fault.DUPLICATED] > 0


def test_what_was_overtaken_is_reordered(both: Both) -> None:
    """By a later message of its room."""
    assert both.counted("reordered") == injected_counts(both.truth, DEADLINE_NS)[Fault.REORDERED] > 0


def test_what_went_astray_is_unexpected(both: Both) -> None:
    """Read by somebody of the other room."""
    assert both.counted("unexpected") == sum(len(message.stray) for message in both.truth.messages) > 0


def test_what_the_gone_did_not_get_is_excused(both: Both) -> None:
    """It was on its way when they left. One more message may have been sent before we saw them go."""
    departures = {departure.user: departure.at_ns for departure in both.truth.departures}
    gone = sum(
        message.stamp.sent_ns <= departures[user] < message.stamp.sent_ns + DEADLINE_NS
        for message in both.truth.messages
        if message.stamp is not None
        for user in (*message.dropped, *message.gone)
        if user in departures
    )

    assert gone > 0
    assert gone <= both.counted("excused") <= gone + 3


def test_what_took_longer_than_the_deadline_is_late(both: Both) -> None:
    """After the freeze, and where a swapped delivery waited for the next."""
    took_ns = [
        at_ns - message.stamp.sent_ns
        for message in both.truth.messages
        if message.stamp is not None
        for at_ns in message.sent_ns
    ]
    surely = sum(ns > DEADLINE_NS for ns in took_ns)
    perhaps = sum(DEADLINE_NS - EITHER_SIDE_NS < ns <= DEADLINE_NS for ns in took_ns)

    assert surely > 0
    assert surely <= both.counted("late") <= surely + perhaps


def test_the_log_tells_of_the_freeze_and_the_close(both: Both) -> None:
    """So that a reader can tell the one from the other."""
    (freeze,) = both.truth.freezes
    assert freeze.to_ns - freeze.from_ns >= 0.9 * NS_PER_S
    assert {departure.user for departure in both.truth.departures} >= {"user-000003", "user-000004", "user-000005"}
    assert json.dumps(both.document["errors"]).count("1012") > 0


def test_each_socket_has_an_end_with_its_code(both: Both) -> None:
    """The three whom the server put out, and all others, whom we let go when the run was over."""
    closes = {(each["code"], each["phase"], each["who"]): each["count"] for each in both.document["closes"]}

    assert closes == {(1012, "measure", "server"): 3, (1000, "end", "us"): USERS - 3}


def test_the_examples_are_what_the_server_says_it_did(both: Both) -> None:
    """By name and number: whoever looks a lost one up in the server's log finds it dropped there."""
    told = {(m.stamp.sender, m.stamp.sequence): m for m in both.truth.messages if m.stamp is not None}
    examples = [(each, told[each["sender"], each["n"]]) for each in both.document["examples"]]

    assert {each["kind"] for each, _ in examples} >= {"lost", "duplicated", "reordered", "unexpected"}
    for each, message in examples:
        if each["kind"] == "lost":
            assert each["receiver_name"] in message.dropped
        elif each["kind"] == "unexpected":
            assert each["receiver_name"] in message.stray
        elif each["kind"] == "late":
            assert (each["received_s"] - each["sent_s"]) * NS_PER_S > DEADLINE_NS
