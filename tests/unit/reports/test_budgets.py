"""Budgets: what they may say, what they see, and the verdict and exit code that follow."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.errors import InputError
from loadgen.measure.histogram import Histogram
from loadgen.measure.record import Phase
from loadgen.measure.tally import OF_A_NODE, OF_A_PHASE, OF_A_SLICE, Count, Metric
from reports.budgets import ExitCode, Verdict, exit_code_of, judge, parse, verdict_of
from reports.figures import metric_of
from reports.subjects import parse_subject
from reports.verdicts import headline
from tests.support.documents import a_document


def judged(expression: str, **changes: Any) -> dict[str, object]:
    """One budget on a document."""
    return judge(a_document(**changes), [parse(expression)])[0]


@pytest.mark.parametrize(
    ("text", "expression", "limit"),
    [
        ("delivery_time: p(99) < 250ms", "delivery_time: p(99) < 250ms", 250.0),
        ("delivery_time:p(99)<250ms", "delivery_time: p(99) < 250ms", 250.0),
        ("delivery_time:p(99.9)<=1.5s", "delivery_time: p(99.9) <= 1.5s", 1500.0),
        ("login_time: med < 800us", "login_time: med < 800us", 0.8),
        ("deliveries_lost:count==0", "deliveries_lost: count == 0", 0.0),
        ("deliveries_received: rate >= 1000", "deliveries_received: rate >= 1000", 1000.0),
        ("server_memory: growth<10MB/h", "server_memory: growth < 10MB/h", 1e7),
        ("server_descriptors: growth < 5/h", "server_descriptors: growth < 5/h", 5.0),
        ("delivery_time: drift < 1.2", "delivery_time: drift < 1.2", 1.2),
    ],
)
def test_a_budget_is_read(text: str, expression: str, limit: float) -> None:
    """METRIC: AGG OP VALUE, with or without spaces."""
    budget = parse(text)

    assert (budget.expression, budget.limit) == (expression, limit)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("delivery_time p(99) < 5ms", 'expected "METRIC: AGG OP VALUE"'),
        ("delivery_tme: p(99) < 5ms", 'did you mean "delivery_time"?'),
        ("delivery_time: p99 < 5ms", 'expected "AGG OP VALUE"'),
        ("delivery_time: p(99) < 5", 'a time with us, ms or s, like "250ms", got "5"'),
        ("delivery_time: p(99) < 5MS", 'got "5MS"'),
        ("delivery_time: count < 5ms", "expected min, mean, med, max or p(N)"),
        ("delivery_time: p(100) < 5ms", "between 0 and 100"),
        ("delivery_time: p(9.9.9) < 5ms", "expected a number"),
        ("deliveries_lost: max == 0", "expected count or rate"),
        ("deliveries_lost: count == 0ms", "expected a plain number"),
        ("server_memory: growth < 10MB", 'growth by the hour in kB/h, MB/h, GB/h, like "growth < 10MB/h", got "10MB"'),
        ("server_memory: max < 10MB/h", 'expected growth of "server_memory", got "max"'),
        ("server_memory: growing", 'expected "AGG OP VALUE" like "growth < 10MB/h"'),
        ("server_descriptors: growth < 5MB/h", 'in /h, like "growth < 10/h"'),
        ("server_descriptors: 5", 'like "growth < 10/h"'),
        ("server_memory{room: large}: growth < 5MB/h", '"server_memory" has no slices'),
        ("deliveries_lost: growth < 5", "expected count or rate"),
        ("ack_time: drift < 1.2", 'only "delivery_time" of the whole run has a drift'),
        ("delivery_time{room: large}: drift < 1.2", 'only "delivery_time" of the whole run has a drift'),
        ("delivery_time: drift < 5ms", 'a plain ratio like "drift < 1.2", got "5ms"'),
        ("delivery_time: 5ms", 'like "p(99) < 250ms", got "5ms"'),
        ("deliveries_lost: count = 0", 'like "count == 0", got "count = 0"'),
        ("deliveries_lost: count == 1.2.3", 'expected a number, got "1.2.3" in "count == 1.2.3"'),
        ("delivery_time: p(0) < 5ms", "between 0 and 100"),
        ("", "expected"),
    ],
)
def test_a_budget_that_does_not_parse_says_why(text: str, says: str) -> None:
    """One line with what was expected and what was found."""
    with pytest.raises(InputError) as error:
        parse(text)

    assert says in str(error.value)
    assert "\n" not in str(error.value)


BLANKS = st.sampled_from(["", " ", "  "])


@given(st.text() | st.text("delivry_tm{}:() 0<p,rosgcuna=").map(lambda text: f"delivery_time{text}"))
def test_any_text_is_a_budget_or_an_input_error(text: str) -> None:
    """Nothing a user types ends in a traceback."""
    with suppress(InputError):
        parse(text)


@given(
    st.sampled_from(Metric),
    st.sampled_from(["min", "mean", "med", "max", "p(50)", "p(99.9)"]),
    st.sampled_from(["<", "<=", ">", ">=", "=="]),
    st.integers(0, 10**6),
    st.sampled_from(["us", "ms", "s"]),
)
def test_what_a_budget_says_it_is_reads_back_as_itself(metric: str, agg: str, op: str, number: int, unit: str) -> None:
    """The expression in a document can be used again."""
    budget = parse(f"{metric}:{agg}{op}{number}{unit}")

    assert parse(budget.expression) == budget


def test_a_percentile_is_taken_from_the_whole_histogram() -> None:
    """Any percentile can be asked for, not only those that the document prints."""
    document = a_document()
    p99 = judge(document, [parse("delivery_time: p(99) < 1s")])[0]["observed"]

    assert p99 == pytest.approx(document["metrics"]["delivery_time"]["p99"], rel=0.002)
    assert judge(document, [parse("delivery_time: p(97.3) < 1s")])[0]["observed"] <= p99


def test_a_percentile_is_told_to_the_nanosecond_of_its_bucket() -> None:
    """In milliseconds, and none where too few samples lie beyond it; less than one per cent may be asked for."""
    times = Histogram()
    for each_ms in range(1, 1_001):
        times.record(each_ms * 1_000_000)
    document = a_document()
    document["metrics"]["delivery_time"] = metric_of(times)
    half, most, few = (parse(f"delivery_time: p({share}) < 1s").observe(document) for share in (50, 99.95, 0.5))

    assert half == times.quantile_ns(0.5) / 1e6  # type: ignore[operator]
    assert few == pytest.approx(5.0, rel=0.002)
    assert most is None


def test_a_document_without_histograms_has_the_percentiles_that_it_prints() -> None:
    """Snapshots leave the histograms out; what lies between what they print is not made up."""
    document = a_document()
    printed = document["metrics"]["delivery_time"]
    del printed["hdr"]
    names = {50: "p50", 75: "p75", 90: "p90", 95: "p95", 99: "p99", 99.9: "p99_9"}
    budgets = {name: parse(f"delivery_time: p({share}) < 1s") for share, name in names.items()}

    assert {name: budget.observe(document) for name, budget in budgets.items()} == {
        name: printed[name] for name in names.values()
    }
    assert all(budget.is_documented for budget in [*budgets.values(), parse("delivery_time: max < 1s")])
    between = parse("delivery_time: p(97) < 1s")
    assert (between.observe(document), between.is_documented, between.aggregate) == (None, False, "p")


def test_a_budget_is_judged_with_what_was_seen() -> None:
    """True or false where something was."""
    received = a_document()["counters"]["deliveries_received"]

    assert judged("deliveries_received: count > 0") == {
        "expression": "deliveries_received: count > 0",
        "observed": received,
        "ok": True,
    }
    assert judged("deliveries_received: count == 0")["ok"] is False


@pytest.mark.parametrize(
    ("operator", "kept"),
    [
        ("<", [True, False, False]),
        ("<=", [True, True, False]),
        (">", [False, False, True]),
        (">=", [False, True, True]),
        ("==", [False, True, False]),
    ],
)
def test_a_limit_is_kept_as_its_sign_says(operator: str, kept: list[bool]) -> None:
    """One less, just as many, and one more."""
    assert [judged(f"deliveries_lost: count {operator} 5", deliveries_lost=lost)["ok"] for lost in (4, 5, 6)] == kept


def test_a_counter_begins_with_its_phase() -> None:
    """Who never came to the measured window has lost nothing in it, which says nothing; sockets count from before."""
    document = a_document()
    connecting = document | {"phases": [{"name": "connect", "start_s": 0.0, "end_s": 1.0}]}
    measuring = document | {"phases": [{"name": "measure", "start_s": 0.0, "end_s": 1.0}]}
    logging_in = document | {"phases": [{"name": "login", "start_s": 0.0, "end_s": 1.0}]}
    for name in ("connections_opened", "connections_failed", "connections_dropped", "reconnects"):
        budget = parse(f"{name}: count == 0")
        assert budget.observe(connecting) == budget.observe(measuring) == document["counters"][name]
        assert budget.observe(logging_in) is None
    for name in ("deliveries_lost", "deliveries_lost{room: large}"):
        budget = parse(f"{name}: count == 0")
        assert budget.observe(connecting) is None
        assert budget.observe(measuring) == document["counters"]["deliveries_lost"]


def test_a_window_of_no_length_has_no_rate() -> None:
    """A count has, and is told."""
    document = a_document()
    document["rates"]["window_s"] = 0.0

    assert parse("deliveries_received: rate > 0").observe(document) is None


@pytest.mark.parametrize(
    "expression", ["delivery_time: p(50) < 1s", "delivery_time: max < 1s", "deliveries_lost: count == 0"]
)
def test_no_data_is_never_a_pass(expression: str) -> None:
    """A run in which nothing was measured keeps no budget, not even that of losing nothing."""
    assert judged(expression, empty=True)["ok"] is None


DRIFT = {
    "delivery_time_p50": {"first": 2.0, "last": 3.0, "ratio": 1.5},
    "server_memory": {"first": 1e8, "last": 1.1e8, "per_h": 12e6},
    "generator_memory": None,
}


@pytest.mark.parametrize(
    ("expression", "observed", "ok", "said"),
    [
        ("server_memory: growth < 20MB/h", 12e6, True, "PASS"),
        ("server_memory: growth < 5000kB/h", 12e6, False, "growth of server memory was 12.0 MB/h, 5.00 MB/h allowed"),
        ("delivery_time: drift < 1.2", 1.5, False, "drift of delivery time was 1.50 times, 1.2 allowed"),
        ("generator_memory: growth < 20MB/h", None, None, "no data for the budget generator_memory: growth < 20MB/h"),
    ],
)
def test_growth_and_drift_are_judged(expression: str, observed: float | None, ok: bool | None, said: str) -> None:
    """What was not measured, of a run too short for it or of a server that is not ours, is no data and no pass."""
    document = a_document(drift=DRIFT)
    document["budgets"] = judge(document, [parse(expression)])
    document["verdict"] = str(verdict_of(document))

    assert (document["budgets"][0]["observed"], document["budgets"][0]["ok"]) == (observed, ok)
    assert said in str(headline(document))
    assert judged(expression, drift=None)["ok"] is None


def test_a_rate_is_per_second_of_the_window() -> None:
    """Count over the length of the measured window."""
    document = a_document()
    seen = judge(document, [parse("deliveries_received: rate > 0")])[0]["observed"]

    assert seen == pytest.approx(document["counters"][Count.DELIVERIES_RECEIVED] / document["rates"]["window_s"])


def test_doubt_beats_failure_beats_success() -> None:
    """A fatal doubt or a budget without data is invalid; only then a broken budget fails."""
    document = a_document()
    held = {"expression": "x", "observed": 1, "ok": True}
    broken = held | {"ok": False}
    silent = held | {"ok": None}
    fatal = {"code": "loop_lag", "severity": "fatal", "detail": "", "advice": ""}
    warning = fatal | {"severity": "warning"}

    for budgets, doubts, verdict in (
        ([held], [], Verdict.PASS),
        ([], [], Verdict.PASS),
        ([held], [warning], Verdict.PASS),
        ([held, broken], [warning], Verdict.FAIL),
        ([held, silent, broken], [], Verdict.INVALID),
        ([broken], [fatal], Verdict.INVALID),
    ):
        assert verdict_of(document | {"budgets": budgets, "doubts": doubts}) is verdict


@pytest.mark.parametrize("ended_early", ["no_user_ready", "all_connections_lost"])
def test_a_run_with_nobody_left_is_never_a_pass(ended_early: str) -> None:
    """The survivors' figures may be fine; the run did not happen as planned, by the server's doing."""
    document = a_document(ended_early=ended_early) | {"budgets": [], "doubts": []}

    assert verdict_of(document) is Verdict.FAIL


@pytest.mark.parametrize(
    ("ended_early", "verdict", "code"),
    [
        (None, "pass", ExitCode.PASS),
        (None, "fail", ExitCode.FAILED),
        (None, "invalid", ExitCode.INVALID),
        ("interrupted", "fail", ExitCode.INTERRUPTED),
        ("interrupted", "invalid", ExitCode.INTERRUPTED),
        ("login_refused", "invalid", ExitCode.UNREACHABLE),
        ("all_connections_lost", "fail", ExitCode.FAILED),
    ],
)
def test_exit_codes_come_in_the_order_of_the_contract(ended_early: str | None, verdict: str, code: ExitCode) -> None:
    """The first that applies of 106, 105, 97, 99."""
    document = a_document()
    document["run"] |= {"ended_early": ended_early, "interrupted": ended_early == "interrupted"}
    document["verdict"] = verdict

    assert exit_code_of(document) is code


# --- slices -------------------------------------------------------------------------------------------------------


def a_slice(name: str, *, expected: int = 1_000, delay_ms: float = 5.0, lost: int = 0) -> dict[str, Any]:
    """The slice of a document, all of whose deliveries took as long."""
    times = Histogram()
    times.record_many(np.full(expected - lost, round(delay_ms * 1e6), np.int64))
    return {
        "name": name,
        "window_s": 4.0,
        "metrics": {"delivery_time": metric_of(times)} if expected else {},
        "counters": {"messages_sent": expected // 10, "deliveries_expected": expected, "deliveries_lost": lost},
    }


def seen(expression: str, *slices: dict[str, Any], **changes: Any) -> object:
    """What a budget sees in a document with these slices."""
    return judged(expression, slices=[*slices], **changes)["observed"]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("delivery_time{room:large}:p(99)<250ms", "delivery_time{room: large}: p(99) < 250ms"),
        (" delivery_time { room :  large } : p(99) < 250ms ", "delivery_time{room: large}: p(99) < 250ms"),
        ("deliveries_lost{incident: none}:count==0", "deliveries_lost{incident: none}: count == 0"),
        ("ack_time{stage:12}: med < 5ms", "ack_time{stage: 12}: med < 5ms"),
        ("connect_time{phase:measure}: max < 1s", "connect_time{phase: measure}: max < 1s"),
        ("loop_lag{phase: measure}: max < 1s", "loop_lag{phase: measure}: max < 1s"),
    ],
)
def test_a_budget_may_name_a_slice(text: str, expression: str) -> None:
    """With blanks or without; the first colon is the slice's."""
    assert parse(text).expression == expression


