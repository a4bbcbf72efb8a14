"""Every doubt: raised by the figure that should raise it, and by no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loadgen.dialects.script import PublishScript
from loadgen.errors import ErrorKind
from loadgen.measure.doubts import (
    Doubt,
    DoubtCode,
    Evidence,
    JudgedQuantile,
    Severity,
    doubts_about,
)
from loadgen.measure.histogram import Histogram
from loadgen.measure.record import Death
from loadgen.measure.tally import Count, Metric, Note, Tally
from tests.support.simulator import MS, RELAY, Simulation, in_time


def a_tally(*, late_ms: float = 0.1, delivery_ms: float = 5.0, lag_ms: float = 0.5, unsent_by_us: int = 0) -> Tally:
    """A thousand messages of a run in good order, but for what is asked."""
    tally = Tally(0)
    for _ in range(1_000):
        tally.metrics[Metric.SEND_LATENESS].record(round(late_ms * MS))
        tally.metrics[Metric.DELIVERY_TIME].record(round(delivery_ms * MS))
        tally.metrics[Metric.LOOP_LAG].record(round(lag_ms * MS))
    tally.counts[Count.USERS_PLANNED] = tally.counts[Count.CONNECTIONS_PLANNED] = 100
    tally.counts[Count.MESSAGES_DUE] = tally.counts[Count.DELIVERIES_EXPECTED] = 1_000
    tally.counts[Count.MESSAGES_SENT] = tally.counts[Count.DELIVERIES_RECEIVED] = 1_000 - unsent_by_us
    tally.counts[Note.UNSENT_BY_US] = unsent_by_us
    return tally


def found(tally: Tally, **evidence: object) -> list[tuple[DoubtCode, Severity]]:
    """Codes and severities."""
    return [(doubt.code, doubt.severity) for doubt in raised(tally, **evidence)]


def raised(tally: Tally, **evidence: object) -> list[Doubt]:
    """The doubts about a tally."""
    return doubts_about(Evidence(tally=tally, **evidence))  # type: ignore[arg-type]


def test_a_good_run_raises_no_doubt() -> None:
    """In the simulator nothing is late and nothing is missing."""
    assert raised(Simulation(fate=in_time(5 * MS)).run(), sockets_per_process=1_000) == []


@pytest.mark.parametrize(
    ("late_ms", "delivery_ms", "severity"),
    [
        (1.9, 5, None),
        (2.1, 5, Severity.WARNING),
        (10.5, 5, Severity.FATAL),
        (10.5, 200, None),
        (25, 200, Severity.WARNING),
        (55, 200, Severity.FATAL),
    ],
)
def test_a_late_generator_is_doubted_by_what_it_spoils(
    late_ms: float, delivery_ms: float, severity: Severity | None
) -> None:
    """To be 10 ms late ruins a median of 5 ms, and says little about one of 200 ms."""
    expected = [] if severity is None else [(DoubtCode.GENERATOR_LATE, severity)]

    assert found(a_tally(late_ms=late_ms, delivery_ms=delivery_ms)) == expected


def a_hiccup(*, ours_ms: float, servers_ms: float) -> Tally:
    """Of ten thousand deliveries that take 5 ms, sixty take longer: they left late, or the server was slow."""
    tally = Tally(0)
    for metric, slow_ms in (
        (Metric.SEND_LATENESS, ours_ms),
        (Metric.DELIVERY_SERVICE_TIME, 5 + servers_ms),
        (Metric.DELIVERY_TIME, 5 + ours_ms + servers_ms),
    ):
        usual_ms = 0.1 if metric is Metric.SEND_LATENESS else 5
        tally.metrics[metric].record_many(np.array([usual_ms * MS] * 9_940 + [slow_ms * MS] * 60, np.int64))
    return tally


def p999(limit_ms: float | None) -> JudgedQuantile:
    """A budget on the p99.9 of the delivery time."""
    return JudgedQuantile(
        "delivery_time: p(99.9) < N", Metric.DELIVERY_TIME, 0.999, None, None if limit_ms is None else limit_ms * MS
    )


def test_a_budget_that_lateness_alone_has_broken_is_no_failure_of_the_servers() -> None:
    """A worker that stood still for a moment: p99 of the lateness is in order, and the p99.9 that is judged is ours."""
    tally = a_hiccup(ours_ms=200, servers_ms=0)

    (doubt,) = raised(tally, judged_quantiles=(p999(100),))
    assert (doubt.code, doubt.severity) == (DoubtCode.GENERATOR_LATE, Severity.FATAL)
    assert "p(99.9) < N" in doubt.detail
    assert "205.0 ms from when they were due, and 5.0 ms from when they were sent" in doubt.detail


@pytest.mark.parametrize(
    ("ours_ms", "servers_ms", "limit_ms"),
    [
        (200, 0, 300),  # held all the same
        (200, 0, None),
        (0, 200, 100),  # the server's
        (200, 200, 100),  # the server would have broken it without us
        (9, 90, 100),  # a little late, as anybody may be
    ],
)
def test_a_server_that_would_have_broken_its_budget_anyway_is_not_excused(
    ours_ms: float, servers_ms: float, limit_ms: float | None
) -> None:
    """Nor is anything doubted where the budget held."""
    assert found(a_hiccup(ours_ms=ours_ms, servers_ms=servers_ms), judged_quantiles=(p999(limit_ms),)) == []


def test_a_late_generator_in_the_simulator_is_doubted() -> None:
    """The same from a whole run."""
    tally = Simulation(late_by_ns=30 * MS, fate=in_time(5 * MS), rate_per_s=100).run()

    assert found(tally) == [(DoubtCode.GENERATOR_LATE, Severity.FATAL)]


@pytest.mark.parametrize(
    ("cpu_ratio", "severity"),
    [(0.80, None), (0.81, Severity.WARNING), (0.95, Severity.WARNING), (0.96, Severity.FATAL)],
)
def test_a_worker_that_fills_its_core_is_doubted(cpu_ratio: float, severity: Severity | None) -> None:
    """The busiest one counts, however idle the others are."""
    doubts = raised(a_tally(), worker_cpu_ratios={4101: 0.2, 4102: cpu_ratio, 4103: 0.3})

    assert [doubt.severity for doubt in doubts] == ([] if severity is None else [severity])
    assert all(doubt.code is DoubtCode.GENERATOR_CPU_BOUND for doubt in doubts)
    assert all("worker 4102" in doubt.detail for doubt in doubts)


def test_a_generator_that_is_kept_busy_by_other_frames_says_so() -> None:
    """A target that floods is as much the cause as a generator that is slow; the figures tell which it was."""
    tally = a_tally(lag_ms=30)
    tally.counts[Count.FRAMES_RECEIVED] = 10_000
    assert all("frames" not in doubt.detail for doubt in raised(tally, worker_cpu_ratios={4101: 0.99}))

    tally.counts[Count.FRAMES_RECEIVED] = 2_000_000
    doubts = raised(tally, worker_cpu_ratios={4101: 0.99})
    assert {doubt.code for doubt in doubts} == {DoubtCode.GENERATOR_CPU_BOUND, DoubtCode.LOOP_LAG}
    assert all("of 2,000,000 frames that came meanwhile 1,000 were deliveries" in doubt.detail for doubt in doubts)


@pytest.mark.parametrize(("lag_ms", "severity"), [(4.9, None), (6, Severity.WARNING), (21, Severity.FATAL)])
def test_a_stalled_event_loop_is_doubted(lag_ms: float, severity: Severity | None) -> None:
    """A generator that is not running cannot see when things arrive."""
    expected = [] if severity is None else [(DoubtCode.LOOP_LAG, severity)]

    assert found(a_tally(lag_ms=lag_ms)) == expected


@pytest.mark.parametrize(
    ("unsent", "severity"),
    [
        (0, None),
        (1, Severity.NOTE),
        (5, Severity.NOTE),
        (6, Severity.WARNING),
        (20, Severity.WARNING),
        (21, Severity.FATAL),
    ],
)
def test_messages_that_we_did_not_send_are_doubted(unsent: int, severity: Severity | None) -> None:
    """Offered load that was not offered."""
    expected = [] if severity is None else [(DoubtCode.SCHEDULE_UNMET, severity)]

    assert found(a_tally(unsent_by_us=unsent)) == expected


def test_messages_that_the_server_made_impossible_are_no_doubt() -> None:
    """A closed socket is the server's doing: data."""
    tally = a_tally()
    tally.counts[Count.MESSAGES_UNSENT] = 500

    assert found(tally) == []


