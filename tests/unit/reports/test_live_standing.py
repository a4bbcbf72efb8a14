"""What the page of a run that goes on is told of budgets and doubts."""

from __future__ import annotations

from loadgen.measure.doubts import Doubt, DoubtCode, Severity
from reports.budgets import parse
from reports.live.standing import as_it_stands
from tests.support.documents import a_document


def test_a_snapshot_says_how_its_budgets_stand() -> None:
    """Those in trouble first; nothing is called passed or failed before the end."""
    snapshot = a_document(snapshot=True, budgets=[])
    budgets = [parse(text) for text in ("deliveries_lost: count == 0", "delivery_time: p(99) < 1ms")]
    standing = as_it_stands(snapshot, budgets, [])

    assert [(each["expression"], each["state"]) for each in standing["budgets"]] == [
        ("delivery_time: p(99) < 1ms", "broken so far"),
        ("deliveries_lost: count == 0", "held so far"),
    ]
    assert standing["budgets"][1]["seen"] == "0"
    assert snapshot["budgets"] == []


def test_a_snapshot_has_the_doubts_that_there_are_by_now() -> None:
    """It can still be stopped."""
    doubt = Doubt(DoubtCode.GENERATOR_LATE, Severity.FATAL, "messages left late", "use more processes")
    standing = as_it_stands(a_document(snapshot=True), [], [doubt])

    assert standing["doubts"] == [
        {"code": "generator_late", "severity": "fatal", "detail": "messages left late", "advice": "use more processes"}
    ]