SLICED = st.one_of(
    st.tuples(st.sampled_from(sorted(OF_A_SLICE)), st.sampled_from(["room: pair", "room: direct", "room: huge"])),
    st.tuples(st.sampled_from(sorted(OF_A_SLICE)), st.integers(1, 99).map(lambda n: f"stage: {n}")),
    st.tuples(st.sampled_from(sorted(OF_A_SLICE)), st.sampled_from(["incident: 1", "incident: none"])),
    st.tuples(st.sampled_from(sorted(OF_A_NODE)), st.sampled_from(["node: same", "node: other"])),
    st.tuples(st.sampled_from(sorted(OF_A_PHASE)), st.sampled_from(Phase).map(lambda phase: f"phase: {phase}")),
)


@given(SLICED, st.sampled_from(["<", "<=", ">", ">=", "=="]), st.integers(0, 10**6), BLANKS, BLANKS)
def test_a_budget_on_a_slice_reads_back_as_itself(
    sliced: tuple[str, str], operator: str, number: int, before: str, within: str
) -> None:
    """Whatever stands between its parts."""
    metric, name = sliced
    kind, what = name.split(": ")
    limit = f"p(99.5){operator}{number}ms" if metric in set(Metric) else f"count{operator}{number}"
    budget = parse(f"{before}{metric}{within}{{{within}{kind}{before}:{within}{what}{before}}}{before}:{limit}")

    assert (budget.metric, budget.slice) == (metric, name)
    assert parse(budget.expression) == budget
    assert parse_subject(str(budget.subject)) == budget.subject


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("delivery_time{large}: max < 1s", "expected {KIND: NAME} with a kind of room, stage, incident, node or phase"),
        ("delivery_time{size: large}: max < 1s", 'got "{size: large}"'),
        ("delivery_time{}: max < 1s", 'got "{}"'),
        ("delivery_time{room: big}: max < 1s", 'expected after "room:" pair (up to 2 members), small (up to 10'),
        ("delivery_time{stage: 0}: max < 1s", 'expected after "stage:" the number of a stage, from 1, got "0"'),
        ("delivery_time{incident: last}: max < 1s", 'from 1, or none, got "last"'),
        ("delivery_time{node: far}: max < 1s", 'expected after "node:" same or other, got "far"'),
        ("ack_time{node: other}: max < 1s", '"ack_time" has no slices by node; those that have: deliveries_dup'),
        ("login_time{phase: lunch}: max < 1s", "login, connect, join, warmup, measure or drain"),
        ("login_time{room: large}: max < 1s", '"login_time" has no slices by room; those that have: ack_time'),
        ("frames_sent{stage: 1}: count > 1", '"frames_sent" has no slices by stage'),
        ("delivery_time{phase: warmup}: max < 1s", "since the warm-up is never measured"),
        ("delivery_time{phase: drain}: max < 1s", "has no phase but measure"),
        ("users_planned{phase: measure}: count > 1", '"users_planned" has no slices'),
        ("delivery_tme{room: large}: max < 1s", 'did you mean "delivery_time"?'),
        ("delivery_time{room: large: max < 1s", 'expected "METRIC: AGG OP VALUE"'),
        ("delivery_time{room: large}{stage: 1}: max < 1s", 'expected "METRIC: AGG OP VALUE"'),
        ("delivery_time{room: large} max < 1s", 'expected "METRIC: AGG OP VALUE"'),
    ],
)
def test_a_slice_that_there_cannot_be_is_refused(text: str, says: str) -> None:
    """In one line that says which there are."""
    with pytest.raises(InputError) as error:
        parse(text)

    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_subject_is_told_what_one_looks_like() -> None:
    """Scenario files have them as keys."""
    with pytest.raises(InputError, match=r'expected METRIC or METRIC\{KIND: NAME\} like .*, got "delivery_time: max"'):
        parse_subject("delivery_time: max")


