"""Injected beside measured: the comparison is exact, and what it comes to is said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loadgen.measure.histogram import Histogram
from reports import calibration_page
from reports.calibration import carried_per_s, quotation, quoted
from reports.calibration_findings import Blamed, Fault, Frozen, Setting
from reports.calibration_summary import lines_of, summarise
from reports.calibration_truth import (
    accuracy_of,
    blamed_of,
    burst_of,
    counts_of,
    floor_of,
    freeze_of,
    injected_counts,
    measured_part,
    middle_of,
    quantile_ns,
    service_times_ns,
)
from reports.figures import metric_of
from reports.page import render
from reports.truth import Truth, TruthError, read_truth
from tests.support.calibrations import FINDINGS, RUNS, a_calibration, a_count, an_accuracy
from tests.support.documents import a_document
from tests.support.truth_logs import MS, USERS, S, TruthLog, a_log

SETTING = Setting("a run", "no delay", 1, "picows", 3, 100.0, rooms=1)


def truth_of(log: TruthLog) -> Truth:
    """What a log says."""
    return read_truth(log.lines)


def a_result(times_ns: list[int], *, messages_sent: int, **counters: int) -> dict[str, Any]:
    """A result document with those service times."""
    histogram = Histogram()
    histogram.record_many(np.array(times_ns, np.int64))
    zeros = {f"deliveries_{fault}": 0 for fault in Fault}
    return {
        "metrics": {"delivery_service_time": metric_of(histogram), "delivery_time": metric_of(histogram)},
        "counters": {"messages_sent": messages_sent} | zeros | counters,
        "rates": {"window_s": 10.0, "deliveries_received_per_s": len(times_ns) / 10},
    }


# --- times ------------------------------------------------------------------------------------------------------


def test_a_service_time_is_from_the_generators_sending_to_the_targets() -> None:
    """Of each delivery; extra copies have none."""
    log = TruthLog()
    log.message(0, {USERS[0]: 1.0, USERS[1]: 2.5})
    log.entries[0]["deliveries"]["copies"] = [0, 3]

    assert service_times_ns(truth_of(log).messages) == [1 * MS, 2.5 * MS]


def test_only_messages_due_in_the_measured_window_are_compared() -> None:
    """Those of the warm-up come first, whatever order the target took them in."""
    log = a_log(5)
    log.message(60)
    log.entries[-1].pop("marker")  # somebody else's

    part = measured_part(truth_of(log), a_result([], messages_sent=2))

    assert [message.number for message in part] == [3, 4]


def test_a_log_with_fewer_messages_than_were_sent_is_refused() -> None:
    """It cannot be the log of that run."""
    with pytest.raises(TruthError, match="4 messages were sent in the measured window, and it holds 3"):
        measured_part(truth_of(a_log(3)), a_result([], messages_sent=4))


def test_the_exact_quantile_follows_the_rule_of_the_histogram() -> None:
    """Both are None with fewer than 10 samples beyond, and else within a bucket of one another."""
    rng = np.random.default_rng(7)
    for count in (1, 19, 20, 100, 1_000, 12_345):
        times_ns = sorted(rng.lognormal(16, 0.5, count).astype(np.int64).tolist())
        histogram = Histogram()
        histogram.record_many(np.array(times_ns, np.int64))
        for q in (0.5, 0.9, 0.99, 0.999):
            exact, rough = quantile_ns(times_ns, q), histogram.quantile_ns(q)
            assert (exact is None) == (rough is None)
            assert exact is None or rough is None or exact <= rough <= exact * 1.001


def test_each_quantile_is_set_beside_the_truth() -> None:
    """Error in microseconds and as a ratio; allowed is 1 % or 100 us, whichever is more."""
    log = TruthLog()
    for number in range(400):
        # Half of all deliveries take 1 ms, half 20 ms.
        log.message(number, dict.fromkeys(USERS, 1.0 if number % 2 else 20.0))
    seen_ns = [ns + 150_000 for ns in service_times_ns(truth_of(log).messages)]

    p50, p90, p99 = accuracy_of(SETTING, truth_of(log), a_result(seen_ns, messages_sent=400), None)

    assert [row.quantile for row in (p50, p90, p99)] == ["p50", "p90", "p99"]  # 10 of 1,200 do not lie beyond p99.9
    assert (p50.injected_ms, p90.injected_ms) == (1.0, 20.0)
    assert p50.error_us == pytest.approx(150, abs=2)
    assert p50.error_ratio == pytest.approx(0.15, abs=0.002)
    assert (p50.allowed_us, p50.within) == (100.0, False)
    assert (p90.allowed_us, p90.within) == (200.0, True)


def test_too_early_is_as_wrong_as_too_late() -> None:
    """A delivery cannot have come before it was sent."""
    log = a_log(10)
    seen_ns = [ns - 200_000 for ns in service_times_ns(truth_of(log).messages)]

    (p50,) = accuracy_of(SETTING, truth_of(log), a_result(seen_ns, messages_sent=10), None)

    assert p50.error_us < -100
    assert not p50.within


def test_what_the_way_itself_takes_is_allowed_for() -> None:
    """The smallest of programs is not told any sooner; where too little was sent to know, nothing is allowed for."""
    log = a_log(10)
    times_ns = service_times_ns(truth_of(log).messages)
    floor = floor_of(SETTING, [40_000] * 1_000)

    (p50,) = accuracy_of(SETTING, truth_of(log), a_result([ns + 130_000 for ns in times_ns], messages_sent=10), floor)

    assert (floor.p50_us, floor.p99_us, floor.p99_9_us) == (40.0, 40.0, None)
    assert p50.error_us > 120
    assert (p50.floor_us, p50.allowed_us, p50.within) == (40.0, 140.0, True)


def test_of_three_attempts_the_middle_one_holds() -> None:
    """Quantile by quantile: a machine that stood still for once is not our error."""
    errors_us = ((300.0, 40.0), (50.0, 700.0), (60.0, 50.0))
    attempts = [
        [
            an_accuracy("a run", "p50", injected_ms=1, error_us=p50_us),
            an_accuracy("a run", "p99", injected_ms=3, error_us=p99_us),
        ]
        for p50_us, p99_us in errors_us
    ]

    p50, p99 = middle_of(attempts)

    assert (p50.error_us, p99.error_us) == (60.0, 50.0)
    assert p50.attempts == p99.attempts == 3


@pytest.mark.parametrize(
    ("verdict", "side", "held"),
    [
        ("invalid", "generator", True),
        ("invalid", "server", False),
        ("fail", "generator", False),
        ("invalid", None, False),
    ],
)
def test_the_right_side_is_to_be_blamed(verdict: str, side: str | None, held: bool) -> None:
    """What is too much for the generator is never the server's failure."""
    document = {"verdict": verdict, "limit": {"side": side}}

    assert blamed_of("too much", document, side="generator", believed=False).held is held


