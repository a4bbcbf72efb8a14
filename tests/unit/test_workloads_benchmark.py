"""What benchmarks.workloads makes of its runs: which load still held, and what a message costs beside a delivery."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.common import BenchmarkError
from benchmarks.workloads.hot import own_figures
from benchmarks.workloads.plans import SCENARIOS
from benchmarks.workloads.rooms import DELIVERIES_PER_S, LAYOUTS, Cost, Shape, cost_of, figures_of, parts_of
from benchmarks.workloads.search import Bounds, largest_that_holds
from benchmarks.workloads.settling import A_LARGE_MACHINE
from scenarios.settle import settle
from tests.support.documents import a_document


@given(breaks_at=st.floats(1.5, 60), bisections=st.integers(0, 6))
def test_the_load_that_breaks_lies_between_the_bounds(breaks_at: float, bisections: int) -> None:
    """And each bisection halves what is between them."""
    bounds = largest_that_holds(lambda load: load < breaks_at, 1.0, doublings=6, bisections=bisections)

    assert bounds.holds is not None
    assert bounds.breaks is not None
    assert bounds.holds < breaks_at <= bounds.breaks
    assert bounds.breaks / bounds.holds <= 1 + 2**-bisections


def test_a_search_says_what_it_did_not_find() -> None:
    """Where the first load breaks nothing held; where none breaks there is no upper bound."""
    assert largest_that_holds(lambda _: False, 3.0, doublings=4, bisections=4) == Bounds(holds=None, breaks=3.0)
    assert largest_that_holds(lambda _: True, 3.0, doublings=4, bisections=4) == Bounds(holds=48.0, breaks=None)


@given(delivery_us=st.floats(0.1, 50), message_us=st.floats(0, 1000))
def test_the_costs_of_deliveries_and_of_messages_are_told_apart(delivery_us: float, message_us: float) -> None:
    """Two runs with different rooms give both, however a delivery's cost is made up of them."""
    large_us, small_us = (delivery_us + message_us / count for count in (500, 10))
    parts = parts_of(large_us, 500, small_us, 10)

    assert parts.delivery_us == pytest.approx(delivery_us, abs=1e-6)
    assert parts.message_us == pytest.approx(message_us, abs=1e-6)


def test_all_shapes_have_as_many_deliveries() -> None:
    """Otherwise their costs could not be compared."""
    for layout in LAYOUTS.values():
        members = layout.user_count / layout.room_count
        assert layout.messages_per_s * members == DELIVERIES_PER_S


def test_a_ratio_is_of_runs_of_the_same_round() -> None:
    """What slows the machine down in one round slows both runs of it down."""
    rounds = {Shape.LARGE: (10, 30, 10), Shape.MANY: (14, 42, 14), Shape.SMALL: (7, 21, 7)}
    members = {Shape.LARGE: 500, Shape.MANY: 10, Shape.SMALL: 10}
    costs = {shape: [Cost(us, us, members[shape], None) for us in rounds[shape]] for shape in Shape}
    told = {figure.what: figure for figure in figures_of(costs)}

    ratio = told["generator: many rooms to the large one, median"]
    assert (ratio.text, ratio.held) == ("1.40", True)
    assert told["generator: the same, from round to round"].text == "1.40 - 1.40"
    assert told["generator: many to 1 room of 10, same messages"].text == "2.00"


def test_a_run_without_cpu_figures_gives_no_ratio() -> None:
    """It is an error that says so, not a zero."""
    document = a_document()
    document["generator"]["cpu_us_per_delivery"] = None

    with pytest.raises(BenchmarkError, match="no CPU per delivery"):
        cost_of(document)


def test_an_invalid_run_of_the_hot_room_says_which_doubt() -> None:
    """In the words of the document."""
    document = a_document()
    document["verdict"] = "invalid"
    document["doubts"] = [
        {"code": "loop_lag", "severity": "fatal", "detail": "20 ms late", "advice": ""},
        {"code": "machine_busy", "severity": "warning", "detail": "busy", "advice": ""},
    ]
    figures = own_figures(document)

    assert figures[0].held is False
    assert [figure.text for figure in figures if figure.what == "at its own rate, why not:"] == ["loop_lag: 20 ms late"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_plans_for_a_million_users_settle(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Here with a thousand users: their rooms are of shapes that the schema knows."""
    path = tmp_path_factory.mktemp("plans") / "thousand.toml"
    path.write_text(SCENARIOS[name].replace("1_000_000", "1_000").replace("100_000", "100"), encoding="utf-8")

    plan = settle(str(path), {}, {}, A_LARGE_MACHINE).plan_for(("http://127.0.0.1:1",), "0" * 6)

    assert plan.user_count == 1_000
    assert plan.rooms.count > 1