def test_a_budget_on_a_slice_sees_that_slice_alone() -> None:
    """Quantiles of any kind, counts, and rates of a second of the slice's own time."""
    slices = a_slice("room: small", delay_ms=2), a_slice("room: large", delay_ms=300, lost=7)

    assert seen("delivery_time{room: large}: p(98.5) < 1s", *slices) == pytest.approx(300, rel=0.001)
    assert seen("delivery_time{room: small}: max < 1s", *slices) == 2.0
    assert seen("deliveries_lost{room: large}: count == 0", *slices) == 7
    assert seen("deliveries_expected{room: large}: rate > 1", *slices) == 250.0


def test_a_slice_without_messages_is_no_data() -> None:
    """Nothing was lost where nothing was sent: that is never a pass."""
    slices = a_slice("room: small"), a_slice("room: large", expected=0)

    for budget in ("deliveries_lost{room: large}: count == 0", "delivery_time{room: large}: max < 1s"):
        assert seen(budget, *slices) is None
    assert seen("deliveries_lost{stage: 1}: count == 0", *slices) is None


@pytest.mark.parametrize("counter", ["messages_sent", "deliveries_expected"])
def test_a_slice_has_data_where_anything_was_said_or_due_in_it(counter: str) -> None:
    """Of a message that was sent by another process, one may know only who was to get it."""
    one = a_slice("room: large")
    one["counters"] |= {"messages_sent": 0, "deliveries_expected": 0} | {counter: 1}

    assert seen("deliveries_lost{room: large}: count == 0", one) == 0


