"""What benchmarks.peers makes of its runs: medians, ratios, aims, and what each client prints."""

from __future__ import annotations

import argparse
import json
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common import Cores
from benchmarks.peers import __main__ as main_module
from benchmarks.peers import roll, table
from benchmarks.peers.__main__ import has_failed, sides_named
from benchmarks.peers.aims import MOST_SOCKETS, Aim, aims
from benchmarks.peers.attempts import Attempt, Attempts, Figure, Soaked, Tried, cpu, next_rate
from benchmarks.peers.campaign import COST, HELD
from benchmarks.peers.others import artillery_script, k6_told, locust_told, reader_told
from benchmarks.peers.ours import c_told, told_by
from benchmarks.peers.page import made_by, page_of
from benchmarks.peers.reader import BUCKET_COUNT, quantile_ms
from benchmarks.peers.side import Seen, Told, Window, has_all
from benchmarks.peers.target import frame_of
from benchmarks.peers.watch import Usage, Watch, others_ratio
from tests.support.documents import a_document

MACHINE = {"cpu": "a CPU", "kernel": "Linux 6", "python": "Python 3.11", "date": "2026-11-26T12:00:00+00:00"}
NAMES = {"floor": roll.FLOOR.name, "ours": roll.OURS.name, "k6": roll.K6_WS.name}


def a_seen(**changes: Any) -> Seen:
    seen = Seen(
        cpu_us_per_delivery=6.0,
        cpu_ratio=0.06,
        offered_per_s=10_000.0,
        carried_per_s=10_000.0,
        expected=80_000,
        received=80_000,
        kept_up=True,
        is_valid=True,
        p50_ms=1.0,
        p99_ms=2.0,
        rss_bytes=50_000_000,
        worker_rss_bytes=None,
        ready_s=1.0,
        connecting_s=0.5,
        others_ratio=0.02,
        note="",
    )
    return replace(seen, **changes)


def a_run(side: str, number: int = 1, figure: Figure = Figure.COST, load: Any = COST, **changes: Any) -> Attempt:
    return Attempt(figure, number, NAMES.get(side, side), load, a_seen(**changes), failure=None)


def a_failure(side: str, why: str, figure: Figure = Figure.COST) -> Attempt:
    return Attempt(figure, 1, NAMES.get(side, side), COST, seen=None, failure=why)


def cost_rounds(*costs: dict[str, float]) -> Attempts:
    """(client -> us) for each round."""
    return Attempts(
        [a_run(side, number, cpu_us_per_delivery=us) for number, of in enumerate(costs, 1) for side, us in of.items()]
    )


def test_a_ratio_is_of_the_same_round() -> None:
    """What slows the machine down in one round slows all of it down."""
    attempts = cost_rounds({"floor": 5, "ours": 10}, {"floor": 50, "ours": 100}, {"floor": 5, "ours": 15})

    assert attempts.ratio(Figure.COST, roll.OURS.name, roll.FLOOR.name, cpu) == 2.0


def test_a_round_without_the_other_has_no_ratio() -> None:
    """And no data is None, not a figure."""
    attempts = Attempts([a_run("ours", 1), a_run("floor", 2)])

    assert attempts.ratio(Figure.COST, roll.OURS.name, roll.FLOOR.name, cpu) is None
    assert attempts.typical(Figure.COST, roll.K6_WS.name, cpu) is None


def test_an_aim_is_met_or_says_by_how_much_it_was_missed() -> None:
    """Or that nothing was measured."""
    assert Aim("CPU", 1.5, True, 1.5, "{:.2f}").verdict == "met"
    assert Aim("CPU", 1.5, True, 1.8, "{:.2f}").verdict == "missed by 20 %"
    assert Aim("rate", 150_000, False, 120_000.0, "{:,.0f}").verdict == "missed by 20 %"
    assert Aim("CPU", 1.5, True, None, "{:.2f}").texts == ("CPU", "at most 1.50", "no data", "no data")


def test_every_aim_is_a_function_of_the_figures() -> None:
    """Each finds its own."""
    held = replace(HELD, sockets=MOST_SOCKETS)
    load = replace(COST, rate_per_s=300)
    runs = [
        *cost_rounds(
            {
                "floor": 6,
                "ours": 8,
                "k6": 40,
                roll.LOCUST.name: 60,
                roll.READER.name: 30,
                roll.OURS_IN_LOCUST.name: 8.4,
            }
        ).runs,
        a_run("ours", 1, Figure.CARRIED, load, carried_per_s=150_000.0),
        a_run("ours", 1, Figure.SOCKETS, held, worker_rss_bytes=200_000_000, connecting_s=6.0),
        a_run("floor", 1, Figure.SOCKETS, held, connecting_s=5.0),
    ]

    figures = [aim.figure for aim in aims(Attempts(runs))]
    assert figures == pytest.approx([8 / 6, 8 / 6, 5, 7.5, 3.75, 1.05, 150_000, 200, 1.2])
    assert [aim.is_met for aim in aims(Attempts(runs))] == [True, False, *[True] * 7]
    assert all(aim.is_met is None for aim in aims(Attempts([])))