@pytest.mark.parametrize("missing", [1, 30])
def test_deliveries_that_one_side_does_not_know_of_are_not_compared(missing: int) -> None:
    """Quantiles of two different sets say nothing of one another."""
    log = a_log(10)
    seen_ns = service_times_ns(truth_of(log).messages)[missing:]

    with pytest.raises(TruthError, match="a run: "):
        accuracy_of(SETTING, truth_of(log), a_result(seen_ns, messages_sent=10), None)


# --- counts -----------------------------------------------------------------------------------------------------


def counts_in(log: TruthLog) -> tuple[int, int, int]:
    """Lost, duplicated and reordered, with a deadline of a second."""
    counts = injected_counts(truth_of(log), 1 * S)
    return counts[Fault.LOST], counts[Fault.DUPLICATED], counts[Fault.REORDERED]


def test_a_target_that_does_no_wrong_has_no_counts() -> None:
    """Messages of somebody else are none of ours."""
    log = a_log()
    log.message(50, {}, dropped=list(USERS))
    del log.entries[-1]["marker"]

    assert counts_in(log) == (0, 0, 0)


def test_what_was_dropped_or_never_sent_is_lost() -> None:
    """Also what was held back until its receiver had gone, long after it was late."""
    log = a_log()
    log.message(50, {USERS[0]: 1.0}, dropped=[USERS[1]], gone=[USERS[2]])
    log.event("gone", user=USERS[2], at_ns=9 * S, code=1000)

    assert counts_in(log) == (2, 0, 0)


def test_whose_socket_was_gone_before_the_message_was_late_is_excused() -> None:
    """Our books do not call that a loss of the server's."""
    log = TruthLog()
    for at_ms in (0, 2_000, 4_000):
        log.message(at_ms, {}, dropped=[USERS[1]])
    log.event("gone", user=USERS[1], at_ns=log.started_ns + 2_500 * MS, code=1006)
    log.event("gone", user=USERS[0], at_ns=log.started_ns + 4_500 * MS, code=1006)

    assert counts_in(log) == (2, 0, 0)


def test_every_extra_copy_is_a_duplicate() -> None:
    """And no delivery of its own."""
    log = a_log(1)
    log.entries[0]["deliveries"]["copies"] = [0, 1, 2]

    assert counts_in(log) == (0, 3, 0)


def test_a_delivery_after_a_later_message_is_reordered_once() -> None:
    """However many have overtaken it, and at that receiver only."""
    log = TruthLog()
    log.message(0, {USERS[0]: 1.0, USERS[1]: 35.0})
    for at_ms in (10, 20, 30):
        log.message(at_ms, {USERS[0]: 1.0, USERS[1]: 1.0})

    assert counts_in(log) == (0, 0, 1)