def test_users_away_by_plan_are_no_part_of_the_schedule() -> None:
    """Of 500 messages that somebody was there to send, 6 are more than 1 %; of all 1,000 they would be less."""
    tally = a_tally(unsent_by_us=6)
    assert "6 of 1,000" in raised(tally)[0].detail

    tally.counts[Note.UNSENT_AWAY] = 500
    assert "6 of 500" in raised(tally)[0].detail


def test_a_run_whose_users_were_all_away_has_no_schedule_to_meet() -> None:
    """Nothing is divided by nothing."""
    tally = a_tally()
    tally.counts[Note.UNSENT_AWAY] = 1_000

    assert found(tally) == []


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        (ErrorKind.LIMIT_DESCRIPTORS, "ulimit -n"),
        (ErrorKind.LIMIT_PORTS, "ip_local_port_range"),
        (ErrorKind.LIMIT_MEMORY, "memory"),
    ],
)
def test_a_limit_of_ours_is_fatal(kind: ErrorKind, advice: str) -> None:
    """Whenever it is met, and the advice is that limit's own."""
    tally = a_tally()
    tally.error(kind, "measure", "in the way")
    (doubt,) = raised(tally)

    assert (doubt.code, doubt.severity) == (DoubtCode.LIMIT_HIT, Severity.FATAL)
    assert "in the way" in doubt.detail
    assert advice in doubt.advice