def test_the_rate_rises_while_it_is_carried_and_falls_while_it_never_was() -> None:
    """Then the search closes in on what lies between, until that is close, or there were so many steps."""
    carried, too_much = Tried(100, kept_up=True), Tried(150, kept_up=False)

    assert next_rate([], 100, 5) == 100
    assert next_rate([carried], 100, 5) == 125
    assert next_rate([replace(carried, cpu_ratio=0.4)], 100, 5) == 200
    assert next_rate([replace(carried, cpu_ratio=0.9)], 100, 5) == 125
    assert next_rate([too_much], 100, 5) == 112
    assert next_rate([carried, too_much], 100, 5) == 122
    assert next_rate([carried, too_much], 100, 2) is None
    assert next_rate([Tried(1, kept_up=False)], 100, 5) is None
    assert next_rate([carried, replace(too_much, rate=110)], 100, 5) is None


def test_what_was_carried_lies_below_what_was_too_much() -> None:
    """Two loads, the greatest that it kept up with and the smallest that it did not."""
    runs = [
        a_run("k6", number, Figure.CARRIED, replace(COST, rate_per_s=rate), kept_up=rate < 50)
        for number, rate in enumerate((40, 50, 62), 1)
    ]
    kept, above = Attempts(runs).carried(roll.K6_WS.name), Attempts(runs).too_much(roll.K6_WS.name)

    assert kept is not None
    assert above is not None
    assert (kept.load.rate_per_s, above.load.rate_per_s) == (40, 50)


def test_memory_grows_by_what_it_grows_after_the_first_minute() -> None:
    """The start is no leak, and too short a run says nothing."""
    points = [(float(at_s), 500 if at_s < 60 else 1000 + at_s) for at_s in range(0, 300, 2)]

    assert Soaked("k6/ws", 100, points, None).growth_bytes_per_minute == pytest.approx(60)
    assert Soaked("k6/ws", 100, points[:40], None).growth_bytes_per_minute is None
    assert Soaked("k6/ws", 100, [], "gone").first_and_last_bytes is None


def test_a_window_seen_from_outside_knows_what_was_not_read() -> None:
    """What waits in the sockets has not been carried, and a full core hides what waits inside."""
    window = Window(cpu_s=0.5, seconds=1.0, deliveries=10_000, backlog_growth_bytes=0, backlog_bytes=0, frame_bytes=200)
    behind = replace(window, backlog_growth_bytes=200 * 4_000, backlog_bytes=200 * 4_000)

    assert window.cpu_us_per_delivery == 50.0
    assert window.kept_up
    assert behind.carried == 6_000
    assert not behind.kept_up
    assert not replace(window, cpu_s=0.99).kept_up


def test_who_counts_must_have_counted_them() -> None:
    """Who counts nothing is believed."""
    assert has_all(Told(received=990), 1000)
    assert not has_all(Told(received=900), 1000)
    assert has_all(Told(), 1000)


def test_what_each_client_prints_is_read() -> None:
    """A client that saw nothing has no times."""
    assert k6_told('{"p(50)": 3, "p(99)": 9, "count": 100}') == Told(received=100, p50_ms=3, p99_ms=9)
    assert k6_told('{"count": 0}') == Told(received=0)
    assert reader_told('{"count": 5, "p50_ms": 1.0, "p99_ms": 2.0}') == Told(received=5, p50_ms=1.0, p99_ms=2.0)
    locust = {
        "deliveries_received": 500,
        "deliveries_expected": 510,
        "seconds": 5,
        "p50_ms": 14,
        "p99_ms": 140,
        "cpu_us_per_delivery": 65.0,
    }
    assert locust_told(locust).in_window_per_s == 100
    floor = {
        "deliveries_in_window": 1000,
        "deliveries_expected": 1000,
        "deliveries_received": 1000,
        "window_s": 2,
        "cpu_s": 0.005,
        "peak_rss_kb": 1700,
        "p50_us": 600.0,
        "p99_us": None,
    }
    told = c_told(json.dumps(floor), Path())
    assert (told.in_window_per_s, told.cpu_us_per_delivery, told.p50_ms, told.p99_ms) == (500, 5.0, 0.6, None)


def test_a_document_that_is_invalid_carries_nothing() -> None:
    """Its own verdict counts."""
    assert told_by(a_document()).is_valid
    assert not told_by(a_document() | {"verdict": "invalid"}).is_valid


def test_artillery_connects_all_and_waits() -> None:
    """It has no end of its own."""
    script = artillery_script("http://127.0.0.1:99", replace(COST, sockets=2000, connect_rate_per_s=500))

    assert script["config"]["phases"] == [{"duration": 4, "arrivalCount": 2000}]
    assert script["config"]["target"].startswith("ws://127.0.0.1:99/")


