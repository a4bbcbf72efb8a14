"""Two sets of runs beside one another: what is said of them, and what is not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reports.budgets import ExitCode
from reports.compare import build, reason_against
from reports.compare_page import render
from reports.compare_texts import change_text, lines_of, markdown_of, why_sentences
from tests.support.documents import a_document

Documents = list[dict[str, Any]]


def runs(times: float, count: int, **facts: Any) -> Documents:
    """So many runs of a server that is so many times as slow, each a little different."""
    return [a_document(delivery_p50_ms=3.0 * times * (1 + 0.002 * i), **facts) for i in range(count)]


def verdict_on(metric: str, document: dict[str, Any]) -> str:
    """What was found of one time."""
    (verdict,) = [row["verdict"] for row in document["times"] if row["metric"] == metric]
    return str(verdict)


def code_of(document: dict[str, Any]) -> ExitCode:
    return ExitCode(document["compare"]["exit_code"])


def test_a_server_that_is_a_fifth_slower_is_called_slower() -> None:
    """In both of the times that are judged; what is only reported does not decide."""
    document = build(runs(1.0, 10), runs(1.2, 10))

    assert verdict_on("delivery_time p50", document) == verdict_on("delivery_time p95", document) == "slower"
    assert (document["compare"]["verdict"], code_of(document)) == ("worse", ExitCode.REGRESSION)
    row = document["times"][0]
    assert row["low"] < row["ratio"] < row["high"]
    assert row["ratio"] == pytest.approx(1.2, rel=0.01)


def test_a_server_that_is_as_quick_is_no_worse() -> None:
    """Nor is one that is quicker, which is said."""
    alike, quicker = build(runs(1.0, 10), runs(1.0, 10)), build(runs(1.0, 10), runs(0.8, 10))

    assert code_of(alike) is code_of(quicker) is ExitCode.PASS
    assert verdict_on("delivery_time p50", alike) == "no slower"
    assert verdict_on("delivery_time p50", quicker) == "faster"


@pytest.mark.parametrize("count", [1, 9])
def test_too_few_runs_tell_nothing_of_times(count: int) -> None:
    """However far apart they are; and what would tell is said."""
    document = build(runs(1.0, count), runs(2.0, count))

    assert verdict_on("delivery_time p50", document) == "cannot tell"
    assert code_of(document) is ExitCode.INCONCLUSIVE
    assert "10 runs on either side" in document["compare"]["advice"]


def test_one_loss_more_is_worse_whatever_the_times_are() -> None:
    """It is exact: one run is enough."""
    document = build(runs(1.0, 1), runs(1.0, 1, deliveries_lost=1))

    assert code_of(document) is ExitCode.REGRESSION
    assert [row["name"] for row in document["counts"] if row["worse"]] == ["deliveries_lost"]


def test_losses_are_held_against_the_number_of_runs() -> None:
    """Two runs lose twice as much as one."""
    document = build(runs(1.0, 1, deliveries_lost=2), runs(1.0, 2, deliveries_lost=2))

    assert not any(row["worse"] for row in document["counts"])


def test_a_head_that_fails_now_and_then_is_not_averaged_away() -> None:
    """One run of ten broke a budget, and none did before."""
    document = build(runs(1.0, 10), [*runs(1.0, 9), *runs(1.0, 1, verdict="fail")])

    assert document["compare"]["new"] == {"runs": 10, "failed": 1, "invalid": 0}
    assert code_of(document) is ExitCode.REGRESSION


def test_a_run_that_cannot_be_believed_makes_the_comparison_invalid() -> None:
    """On either side."""
    for sides in ((runs(1.0, 1, verdict="invalid"), runs(1.0, 1)), (runs(1.0, 1), runs(1.0, 1, verdict="invalid"))):
        assert code_of(build(*sides)) is ExitCode.INVALID


def test_a_time_that_one_side_has_not_is_no_data_and_no_pass() -> None:
    """Nobody got in, so there is nothing to compare."""
    document = build(runs(1.0, 1), [a_document(empty=True)])

    row = document["times"][0]
    assert (row["metric"], row["new_ms"], row["ratio"], row["verdict"]) == (
        "delivery_time p50",
        None,
        None,
        "cannot tell",
    )
    assert any("no data" in line for line in lines_of(document))


@pytest.mark.parametrize(
    ("sections", "reason"),
    [
        ({"run": {"scenario": "other"}}, "they are of different scenarios (fanout and other)"),
        (
            {"plan": {"traffic.rate_per_s": {"value": 80, "origin": "flag"}}},
            "they carried another load (traffic.rate_per_s: 40 and 80)",
        ),
        ({"environment": {"cores": 64}}, "they were made on different machines (cores: 2 and 64)"),
    ],
)
def test_what_cannot_be_compared_is_told(sections: dict[str, Any], reason: str) -> None:
    """Another question, another load, another machine."""
    assert reason_against(a_document(), a_document(**sections)) == reason


@pytest.mark.parametrize(
    "sections",
    [
        {"plan": {"run.seed": {"value": 7, "origin": "flag"}}},
        {"environment": {"kernel": "Linux 99"}},
        {"environment": {"host": "another"}},
        {"plan": {"phases.measure": {"value": "60s", "origin": "flag"}}},
    ],
)
def test_what_can_be_compared_all_the_same_is(sections: dict[str, Any]) -> None:
    """A longer window, or a new kernel, is listed where it differs, and nothing more."""
    assert reason_against(a_document(), a_document(**sections)) is None


def test_what_differs_is_listed() -> None:
    """With both values; how a run is carried out is its own affair."""
    new = a_document(
        environment={"kernel": "Linux 99"},
        plan={"phases.measure": {"value": "60s", "origin": "flag"}, "run.seed": {"value": 7, "origin": "flag"}},
    )
    document = build([a_document()], [new])

    assert [each["key"] for each in (*document["settings"], *document["machine"])] == ["phases.measure", "kernel"]
    for text in ("\n".join(lines_of(document)), markdown_of(document), render(document)):
        assert "phases.measure" in text
        assert "Linux 99" in text


def test_terminal_markdown_and_page_say_the_same() -> None:
    """The verdict, each time, each count, and what to do."""
    document = build(runs(1.0, 2), runs(1.0, 2, deliveries_lost=3))

    for text in ("\n".join(lines_of(document)), markdown_of(document), render(document)):
        assert "worse" in text.lower()
        for name in ("delivery time p50", "delivery time p99", "deliveries lost"):
            assert name in text


def test_what_makes_it_worse_is_said_in_sentences() -> None:
    """Times that are judged, counts, and failed runs; on a terminal right after the verdict."""
    slower = build(runs(1.0, 12), runs(1.3, 12, deliveries_lost=3))
    failing = build(runs(1.0, 12), [*runs(1.0, 11), *runs(1.0, 1, verdict="fail")])

    first, second, third = why_sentences(slower)
    assert re.fullmatch(
        r"Delivery time p50 is 1\.30 times that of base \(1\.\d\d to 1\.\d\d; 5 % more is tolerated\)\.", first
    )
    assert second.startswith("Delivery time p95 is 1.30 times")
    assert third == "Deliveries lost: 36 in new, 0 in base."
    assert " ".join(" ".join(lines_of(slower)[1:3]).split()).startswith(first)
    assert max(map(len, lines_of(slower))) <= 80
    assert why_sentences(failing) == ["New failed in 1 of 12 runs, base in 0 of 12."]
    assert why_sentences(build(runs(1.0, 12), runs(1.0, 12))) == []
    assert f"\n\n- {first}\n- {second}\n- {third}\n\nBase 12 runs, new 12 runs.\n" in markdown_of(slower)
    assert "CANNOT TELL\n\nBase 1 run, new 1 run.\n" in markdown_of(build(runs(1.0, 1), runs(1.0, 1)))


def test_the_page_shows_each_change_and_how_sure_it_is() -> None:
    """As a picture with its figures in words; a time that one side lacks has no row in it, too few runs no interval."""
    page = render(build(runs(1.0, 12), runs(1.2, 12)))
    single = render(build(runs(1.0, 1), runs(1.2, 1)))

    assert "How much longer it took in new" in page
    assert re.search(r"\+20\.0 % \(\+\d+(\.\d)? to \+\d+(\.\d)?\)", page)
    assert "last delivery time p50 (not judged)" in page
    assert re.search(r">\+20\.0 %<", single)
    assert "nan" not in page + single


def test_what_is_many_times_as_long_is_told_without_tenths() -> None:
    """So it fits beside its line."""
    assert [change_text(ratio) for ratio in (0.5, 0.9999, 1.0, 1.123, 13.807)] == [
        "-50.0 %",
        "+0.0 %",
        "+0.0 %",
        "+12.3 %",
        "+1,281 %",
    ]


def test_many_runs_that_differ_among_themselves_ask_for_more_of_them() -> None:
    """There are enough, and still nothing can be told."""
    wild: Documents = [a_document(delivery_p50_ms=3.0 * (1 + i % 5)) for i in range(10)]
    document = build(wild, wild[::-1])

    assert verdict_on("delivery_time p50", document) == "cannot tell"
    assert "differ too much among themselves" in document["compare"]["advice"]