def test_the_only_class_of_rooms_is_all_there_is() -> None:
    """It is not told twice, and a budget may name it all the same."""
    assert seen("deliveries_lost{room: large}: count == 0", a_slice("stage: 1"), deliveries_lost=3) == 3
    assert seen("deliveries_lost{room: large}: count == 0", empty=True) is None


def test_the_measured_phase_of_messages_is_all_that_is_measured() -> None:
    """It is the same as no slice; of users who come and go it is one phase among others."""
    coming = {"name": "phase: measure", "window_s": 20.0, "metrics": {}, "counters": {"reconnects": 4}}

    assert seen("deliveries_lost{phase: measure}: count == 0", coming, deliveries_lost=3) == 3
    assert seen("reconnects{phase: measure}: count == 0", coming) == 4
    assert seen("reconnects{phase: measure}: rate < 1", coming) == 0.2
    assert seen("reconnects{phase: drain}: count == 0", coming) is None
    assert seen("reconnect_time{phase: measure}: max < 1s", coming) is None


def test_a_document_that_tells_of_no_slices_has_no_data_of_them() -> None:
    """Those of earlier versions can still be read."""
    document = a_document()

    assert [
        parse(text).observe(document)
        for text in ("deliveries_lost{stage: 1}: count == 0", "connections_opened{phase: connect}: count > 0")
    ] == [None, None]
