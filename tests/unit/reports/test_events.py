"""What happened between two looks at a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reports.events import events_between, line_of
from tests.support.documents import a_document, a_failed_document, a_late_document

Event = dict[str, Any]


def named(events: list[Event], name: str) -> list[Event]:
    """The events of one name, without their name."""
    return [{key: event[key] for key in event if key != "event"} for event in events if event["event"] == name]


def an_error(kind: str = "close_1006", count: int = 1, phase: str = "measure") -> dict[str, Any]:
    """A line of the document's errors."""
    return {"kind": kind, "phase": phase, "count": count, "example": "reset by peer"}


def since(before: dict[str, Any] | None = None, **changes: Any) -> list[Event]:
    """What a second snapshot tells that differs from the first in what is asked."""
    return events_between(before or a_document(snapshot=True), a_document(snapshot=True, **changes))


def test_the_first_call_tells_what_was_started() -> None:
    """Whatever else it tells comes after."""
    first, *rest = events_between(None, a_document(snapshot=True))

    assert first == {
        "t_s": 0.0,
        "event": "run_started",
        "run": "2026-02-03T10-20-30-fanout",
        "scenario": "fanout",
        "target": "http://127.0.0.1:40123",
        "users": 500,
    }
    assert "run_started" not in {event["event"] for event in rest}


def test_nothing_happened_between_two_snapshots_that_are_the_same() -> None:
    """Silence, not a line a second."""
    assert since() == []


def test_each_phase_starts_and_ends_once_at_its_own_time() -> None:
    """A phase that ends as the next one starts is told first."""
    snapshot, final = a_document(snapshot=True), a_document()
    events = events_between(None, snapshot) + events_between(snapshot, final)
    phases = [(e["event"], e["phase"], e["t_s"]) for e in events if e["event"].startswith("phase")]

    assert phases == [
        told
        for phase in final["phases"]
        for told in (
            ("phase_started", phase["name"], phase["start_s"]),
            ("phase_ended", phase["name"], phase["end_s"]),
        )
    ]


def test_errors_are_counted_since_the_last_look() -> None:
    """With an example, and told again only when there are more."""
    before = a_document(snapshot=True, errors=[an_error(count=5), an_error("timeout", 2, "connect")])
    errors = [an_error(count=12), an_error("timeout", 2, "connect"), an_error("close_1006", 1, "drain")]

    assert named(since(before, errors=errors), "errors") == [
        {"t_s": 12.0, **an_error(count=7)},
        {"t_s": 12.0, **an_error(phase="drain")},
    ]


def test_many_kinds_of_errors_at_once_are_told_in_few_lines() -> None:
    """The most frequent by name, the rest together; none goes uncounted."""
    errors = [an_error(f"close_{1000 + i}", count=i) for i in range(1, 21)]
    told = named(since(errors=errors), "errors")

    assert [event["kind"] for event in told] == ["close_1020", "close_1019", "close_1018", None]
    assert sum(event["count"] for event in told) == sum(range(1, 21))


def test_the_number_of_connections_is_told_when_it_changes() -> None:
    """As of the last second that the document tells of."""
    *earlier, _ = a_document(snapshot=True)["series"]["connections"]
    events = since(series={"connections": [*earlier, 480]})

    assert events == [{"t_s": 12.0, "event": "connections", "open": 480}]


@pytest.mark.parametrize(
    ("event", "counter"),
    [("disconnects", "connections_dropped"), ("reconnects", "reconnects"), ("lost", "deliveries_lost")],
)
def test_what_goes_wrong_with_users_and_messages_is_counted_since_the_last_look(event: str, counter: str) -> None:
    """One line however many."""
    before = a_document(snapshot=True, counters={counter: 3})

    assert since(before, counters={counter: 3}) == []
    assert since(before, counters={counter: 45_003}) == [{"t_s": 12.0, "event": event, "count": 45_000}]


def test_a_worker_that_died_is_told_once() -> None:
    """As soon as a document says so; with how it died where it says that, too."""
    dead = a_document(snapshot=True, ended_early="worker_died")
    doubt = {"code": "worker_died", "severity": "fatal", "detail": "killed by SIGKILL", "advice": "see run.log"}
    final = a_document(verdict="invalid", doubts=[doubt])

    assert named(since(ended_early="worker_died"), "worker_died") == [{"t_s": 12.0, "detail": None}]
    assert named(events_between(a_document(snapshot=True), final), "worker_died") == [
        {"t_s": 29.0, "detail": "killed by SIGKILL"}
    ]
    assert named(events_between(dead, final), "worker_died") == []


def test_the_last_call_tells_doubts_budgets_and_how_the_run_ended() -> None:
    """In this order, and the end is the last line."""
    events = events_between(a_document(snapshot=True), a_late_document())

    assert [(e["code"], e["severity"]) for e in named(events, "doubt")] == [
        ("generator_late", "fatal"),
        ("machine_busy", "warning"),
    ]
    assert [(e["expression"], e["ok"]) for e in named(events, "budget")] == [
        ("delivery_time: p(99) < 250ms", True),
        ("deliveries_lost: count == 0", True),
    ]
    assert events[-1] == {
        "t_s": 29.0,
        "event": "run_ended",
        "verdict": "invalid",
        "exit_code": 97,
        "reason": "the generator was late: send_lateness p99 was 14.2 ms, over the 10.0 ms that a run may have.",
    }


def test_a_run_without_a_single_snapshot_is_told_whole() -> None:
    """It was over, or stopped, before the first second was."""
    whole = [event["event"] for event in events_between(None, a_failed_document())]
    stopped = events_between(None, a_document(empty=True, interrupted=True, phases=[]))

    assert (whole[0], whole[-1]) == ("run_started", "run_ended")
    assert [event["event"] for event in stopped] == ["run_started", "budget", "budget", "run_ended"]
    assert (stopped[-1]["t_s"], stopped[-1]["exit_code"]) == (0.0, 105)


def test_events_are_told_in_the_order_of_their_time() -> None:
    """Within a call; and a later call never tells of an earlier time than the one before."""
    snapshot = a_document(snapshot=True, counters={"connections_dropped": 2})
    first, second = events_between(None, snapshot), events_between(snapshot, a_failed_document())
    times_s = [event["t_s"] for event in first + second]

    assert times_s == sorted(times_s)


def test_an_event_is_one_line_of_json_whatever_it_holds() -> None:
    """A server's words may break lines and terminals; the file stays readable line by line."""
    event = {"t_s": 1.5, "event": "errors", "example": "two\nlines \x1b[31m \ud800 é"}
    line = line_of(event)

    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert line.isascii()
    assert json.loads(line) == event