@pytest.mark.parametrize(
    "limit",
    [
        {"sockets_per_process": 1_000},
        {"ports_per_address": 1_000},
        {"sockets_per_process": 250, "process_count": 4},
        {"ports_per_address": 500, "address_pair_count": 2},
    ],
)
def test_a_limit_that_is_near_is_a_warning(limit: dict[str, int]) -> None:
    """From nine tenths of what one process may open, or one source address may use."""
    tally = a_tally()
    tally.counts[Count.CONNECTIONS_PLANNED] = 900
    assert found(tally, **limit) == []

    tally.counts[Count.CONNECTIONS_PLANNED] = 901
    assert found(tally, **limit) == [(DoubtCode.LIMIT_HIT, Severity.WARNING)]


def test_users_we_never_got_round_to_are_fatal() -> None:
    """Who was never there loads no server; who stopped the run knows."""
    assert found(a_tally(), users_never_tried=0) == []
    assert found(a_tally(), users_never_tried=1) == [(DoubtCode.USERS_MISSING, Severity.FATAL)]
    assert found(a_tally(), users_never_tried=1, interrupted=True) == [(DoubtCode.INTERRUPTED, Severity.NOTE)]


@pytest.mark.parametrize("phase", ["login", "connect"])
def test_users_kept_out_by_a_limit_of_ours_are_missing(phase: str) -> None:
    """It was not the server that turned them away."""
    tally = a_tally()
    tally.error(ErrorKind.LIMIT_DESCRIPTORS, phase, "too many open files")

    assert found(tally) == [(DoubtCode.LIMIT_HIT, Severity.FATAL), (DoubtCode.USERS_MISSING, Severity.FATAL)]
    assert "1 of 100 users" in raised(tally)[1].detail


@pytest.mark.parametrize("kind", [ErrorKind.REFUSED, ErrorKind.HTTP_5XX, ErrorKind.CLOSE_1006, ErrorKind.TIMEOUT])
def test_what_a_server_does_wrong_is_no_doubt(kind: ErrorKind) -> None:
    """A benchmark of a broken server is a result."""
    tally = a_tally()
    tally.error(kind, "measure", "no")

    assert found(tally) == []


def test_a_run_in_which_nothing_was_recognised_is_fatal() -> None:
    """Messages went out and nothing came back that we know: the dialect is wrong, or the server is deaf."""
    silent = Simulation(fate=lambda m, r: []).run()
    assert found(silent) == [(DoubtCode.NO_DELIVERIES, Severity.FATAL)]

    silent.error(ErrorKind.TEXT_CHANGED, "measure", "the server changed a text")
    assert found(silent) == [(DoubtCode.NO_DELIVERIES, Severity.FATAL)]

    silent.error(ErrorKind.CLOSE_1008, "measure", "go away")
    assert found(silent) == []


def test_one_delivery_is_enough_to_trust_the_dialect() -> None:
    """What a server loses is data."""
    assert found(Simulation(fate=lambda m, r: [5 * MS] if m == r == 0 else []).run()) == []


def test_a_run_without_messages_expects_no_deliveries() -> None:
    """A plan may be about connections alone."""
    assert found(Simulation(rate_per_s=0.1, seconds=0).run()) == []


def test_a_worker_that_died_is_named_with_how_it_ended() -> None:
    """Whoever looks for the reason begins with the signal and the log."""
    deaths = (Death(4102, "killed by SIGKILL"), Death(4103, "did not answer for 5 s"))
    (doubt,) = raised(a_tally(), deaths=deaths)

    assert (doubt.code, doubt.severity) == (DoubtCode.WORKER_DIED, Severity.FATAL)
    assert "worker 4102: killed by SIGKILL, worker 4103: did not answer for 5 s" in doubt.detail


