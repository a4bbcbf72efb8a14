"""The samples of a document: exactly its values, and none where it has none."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_in

from loadgen.measure.tally import Count, Metric
from reports.budgets import Document
from reports.prometheus import FIGURES, Exposition, Kind
from tests.support.documents import a_document, a_failed_document, a_storm_document
from tests.support.samples import Samples, exposed, samples_in

QUANTILES = {"0.5": "p50", "0.9": "p90", "0.95": "p95", "0.99": "p99"}


def samples_of(document: Document | None) -> Samples:
    return samples_in(exposed(document))


def starting_with(name: str, samples: Samples) -> Samples:
    """Those whose names begin so."""
    return {key: value for key, value in samples.items() if key.startswith(name)}


@pytest.mark.parametrize("document", [a_document(snapshot=True), a_failed_document(), a_storm_document()])
def test_every_counter_of_the_document_is_told(document: Document) -> None:
    """As it is; what the plan asks for is a gauge, since it is corrected downwards at times."""
    samples = samples_of(document)
    planned = {"users_planned", "connections_planned"}

    assert {
        name: samples.get(f"chatbench_{name}" if name in planned else f"chatbench_{name}_total")
        for name in document["counters"]
    } == document["counters"]


def test_a_counter_of_the_engine_has_a_sample_as_soon_as_the_document_has_it() -> None:
    """None is forgotten."""
    samples = samples_of(a_document(counters={count: number for number, count in enumerate(Count)}))

    told = [samples.get(f"chatbench_{count}_total", samples.get(f"chatbench_{count}")) for count in Count]
    assert told == list(range(len(Count)))


@pytest.mark.parametrize("document", [a_document(snapshot=True), a_failed_document(), a_storm_document()])
def test_every_time_with_data_is_a_summary_in_seconds(document: Document) -> None:
    """Its quantiles, how many there were, and their sum, which is what their mean says; those without data are not."""
    samples = samples_of(document)

    for metric in Metric:
        name, told = f"chatbench_{metric}_seconds", document["metrics"].get(metric)
        if not told or not told["count"]:
            assert starting_with(name, samples) == {}
            continue
        assert starting_with(name, samples) == {
            f"{name}{{quantile={q}}}": told[key] / 1000 for q, key in QUANTILES.items() if told[key] is not None
        } | {f"{name}_count": told["count"], f"{name}_sum": told["mean"] * told["count"] / 1000}


@given(st.floats(0, 1e7, allow_subnormal=False))
def test_a_value_survives_its_text(value_ms: float) -> None:
    """To the last bit."""
    document = a_document(snapshot=True)
    document["metrics"]["delivery_time"] = document["metrics"]["delivery_time"] | {"p99": value_ms}

    assert samples_of(document)["chatbench_delivery_time_seconds{quantile=0.99}"] == value_ms / 1000


def test_a_quantile_of_too_few_is_left_out() -> None:
    """Neither 0 nor NaN, which would be drawn, or set off an alarm."""
    document = a_document(snapshot=True)
    document["metrics"]["delivery_time"] |= {"count": 12, "mean": 2.0, "p90": None, "p95": None, "p99": None}

    told = starting_with("chatbench_delivery_time_seconds", samples_of(document))

    assert set(told) == {
        "chatbench_delivery_time_seconds{quantile=0.5}",
        "chatbench_delivery_time_seconds_count",
        "chatbench_delivery_time_seconds_sum",
    }


@pytest.mark.parametrize(
    "document",
    [
        a_document(empty=True, snapshot=True, owned=False),
        a_document(snapshot=True, phases=[], generator={"processes": []}, series={"t_s": [], "connections": []}),
        a_failed_document(),
    ],
)
def test_nothing_is_told_that_is_not_known(document: Document) -> None:
    """Whatever is missing."""
    assert not any(math.isnan(value) for value in samples_of(document).values())


def test_before_the_first_document_there_is_nothing_to_tell() -> None:
    """A scraper that comes early is not lied to."""
    assert exposed(None) == ""


@pytest.mark.parametrize(
    ("series", "sample", "per_unit"),
    [
        ("connections", "chatbench_connections", 1),
        ("delivery_time_p50_ms", "chatbench_recent_delivery_time_seconds{quantile=0.5}", 1000),
        ("delivery_time_p90_ms", "chatbench_recent_delivery_time_seconds{quantile=0.9}", 1000),
        ("delivery_time_p99_ms", "chatbench_recent_delivery_time_seconds{quantile=0.99}", 1000),
        ("send_lateness_p99_ms", "chatbench_recent_send_lateness_seconds{quantile=0.99}", 1000),
        ("loop_lag_p99_ms", "chatbench_recent_loop_lag_seconds{quantile=0.99}", 1000),
        ("generator_cpu_ratio", "chatbench_generator_cpu_ratio", 1),
        ("generator_rss_bytes", "chatbench_generator_rss_bytes", 1),
        ("generator_descriptors", "chatbench_generator_descriptors", 1),
        ("server_cpu_ratio", "chatbench_server_cpu_ratio", 1),
        ("server_rss_bytes", "chatbench_server_rss_bytes", 1),
        ("server_descriptors", "chatbench_server_descriptors", 1),
        ("machine_cpu_ratio", "chatbench_machine_cpu_ratio", 1),
        ("others_cpu_ratio", "chatbench_others_cpu_ratio", 1),
        ("socket_memory_bytes", "chatbench_socket_memory_bytes", 1),
    ],
)
def test_what_changes_from_second_to_second_is_that_of_the_last_one(series: str, sample: str, per_unit: int) -> None:
    """A gauge says how it is, not how it was on average; where the last second has nothing, neither has the sample."""
    document = a_document(snapshot=True)

    assert samples_of(document)[sample] == document["series"][series][-1] / per_unit

    document["series"][series][-1] = None
    assert sample not in samples_of(document)


def test_each_worker_has_its_cpu_and_memory() -> None:
    """By number: a pid would make new series of every run."""
    document = a_storm_document()
    document["generator"]["processes"][1]["cpu_ratio"] = None

    assert starting_with("chatbench_worker", samples_of(document)) == {
        "chatbench_worker_cpu_ratio{worker=1}": 0.36,
        "chatbench_worker_peak_rss_bytes{worker=1}": 91_000_000,
        "chatbench_worker_peak_rss_bytes{worker=2}": 91_000_000,
    }


def test_a_server_that_is_not_ours_has_no_figures() -> None:
    """We cannot see it."""
    assert starting_with("chatbench_server", samples_of(a_document(snapshot=True, owned=False))) == {}


def test_a_run_that_goes_on_has_a_phase_and_no_verdict() -> None:
    """One that is over has it the other way round."""
    running, over = samples_of(a_document(snapshot=True)), samples_of(a_failed_document())

    assert starting_with("chatbench_phase", running) == {"chatbench_phase{phase=measure}": 1}
    assert starting_with("chatbench_verdict", running) == {}
    assert starting_with("chatbench_phase", over) == {}
    assert starting_with("chatbench_verdict", over) == {"chatbench_verdict{verdict=fail}": 1}


def test_errors_are_told_by_kind_and_phase() -> None:
    """What they said is not: an address in it would be a series of its own."""
    assert starting_with("chatbench_errors", samples_of(a_failed_document())) == {
        "chatbench_errors_total{kind=close_1006,phase=measure}": 14,
        "chatbench_errors_total{kind=http_5xx,phase=login}": 3,
    }


def test_it_says_which_run_it_is_whatever_that_is_called() -> None:
    """Without the password of an address."""
    document = a_document(
        run={"scenario": 'a "b"\\n\n{c}'},
        target={"urls": ["http://ann:s@e:cret@h:1/x", "http://ann@h:2", "http://h:3/@y"]},
    )

    (sample,) = starting_with("chatbench_run_info", samples_of(document))

    assert sample == (
        "chatbench_run_info{dialect=reference,run_id=2026-02-03T10-20-30-fanout,"
        'scenario=a "b"\\n\n{c},target=http://h:1/x, http://h:2, http://h:3/@y}'
    )


def test_names_and_words_are_as_prometheus_wants_them() -> None:
    """Base units, a type that the name bears out, a sentence for each."""
    for figure in FIGURES:
        assert re.fullmatch(r"chatbench(_[a-z][a-z0-9]*)+", figure.name)
        assert figure.name.endswith("_total") == (figure.kind is Kind.COUNTER)
        assert figure.name.endswith("_seconds") == (figure.kind is Kind.SUMMARY)
        assert figure.text.endswith(".")
        assert "  " not in figure.text
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)


@pytest.mark.parametrize("document", [a_document(snapshot=True), a_failed_document()])
def test_the_other_format_says_the_same(document: Document) -> None:
    """Prometheus asks for OpenMetrics where it may; every sample has the labels that its figure names."""
    exposition, registry = Exposition(), CollectorRegistry()
    registry.register(exposition)
    exposition.document = document
    labels = {figure.name: set(figure.labels) for figure in FIGURES}

    text = generate_openmetrics(registry).decode()  # type: ignore[no-untyped-call]
    families: list[Any] = list(openmetrics_in(text))  # type: ignore[no-untyped-call]

    assert sum(len(family.samples) for family in families) == len(samples_of(document))
    for sample in (sample for family in families for sample in family.samples):
        assert set(sample.labels) == labels.get(sample.name, set())
