"""What a document and a report say of the slices of a run."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from loadgen.measure.record import EndedEarly, Phase, PhaseSpan, ProcessRecord, Record
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.rooms import Layer
from loadgen.plan.slices import Stretch
from reports import markdown, page
from reports.budgets import parse
from reports.document import RunFacts, build, snapshot
from reports.slices import meaning_of, of_slice, slice_table
from reports.summary import summarise
from reports.terminal import print_summary
from tests.support.documents import a_document, a_storm_document
from tests.support.plans import a_plan
from tests.support.simulator import MS, Simulation

FACTS = RunFacts("id", "mine", "", "2026-01-01T00:00:00Z", "chatbench run", ("http://127.0.0.1:1",), True, {})
STRETCHES = (Stretch("stage: 1", 0, 2 * NS_PER_S), Stretch("incident: 1", NS_PER_S, None))


def a_record(*, stretches: tuple[Stretch, ...] | None = STRETCHES, ended_early: EndedEarly | None = None) -> Record:
    """Four seconds, twenty users: every other message to the room of all, slowly, the rest to rooms of two.

    One that ended early did so after three seconds.
    """
    simulation = Simulation(
        user_count=20,
        more_layers=(Layer(10),),
        rate_per_s=50,
        seconds=4,
        stretches=stretches,
        fate=lambda message, receiver: [] if (message, receiver) == (4, 7) else [5 * MS if message % 2 else 40 * MS],
    )
    tally = simulation.run()
    plan = replace(a_plan(20), measure_ns=4 * NS_PER_S, slicing=simulation.slicing)
    end_ns = NS_PER_S + (3 if ended_early else 4) * NS_PER_S
    spans = [PhaseSpan(Phase.LOGIN, 0, NS_PER_S), PhaseSpan(Phase.MEASURE, NS_PER_S, end_ns)]
    return Record(plan, tally, ProcessRecord(1), spans, [ProcessRecord(2)], ended_early=ended_early)


def told(record: Record, *budgets: str) -> dict[str, dict[str, Any]]:
    """The slices of its document, by name."""
    document = build(FACTS, record, [], [parse(budget) for budget in budgets])
    return {each["name"]: each for each in document["slices"]}


def a_sliced_document(*budgets: str) -> dict[str, Any]:
    return build(FACTS, a_record(), [], [parse(budget) for budget in budgets])


def test_a_document_tells_of_each_slice_in_order() -> None:
    """Rooms by size, stages, incidents, phases; of each what there is to tell, and how long it was."""
    slices = told(a_record())

    assert [(name, each["window_s"]) for name, each in slices.items()] == [
        ("room: pair", 4.0),
        ("room: medium", 4.0),
        ("stage: 1", 2.0),
        ("incident: 1", 3.0),
        ("incident: none", 1.0),
        ("phase: login", 1.0),
        ("phase: measure", 4.0),
    ]
    medium = slices["room: medium"]
    assert medium["counters"]["deliveries_expected"] == 100 * 20
    assert medium["counters"]["deliveries_lost"] == 1
    assert medium["metrics"]["delivery_time"]["p50"] == 40.0
    assert medium["metrics"]["delivery_time"]["hdr"]
    assert slices["room: pair"]["metrics"]["delivery_time"]["max"] == 5.0
    assert slices["phase: login"]["counters"]["connections_opened"] == 20
    assert set(slices["phase: login"]["metrics"]) == {"connect_time", "join_time"}


def test_a_run_that_was_cut_short_tells_how_long_its_slices_were() -> None:
    """As far as it came."""
    slices = told(a_record(ended_early=EndedEarly.BUDGET_BROKEN))

    assert [slices[name]["window_s"] for name in ("stage: 1", "incident: 1", "room: pair")] == [2.0, 2.0, 3.0]


def test_where_nothing_is_told_apart_there_are_phases_alone() -> None:
    """What is the whole is not told twice."""
    assert [*told(a_record(stretches=None))] == ["phase: login", "phase: measure"]


def test_a_snapshot_has_slices_where_somebody_judges_it() -> None:
    """With histograms they are asked for."""
    record = a_record()

    assert snapshot(FACTS, record)["slices"] == []
    assert parse("deliveries_lost{room: medium}: count == 0").observe(snapshot(FACTS, record, with_hdr=True)) == 1


def test_budgets_on_slices_are_judged_by_them() -> None:
    """The pairs are fast, and the one room of all is not."""
    document = a_sliced_document(
        "delivery_time{room: pair}: p(95) < 20ms",
        "delivery_time{room: medium}: p(95) < 20ms",
        "deliveries_lost{incident: 1}: count == 0",
        "messages_sent{stage: 1}: rate >= 50",
    )

    assert [budget["ok"] for budget in document["budgets"]] == [True, False, True, True]
    assert document["verdict"] == "fail"
    assert str(summarise(document).headline) == "FAIL - p95 in medium rooms was 40.0 ms, 20 ms allowed."


def test_a_report_says_how_fast_for_whom() -> None:
    """A row for each slice of messages: what it is, deliveries, times, losses."""
    rows = {row.name: row for row in slice_table(a_sliced_document("delivery_time{room: pair}: p(95) < 20ms"))}

    assert [*rows] == ["room: pair", "room: medium", "stage: 1", "incident: 1", "incident: none"]
    medium = rows["room: medium"]
    assert (medium.meaning, medium.count, medium.lost, medium.bad) == ("to rooms of 11 to 100", "1,999", "1", True)
    assert medium.quantiles == ("40.0 ms", "40.0 ms", "40.0 ms")
    assert rows["incident: none"].meaning == "due while there was no incident"
    assert [name for name, row in rows.items() if row.is_judged] == ["room: pair"]


def a_record_of_nodes(*names: str) -> Record:
    """A second, four users, each at one of these nodes; 50 messages to all."""
    simulation = Simulation(
        user_count=4, rate_per_s=50, addresses=("http://one",), name_of_node=lambda user, _: names[user]
    )
    tally = simulation.run()
    plan = replace(a_plan(4), measure_ns=NS_PER_S, slicing=replace(simulation.slicing, nodes=True))
    spans = [PhaseSpan(Phase.MEASURE, NS_PER_S, 2 * NS_PER_S)]
    return Record(plan, tally, ProcessRecord(1), spans, [ProcessRecord(2)])


def test_nodes_stand_side_by_side() -> None:
    """Deliveries within a node and from node to node, with what is of a delivery, in the report and on the screen."""
    record = a_record_of_nodes("a", "a", "b", "b")
    document = build(FACTS, record, [], [parse("delivery_time{node: other}: p(50) < 1ms")])
    rows = {row.name: row for row in slice_table(document)}
    console = Console(file=io.StringIO(), width=100)
    print_summary(document, console=console)

    assert [(row.count, row.quantiles[0], row.group) for row in rows.values()] == [("100", "5.00 ms", "node")] * 2
    assert [*rows] == ["node: same", "node: other"]
    assert "ack_time" not in document["slices"][0]["metrics"]
    assert "messages_sent" not in document["slices"][0]["counters"]
    assert document["budgets"][0]["observed"] == pytest.approx(5.0, rel=0.001)
    assert document["budgets"][0]["ok"] is False
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "node: same" in shown
    assert "node: other" in shown


def test_one_node_has_no_row() -> None:
    """And a budget on what goes from node to node has no data."""
    document = build(FACTS, a_record_of_nodes("a", "a", "a", "a"), [], [parse("delivery_time{node: other}: max < 1s")])

    assert not [each for each in document["slices"] if each["name"].startswith("node")]
    assert document["budgets"][0]["observed"] is None


def test_too_few_samples_of_a_slice_are_not_shown() -> None:
    """As with those of the whole run."""
    (row,) = slice_table({"slices": [{"name": "stage: 1", "metrics": {"delivery_time": {"count": 5, "p50": None}}}]})

    assert row.quantiles == ("too few",) * 3
    assert (row.count, row.lost) == ("no data", "no data")


def test_the_page_and_the_comment_show_all_slices() -> None:
    """With the name that a budget has to use."""
    document = a_sliced_document()

    for text in (page.render(document, plots=False), markdown.render(document)):
        assert all(name in text for name in ("room: medium", "to rooms of up to 2", "incident: none", "40.0 ms"))
        assert "phase: login" not in text


def test_the_terminal_shows_those_that_budgets_name() -> None:
    """It is to stay short."""
    output = io.StringIO()
    console = Console(file=output, width=100)
    print_summary(a_sliced_document("delivery_time{room: pair}: p(95) < 20ms"), console=console)

    assert "room: pair" in output.getvalue()
    assert "stage: 1" not in output.getvalue()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("room: pair", "in rooms of two"),
        ("room: huge", "in huge rooms"),
        ("room: direct", "of direct messages"),
        ("stage: 2", "in stage 2"),
        ("incident: 1", "in incident 1"),
        ("incident: none", "without an incident"),
        ("node: same", "within a node"),
        ("node: other", "from node to node"),
        ("phase: connect", "in the phase connect"),
    ],
)
def test_a_slice_reads_as_words(name: str, words: str) -> None:
    """After those for the figure."""
    assert of_slice(name) == words


@pytest.mark.parametrize("name", ["colour: red", "room: <blink>", "incident: last", "stage", ""])
def test_a_slice_of_another_version_is_shown_as_it_is_or_not_at_all(name: str) -> None:
    """A report of a document that somebody else wrote breaks nothing."""
    document = a_document(slices=[{"name": name, "window_s": 1.0, "metrics": {}, "counters": {}}])

    assert "<blink>" not in page.render(document, plots=False)
    assert all(row.name == name for row in slice_table(document))


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("room: direct", "to one user"),
        ("room: huge", "to rooms of more than 1,000"),
        ("incident: 1", "due during the reconnect storm"),
        ("incident: 9", "due in incident 9"),
        ("incident: none", "due while there was no incident"),
    ],
)
def test_a_slice_is_told_in_words(name: str, meaning: str) -> None:
    """An incident by its kind, where the document knows it."""
    assert meaning_of(name, a_storm_document()) == meaning
