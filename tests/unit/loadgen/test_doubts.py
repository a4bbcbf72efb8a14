"""Every doubt: raised by the figure that should raise it, and by no other."""

from __future__ import annotations

import pytest

from loadgen.errors import ErrorKind
from loadgen.measure.doubts import Doubt, DoubtCode, Evidence, Severity, doubts_about
from loadgen.measure.tally import Count, Metric, Note, Tally
from tests.support.simulator import MS, Simulation, in_time


def a_tally(*, late_ms: float = 0.1, delivery_ms: float = 5.0, lag_ms: float = 0.5, unsent_by_us: int = 0) -> Tally:
    """A thousand messages of a run in good order, but for what is asked."""
    tally = Tally(0)
    for _ in range(1_000):
        tally.metrics[Metric.SEND_LATENESS].record(round(late_ms * MS))
        tally.metrics[Metric.DELIVERY_TIME].record(round(delivery_ms * MS))
        tally.metrics[Metric.LOOP_LAG].record(round(lag_ms * MS))
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


def test_a_late_generator_in_the_simulator_is_doubted() -> None:
    """The same from a whole run."""
    tally = Simulation(late_by_ns=30 * MS, fate=in_time(5 * MS), rate_per_s=100).run()

    assert found(tally) == [(DoubtCode.GENERATOR_LATE, Severity.FATAL)]


@pytest.mark.parametrize(("lag_ms", "severity"), [(4.9, None), (6, Severity.WARNING), (21, Severity.FATAL)])
def test_a_stalled_event_loop_is_doubted(lag_ms: float, severity: Severity | None) -> None:
    """A generator that is not running cannot see when things arrive."""
    expected = [] if severity is None else [(DoubtCode.LOOP_LAG, severity)]

    assert found(a_tally(lag_ms=lag_ms)) == expected


@pytest.mark.parametrize(
    ("unsent", "severity"), [(0, None), (1, Severity.NOTE), (6, Severity.WARNING), (21, Severity.FATAL)]
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


@pytest.mark.parametrize("kind", [ErrorKind.LIMIT_DESCRIPTORS, ErrorKind.LIMIT_PORTS, ErrorKind.LIMIT_MEMORY])
def test_a_limit_of_ours_is_fatal(kind: ErrorKind) -> None:
    """Users who were never there load no server."""
    tally = a_tally()
    tally.error(kind, "connect", "too many open files")

    assert found(tally) == [(DoubtCode.LIMIT_HIT, Severity.FATAL)]


def test_a_limit_that_is_near_is_a_warning() -> None:
    """From nine tenths of what one process may open."""
    tally = a_tally()
    tally.counts[Count.CONNECTIONS_PLANNED] = 901

    assert found(tally, sockets_per_process=1_000) == [(DoubtCode.LIMIT_HIT, Severity.WARNING)]
    assert found(tally, sockets_per_process=1_100) == []


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

    silent.error(ErrorKind.CLOSE_1008, "measure", "go away")
    assert found(silent) == []


@pytest.mark.parametrize(
    ("evidence", "code", "severity"),
    [
        ({"interrupted": True}, DoubtCode.INTERRUPTED, Severity.NOTE),
        ({"worker_died": True}, DoubtCode.WORKER_DIED, Severity.FATAL),
        ({"target_died": "killed by SIGKILL"}, DoubtCode.TARGET_RESTARTED, Severity.FATAL),
    ],
)
def test_a_run_that_did_not_end_as_planned_says_so(
    evidence: dict[str, object], code: DoubtCode, severity: Severity
) -> None:
    """Whatever ended it."""
    assert found(a_tally(), **evidence) == [(code, severity)]


def test_times_that_run_backwards_are_fatal() -> None:
    """One clock cannot do this."""
    tally = a_tally()
    tally.counts[Note.NEGATIVE_TIMES] = 1

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
