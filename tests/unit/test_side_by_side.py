"""What benchmarks.side_by_side makes of its runs: tables and sentences that say no more than the figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common import BenchmarkError
from benchmarks.side_by_side.page import Run, Server, page_of
from benchmarks.side_by_side.runs import SCENARIO, run_of, spoken_to
from benchmarks.side_by_side.sides import SIDES, Side, started
from benchmarks.side_by_side.watching import Watch
from scenarios.settle import settle
from tests.support.documents import a_document
from tests.support.peers import Peer

SERVERS = (Server("quick", "1.0", "little"), Server("slow", "2.0", "much"))


def a_run(server: str, usual_ms: float, **changes: Any) -> Run:
    run = Run(
        server,
        p50_ms=usual_ms,
        p95_ms=2 * usual_ms,
        p99_ms=4 * usual_ms,
        ack_p50_ms=None,
        expected=1000,
        lost=0,
        cpu_us_per_delivery=12.0,
        lateness_p99_ms=0.2,
        doubts=(),
        p99_of_seconds_ms=(4 * usual_ms,) * 5,
        hdr=None,
    )
    return replace(run, **changes)


def a_round(quick_ms: float, slow_ms: float, **changes: Any) -> dict[str, Run]:
    return {"quick": a_run("quick", quick_ms), "slow": a_run("slow", slow_ms, **changes)}


def test_the_table_has_medians_and_how_far_the_rounds_lay_apart() -> None:
    """Losses are added up; where nothing is acknowledged there is no time."""
    rounds = [a_round(1.0, 3.0), a_round(1.2, 4.0, lost=2), a_round(2.0, 5.0, lost=3)]

    text = page_of(rounds, SERVERS, "here")
    assert "| quick | 1.20 ms (1.00 ms to 2.00 ms) | 2.40 ms" in text
    assert "| none | 5 of 3,000 | 12.0 us" in text
    assert "| slow | 2.0 | much |" in text


def test_an_order_is_told_only_where_every_round_had_it() -> None:
    """Or it would be chance that is told."""
    steady = page_of([a_round(1.0, 3.0), a_round(2.0, 2.5)], SERVERS, "here")
    changing = page_of([a_round(1.0, 3.0), a_round(2.0, 1.9)], SERVERS, "here")

    assert "in every round quick, then slow." in steady
    assert "the order of the servers was not the same in every round" in changing
    assert "in every round" not in changing.replace("not the same in every round", "")


def test_an_order_needs_a_figure_of_every_server() -> None:
    """A server that delivered too little is not the slowest."""
    assert "not the same in every round" in page_of([a_round(1.0, 3.0, p50_ms=None)], SERVERS, "here")


def test_seconds_of_bursts_are_counted() -> None:
    """Beside what is usual for the same server."""
    text = page_of([a_round(1.0, 3.0, p99_of_seconds_ms=(5.0, 5.0, 16.0, 5.0, 14.0))], SERVERS, "here")

    assert "quick 0 of 5, slow 1 of 5." in text


def test_a_run_that_cannot_be_believed_is_named() -> None:
    """With the reason."""
    text = page_of([a_round(1.0, 3.0), a_round(1.0, 3.0, doubts=("generator_late",))], SERVERS, "here")

    assert "Round 2 of slow cannot be believed: generator_late." in text


def test_a_run_is_read_from_its_document() -> None:
    """The seconds are those of the measured window."""
    document = a_document()
    run = run_of("quick", document, 7.5)

    assert run.p99_ms == document["metrics"]["delivery_time"]["p99"]
    assert (run.expected, run.lost, run.ack_p50_ms) == (400_000, 0, None)
    assert 18 <= len(run.p99_of_seconds_ms) <= 20


def test_cpu_is_that_of_the_measured_window() -> None:
    """Half a core for 1,000 deliveries a second is 500 us each; without readings there is no figure."""
    watch = Watch([(5, 0), (10, 100), (15, 102), (20, 105), (25, 900)])

    assert watch.cpu_us_per_delivery((10, 20), 1000.0) == 500.0
    assert watch.cpu_us_per_delivery((10, 20), 0.0) is None
    assert Watch([(5, 0)]).cpu_us_per_delivery((10, 20), 1000.0) is None


def test_the_scenario_settles_on_what_the_page_tells() -> None:
    """200 users in four rooms of 50, 100 messages a second."""
    plan = settle(str(SCENARIO), {"target.url": "http://127.0.0.1:1"}, {}).plan_for(("http://127.0.0.1:1",), "0" * 6)

    assert (plan.user_count, plan.rooms.count, plan.rate_per_s) == (200, 4, 100)


def test_a_server_is_spoken_to_by_those_whom_it_knows(tmp_path: Path) -> None:
    """And where it knows nobody, by whoever comes."""
    strangers = spoken_to(Peer("nchan", "http://127.0.0.1:1", "text"), tmp_path)
    known = spoken_to(Peer("mqtt", "http://127.0.0.1:1", "text", (("ann", "pw"),)), tmp_path)

    assert strangers == ["--dialect", f"{tmp_path}/nchan.toml"]
    assert (tmp_path / "mqtt.toml").read_text() == "text"
    assert known[2:] == ["--users-file", f"{tmp_path}/users.csv"]
    assert (tmp_path / "users.csv").read_text() == "ann,pw\n"


def test_a_server_that_is_not_installed_is_an_error_that_says_what_to_install() -> None:
    """And no test that is skipped."""

    def missing() -> Any:
        pytest.skip("quick is missing: apt-get install quick")

    with (
        pytest.raises(BenchmarkError, match=r"quick: .*apt-get install quick"),
        started(Side("quick", missing, str, ""), None),
    ):
        pass


def test_four_servers_are_compared() -> None:
    """Each under its own name."""
    assert [side.name for side in SIDES] == ["Socket.IO", "reference server", "mosquitto", "nchan"]