def test_a_quantile_with_too_few_samples_is_fatal_for_its_budget() -> None:
    """Ten samples must lie beyond it; the doubt says how many there were, and how many are needed."""
    tally = Simulation().run()  # 100 deliveries
    p90, p95 = (JudgedQuantile(f"delivery_time: p({n}) < 1s", Metric.DELIVERY_TIME, n / 100) for n in (90, 95))
    assert found(tally, judged_quantiles=(p90,)) == []

    (doubt,) = raised(tally, judged_quantiles=(p90, p95))
    assert (doubt.code, doubt.severity) == (DoubtCode.TOO_FEW_SAMPLES, Severity.FATAL)
    assert '"delivery_time: p(95) < 1s" has 100 samples and needs 200' in doubt.detail
    assert "p(90)" not in doubt.detail


@pytest.mark.parametrize(("q", "needed"), [(0.5, "20"), (0.9, "100"), (0.99, "1,000"), (0.999, "10,000")])
def test_the_samples_a_quantile_needs_are_told_exactly(q: float, needed: str) -> None:
    """With one fewer there is no data, with so many there is."""
    tally = Tally(0)
    judged = (JudgedQuantile("ack_time: p(N) < 1s", Metric.ACK_TIME, q),)
    for _ in range(int(needed.replace(",", "")) - 1):
        tally.metrics[Metric.ACK_TIME].record(MS)
    assert f"needs {needed}" in raised(tally, judged_quantiles=judged)[0].detail

    tally.metrics[Metric.ACK_TIME].record(MS)
    assert found(tally, judged_quantiles=judged) == []


def test_a_metric_without_samples_is_not_short_of_them() -> None:
    """A budget on acknowledgements of a server that sends none has no data for another reason."""
    script = replace(RELAY, publish=PublishScript(send="SAY {room} {id} {text}"))
    tally = Simulation(script=script).run()

    assert found(tally, judged_quantiles=(JudgedQuantile("ack_time: p(99) < 1s", Metric.ACK_TIME, 0.99),)) == []


def test_the_samples_of_a_slice_are_counted_by_themselves() -> None:
    """The whole run has enough; the doubt names the slice, which has not."""
    tally = Tally(0)
    for part in (tally.metrics[Metric.DELIVERY_TIME], tally.of_slice("room: large").of(Metric.DELIVERY_TIME)):
        for _ in range(100):
            part.record(MS)
    tally.metrics[Metric.DELIVERY_TIME].record_many(np.full(10_000, MS))
    expression = "delivery_time{room: large}: p(99) < 1s"
    judged = JudgedQuantile(expression, Metric.DELIVERY_TIME, 0.99, "room: large")
    nobody = JudgedQuantile("delivery_time{stage: 2}: p(99) < 1s", Metric.DELIVERY_TIME, 0.99, "stage: 2")

    assert f'"{expression}" has 100 samples and needs 1,000' in raised(tally, judged_quantiles=(judged,))[0].detail
    assert found(tally, judged_quantiles=(nobody,)) == []
    assert "stage: 2" not in tally.slices


def test_times_across_hosts_are_left_out_and_that_is_said() -> None:
    """Two clocks whose offset nobody knows measure nothing."""
    assert found(a_tally(), deliveries_untimed=0) == []
    assert found(a_tally(), deliveries_untimed=1) == [(DoubtCode.MIXED_HOSTS, Severity.WARNING)]


@pytest.mark.parametrize(("ratio", "severity"), [(None, None), (0.10, None), (0.11, Severity.WARNING)])
def test_a_machine_that_others_use_is_doubted(ratio: float | None, severity: Severity | None) -> None:
    """Whether they were in the way, lateness decides: so this is a warning however much they used."""
    expected = [] if severity is None else [(DoubtCode.MACHINE_BUSY, severity)]

    assert found(a_tally(), others_cpu_ratio=ratio) == expected


def test_messages_of_another_run_are_noted() -> None:
    """Somebody else talks to the same server, or its rooms have a memory."""
    tally = a_tally()
    tally.counts[Note.FOREIGN_MARKERS] = 1

    assert found(tally) == [(DoubtCode.FOREIGN_TRAFFIC, Severity.NOTE)]