def test_only_messages_of_the_window_are_stamped() -> None:
    """All are of one length, so that one costs what the other does."""
    warmup, stamped = frame_of(200, is_warmup=True), frame_of(200, is_warmup=False)

    assert len(warmup) == len(stamped)
    assert b"sent=" in stamped
    assert b"~at=" in stamped
    assert b"=" not in warmup


def test_a_quantile_of_the_reader_is_the_end_of_its_bucket() -> None:
    """Nothing seen, nothing said."""
    buckets = array("l", bytes(8 * BUCKET_COUNT))
    assert quantile_ms(buckets, 0.5) is None
    buckets[49], buckets[99] = 99, 1
    assert quantile_ms(buckets, 0.5) == 1.0
    assert quantile_ms(buckets, 1.0) == 2.0


def test_others_are_whoever_took_what_we_did_not() -> None:
    """Of all cores together; a moment says nothing."""
    first = Usage(at_s=0.0, cpu_s=1.0, rss_bytes=1, machine_cpu_s=100.0)
    last = Usage(at_s=10.0, cpu_s=9.0, rss_bytes=1, machine_cpu_s=110.0)

    assert others_ratio(Watch(1, [first, last])) == pytest.approx(0.2)
    assert others_ratio(Watch(1, [first])) is None


def test_a_client_that_is_not_there_has_a_row_that_says_so() -> None:
    """So has one that failed; only that one is a failure of the benchmark."""
    absent = a_failure(roll.SIDES[-1].name, "not installed: tcpkali")
    broken = a_failure("k6", "ended with 107")
    attempts = Attempts([a_run("floor"), absent, broken])

    text = "\n".join(table.cost_table(attempts, roll.SIDES))
    assert "not installed: tcpkali" in text
    assert "failed: ended with 107" in text
    assert not has_failed(Attempts([a_run("floor"), absent]), [])
    assert has_failed(attempts, [])
    assert has_failed(Attempts([]), [Soaked("k6/ws", 100, [], "ended after 9 s")])


def test_a_disturbed_run_is_marked() -> None:
    """Its figure is not hidden."""
    attempts = Attempts([a_run("floor"), a_run("ours", others_ratio=0.5)])

    lines = table.cost_table(attempts, roll.SIDES)
    assert [("disturbed" in line) for line in lines[2:]] == [False, True]
    assert "In 1 of 2 runs" in made_by("make it", MACHINE, 2, attempts, is_whole=True)


def test_the_page_has_what_was_measured_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reader's times stand beside the loop that only reads, each sender's beside the one that sends."""
    runs = [
        a_run("floor", p50_ms=1.0),
        a_run("ours", p50_ms=1.5),
        a_run("k6", p50_ms=8.0),
        a_run(roll.LISTENING_FLOOR.name, p50_ms=0.8),
    ]
    monkeypatch.setattr("benchmarks.peers.page.version_of", lambda side: "1.0")

    text = page_of(Attempts(runs), [], roll.SIDES, made_by("make it", MACHINE, 2, Attempts(runs), is_whole=False))
    assert "8.00 ms (10.0 times)" in text
    assert "1.50 ms (1.5 times)" in text
    assert "interrupted" in text
    assert "Memory over time" not in text
    assert "What one core carries" not in text


def test_the_document_has_everything() -> None:
    """In JSON, with null for what was not measured."""
    attempts = Attempts([a_run("floor"), a_failure("k6", "gone")])
    soaked = [Soaked("k6/ws", 100, [(0.0, 1)], None)]

    document = json.loads(json.dumps(table.document(MACHINE, Cores(0, 1), attempts, soaked, is_whole=True)))
    assert document["schema"] == "chatbench.peers/1"
    assert document["attempts"][1]["seen"] is None
    assert document["soak"][0]["growth_bytes_per_minute"] is None


def test_sides_are_chosen_by_a_part_of_their_name() -> None:
    """The C loop is always there, since ratios are to it."""
    assert [side.name for side in sides_named(["k6/ws"])] == [roll.FLOOR.name, roll.K6_WS.name]
    assert sides_named(None) == list(roll.SIDES)
    assert len({side.name for side in roll.SIDES}) == len(roll.SIDES)


def test_what_was_measured_is_written_also_when_the_run_was_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables and picture into their places; with --json nothing but the document on standard output."""
    page, picture = tmp_path / "benchmarks.md", tmp_path / "peers.png"
    page.write_text(f"before\n\n{main_module.PLACE}\n\nafter\n", encoding="utf-8")
    monkeypatch.setattr(main_module, "PAGE", page)
    monkeypatch.setattr(main_module, "PICTURE", picture)
    monkeypatch.setattr("benchmarks.peers.page.version_of", lambda side: "1.0")
    results = main_module.Results(roll.SIDES, [a_run("floor"), a_run("ours")])

    main_module.report(argparse.Namespace(json=True, write=True), Cores(0, 1), results)
    assert json.loads(capsys.readouterr().out)["whole"] is False
    assert "The run was interrupted" in page.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").endswith("\n\nafter\n")
    assert picture.exists()