def test_counts_are_exact_or_not() -> None:
    """A row for each kind of fault."""
    log = a_log()
    log.message(50, {USERS[0]: 1.0}, dropped=[USERS[1]])
    result = a_result([], messages_sent=4, deliveries_lost=1, deliveries_reordered=1)

    rows = counts_of(SETTING, truth_of(log), result, 1 * S)

    assert [(row.fault, row.injected, row.counted, row.exact) for row in rows] == [
        (Fault.LOST, 1, 1, True),
        (Fault.DUPLICATED, 0, 0, True),
        (Fault.REORDERED, 0, 1, False),
    ]


@pytest.mark.parametrize(("p95_ms", "lost", "held"), [(400, 0, True), (300, 0, False), (400, 1, False)])
def test_a_stall_must_show_and_lose_nothing(p95_ms: int, lost: int, held: bool) -> None:
    """More than 350 ms of a second in ten."""
    log = a_log()
    log.event("freeze", from_ns=2 * S, to_ns=3 * S)
    result = a_result([p95_ms * MS] * 300, messages_sent=3, deliveries_lost=lost)

    freeze = freeze_of(truth_of(log), result)

    assert (freeze.frozen_ms, freeze.held) == (1_000.0, held)


def test_a_target_that_never_stood_still_proves_nothing() -> None:
    """The file asked for it, and the log does not know of it."""
    with pytest.raises(TruthError, match="never stood still"):
        freeze_of(truth_of(a_log()), a_result([400 * MS] * 300, messages_sent=3))


# --- the verdict ------------------------------------------------------------------------------------------------


def test_a_calibration_passes_when_all_is_as_it_should_be() -> None:
    """And has no reasons."""
    document = a_calibration()

    assert (document["verdict"], document["reasons"]) == ("pass", [])
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"accuracy": (an_accuracy(RUNS[0], "p99", injected_ms=5, error_us=140, within=False),)},
            "1 of 1 quantiles are further off than 1 % or 100 us, and the way itself; the worst: no delay, 1 process, "
            "picows, p99, +140 us of 130 allowed",
        ),
        (
            {"counts": (a_count(Fault.LOST, counted=61),)},
            "counts, 1 process, picows: 60 deliveries were lost, and 61 were counted",
        ),
        ({"freeze": Frozen(1_000, 10, 12, 2, 3, held=False)}, "a stall of 1,000 ms: delivery time p95 was 12.0 ms"),
        ({"jitter": replace(FINDINGS.jitter, send_lateness_p99_ms=1.0)}, "the generator sent 1.00 ms late"),
        (
            {"blamed": (Blamed("too much", "valid, server", "invalid, generator", held=False),)},
            "too much: expected to be valid, server, and it was invalid, generator",
        ),
    ],
)
def test_what_is_not_as_it_should_be_fails(changes: dict[str, Any], reason: str) -> None:
    """And says what."""
    document = a_calibration(**changes)

    assert document["verdict"] == "fail"
    assert len(document["reasons"]) == 1
    assert reason in document["reasons"][0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"others_cpu_ratio": 0.11}, "other programs used 11 % of this machine's CPU"),
        ({"troubles": ("a run: the log was cut short",)}, "a run: the log was cut short"),
        ({"accuracy": ()}, "not everything was measured"),
        ({"freeze": None}, "not everything was measured"),
        ({"ceiling": replace(FINDINGS.ceiling, deliveries_per_s_per_process=None)}, "ceiling was not found"),
    ],
)
def test_what_cannot_be_believed_is_never_green(changes: dict[str, Any], reason: str) -> None:
    """Nor is it a failure: invalid comes first."""
    document = a_calibration(**changes, counts=(a_count(Fault.LOST, counted=61),))

    assert document["verdict"] == "invalid"
    assert reason in document["reasons"][0]


# --- what is read -----------------------------------------------------------------------------------------------


def test_the_summary_names_each_run_once() -> None:
    """Its quantiles stand below one another."""
    summary = summarise(a_calibration())

    assert [row.run for row in summary.quantiles] == [RUNS[0], "", "", "", RUNS[1], "", "", ""]
    assert [row.quantile for row in summary.quantiles[:4]] == ["p50", "p90", "p99", "p99.9"]
    assert (summary.quantiles[2].error, summary.quantiles[2].percent) == ("-63 us", "-1.92 %")
    assert str(summary.headline).startswith("PASS - every quantile was as near to the truth as it must be")
    assert "81.0 us off at the most" in summary.headline.sentence


