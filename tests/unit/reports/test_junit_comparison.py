"""junit.xml of a comparison."""

from __future__ import annotations

from typing import Any

import pytest

from reports.compare import build
from reports.junit_comparison import BELIEVED, CAME_TO_ITS_END, FAILS_NO_MORE, junit_of_comparison
from tests.support.documents import a_document
from tests.support.junit_schema import case_in, suite_in

P50, P95 = "delivery_time p50 is no slower", "delivery_time p95 is no slower"
LOST = "deliveries_lost: no more than before"


def runs(times: float, count: int, **facts: Any) -> list[dict[str, Any]]:
    """So many runs of a server that is so many times as slow, each a little different."""
    return [a_document(delivery_p50_ms=3.0 * times * (1 + 0.002 * i), **facts) for i in range(count)]


def as_pairs(document: dict[str, Any], ended: str = "decided") -> dict[str, Any]:
    """The same said of interleaved pairs."""
    return document | {"ab": {"ended": ended, "seconds": 123.4, "started_at": "2026-02-03T10:20:30.123+00:00"}}


def outcomes(document: dict[str, Any]) -> dict[str, str]:
    """What each case that is not green is."""
    suite = suite_in(junit_of_comparison(document))
    return {
        str(case.get("name")): outcome
        for case in suite.iter("testcase")
        for outcome in ("failure", "error", "skipped")
        if case.find(outcome) is not None
    }


def test_each_time_that_is_judged_and_each_count_is_a_case() -> None:
    """What is only reported can fail nobody's build."""
    suite = suite_in(junit_of_comparison(build(runs(1.0, 10), runs(1.0, 10))))

    assert {case.get("classname") for case in suite.iter("testcase")} == {"chatbench.fanout"}
    assert [case.get("name") for case in suite.iter("testcase")] == [
        BELIEVED,
        FAILS_NO_MORE,
        P50,
        P95,
        LOST,
        "deliveries_duplicated: no more than before",
        "deliveries_reordered: no more than before",
        "deliveries_unexpected: no more than before",
        "connections_failed: no more than before",
        "connections_dropped: no more than before",
    ]
    assert {each.get("name"): each.get("value") for each in suite.iter("property")} == {
        "verdict": "no worse",
        "exit_code": "0",
        "base_runs": "10",
        "base_failed": "0",
        "base_invalid": "0",
        "new_runs": "10",
        "new_failed": "0",
        "new_invalid": "0",
    }


def test_a_slower_time_is_a_failure_that_says_how_much_slower() -> None:
    """Both values, the ratio, how sure it is and what is allowed."""
    text = junit_of_comparison(build(runs(1.0, 10), runs(1.2, 10)))
    failure = case_in(text, P50).find("failure")

    assert failure is not None
    message = str(failure.get("message"))
    assert message.startswith("slower: delivery_time p50: base 3.03 ms, new 3.63 ms, ratio 1.20, interval 1.")
    assert message.endswith("%), 1.05 allowed")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (build(runs(1.0, 10), runs(1.0, 10)), {}),
        (build(runs(1.0, 10), runs(0.8, 10)), {}),
        (build(runs(1.0, 10), runs(1.2, 10)), {P50: "failure", P95: "failure"}),
        (build(runs(1.0, 1), runs(2.0, 1)), {P50: "skipped", P95: "skipped"}),
        (build(runs(1.0, 10), runs(1.0, 10, deliveries_lost=1)), {LOST: "failure"}),
        (build(runs(1.0, 10), [*runs(1.0, 9), *runs(1.0, 1, verdict="fail")]), {FAILS_NO_MORE: "failure"}),
    ],
)
def test_a_case_is_red_exactly_when_it_is_worse(document: dict[str, Any], expected: dict[str, str]) -> None:
    """What cannot be told is skipped."""
    assert outcomes(document) == outcomes(as_pairs(document)) == expected


def test_runs_that_cannot_be_believed_are_an_error_and_nothing_else_is_judged() -> None:
    """Neither side is at fault."""
    found = outcomes(build(runs(1.0, 1, verdict="invalid"), runs(1.0, 1, deliveries_lost=9)))

    assert found.pop(BELIEVED) == "error"
    assert set(found.values()) == {"skipped"}
    assert len(found) == 9


def test_pairs_have_taken_time_and_speak_of_head() -> None:
    """One case has all of it, since readers add up the cases."""
    text = junit_of_comparison(as_pairs(build(runs(1.0, 10), runs(1.0, 10))))
    suite = suite_in(text)

    assert (suite.get("time"), suite.get("timestamp")) == ("123.400", "2026-02-03T10:20:30")
    assert case_in(text, CAME_TO_ITS_END).get("time") == "123.400"
    assert "head 3.03 ms" in str(case_in(text, P50).findtext("system-out"))


def test_pairs_in_which_both_sides_lose_now_and_then_cannot_tell() -> None:
    """Nor where both fail: it is not averaged away, and nobody is blamed for it."""
    document = as_pairs(build(runs(1.0, 10), runs(1.0, 10)))
    document["compare"] |= {
        "verdict": "cannot tell",
        "base": {"runs": 10, "failed": 1, "invalid": 0},
        "new": {"runs": 10, "failed": 2, "invalid": 0},
    }
    document["counts"][0] |= {"base": 1, "new": 2, "perhaps": True}
    document["ab"]["why"] = ["head failed in 2 of 10 pairs, base in 1: the server ended"]

    assert outcomes(document) == {FAILS_NO_MORE: "skipped", LOST: "skipped"}
    assert "the server ended" in str(case_in(junit_of_comparison(document), FAILS_NO_MORE).findtext("skipped"))


def test_pairs_that_were_stopped_by_hand_are_a_failure() -> None:
    """Whatever was found until then."""
    assert outcomes(as_pairs(build(runs(1.0, 10), runs(1.0, 10)), "interrupted")) == {CAME_TO_ITS_END: "failure"}