def test_long_pauses_of_the_collector_are_noted() -> None:
    """How many, and the longest; short ones are every program's."""
    pauses_ns = Histogram()
    assert found(a_tally(), gc_pauses_ns=pauses_ns) == []
    for pause_ms in (0.2, 4.9):
        pauses_ns.record(round(pause_ms * MS))
    assert found(a_tally(), gc_pauses_ns=pauses_ns) == []

    for pause_ms in (5.1, 12):
        pauses_ns.record(round(pause_ms * MS))
    (doubt,) = raised(a_tally(), gc_pauses_ns=pauses_ns)
    assert (doubt.code, doubt.severity) == (DoubtCode.GC_PAUSE, Severity.NOTE)
    assert "2 times for more than 5 ms, 12.0 ms at the longest" in doubt.detail


@pytest.mark.parametrize(
    ("extensions", "noted"),
    [(None, False), ("", False), ("x-other", False), ("permessage-deflate; server_no_context_takeover", True)],
)
def test_compressed_connections_are_noted(extensions: str | None, noted: bool) -> None:
    """They are another benchmark than plain ones."""
    expected = [(DoubtCode.COMPRESSION_NEGOTIATED, Severity.NOTE)] if noted else []

    assert found(a_tally(), extensions=extensions) == expected


@pytest.mark.parametrize(
    ("seen_per_s", "calibrated_per_s", "doubted"),
    [(100_000, 100_000, False), (100_001, 100_000, True), (100_001, None, False), (None, 100_000, False)],
)
def test_more_than_calibration_ever_reached_is_doubted(
    seen_per_s: float | None, calibrated_per_s: float | None, doubted: bool
) -> None:
    """How far our figures are from the truth is not known there; where nobody has looked, there is nothing to doubt."""
    doubts = raised(a_tally(), deliveries_per_s=seen_per_s, calibrated_deliveries_per_s=calibrated_per_s)

    expected = [(DoubtCode.BEYOND_CALIBRATION, Severity.WARNING)] if doubted else []
    assert [(doubt.code, doubt.severity) for doubt in doubts] == expected
    assert all("100,001 deliveries a second, more than the 100,000" in doubt.detail for doubt in doubts)


def test_many_users_without_a_join_are_noted() -> None:
    """Such a server may tell everybody about everybody: frames that no message asked for."""
    tally = a_tally()
    tally.counts[Count.USERS_PLANNED] = 2_000
    assert found(tally, dialect_has_join=False) == []

    tally.counts[Count.USERS_PLANNED] = 2_001
    assert found(tally, dialect_has_join=True) == []
    assert found(tally, dialect_has_join=False) == [(DoubtCode.QUADRATIC_JOINS, Severity.NOTE)]


@pytest.mark.parametrize(
    ("evidence", "code", "severity"),
    [
        ({"interrupted": True}, DoubtCode.INTERRUPTED, Severity.NOTE),
        ({"deaths": (Death(1, "exit code 1"),)}, DoubtCode.WORKER_DIED, Severity.FATAL),
        ({"target_died": "killed by SIGKILL"}, DoubtCode.TARGET_RESTARTED, Severity.FATAL),
    ],
)
def test_a_run_that_did_not_end_as_planned_says_so(
    evidence: dict[str, object], code: DoubtCode, severity: Severity
) -> None:
    """Whatever ended it."""
    assert found(a_tally(), **evidence) == [(code, severity)]


def test_times_that_run_backwards_are_fatal() -> None:
    """One clock cannot do this: what arrives before it was sent proves that something is wrong with it."""
    tally = Simulation(fate=lambda m, r: [-1 * MS] if m == r == 0 else [5 * MS]).run()

    assert found(tally) == [(DoubtCode.CLOCK_BACKWARDS, Severity.FATAL)]


def test_fatal_doubts_come_first_and_all_carry_figure_and_advice() -> None:
    """What is printed first is what matters most, and each says what to do."""
    doubts = raised(a_tally(late_ms=3, lag_ms=30), interrupted=True)

    assert [doubt.severity for doubt in doubts] == [Severity.FATAL, Severity.WARNING, Severity.NOTE]
    assert "30.0 ms" in doubts[0].detail
    assert all(doubt.advice for doubt in doubts)


def test_one_hiccup_in_a_short_run_is_no_doubt_and_two_are() -> None:
    """The largest of a few samples says nothing of the rest."""
    tally = Tally(0)
    for lag_ms in (*[0.5] * 40, 60):
        tally.metrics[Metric.LOOP_LAG].record(round(lag_ms * MS))
    assert found(tally) == []

    tally.metrics[Metric.LOOP_LAG].record(60 * MS)
    assert found(tally) == [(DoubtCode.LOOP_LAG, Severity.FATAL)]