def test_the_lines_say_what_is_wrong() -> None:
    """In the table, and at the end."""
    document = a_calibration(
        accuracy=(an_accuracy(RUNS[0], "p99", injected_ms=5, error_us=140, within=False),),
        counts=(a_count(Fault.LOST, counted=61),),
    )

    lines = list(lines_of(document))

    assert [line for line in lines if "TOO FAR OFF" in line] == [lines[2]]
    assert lines[1] == RUNS[0]
    assert any(line.endswith("NOT EXACT") for line in lines)
    assert any(line.startswith("FAIL - 1 of 1 quantiles") for line in lines)


@pytest.mark.parametrize("document", [a_calibration(), a_calibration(accuracy=(), counts=(), freeze=None)])
def test_no_line_is_longer_than_a_terminal_is_wide(document: dict[str, Any]) -> None:
    """80 columns: half a screen beside an editor."""
    assert max(map(len, lines_of(document))) <= 80


EMPTY = a_calibration(
    ceiling=replace(FINDINGS.ceiling, deliveries_per_s_per_process=None, curve=()),
    accuracy=(),
    counts=(),
    freeze=None,
    others_cpu_ratio=None,
    troubles=('a run: <b>"odd" & long</b>',),
)


@pytest.mark.parametrize("document", [a_calibration(), EMPTY])
def test_the_page_asks_nothing_of_a_network(document: dict[str, Any]) -> None:
    """One file, also where there is nothing to show; what was said elsewhere is text."""
    page = calibration_page.render(document)

    assert document["verdict"].upper() in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert "<b>" not in page


# --- what later runs quote --------------------------------------------------------------------------------------


def test_a_run_quotes_the_calibration_of_its_machine() -> None:
    """The largest error of each quantile, whichever way, and what a process carried."""
    quote = quoted(a_calibration())

    assert quote == {
        "created_at": "2026-02-03T10:20:30+00:00",
        "verdict": "pass",
        "deliveries_per_s_per_process": 150_000.0,
        "error_p50_us": 41,
        "error_p90_us": 52,
        "error_p99_us": 63.4,
        "error_p99_9_us": 81,
    }
    assert quotation({"calibration": quote}) == (
        "On this machine quantiles were within 81.0 us of the truth, up to 150,000 deliveries/s a process "
        "(calibrated 2026-02-03)."
    )


def test_a_calibration_that_did_not_pass_is_quoted_as_such() -> None:
    """One that failed has figures all the same; one that is invalid has none."""
    failed = a_calibration(counts=(a_count(Fault.LOST, counted=61),))
    invalid = a_calibration(others_cpu_ratio=0.5)

    assert quotation({"calibration": quoted(failed)}).endswith("The calibration did not pass.")
    assert "too much was going on to believe it" in quotation({"calibration": quoted(invalid)})
    assert (carried_per_s(failed), carried_per_s(invalid), carried_per_s(None)) == (150_000.0, None, None)


@pytest.mark.parametrize("environment", [{}, {"calibration": None}])
def test_without_a_calibration_nothing_is_quoted(environment: dict[str, Any]) -> None:
    """Nothing is known, and nothing is said."""
    assert quotation(environment) == ""


def test_the_report_quotes_it_in_plain_words() -> None:
    """Below what held the run back."""
    document = a_document(environment={"calibration": quoted(a_calibration())})

    assert "quantiles were within 81.0 us of the truth" in render(document, plots=False)


def test_the_way_is_that_of_runs_with_as_many_processes_and_messages() -> None:
    """Of others it says nothing."""
    floor = floor_of(SETTING, [40_000] * 1_000)
    findings = replace(FINDINGS, floors=(floor,))

    assert findings.floor_of(SETTING) is floor
    assert findings.floor_of(replace(SETTING, processes=2)) is None
    assert findings.floor_of(replace(SETTING, rate_per_s=7.0)) is None


def test_a_way_that_was_hardly_measured_has_no_line() -> None:
    """None of its quantiles is known."""
    told = [fact.name for fact in summarise(a_calibration(floors=(floor_of(SETTING, [40_000] * 5),))).ceiling]

    assert not [name for name in told if name.startswith("the way itself")]


def test_a_room_that_is_told_at_once_shows_how_far_off_we_are() -> None:
    """By the error of its median and, where there are enough deliveries, of its p99."""
    truth = truth_of(a_log(300))
    times_ns = [round(each) for each in service_times_ns(truth.messages)]
    burst = burst_of(SETTING, truth, a_result(times_ns, messages_sent=300))

    assert (burst.transport, burst.receivers) == ("picows", 3)
    assert 0 <= burst.error_p50_us < 20
    with pytest.raises(TruthError, match="a run: too few deliveries to tell"):
        burst_of(SETTING, truth_of(a_log()), a_result([1_000_000] * 9, messages_sent=3))
