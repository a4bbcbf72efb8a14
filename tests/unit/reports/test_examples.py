"""Examples of deliveries that went wrong: in the document, in the report, in a comment."""

from __future__ import annotations

from dataclasses import replace

from loadgen.measure.examples import Example, Fault
from loadgen.measure.record import Record
from loadgen.plan.rooms import Rooms
from reports.document import build, snapshot
from reports.example_figures import figures_of
from reports.examples import a_few, example_table
from reports.markdown import render as render_markdown
from reports.page import render
from tests.support.documents import a_document, a_failed_document, an_example
from tests.support.simulator import MS, RELAY, Simulation
from tests.unit.reports.test_document import FACTS
from tests.unit.reports.test_document import a_record as a_record_of
from tests.unit.reports.test_page import text_of


def a_record(simulation: Simulation | None = None) -> Record:
    """A run of users who have names, on a server that has rooms."""
    record = a_record_of(simulation or Simulation())
    names = tuple((f"user-{number}", "secret") for number in range(record.plan.user_count))
    return replace(record, plan=replace(record.plan, accounts=names, dialect=RELAY))


def test_a_document_tells_which_delivery_was_lost() -> None:
    """By the names users log in with, the room the server knows, and the id that stands in its log."""
    record = a_record(Simulation(fate=lambda m, r: [] if (m, r) == (7, 4) else [5 * MS]))

    (example,) = build(FACTS, record, [], [])["examples"]

    assert (example["kind"], example["receiver"], example["due_s"]) == ("lost", 4, 1.7)
    assert example["receiver_name"] == "user-4"
    assert example["room"] == "room-1"
    assert example["message_id"] == f"{record.plan.tag}-{example['sender']}-{example['n']}"
    assert (example["acked"], example["seen"], example["last_seen_s"]) == (True, True, 1.705)


def test_a_name_that_several_share_is_no_name() -> None:
    """Then a user is its number; and with tokens nobody knows how they are called."""
    record = a_record()
    record.tally.examples.keep(Fault.LATE, Example(5, 5, 1, 0, 2, 0))
    several = replace(record, plan=replace(record.plan, accounts=record.plan.accounts[:1]))
    tokens = replace(record, plan=replace(record.plan, tokens=("t",)))

    assert [figures_of(each)[0]["sender_name"] for each in (several, tokens)] == [None, None]
    assert "user 2 got message 0 of user 1" in example_table({"examples": figures_of(tokens)})[0].what


def test_a_message_for_one_user_has_no_room() -> None:
    """And one for the room has, where the server knows rooms."""
    record = a_record()
    record.tally.examples.keep(Fault.LATE, Example(5, 5, 1, 0, 2, None))
    record.tally.examples.keep(Fault.LATE, Example(6, 6, 1, 1, 3, 0))
    roomless = replace(record.plan, dialect=replace(record.plan.dialect, join=None), rooms=Rooms.alike(1))

    told = figures_of(record)
    assert [(each["room"], each["direct"]) for each in told] == [(None, True), ("room-1", False)]
    assert [each["room"] for each in figures_of(replace(record, plan=roomless))] == [None, None]


def test_a_snapshot_has_no_examples() -> None:
    """What is lost is known at the end."""
    assert "examples" not in snapshot(FACTS, a_record())


def test_the_report_tells_each_example_in_a_sentence() -> None:
    """Who did not get which message of whom, when, and what else is known."""
    text = text_of(render(a_failed_document(), plots=False))

    assert "lost user-000018 did not get message 4 of user-000004" in text
    assert "the server had acknowledged it; others got it, the last one after 19.0 ms" in text
    assert "the server never acknowledged it; nobody got it" in text
    assert "reordered user-000013 got message 3 of user-000009 after a later one 360 ms after it was sent" in text


def test_where_nothing_went_wrong_there_are_no_examples() -> None:
    """No empty table, and none in documents of versions that told of none."""
    for document in (a_document(), a_document(examples=[])):
        assert "Examples" not in text_of(render(document, plots=False))
        assert "did not get" not in render_markdown(document)


def test_a_comment_has_a_few_of_each_kind() -> None:
    """Five lines, and a kind that is rare among them."""
    lost = [an_example("lost", 1, n, n, float(n)) for n in range(5)]
    rows = example_table({"examples": [*lost, an_example("late", 1, 2, 0, 1.5, received_s=7.5)]})

    assert [row.kind for row in a_few(rows)] == ["lost"] * 4 + ["late"]
    assert "- late: user-000003 got message 0 of user-000002 after the deadline (room-1), due at 1.500 s; 6.00 s" in (
        render_markdown(a_document(examples=[an_example("late", 1, 2, 0, 1.5, received_s=7.5)]))
    )


def test_names_in_examples_are_shown_as_text() -> None:
    """A users file may hold anything."""
    evil = "<script>alert(1)</script>|`x`"
    example = an_example("lost", 1, 2, 0, 1.5) | dict.fromkeys(("sender_name", "receiver_name", "room"), evil)
    document = a_document(examples=[example])

    assert "<script" not in render(document, plots=False)
    assert "<script" not in render_markdown(document)
    assert evil in text_of(render(document, plots=False))
